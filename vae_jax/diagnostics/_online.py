"""The cheap diagnostics while training runs: smoothed, with explicit state, in a scan.

A batch shows KL and variance of the means with the noise of its size; averages over the
last updates show when a unit died. What needs all pairs of a data set (mutual information,
marginal KL) is left to `collapse_report`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from vae_jax import checks, gaussian
from vae_jax.diagnostics._checks import as_posterior, unless_nan
from vae_jax.diagnostics._thresholds import ACTIVE_THRESHOLD
from vae_jax.mapped import batch_axis
from vae_jax.types import ArrayLike

NEVER = -1
"""The collapse step of a rate that is not low now."""


class OnlineState(NamedTuple):
    """What the next update needs; a pytree of arrays, to be checkpointed with the rest.

    Attributes:
        step: updates so far, skipped ones among them.
        weight: sum of the weights in the averages; 0 before the first finite batch.
        kl_per_unit: average KL of each unit, in nats.
        mean_variance: average variance of each unit's posterior mean.
        collapsed_since: step from which the rate has been low without a break, or -1.
        skipped: updates whose numbers were not finite.

    >>> OnlineState._fields[:3]
    ('step', 'weight', 'kl_per_unit')
    """

    step: Int[Array, ""]
    weight: Float[Array, ""]
    kl_per_unit: Float[Array, " latent"]
    mean_variance: Float[Array, " latent"]
    collapsed_since: Int[Array, ""]
    skipped: Int[Array, ""]


class OnlineInfo(NamedTuple):
    """What a person looks at. The averages are NaN before the first finite batch.

    Attributes:
        rate: smoothed KL to the prior, in nats.
        kl_per_unit: its part of each unit.
        mean_variance: smoothed variance of each unit's posterior mean.
        active_units: units whose smoothed variance reaches the threshold; a real number.
        collapsed_since: first step from which the smoothed rate stayed below its threshold
            until now; -1 if it is not below it now.
        skipped: batches so far whose numbers were not finite.

    >>> OnlineInfo._fields[:2]
    ('rate', 'kl_per_unit')
    """

    rate: Float[Array, ""]
    kl_per_unit: Float[Array, " latent"]
    mean_variance: Float[Array, " latent"]
    active_units: Float[Array, ""]
    collapsed_since: Int[Array, ""]
    skipped: Int[Array, ""]


def online_init(latent_dim: int) -> OnlineState:
    """The state before the first update.

    Raises:
        TypeError: `latent_dim` is no whole number.
        ValueError: it is below 1.

    >>> int(online_init(2).collapsed_since)
    -1
    """
    units = checks.whole("latent_dim", latent_dim, 1)
    nothing, zero = jnp.zeros(units), jnp.zeros((), jnp.int32)
    return OnlineState(
        zero, jnp.zeros(()), nothing, nothing, jnp.full_like(zero, NEVER), zero
    )


def online_update(
    state: OnlineState,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    *,
    decay: Num[ArrayLike, ""] = 0.99,
    rate_threshold: Num[ArrayLike, ""] = 0.1,
    active_threshold: Num[ArrayLike, ""] = ACTIVE_THRESHOLD,
    axis_name: str | None = None,
) -> tuple[OnlineState, OnlineInfo]:
    """Take in the posteriors of one batch.

    The average of the last batches, `sum_s decay^(t-s) value_s / sum_s decay^(t-s)`: not
    drawn to 0 at the start, the last batch alone at decay 0, the mean of all at decay 1.
    The variance of the means is averaged over batches, each divided by its size less 1.

    A batch with a number that is not finite changes no average and counts as skipped; it
    breaks the stretch of a low rate, since it is no evidence of collapse. An encoder
    usually begins collapsed, so that a stretch beginning at step 0 is ordinary.

    Args:
        state: from `online_init`, or of the last update.
        means: of the posteriors of this batch, an example a row.
        logvars: their log-variances.
        decay: weight of an average against the next batch, from 0 to 1.
        rate_threshold: nats under which the smoothed rate counts as collapsed; at least 0.
        active_threshold: variance of the mean from which a unit is active; at least 0.
        axis_name: mapped axis that the batch is split over, if it is; in a step that of
            the step.

    Raises:
        ValueError: the shapes differ, fewer than 2 examples, another number of units, or a
            setting that is not one number of its range.

    >>> state = online_init(1)
    >>> for scale in (2.0, 0.0, 0.0):
    ...     means = jnp.array([[scale], [-scale]])
    ...     state, info = online_update(state, means, jnp.zeros((2, 1)), decay=0.1)
    >>> print(f"{info.rate:.4f} {int(info.collapsed_since)}")
    0.0180 2
    """
    mean, logvar = as_posterior(means, logvars)
    if mean.shape[1:] != state.kl_per_unit.shape:
        raise ValueError(
            f"`means` must have the {len(state.kl_per_unit)} units of the state; "
            f"got shape {mean.shape}."
        )
    checks.number("decay", decay, 0, 1)
    checks.number("rate_threshold", rate_threshold, 0)
    checks.number("active_threshold", active_threshold, 0)
    dtype = state.weight.dtype
    kl, spread = (
        values.astype(dtype) for values in batch_statistics(mean, logvar, axis_name)
    )
    finite = jnp.all(jnp.isfinite(kl)) & jnp.all(jnp.isfinite(spread))
    weight = jnp.where(
        finite, jnp.asarray(decay, dtype) * state.weight + 1, state.weight
    )
    gain = jnp.where(finite, 1 / jnp.where(finite, weight, 1), 0)

    def average(old: Array, new: Array) -> Array:
        return old + gain * (jnp.where(finite, new, old) - old)

    smooth, variance = (
        average(state.kl_per_unit, kl),
        average(state.mean_variance, spread),
    )
    low = finite & (jnp.sum(smooth) < jnp.asarray(rate_threshold, dtype))
    new_stretch = state.collapsed_since == NEVER
    since = jnp.where(new_stretch, state.step, state.collapsed_since)
    after = OnlineState(
        step=state.step + 1,
        weight=weight,
        kl_per_unit=smooth,
        mean_variance=variance,
        collapsed_since=jnp.where(low, since, NEVER),
        skipped=state.skipped + (~finite).astype(state.skipped.dtype),
    )
    return after, inform(after, active_threshold)


def batch_statistics(
    mean: Float[Array, "examples latent"],
    logvar: Float[Array, "examples latent"],
    axis_name: str | None,
) -> tuple[Float[Array, " latent"], Float[Array, " latent"]]:
    """KL per unit, and the variance of each mean divided by the size less 1."""
    kl = jnp.mean(gaussian.kl_standard(mean, logvar), axis=0)
    size, reference, axis_name = len(mean), mean[:1], batch_axis(axis_name)
    if axis_name is not None:
        size = size * jax.lax.axis_size(axis_name)
        kl, reference = jax.lax.pmean((kl, reference), axis_name)
    # a constant far from zero has variance 0 only if it is taken off first
    off = mean - reference
    centre = jnp.mean(off, axis=0, keepdims=True)
    if axis_name is not None:
        centre = jax.lax.pmean(centre, axis_name)
    squares = jnp.sum(jnp.square(off - centre), axis=0)
    if axis_name is not None:
        squares = jax.lax.psum(squares, axis_name)
    return kl, squares / (size - 1)


def inform(state: OnlineState, active_threshold: ArrayLike) -> OnlineInfo:
    """The averages, or NaN where there are none."""
    empty = ~(state.weight > 0)
    unknown = jnp.where(empty, jnp.nan, 0)
    variance = state.mean_variance + unknown
    active = variance >= jnp.asarray(active_threshold, variance.dtype)
    return OnlineInfo(
        rate=jnp.sum(state.kl_per_unit) + unknown,
        kl_per_unit=state.kl_per_unit + unknown,
        mean_variance=variance,
        active_units=unless_nan(jnp.sum(active), empty),
        collapsed_since=state.collapsed_since,
        skipped=state.skipped,
    )
