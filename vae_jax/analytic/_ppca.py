"""Probabilistic PCA, and the noise variance at which a linear beta-VAE is best.

Rate, distortion and log-likelihood are in nats per example.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from vae_jax import checks
from vae_jax.analytic._arguments import (
    as_spectrum,
    check_noise,
    check_weight,
    leading,
    position,
)
from vae_jax.types import ArrayLike


class PPCA(NamedTuple):
    """A fit of maximum likelihood.

    Attributes:
        log_likelihood: mean log marginal likelihood of an example, in nats.
        variance: of the noise.
        weights: norm of each column of W.
        active: whether the column is used.

    >>> PPCA._fields
    ('log_likelihood', 'variance', 'weights', 'active')
    """

    log_likelihood: Float[Array, "*settings"]
    variance: Float[Array, "*settings"]
    weights: Float[Array, "*settings latent"]
    active: Bool[Array, "*settings latent"]


def ppca(
    eigenvalues: Float[ArrayLike, " features"],
    latent_dim: int,
    variance: Num[ArrayLike, "*settings"] | None = None,
) -> PPCA:
    """Maximum likelihood of `x ~ N(0, W W' + variance I)` on centred data, per example.

    `-[n log(2 pi) + sum_active (log l_i + 1) + sum_other (log v + l_i / v)] / 2`, active
    the i <= k with an eigenvalue `l_i` above the noise variance v. Without a variance it is
    the best one, the mean of the discarded eigenvalues: zero where they all are, and the
    likelihood, which has no upper bound then, is infinite.

    Args:
        eigenvalues: of the data's covariance; they are taken in descending order.
        latent_dim: columns of W.
        variance: of the noise, finite and above 0; its axes lead the result's. The most
            likely one if None.

    Raises:
        ValueError: `latent_dim` is not between 1 and the number of features, or the
            variance is asked for and no feature is left to estimate it; a number outside
            its range.
        TypeError: `latent_dim` is no whole number.

    Tipping & Bishop (1999), Eqs. 7 and 8.

    >>> fit = ppca(jnp.array([4.0, 1.0, 0.5]), 1)
    >>> print(f"{fit.variance:.2f} {fit.weights[0]:.4f} {fit.log_likelihood:.4f}")
    0.75 1.8028 -4.6623
    """
    spectrum = as_spectrum(eigenvalues)
    num_features = len(spectrum)
    latent_dim = _columns(latent_dim, num_features, "from 1 to")
    if variance is None:
        variance = optimal_variance(spectrum, latent_dim, 1.0)
    else:
        check_noise(variance)
    spectrum, noise = leading(spectrum, variance=variance)
    active = (spectrum > noise) & (position(spectrum) < latent_dim)
    kept = jnp.log(jnp.where(active, spectrum, 1)) + 1
    # a noise of 0 is the best one where nothing is left for it: log 0, and no 0 / 0
    some = noise > 0
    left = jnp.where(some, spectrum / jnp.where(some, noise, 1), 0)
    terms = jnp.where(active, kept, jnp.log(noise) + left)
    log_likelihood = -(num_features * jnp.log(2 * jnp.pi) + jnp.sum(terms, axis=-1)) / 2
    weights = jnp.where(active, jnp.sqrt(jnp.where(active, spectrum - noise, 1)), 0)
    return PPCA(
        log_likelihood,
        noise[..., 0],
        weights[..., :latent_dim],
        active[..., :latent_dim],
    )


def optimal_variance(
    eigenvalues: Float[ArrayLike, " features"],
    latent_dim: int,
    beta: Num[ArrayLike, "*settings"],
) -> Float[Array, "*settings"]:
    """Noise variance at which the optimal linear beta-VAE has the lowest objective.

    It solves `v = sum_(i not active) l_i / (n - beta * m)`, m the active units at the level
    `beta * v`. The derivative of `D + beta R` in v has the sign of
    `n v - sum_i l_i + sum_(i <= k) max(l_i - beta v, 0)`, a maximum of lines: one for each
    m. So its root is the first root of those lines that rise,
    `min_m sum_(i > m) l_i / (n - beta m)` over `m <= k` with `beta m < n`. No iteration.

    Args:
        eigenvalues: of the data's covariance; they are taken in descending order.
        latent_dim: units.
        beta: weight of the rate, finite and above 0; its axes are those of the result.

    Raises:
        ValueError: `latent_dim` is below 1, or leaves no feature to estimate the noise; a
            number outside its range.
        TypeError: `latent_dim` is no whole number.

    At beta = 1: Tipping & Bishop (1999), Eq. 8, the mean of the discarded eigenvalues.

    >>> float(optimal_variance(jnp.array([4.0, 1.0, 0.5]), 1, 1.0))
    0.75
    """
    spectrum = as_spectrum(eigenvalues)
    num_features = len(spectrum)
    latent_dim = _columns(latent_dim, num_features - 1, "at least 1 and below")
    check_weight(beta, zero=False)
    # from the smallest up: the sum of the rest keeps its digits
    rest = jnp.flip(jnp.cumsum(jnp.flip(spectrum)))
    rest, weight = leading(rest, beta=beta)
    count = jnp.arange(num_features, dtype=rest.dtype).reshape(rest.shape)
    slope = num_features - weight * count
    rising = (slope > 0) & (count <= latent_dim)
    roots = jnp.where(rising, rest / jnp.where(rising, slope, 1), jnp.inf)
    return jnp.min(roots, axis=-1)


def _columns(latent_dim: int, most: int, words: str) -> int:
    """The number of columns of W, which there are eigenvalues for."""
    latent_dim = checks.whole("latent_dim", latent_dim)
    if not 1 <= latent_dim <= most:
        features = most + (words != "from 1 to")
        raise ValueError(
            f"`latent_dim` must be {words} the number of features, {features}; got "
            f"{latent_dim}."
        )
    return latent_dim
