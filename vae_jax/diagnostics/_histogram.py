"""How the KL of each unit is spread over the data, in counts that add up over batches.

The (eps, delta) curve is read off these counts: exactly, at the edges.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.diagnostics._checks import as_examples, unless_nan
from vae_jax.diagnostics._thresholds import DELTA
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

KL_EDGES = 10.0 ** (np.arange(-24, 9) / 4)
"""From 1e-6 to 100 nats, four a decade: below lies rounding, above no unit of use."""


def kl_histogram(
    kl: Float[ArrayLike, "examples latent"],
    edges: Float[ArrayLike, " num_edges"] = KL_EDGES,
) -> Float[Array, "latent num_bins"]:
    """How many examples have a KL in each bin, for every unit.

    Bin 0 is below the first edge, bin i is `edges[i-1] <= KL < edges[i]`, and the last one
    is the last edge and above: `num_edges + 1` bins, whose counts sum to the number of
    examples. Counts of several batches may be added. They are whole numbers as real ones,
    exact up to 2^24, so that those of a unit are NaN where one of its KLs is.

    Args:
        kl: of each example and unit, in nats, as `gaussian.kl_standard` gives it.
        edges: in nats, increasing.

    Raises:
        ValueError: fewer than 2 examples, or no list of edges that increase.

    >>> kl = jnp.array([[0.0, 1.0], [0.02, 5.0]])
    >>> kl_histogram(kl, jnp.array([0.01, 1.0])).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    """
    values = as_examples("kl", kl)
    bounds = as_float(edges).astype(values.dtype)
    if bounds.ndim != 1 or len(bounds) == 0:
        raise ValueError(
            "`edges` must have shape (num_edges,) with at least 1 edge; "
            f"got {bounds.shape}."
        )
    known = checks.concrete("edges", edges)
    if known is not None and not (np.diff(known) > 0).all():
        raise ValueError(f"`edges` must increase; got {known.tolist()}.")

    def count(unit: Array) -> Array:
        index = jnp.searchsorted(bounds, unit, side="right")
        found = jnp.bincount(index, length=len(bounds) + 1)
        return unless_nan(found, jnp.isnan(unit).any())

    return jax.vmap(count, in_axes=1)(values)


def collapse_curve_of_counts(
    counts: Num[ArrayLike, "latent num_bins"], delta: Num[ArrayLike, ""] = DELTA
) -> Float[Array, " num_edges"]:
    """Fraction of (eps, delta)-collapsed units with the edges as eps, from the counts.

    `collapse_curve(kl, edges, delta)` of all the data counted, without the data; NaN where
    a count is.

    Args:
        counts: of `kl_histogram`, or sums of them; at least 0, and one in each unit.
        delta: share of the examples that may exceed eps, from 0 to 1.

    Raises:
        ValueError: no bins, or numbers outside these ranges.

    Lucas et al. (2019), arXiv:1911.02469.

    >>> counts = jnp.array([[1, 1, 0], [0, 0, 2]])
    >>> collapse_curve_of_counts(counts).tolist()
    [0.0, 0.5]
    """
    bins = as_float(counts)
    if bins.ndim != 2 or bins.shape[0] == 0 or bins.shape[1] < 2:
        raise ValueError(
            "`counts` must have shape (latent, num_bins) with at least 2 bins; "
            f"got {bins.shape}."
        )
    checks.number("delta", delta, 0, 1)
    _check_counts(counts)
    size = jnp.sum(bins, axis=1, keepdims=True)
    above = size - jnp.cumsum(bins, axis=1)[:, :-1]
    # counts, because 1 - delta rounds; the slack is the rounding of delta itself
    allowed = jnp.asarray(delta, bins.dtype) * size * (1 + 1e-6)
    share = jnp.mean(above <= allowed, axis=0, dtype=bins.dtype)
    return unless_nan(share, jnp.isnan(size).any())


def _check_counts(counts: ArrayLike) -> None:
    """Refuse known counts that are negative, or units without any example; NaN passes."""
    known = checks.concrete("counts", counts)
    if known is None:
        return
    if (known < 0).any() or (known.sum(axis=1) == 0).any():
        raise ValueError(
            "`counts` must be at least 0, with one example in each unit; got "
            f"{known.tolist()}."
        )
