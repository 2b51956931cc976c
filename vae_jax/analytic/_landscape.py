"""The landscape of the linear beta-VAE at the collapsed point: saddle or trap?

A collapsed unit is moved towards an eigenvector of the data's covariance that no other unit
uses: the decoder's weight along it is w, the encoder's v. To second order the objective
changes by half of `(w, v) H (w, v)'`, with s the noise variance and l the eigenvalue,

    H = [[1/s, -l/s], [-l/s, beta l]],    det H = (l/s^2) (beta s - l).

So the point is a saddle where `l > beta * variance`, the condition for an active unit at
the optimum: every collapsed unit that ought to be active has a way down, and the ELBO adds
no trap of its own. Lucas et al. (2019), arXiv:1911.02469.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from vae_jax.analytic._arguments import (
    as_variances,
    check_noise,
    check_weight,
    leading,
)
from vae_jax.types import ArrayLike


def collapsed_hessian(
    eigenvalue: Num[ArrayLike, "*batch"],
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
) -> Float[Array, "... 2 2"]:
    """Hessian of the objective at a collapsed unit, in (decoder, encoder) weight.

    `[[1/s, -l/s], [-l/s, beta l]]`, of `distortion + beta * rate` in nats per example.

    Args:
        eigenvalue: l, of the data's covariance along the direction.
        beta: weight of the rate, finite and not negative; its axes lead the result's.
        variance: s, noise variance of the decoder, finite and above 0; likewise.

    Raises:
        ValueError: a number outside its range.

    >>> collapsed_hessian(2.0, 1.0, 0.5).tolist()
    [[2.0, -4.0], [-4.0, 2.0]]
    """
    along, weight, noise = as_numbers(eigenvalue, beta, variance)
    cross, last = -along / noise, weight * along
    corner = jnp.broadcast_to(1 / noise, cross.shape)
    rows = jnp.stack([corner, cross], axis=-1), jnp.stack([cross, last], axis=-1)
    return jnp.stack(rows, axis=-2)


def is_saddle(
    eigenvalue: Num[ArrayLike, "*batch"],
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
) -> Bool[Array, "..."]:
    """Whether the objective falls from the collapsed point: `l > beta * variance`.

    Args:
        eigenvalue: l, of the data's covariance along the direction.
        beta: weight of the rate, finite and not negative; its axes lead the result's.
        variance: noise variance of the decoder, finite and above 0; likewise.

    Raises:
        ValueError: a number outside its range.

    Lucas et al. (2019), arXiv:1911.02469.

    >>> is_saddle(jnp.array([2.0, 0.5]), 1.0, 1.0).tolist()
    [True, False]
    """
    along, weight, noise = as_numbers(eigenvalue, beta, variance)
    return along > weight * noise


def escape_rate(
    eigenvalue: Num[ArrayLike, "*batch"],
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
) -> Float[Array, "..."]:
    """Rate at which gradient flow leaves the collapsed point; negative if it comes back.

    `r = [-(1/s + beta l) + sqrt((1/s - beta l)^2 + 4 l^2/s^2)] / 2`, minus the smallest
    eigenvalue of `collapsed_hessian`: a small departure grows as `exp(r t)`, with t the sum
    of the learning rates of plain gradient descent. It has the sign of `l - beta s`,
    exactly: it is evaluated as `-det H` over the other eigenvalue.

    Args:
        eigenvalue: l, of the data's covariance along the direction.
        beta: weight of the rate, finite and not negative; its axes lead the result's.
        variance: s, noise variance of the decoder, finite and above 0; likewise.

    Raises:
        ValueError: a number outside its range.

    >>> [f"{rate:.3f}" for rate in escape_rate(jnp.array([2.0, 1.0, 0.5]), 1.0, 1.0)]
    ['0.562', '0.000', '-0.191']
    """
    along, weight, noise = as_numbers(eigenvalue, beta, variance)
    trace, gap = 1 / noise + weight * along, 1 / noise - weight * along
    largest = (trace + jnp.hypot(gap, 2 * along / noise)) / 2
    excess = (along - weight * noise) / noise
    return along / noise * excess / largest


def as_numbers(
    eigenvalue: ArrayLike, beta: ArrayLike, variance: ArrayLike
) -> tuple[Array, Array, Array]:
    """Of one precision, which is that of the eigenvalue; the settings' axes lead."""
    check_weight(beta)
    check_noise(variance)
    along = as_variances("eigenvalue", eigenvalue)
    along, weight, noise = leading(along, beta=beta, variance=variance)
    return along, weight, noise
