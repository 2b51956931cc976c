"""The Gaussian likelihood: fixed, learned and optimal variance.

Log-densities are in nats, summed over the event.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.likelihoods._event import (
    Likelihood,
    check_total_weight,
    known_data,
    sum_event,
)
from vae_jax.mapped import batch_axis
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

LOG_2PI = float(np.log(2 * np.pi))


def gaussian_log_prob(
    mean: Float[ArrayLike, "..."],
    x: Float[ArrayLike, "..."],
    logvar: Float[ArrayLike, "..."],
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """`-sum_i (log 2 pi + logvar_i + (x_i - mean_i)^2 / exp(logvar_i)) / 2` nats.

    With the constant: it is a normalised density. With variance 1/2 it is minus
    `losses.mse`, up to that constant.

    Args:
        mean: `(*batch, *event)`.
        x: the same shape.
        logvar: log of the noise variance: a scalar, or the shape of `x`.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ.

    >>> x = jnp.zeros((1, 2))
    >>> round(float(gaussian_log_prob(x, x, 0.0)[0]), 4)
    -1.8379
    """
    mean, x, logvar = as_float(mean), as_float(x), as_float(logvar)
    check_same_shape("x", x, "mean", mean)
    if logvar.ndim:
        check_same_shape("logvar", logvar, "x", x)
    logvar = logvar.astype(x.dtype)
    error = (x - mean) * jnp.exp(-0.5 * logvar)
    return sum_event(-0.5 * (LOG_2PI + logvar + jnp.square(error)), batch_ndim)


def gaussian_optimal_variance(
    mean: Float[ArrayLike, " batch *event"],
    x: Float[ArrayLike, " batch *event"],
    *,
    weights: Float[ArrayLike, " batch"] | None = None,
    axis_name: str | None = None,
) -> Float[Array, ""]:
    """The noise variance that fits best: the mean squared error of batch and pixels.

    `argmax_v sum log N(x; mean, v) = mean((x - mean)^2)`. Rybkin et al. (2021),
    sigma-VAE, arXiv:2006.13202.

    It is 0 where the decoder fits every pixel, and the likelihood has then no largest
    value: `gaussian_log_prob` with the logarithm of 0 is NaN. A decoder that can copy x, or
    data with a constant for most pixels, comes there; bound its variance from below.

    Args:
        mean: decoded means.
        x: data of the same shape, at least one number.
        weights: of the examples, at least 0, which leaves one out.
        axis_name: mapped axis that the batch is split over, if it is; in a step that of
            the step.

    Raises:
        ValueError: the shapes differ, there are no data, or no example has a weight.

    >>> float(gaussian_optimal_variance(jnp.zeros((2, 2)), 2 * jnp.ones((2, 2))))
    4.0
    """
    mean, x = as_float(mean), as_float(x)
    check_same_shape("x", x, "mean", mean)
    if x.ndim == 0 or x.size == 0:
        raise ValueError(
            f"`x` must have the shape (batch, *event) and numbers in it; got {x.shape}."
        )
    per_example = jnp.square(x - mean).reshape(len(x), -1).mean(axis=1)
    own = jnp.ones_like(per_example) if weights is None else as_float(weights)
    if own.shape != per_example.shape:
        raise ValueError(
            f"`weights` must have the shape of the batch, {per_example.shape}; got "
            f"{own.shape}."
        )
    if weights is not None:
        checks.in_range("weights", weights, 0, high_open=True)
    total, count = jnp.sum(own * per_example), jnp.sum(own)
    axis_name = batch_axis(axis_name)
    if axis_name is not None:
        total, count = jax.lax.psum((total, count), axis_name)
    elif weights is not None:
        check_total_weight(count)
    return total / count


def gaussian() -> Likelihood:
    """Independent Gaussian pixels; the decoder returns a pair `(mean, logvar)`.

    The log-variance is a scalar or has the shape of the mean: fixed, learned or per
    pixel, as the decoder decides.

    >>> family = gaussian()
    >>> family.mean((jnp.ones((1, 2)), jnp.zeros(()))).tolist()
    [[1.0, 1.0]]
    """

    def log_prob(
        output: tuple[ArrayLike, ArrayLike], x: ArrayLike, batch_ndim: int = 1
    ) -> Array:
        mean, logvar = output
        return gaussian_log_prob(mean, x, logvar, batch_ndim)

    def sample(key: Array, output: tuple[ArrayLike, ArrayLike]) -> Array:
        mean, logvar = (as_float(part) for part in output)
        noise = jax.random.normal(as_key("key", key), mean.shape, mean.dtype)
        return mean + jnp.exp(0.5 * logvar) * noise

    return Likelihood(log_prob, lambda output: as_float(output[0]), sample)


def check_gaussian_data(x: ArrayLike) -> None:
    """Refuse data that is not finite; concrete arrays only.

    Raises:
        TypeError: no real numbers, or traced ones.
        ValueError: a value that is not finite; names it.

    >>> check_gaussian_data(np.array([0.0, -3.5]))
    """
    known = known_data(x)
    wrong = ~np.isfinite(known)
    if wrong.any():
        raise ValueError(
            f"`x` must be finite; got {known[wrong].flat[0]}. Clean the data."
        )
