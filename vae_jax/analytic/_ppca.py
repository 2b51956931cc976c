"""Probabilistic PCA, and the noise variance at which a linear beta-VAE is best.

Rate, distortion and log-likelihood are in nats per example.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

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

    log_likelihood: Float[Array, ""]
    variance: Float[Array, ""]
    weights: Float[Array, " latent"]
    active: Bool[Array, " latent"]


def ppca(
    eigenvalues: Float[ArrayLike, " features"],
    latent_dim: int,
    variance: Num[ArrayLike, ""] | None = None,
) -> PPCA:
    """Maximum likelihood of `x ~ N(0, W W' + variance I)` on centred data, per example.

    `-[n log(2 pi) + sum_active (log l_i + 1) + sum_other (log v + l_i / v)] / 2`, active
    the i <= k with an eigenvalue `l_i` above the noise variance v. Without a variance it is
    the best one, the mean of the discarded eigenvalues: zero where they all are, and the
    likelihood has no upper bound then.

    Args:
        eigenvalues: of the data's covariance; they are taken in descending order.
        latent_dim: columns of W.
        variance: of the noise; the most likely one if None.

    Raises:
        ValueError: `latent_dim` is not between 1 and the number of features, or the
            variance is asked for and no feature is left to estimate it.

    Tipping & Bishop (1999), Eqs. 7 and 8.

    >>> fit = ppca(jnp.array([4.0, 1.0, 0.5]), 1)
    >>> print(f"{fit.variance:.2f} {fit.weights[0]:.4f} {fit.log_likelihood:.4f}")
    0.75 1.8028 -4.6623
    """
    spectrum = jnp.sort(jnp.asarray(eigenvalues), descending=True)
    num_features = len(spectrum)
    if not 1 <= latent_dim <= num_features:
        raise ValueError(
            f"`latent_dim` must be from 1 to the number of features, {num_features}; "
            f"got {latent_dim}."
        )
    if variance is None:
        variance = optimal_variance(spectrum, latent_dim, 1.0)
    noise = jnp.asarray(variance, spectrum.dtype)
    index = jnp.arange(num_features)
    active = (spectrum > noise) & (index < latent_dim)
    kept = jnp.log(jnp.where(active, spectrum, 1)) + 1
    terms = jnp.where(active, kept, jnp.log(noise) + spectrum / noise)
    log_likelihood = -(num_features * jnp.log(2 * jnp.pi) + jnp.sum(terms)) / 2
    weights = jnp.where(active, jnp.sqrt(jnp.where(active, spectrum - noise, 1)), 0)
    return PPCA(log_likelihood, noise, weights[:latent_dim], active[:latent_dim])


def optimal_variance(
    eigenvalues: Float[ArrayLike, " features"],
    latent_dim: int,
    beta: Num[ArrayLike, ""],
) -> Float[Array, ""]:
    """Noise variance at which the optimal linear beta-VAE has the lowest objective.

    It solves `v = sum_(i not active) l_i / (n - beta * m)`, m the active units at the level
    `beta * v`. The derivative of `D + beta R` in v has the sign of
    `n v - sum_i l_i + sum_(i <= k) max(l_i - beta v, 0)`, a maximum of lines: one for each
    m. So its root is the first root of those lines that rise,
    `min_m sum_(i > m) l_i / (n - beta m)` over `m <= k` with `beta m < n`. No iteration.

    Args:
        eigenvalues: of the data's covariance; they are taken in descending order.
        latent_dim: units.
        beta: weight of the rate, above 0.

    Raises:
        ValueError: `latent_dim` is below 1, or leaves no feature to estimate the noise.

    At beta = 1: Tipping & Bishop (1999), Eq. 8, the mean of the discarded eigenvalues.

    >>> float(optimal_variance(jnp.array([4.0, 1.0, 0.5]), 1, 1.0))
    0.75
    """
    spectrum = jnp.sort(jnp.asarray(eigenvalues), descending=True)
    num_features = len(spectrum)
    if not 1 <= latent_dim < num_features:
        raise ValueError(
            f"`latent_dim` must be at least 1 and below the number of features, "
            f"{num_features}; got {latent_dim}."
        )
    # from the smallest up: the sum of the rest keeps its digits
    rest = jnp.flip(jnp.cumsum(jnp.flip(spectrum)))[: latent_dim + 1]
    count = jnp.arange(latent_dim + 1, dtype=spectrum.dtype)
    slope = num_features - jnp.asarray(beta, spectrum.dtype) * count
    rising = slope > 0
    return jnp.min(jnp.where(rising, rest / jnp.where(rising, slope, 1), jnp.inf))
