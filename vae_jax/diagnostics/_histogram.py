"""How the KL of each unit is spread over the data, in counts that add up over batches.

The (eps, delta) curve is read off these counts: exactly, at the edges.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from vae_jax.diagnostics._checks import as_examples
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

KL_EDGES = 10.0 ** (np.arange(-24, 9) / 4)
"""From 1e-6 to 100 nats, four a decade: below lies rounding, above no unit of use."""


def kl_histogram(
    kl: Float[ArrayLike, "examples latent"],
    edges: Float[ArrayLike, " num_edges"] = KL_EDGES,
) -> Int[Array, "latent num_bins"]:
    """How many examples have a KL in each bin, for every unit.

    Bin 0 is below the first edge, bin i is `edges[i-1] <= KL < edges[i]`, and the last one
    is the last edge and above, with every KL that is not a number: `num_edges + 1` bins,
    whose counts sum to the number of examples. Counts of several batches may be added.

    Args:
        kl: of each example and unit, in nats, as `gaussian.kl_standard` gives it.
        edges: in nats, increasing.

    Raises:
        ValueError: fewer than 2 examples, or no list of edges.

    >>> kl = jnp.array([[0.0, 1.0], [0.02, 5.0]])
    >>> kl_histogram(kl, jnp.array([0.01, 1.0])).tolist()
    [[1, 1, 0], [0, 0, 2]]
    """
    values = as_examples("kl", kl)
    bounds = as_float(edges).astype(values.dtype)
    if bounds.ndim != 1 or len(bounds) == 0:
        raise ValueError(
            "`edges` must have shape (num_edges,) with at least 1 edge; "
            f"got {bounds.shape}."
        )

    def count(unit: Array) -> Array:
        index = jnp.searchsorted(bounds, unit, side="right")
        index = jnp.where(jnp.isnan(unit), len(bounds), index)
        return jnp.bincount(index, length=len(bounds) + 1)

    return jax.vmap(count, in_axes=1)(values)


def collapse_curve_of_counts(
    counts: Int[ArrayLike, "latent num_bins"], delta: Num[ArrayLike, ""] = 0.01
) -> Float[Array, " num_edges"]:
    """Fraction of (eps, delta)-collapsed units with the edges as eps, from the counts.

    `collapse_curve(kl, edges, delta)` of all the data counted, without the data.

    Args:
        counts: of `kl_histogram`, or sums of them.
        delta: share of the examples that may exceed eps.

    Raises:
        ValueError: no bins.

    Lucas et al. (2019), arXiv:1911.02469.

    >>> counts = jnp.array([[1, 1, 0], [0, 0, 2]])
    >>> collapse_curve_of_counts(counts).tolist()
    [0.0, 0.5]
    """
    bins = jnp.asarray(counts)
    if bins.ndim != 2 or bins.shape[1] < 2:
        raise ValueError(
            "`counts` must have shape (latent, num_bins) with at least 2 bins; "
            f"got {bins.shape}."
        )
    size = jnp.sum(bins, axis=1, keepdims=True)
    above = size - jnp.cumsum(bins, axis=1)[:, :-1]
    share = as_float(delta)
    # counts, because 1 - delta rounds; the slack is the rounding of delta itself
    allowed = share * size.astype(share.dtype) * (1 + 1e-6)
    return jnp.mean(above.astype(share.dtype) <= allowed, axis=0, dtype=share.dtype)
