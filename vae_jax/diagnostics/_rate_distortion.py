"""The rate-distortion plane: one ELBO is a line on it, and a model is a point on the line.

At a given ELBO, rate and distortion can be traded: collapse is the end of the line at rate
0. The best that a family of models does is a curve that falls and is convex; an optimum of
`distortion + beta * rate` touches it with the slope `-beta`.

Alemi et al. (2018), arXiv:1711.00464.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from vae_jax import checks
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike


class RateDistortionPoint(NamedTuple):
    """What the position of a model on the plane says, in nats.

    Attributes:
        negative_elbo: `D + R`: where the line of this ELBO meets both axes.
        objective: `D + beta R`: where the line of slope -beta meets the axis of D.
        slope: -beta, of the frontier at an optimum.

    >>> RateDistortionPoint._fields
    ('negative_elbo', 'objective', 'slope')
    """

    negative_elbo: Float[Array, "*batch"]
    objective: Float[Array, "*batch"]
    slope: Float[Array, "*batch"]


class RateDistortionFrontier(NamedTuple):
    """Which points are best for some beta, and for which.

    Attributes:
        on_frontier: on the lower convex envelope, where it falls.
        beta_low: the point is best of all from this beta on; inf off the frontier.
        beta_high: and up to this one, possibly infinite; -inf off the frontier, where no
            beta is from one to the other.

    >>> RateDistortionFrontier._fields
    ('on_frontier', 'beta_low', 'beta_high')
    """

    on_frontier: Bool[Array, " points"]
    beta_low: Float[Array, " points"]
    beta_high: Float[Array, " points"]


def rate_distortion_point(
    distortion: Float[ArrayLike, "*batch"],
    rate: Float[ArrayLike, "*batch"],
    beta: Num[ArrayLike, ""] = 1.0,
) -> RateDistortionPoint:
    """The negative ELBO `D + R`, the objective `D + beta R`, and the slope `-beta`.

    Args:
        distortion: expected negative log-likelihood in nats, with its constant.
        rate: KL to the prior in nats.
        beta: weight of the rate in training.

    Raises:
        ValueError: the shapes differ, or beta is not one finite number.

    Alemi et al. (2018), arXiv:1711.00464.

    >>> [float(number) for number in rate_distortion_point(80.0, 20.0, 0.5)]
    [100.0, 90.0, -0.5]
    """
    d, r = pair(distortion, rate)
    checks.number("beta", beta, low_open=True, high_open=True)
    weight = jnp.asarray(beta, d.dtype)
    slope = jnp.broadcast_to(-weight, d.shape)
    return RateDistortionPoint(d + r, d + weight * r, slope)


def rate_distortion_line(
    distortion: Float[ArrayLike, ""],
    rate: Float[ArrayLike, ""],
    rates: Float[ArrayLike, " num_rates"],
    beta: Num[ArrayLike, ""] = 1.0,
) -> Float[Array, " num_rates"]:
    """Distortions of equal objective: `D + beta (R - rates)`, the line through a point.

    At beta = 1 these are the models of the same ELBO, `-ELBO - rates`. At an optimum the
    line is a tangent of the frontier.

    Args:
        distortion: of the point, in nats.
        rate: of the point, in nats.
        rates: where to draw the line.
        beta: weight of the rate.

    Raises:
        ValueError: a point or a beta that is not one number, or no list of rates.

    >>> rate_distortion_line(80.0, 20.0, jnp.array([0.0, 20.0, 100.0])).tolist()
    [100.0, 80.0, 0.0]
    """
    for name, value in ("distortion", distortion), ("rate", rate):
        checks.scalar(name, value)
    checks.number("beta", beta, low_open=True, high_open=True)
    d, r = pair(distortion, rate)
    along = as_float(rates).astype(d.dtype)
    if along.ndim != 1:
        raise ValueError(f"`rates` must have shape (num_rates,); got {along.shape}.")
    return d + jnp.asarray(beta, d.dtype) * (r - along)


def rate_distortion_frontier(
    distortion: Float[ArrayLike, " points"], rate: Float[ArrayLike, " points"]
) -> RateDistortionFrontier:
    """The falling part of the lower convex envelope of a set of points.

    A point is on it if `D_i + beta R_i <= D_j + beta R_j` for all j at some `beta >= 0`:
    beta is at least `(D_i - D_j) / (R_j - R_i)` for every j of a larger rate and at most
    that for every j of a smaller one. For a plot, sort the points of the frontier by rate.
    Points on one straight line are on the frontier or not as rounding has it, except its
    ends. A point that is not finite is off the frontier and changes nothing.

    Args:
        distortion: of every point, in nats.
        rate: of every point, in nats.

    Raises:
        ValueError: the shapes differ, or it is no list of points.

    Alemi et al. (2018), arXiv:1711.00464.

    >>> found = rate_distortion_frontier(
    ...     jnp.array([9.0, 4.0, 5.0, 3.0]), jnp.array([0.0, 1.0, 2.0, 3.0])
    ... )
    >>> found.on_frontier.tolist()
    [True, True, False, True]
    >>> found.beta_high.tolist()[:2], found.beta_low.tolist()[:2]
    ([inf, 5.0], [5.0, 0.5])
    """
    d, r = pair(distortion, rate)
    if d.ndim != 1 or len(d) == 0:
        raise ValueError(
            f"`distortion` must have shape (points,) with at least 1 point; got {d.shape}."
        )
    finite = jnp.isfinite(d) & jnp.isfinite(r)
    d, r = jnp.where(finite, d, 0), jnp.where(finite, r, 0)
    higher = d[:, None] - d[None]  # how much point i is above point j
    further = r[None] - r[:, None]  # how much further j is than i
    other = finite[None]
    ratio = higher / jnp.where(further == 0, 1, further)
    low = jnp.max(jnp.where(other & (further > 0), ratio, 0), axis=1)
    high = jnp.min(jnp.where(other & (further < 0), ratio, jnp.inf), axis=1)
    beaten = jnp.any(other & (further == 0) & (higher > 0), axis=1)
    best = finite & ~beaten & (low <= high)
    return RateDistortionFrontier(
        best, jnp.where(best, low, jnp.inf), jnp.where(best, high, -jnp.inf)
    )


def pair(distortion: ArrayLike, rate: ArrayLike) -> tuple[Array, Array]:
    """Of one shape, in float32 or wider."""
    d, r = as_float(distortion), as_float(rate)
    check_same_shape("rate", r, "distortion", d)
    return d, r
