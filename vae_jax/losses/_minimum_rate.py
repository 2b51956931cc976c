"""A minimum desired rate: the ELBO, subject to a rate that is not below it.

`min D + R subject to R >= minimum` is `min over the model, max over u >= 0` of
`D + R + u (minimum - R)`. The multiplier u is data here; its ascent is a controller's.

Pelsmaeker & Aziz (2020), arXiv:1904.08194.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks
from vae_jax.losses._batch import as_rates, level
from vae_jax.types import ArrayLike


def minimum_rate(
    kl: Float[ArrayLike, "*batch_latent"],
    minimum: Num[ArrayLike, ""],
    multiplier: Num[ArrayLike, ""],
    *,
    latent_ndim: int = 1,
) -> Float[Array, "*batch"]:
    """The penalised rate `R + u (minimum - R)` nats, `R = sum_j KL_j` of each example.

    For `total_loss` with beta = 1. It is linear in the rate, so its batch mean needs no
    care, and its mean slope in u is `minimum_rate_violation`. At a fixed u the model sees
    a beta of 1 - u; where the constraint binds, u settles between 0 and 1.

    Args:
        kl: per example and unit; one example may be given by itself.
        minimum: nats in total, at least 0.
        multiplier: u, at least 0; 0 is the plain rate.
        latent_ndim: trailing axes that are the latent's: 1 of (batch, latent), 2 of (batch,
            positions, width), 3 of (batch, height, width, channels).

    Raises:
        TypeError: `latent_ndim` is no whole number.
        ValueError: `kl` without an axis for the units, or a minimum or a multiplier that is
            negative or not one number.

    >>> minimum_rate(jnp.array([[0.0], [2.0]]), 3.0, 0.5).tolist()
    [1.5, 2.5]
    """
    checks.number("minimum", minimum, 0, high_open=True)
    checks.number("multiplier", multiplier, 0, high_open=True)
    kl = as_rates(kl, latent_ndim=latent_ndim)
    rate = jnp.sum(kl, axis=-1)
    short = jnp.asarray(minimum, kl.dtype) - rate
    return rate + jnp.asarray(multiplier, kl.dtype) * short


def minimum_rate_violation(
    kl: Float[ArrayLike, "*batch_latent"],
    minimum: Num[ArrayLike, ""],
    *,
    latent_ndim: int = 1,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, "*batch"]:
    """`minimum - mean_batch(sum_j KL_j)` nats, the same for every example.

    Positive while the rate is too low: the direction in which the multiplier rises.

    Args:
        kl: per example and unit; one example by itself needs the `axis_name` of its `vmap`.
        minimum: nats in total, at least 0.
        latent_ndim: trailing axes that are the latent's: 1 of (batch, latent), 2 of (batch,
            positions, width), 3 of (batch, height, width, channels).
        weights: of the examples in the batch mean; 0 leaves a padded one out.
        axis_name: mapped axis that the batch is split over, if it is.

    Raises:
        TypeError: `latent_ndim` is no whole number.
        ValueError: `kl` without its axes, weights of another batch, or a minimum that is
            negative or not one number.

    >>> minimum_rate_violation(jnp.array([[0.0], [2.0]]), 3.0).tolist()
    [2.0, 2.0]
    """
    checks.number("minimum", minimum, 0, high_open=True)
    kl = as_rates(kl, "batch", axis_name, latent_ndim)
    rate = jnp.sum(level(kl, "batch", weights, axis_name))
    return jnp.broadcast_to(jnp.asarray(minimum, kl.dtype) - rate, kl.shape[:-1])
