"""The Laplace likelihood: absolute errors instead of squared ones.

Log-densities are in nats, summed over the event.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.keys import as_key
from vae_jax.likelihoods._event import Likelihood, sum_event
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike


def laplace_log_prob(
    mean: Float[ArrayLike, "..."],
    x: Float[ArrayLike, "..."],
    log_scale: Float[ArrayLike, "..."],
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """`-sum_i (log 2 + log_scale_i + |x_i - mean_i| / exp(log_scale_i))` nats.

    With the constant: it is a normalised density, of variance `2 exp(2 log_scale)`. With
    scale 1 it is minus the absolute error, up to that constant. The slope in the mean is
    0 where `x` equals it.

    Args:
        mean: `(*batch, *event)`.
        x: the same shape; any finite number, `check_gaussian_data`.
        log_scale: log of the scale: a scalar, or the shape of `x`.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ.

    >>> x = jnp.zeros((1, 2))
    >>> round(float(laplace_log_prob(x, x, 0.0)[0]), 4)
    -1.3863
    """
    mean, x, log_scale = as_float(mean), as_float(x), as_float(log_scale)
    check_same_shape("x", x, "mean", mean)
    if log_scale.ndim:
        check_same_shape("log_scale", log_scale, "x", x)
    log_scale = log_scale.astype(x.dtype)
    error = (x - mean) * jnp.exp(-log_scale)
    # times the sign and not the absolute value, which has slope 1 at 0 in jax
    return sum_event(-(math.log(2) + log_scale + jnp.sign(error) * error), batch_ndim)


def laplace() -> Likelihood:
    """Independent Laplace pixels; the decoder returns a pair `(mean, log_scale)`.

    The log-scale is a scalar or has the shape of the mean.

    >>> family = laplace()
    >>> family.mean((jnp.ones((1, 2)), jnp.zeros(()))).tolist()
    [[1.0, 1.0]]
    """

    def log_prob(
        output: tuple[ArrayLike, ArrayLike], x: ArrayLike, batch_ndim: int = 1
    ) -> Array:
        mean, log_scale = output
        return laplace_log_prob(mean, x, log_scale, batch_ndim)

    def sample(key: Array, output: tuple[ArrayLike, ArrayLike]) -> Array:
        mean, log_scale = (as_float(part) for part in output)
        noise = jax.random.laplace(as_key("key", key), mean.shape, mean.dtype)
        return mean + jnp.exp(log_scale) * noise

    return Likelihood(log_prob, lambda output: as_float(output[0]), sample)
