"""Densities of samples under every posterior of a set: all pairs, a block at a time.

A sample is its mean and its noise, which are never added before they are compared: of a
posterior narrower than the rounding of its mean, z itself has no digit of noise left. Where
no two posteriors meet, every sample is its own example's alone, and information is log N.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vae_jax import checks, numerics
from vae_jax.diagnostics._checks import log_density
from vae_jax.numerics import as_float, check_same_shape

LogPrior = Callable[[Array], Float[Array, " samples"]]
"""`log_prior(z) -> (samples,)`: `log p(z)` in nats, of a prior other than N(0, I)."""

NARROW = -60.0
"""A log-variance below which standard deviations are taken relative to their widest."""

BLOCK_SIZE = 64
"""Samples compared with the whole set at once: block_size x N numbers in memory."""

UNITS_AT_ONCE = 16
"""Units added up per pass over a block: fewer passes, and a program of bounded size."""


def log_ratio_to(
    log_prior: LogPrior, noise: Array, z: Array, logvar: Array
) -> Float[Array, " samples"]:
    """`log q(z|x) - log p(z)` of one sample an example."""
    own, prior = jnp.sum(log_density(noise, logvar), axis=-1), as_float(log_prior(z))
    check_same_shape("log_prior(z)", prior, "log q(z|x)", own)
    return own - prior


class LogRatios(NamedTuple):
    """`log q(z|x) - log q(z)` and `log q(z|x) - log p(z)` of every sample.

    With labels also `log q(z|x) - log q(z|c)`, to the mixture of its condition.
    """

    to_mixture: Float[Array, " samples"]
    to_prior: Float[Array, " samples"]
    to_group: Float[Array, " samples"] | None = None


def log_ratios(
    noise: Float[Array, "samples latent"],
    mean: Float[Array, "examples latent"],
    logvar: Float[Array, "examples latent"],
    block_size: int,
    labels: Int[Array, " examples"] | None = None,
) -> LogRatios:
    """Sample i is of example i modulo N. The constant of the Gaussian cancels throughout.

    Squares of differences, unit by unit: the expansion into matrix products is faster and
    loses all digits for a narrow posterior far from zero.
    """
    block_size = checks.whole("block_size", block_size, 1)
    scale = unit_scale(logvar)
    units = (mean.T, logvar.T, scale)
    log_scale = jnp.sum(logvar, axis=-1)

    def ratios(index: Array) -> LogRatios:
        example = index % len(mean)
        own_mean = mean[example]
        offset = jnp.exp(0.5 * (logvar[example] - scale)) * noise[index]

        def add_unit(total: Array, unit: tuple[Array, ...]) -> tuple[Array, None]:
            return total + jnp.square(scaled_error(*unit)), None

        total, _ = jax.lax.scan(
            add_unit, log_scale, (own_mean, offset, *units), unroll=UNITS_AT_ONCE
        )
        own = total[example]
        to_mixture = -numerics.log_mean_exp((own - total) / 2, axis=0)
        z = own_mean + jnp.exp(0.5 * scale) * offset
        to_group = None
        if labels is not None:
            to_group = ratio_to_some((own - total) / 2, labels == labels[example])
        return LogRatios(to_mixture, (jnp.sum(jnp.square(z)) - own) / 2, to_group)

    size = len(noise)
    found: LogRatios = jax.lax.map(
        ratios, jnp.arange(size), batch_size=min(block_size, size)
    )
    return found


def ratio_to_some(
    log_ratios: Float[Array, " examples"], some: Bool[Array, " examples"]
) -> Float[Array, ""]:
    """To the mixture of some of the examples, the own one among them."""
    count = jnp.sum(some).astype(log_ratios.dtype)
    inside = jnp.where(some, log_ratios, -jnp.inf)
    return jnp.log(count) - jax.nn.logsumexp(inside)


def unit_scale(logvar: Float[Array, "examples latent"]) -> Float[Array, " latent"]:
    """A log-variance of each unit in which noise does not underflow; 0 as a rule."""
    widest = jnp.max(logvar, axis=0)
    return jnp.where(widest < NARROW, widest, 0.0)


def scaled_error(
    own_mean: Array, offset: Array, mean: Array, logvar: Array, scale: Array
) -> Array:
    """`(z - mean) / exp(logvar / 2)`, z = own_mean + exp(scale / 2) offset.

    Means are compared before the offset is added: at its own mean it is the noise. Where
    nothing is left it is 0, also if the precision is infinite.
    """
    apart = own_mean - mean
    apart = jnp.where(apart == 0, 0.0, apart * jnp.exp(-0.5 * scale))
    error = apart + offset
    return jnp.where(error == 0, 0.0, error * jnp.exp(0.5 * (scale - logvar)))
