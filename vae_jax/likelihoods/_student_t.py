"""The Student-t likelihood: heavy tails, for data with outliers.

Log-densities are in nats, summed over the event.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.likelihoods._event import Likelihood, sum_event
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

SERIES_ABOVE = 10.0
"""From here on five terms of the series of the constant are exact to 1e-8."""


def student_t_log_prob(
    mean: Float[ArrayLike, "..."],
    x: Float[ArrayLike, "..."],
    log_scale: Float[ArrayLike, "..."],
    df: Float[ArrayLike, ""],
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """`sum_i (c(df) - log_scale_i - (df + 1) / 2 log(1 + t_i^2 / df))` nats.

    `t_i = (x_i - mean_i) / exp(log_scale_i)` and `c(df) = log G((df + 1) / 2) -
    log G(df / 2) - log(pi df) / 2`. Many degrees of freedom are a Gaussian of that scale.
    Takahashi et al. (2018), "Student-t variational autoencoder", IJCAI.

    Args:
        mean: `(*batch, *event)`.
        x: the same shape; any finite number, `check_gaussian_data`.
        log_scale: log of the scale: a scalar, or the shape of `x`.
        df: degrees of freedom, above 0; the mean exists above 1, the variance above 2.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ, or `df` is not positive.

    >>> x = jnp.zeros((1, 1))
    >>> round(float(jnp.exp(student_t_log_prob(x, x, 0.0, 1.0)[0]) * math.pi), 5)
    1.0
    """
    mean, x, log_scale = as_float(mean), as_float(x), as_float(log_scale)
    check_same_shape("x", x, "mean", mean)
    if log_scale.ndim:
        check_same_shape("log_scale", log_scale, "x", x)
    checks.number("df", df, 0, low_open=True, high_open=True)
    log_scale, df = log_scale.astype(x.dtype), as_float(df).astype(x.dtype)
    tail = 0.5 * (df + 1) * _log1p_of_square(x - mean, log_scale, df)
    return sum_event(_constant(df) - log_scale - tail, batch_ndim)


def _log1p_of_square(error: Array, log_scale: Array, df: Array) -> Array:
    """`log(1 + (error / scale)^2 / df)`, by logarithms where the square is large."""
    t = error * jnp.exp(-log_scale)
    far = jnp.abs(t) > 1e3 * jnp.sqrt(jnp.minimum(df, 1e26))
    near = jnp.where(far, 1.0, t)
    away = jnp.abs(jnp.where(far, error, 1.0))
    large = jax.nn.softplus(2 * (jnp.log(away) - log_scale) - jnp.log(df))
    return jnp.where(far, large, jnp.log1p(jnp.square(near) / df))


def _constant(df: Array) -> Array:
    """`log G((df + 1) / 2) - log G(df / 2) - log(pi df) / 2`, near the Gaussian's.

    For large x `log G(x + 1/2) - log G(x) = log(x) / 2 - 1/(8 x) + 1/(192 x^3) -
    1/(640 x^5) + 17/(14336 x^7) - ...`; Abramowitz & Stegun (1964), 6.1.47 for its form.
    """
    far = df >= SERIES_ABOVE
    large, small = jnp.where(far, df, SERIES_ABOVE), jnp.where(far, 1.0, df)
    inverse = 2.0 / large
    square = inverse**2
    tail = 1 / 192 - square * (1 / 640 - square * (17 / 14336 - square * 31 / 18432))
    series = -inverse * (1 / 8 - square * tail) - 0.5 * math.log(2 * math.pi)
    direct = jax.lax.lgamma(0.5 * (small + 1)) - jax.lax.lgamma(0.5 * small)
    return jnp.where(far, series, direct - 0.5 * jnp.log(math.pi * small))


def student_t(df: Float[ArrayLike, ""] = 5.0) -> Likelihood:
    """Independent Student-t pixels; the decoder returns a pair `(mean, log_scale)`.

    The log-scale is a scalar or has the shape of the mean. With 1 degree of freedom or
    less the law has no mean, and `mean` is where it has its centre.

    Args:
        df: degrees of freedom.

    >>> family = student_t(3.0)
    >>> family.mean((jnp.ones((1, 2)), jnp.zeros(()))).tolist()
    [[1.0, 1.0]]
    """

    def log_prob(
        output: tuple[ArrayLike, ArrayLike], x: ArrayLike, batch_ndim: int = 1
    ) -> Array:
        mean, log_scale = output
        return student_t_log_prob(mean, x, log_scale, df, batch_ndim)

    def sample(key: Array, output: tuple[ArrayLike, ArrayLike]) -> Array:
        mean, log_scale = (as_float(part) for part in output)
        degrees = as_float(df).astype(mean.dtype)
        noise = jax.random.t(as_key("key", key), degrees, mean.shape, mean.dtype)
        return mean + jnp.exp(log_scale) * noise

    return Likelihood(log_prob, lambda output: as_float(output[0]), sample)
