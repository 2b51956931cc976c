"""Shannon's reverse water-filling: the best that any code does on a Gaussian source."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.analytic._arguments import as_spectrum
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class WaterFilling(NamedTuple):
    """Points of the rate-distortion curve.

    Attributes:
        distance: expected squared error, summed over the features.
        level: the water level; one nat more lowers the distance by `2 * level`.

    >>> WaterFilling._fields
    ('distance', 'level')
    """

    distance: Float[Array, "*batch"]
    level: Float[Array, "*batch"]


def water_filling(
    eigenvalues: Float[ArrayLike, " features"], rates: Float[ArrayLike, "*batch"]
) -> WaterFilling:
    """Smallest squared error at each rate, for Gaussian data with this covariance.

    `R(s) = sum_i max(0, log(l_i / s)) / 2` is, in log s, a maximum of falling lines, one
    for each number of active eigenvalues, so the level is the last of their roots,
    `log s = max_m (sum_(i <= m) log l_i - 2 R) / m`, and the distance
    `sum_i min(s, l_i)`. A linear beta-VAE with enough units lies on this curve at
    `s = beta * variance`.

    Args:
        eigenvalues: of the data's covariance; they are taken in descending order.
        rates: in nats per example, 0 or above.

    Raises:
        ValueError: a number outside its range.

    Cover & Thomas (2006), Theorem 10.3.3.

    >>> point = water_filling(jnp.array([4.0, 1.0]), 0.5 * jnp.log(jnp.array(8.0)))
    >>> print(f"{point.level:.3f} {point.distance:.3f}")
    0.707 1.414
    """
    checks.in_range("rates", rates, 0)
    spectrum = as_spectrum(eigenvalues)
    rate = as_float(rates).astype(spectrum.dtype)[..., None]
    positive = spectrum > 0
    log_volume = jnp.cumsum(jnp.log(jnp.where(positive, spectrum, 1)))
    count = jnp.arange(1, len(spectrum) + 1, dtype=spectrum.dtype)
    shape = (1,) * (rate.ndim - 1) + (-1,)
    roots = (log_volume.reshape(shape) - 2 * rate) / count.reshape(shape)
    roots = jnp.where(positive.reshape(shape), roots, -jnp.inf)
    level = jnp.exp(jnp.max(roots, axis=-1))
    distance = jnp.minimum(spectrum.reshape(shape), level[..., None]).sum(axis=-1)
    return WaterFilling(distance, level)
