"""BN-VAE: posterior means normalised over the batch, so that the rate cannot vanish.

Whatever the encoder does, the mean of unit j has the variance `scale^2` and the mean
`shift_j` over the batch, and the rate is at least `sum_j (scale^2 + shift_j^2) / 2`.

That is a floor under the rate and under the variance that counts a unit as active, not
under information: every unit of a normalised posterior is active by construction, also
when the decoder ignores it. Report the mutual information beside it.

Zhu et al. (2020), arXiv:2004.12585: the scale (gamma) is fixed, the shift (beta) learned.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.losses._batch import as_batch, batch_mean
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

EPSILON = 1e-5
"""Added to the variance, as batch normalisation commonly has it."""


class MeanStatistics(NamedTuple):
    """Of the posterior means over a batch or a population, per unit.

    Attributes:
        mean: over the examples.
        variance: over the examples, divided by their number.

    >>> MeanStatistics._fields
    ('mean', 'variance')
    """

    mean: Float[Array, " latent"]
    variance: Float[Array, " latent"]


class NormalisedMean(NamedTuple):
    """Posterior means after normalisation, and what they were normalised by.

    >>> NormalisedMean._fields
    ('mean', 'statistics')
    """

    mean: Float[Array, "batch latent"]
    statistics: MeanStatistics


def batch_norm_mean(
    mean: Float[ArrayLike, "batch latent"],
    scale: Num[ArrayLike, ""],
    shift: Float[ArrayLike, " latent"],
    *,
    epsilon: Num[ArrayLike, ""] = EPSILON,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> NormalisedMean:
    """`scale * (mean - m) / sqrt(v + epsilon) + shift`, m and v over this batch.

    The gradient passes through m and v. Average the statistics over batches, or take them
    over the training set, and evaluate with `normalise_mean`.

    Args:
        mean: of the posterior, from the encoder.
        scale: gamma of the paper, above 0; fixed, so that training cannot shrink it.
        shift: beta of the paper; learned.
        epsilon: added to v, at least 0. A unit with v far below it keeps less than its
            scale.
        weights: of the examples in m and v; 0 leaves a padded one out.
        axis_name: mapped axis that the batch is split over, if it is.

    Raises:
        ValueError: shapes that do not fit, numbers outside these ranges, or a batch of one
            example, which has no spread and would be cut off from the encoder.

    >>> found = batch_norm_mean(jnp.array([[1.0], [3.0]]), 0.5, jnp.array([2.0]))
    >>> [round(value, 3) for value in found.mean[:, 0].tolist()]
    [1.5, 2.5]
    """
    mean = as_batch("mean", mean)
    if len(mean) < 2 and axis_name is None:
        raise ValueError(
            "`mean` must hold at least 2 examples, whose spread it is divided by; got 1."
        )
    centre = batch_mean(mean, weights, axis_name)
    # of differences, in a second pass: the mean of squares cancels far from 0
    spread = batch_mean(jnp.square(mean - centre[None]), weights, axis_name)
    statistics = MeanStatistics(centre, spread)
    normal = normalise_mean(mean, statistics, scale, shift, epsilon=epsilon)
    return NormalisedMean(normal, statistics)


def normalise_mean(
    mean: Float[ArrayLike, "batch latent"],
    statistics: MeanStatistics,
    scale: Num[ArrayLike, ""],
    shift: Float[ArrayLike, " latent"],
    *,
    epsilon: Num[ArrayLike, ""] = EPSILON,
) -> Float[Array, "batch latent"]:
    """`scale * (mean - m) / sqrt(v + epsilon) + shift`, m and v given: for evaluation.

    Args:
        mean: of the posterior, from the encoder.
        statistics: m and v.
        scale: as in training.
        shift: as in training.
        epsilon: as in training.

    Raises:
        ValueError: shapes that do not fit, or numbers outside the ranges of training.

    >>> population = MeanStatistics(jnp.array([1.0]), jnp.array([4.0]))
    >>> found = normalise_mean(jnp.array([[5.0]]), population, 0.5, jnp.array([2.0]))
    >>> round(float(found[0, 0]), 3)
    3.0
    """
    mean, shift = as_batch("mean", mean), as_float(shift)
    centre, spread = map(as_float, statistics)
    checks.number("scale", scale, 0, low_open=True, high_open=True)
    checks.number("epsilon", epsilon, 0, high_open=True)
    for name, value in (
        ("shift", shift),
        ("statistics.mean", centre),
        ("statistics.variance", spread),
    ):
        if value.shape != mean.shape[1:]:
            raise ValueError(
                f"`{name}` must have the latent units of `mean`, {mean.shape[1:]}; got "
                f"{value.shape}."
            )
    checks.in_range("statistics.variance", spread, 0)
    deviation = jnp.sqrt(spread + jnp.asarray(epsilon, mean.dtype))
    factor = jnp.asarray(scale, mean.dtype) / deviation
    return (mean - centre[None]) * factor[None] + shift[None]


def batch_norm_minimum_rate(
    scale: Num[ArrayLike, ""], shift: Float[ArrayLike, " latent"]
) -> Float[Array, ""]:
    """`sum_j (scale^2 + shift_j^2) / 2` nats: the least batch-mean rate there can be.

    Of any log-variances, and reached where all are 0; a shift of 0 gives what the scale
    alone commits to, `latent * scale^2 / 2`. It is the limit for batch variances v well
    above epsilon: exactly, scale^2 is scale^2 v / (v + epsilon).
    Zhu et al. (2020), arXiv:2004.12585.

    Raises:
        ValueError: the scale is not one positive number, or shift is no list of units.

    >>> float(batch_norm_minimum_rate(0.5, jnp.zeros(32)))
    4.0
    """
    shift = as_float(shift)
    if shift.ndim != 1 or len(shift) == 0:
        raise ValueError(f"`shift` must have the shape (latent,); got {shift.shape}.")
    checks.number("scale", scale, 0, low_open=True, high_open=True)
    return 0.5 * jnp.sum(
        jnp.square(jnp.asarray(scale, shift.dtype)) + jnp.square(shift)
    )
