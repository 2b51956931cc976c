"""A report of every part of a latent by itself: of each unit, channel or position.

A whole may be healthy with most of its channels dead. The information of the parts need not
sum to that of the whole: parts may say the same, or only together say something.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Float, Num

from vae_jax import checks
from vae_jax.diagnostics._checks import as_codes
from vae_jax.diagnostics._log_ratios import BLOCK_SIZE
from vae_jax.diagnostics._report import CollapseReport, collapse_report
from vae_jax.diagnostics._thresholds import ACTIVE_THRESHOLD, DELTA, EPS
from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import Array, ArrayLike, PRNGKey


def part_reports(
    key: PRNGKey,
    means: Float[ArrayLike, " examples *latent"],
    logvars: Float[ArrayLike, " examples *latent"],
    axes: tuple[int, ...] = (-1,),
    *,
    active_threshold: Num[ArrayLike, ""] = ACTIVE_THRESHOLD,
    eps: Num[ArrayLike, ""] = EPS,
    delta: Num[ArrayLike, ""] = DELTA,
    block_size: int = BLOCK_SIZE,
) -> CollapseReport:
    """A `collapse_report` of each part of the latent: its rate, information and units.

    The axes that tell parts apart stay, the others are a part's units. Of (examples,
    height, width, channels) `(-1,)` is a report a channel, `(1, 2)` one a position, `(1,
    2, 3)` one a unit; of (examples, latent) `(-1,)` is one a unit. Every number, in nats,
    has the parts in front, in a row in the order of the axes: `rate = sum_p rate_p`.

    Args:
        key: for samples of z.
        means: of the posterior; the first axis is the examples.
        logvars: log-variances of the posterior.
        axes: those that tell parts apart; not 0, which is the examples.
        active_threshold: variance of the mean from which a unit is active.
        eps: KL in nats under which an example leaves a unit unused.
        delta: share of the examples that may exceed eps in a collapsed unit.
        block_size: samples at a time in the comparison of all pairs.

    Raises:
        TypeError: no key.
        ValueError: shapes differ, fewer than 2 examples, axes that are not there, or a
            setting outside its range.

    Hoffman & Johnson (2016), "ELBO surgery", of a part in place of the whole.

    >>> means = jnp.zeros((50, 4, 4, 2)).at[..., 1].set(5.0)
    >>> found = part_reports(jax.random.key(0), means, jnp.zeros_like(means))
    >>> found.rate.tolist(), found.collapsed_units.tolist()
    ([0.0, 200.0], [16.0, 0.0])
    """
    mean, logvar = as_codes("means", means), as_float(logvars)
    check_same_shape("logvars", logvar, "means", mean)
    kept = _as_axes(axes, mean.ndim)
    parts = _in_front(mean, kept), _in_front(logvar.astype(mean.dtype), kept)
    keys = jax.random.split(as_key("key", key), len(parts[0]))

    def report(part: tuple[Array, Array, Array]) -> CollapseReport:
        return collapse_report(
            *part,
            active_threshold=active_threshold,
            eps=eps,
            delta=delta,
            block_size=block_size,
        )

    found: CollapseReport = jax.lax.map(report, (keys, *parts))
    return found


def _as_axes(axes: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Axes from the front, each of the latent and there once."""
    whole = [checks.whole("axes", axis, -ndim, ndim - 1) % ndim for axis in axes]
    if not whole or 0 in whole or len(set(whole)) < len(whole):
        raise ValueError(
            "`axes` must name axes of the latent, each once and none of them 0, which is "
            f"the examples; got {tuple(axes)} of {ndim}."
        )
    return tuple(whole)


def _in_front(array: Array, axes: tuple[int, ...]) -> Float[Array, "parts examples _"]:
    """The parts in front, then the examples, then what is left in a row."""
    moved = jnp.moveaxis(array, axes, range(len(axes)))
    count = math.prod(moved.shape[: len(axes)])
    return moved.reshape(count, len(array), -1)
