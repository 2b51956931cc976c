"""The linear Gaussian beta-VAE: its objective in closed form, and its global optimum.

Decoder `N(W z, variance)`, encoder `N(V x, diag(d))` with d constant in x, data centred
with covariance S. Only the water level `beta * variance` decides which units are used:
unit i is active where the i-th eigenvalue of S is above it.

Lucas et al. (2019), arXiv:1911.02469; Wang & Ziyin (2022), arXiv:2205.04009.

Rate, distortion and log-likelihood are in nats per example.
"""

from typing import NamedTuple

import jax
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
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


class LinearObjective(NamedTuple):
    """The terms of a linear VAE, in nats per example.

    Attributes:
        distortion: expected negative log-likelihood, with its constant.
        rate: KL to the prior, averaged over the data.
        objective: `distortion + beta * rate`.

    >>> LinearObjective._fields
    ('distortion', 'rate', 'objective')
    """

    distortion: Float[Array, "*settings"]
    rate: Float[Array, "*settings"]
    objective: Float[Array, "*settings"]


class LinearOptimum(NamedTuple):
    """The global optimum, up to the sign and the order of the units.

    Attributes:
        weights: norm of the unit's column of W; the column is this times the eigenvector.
        encoder: norm of the unit's row of V, along the same eigenvector.
        posterior_variance: variance of the posterior; 1 where the unit is collapsed.
        kl: of each unit, in nats.
        rate: their sum.
        distortion: expected negative log-likelihood in nats, with its constant.
        elbo: `-(distortion + rate)`, of weight 1 whatever the beta.
        active: whether the unit is in use.

    >>> linear_vae_optimum(jnp.array([4.0, 1.0]), 2, 1.0, 2.0).active.tolist()
    [True, False]
    """

    weights: Float[Array, "*settings latent"]
    encoder: Float[Array, "*settings latent"]
    posterior_variance: Float[Array, "*settings latent"]
    kl: Float[Array, "*settings latent"]
    rate: Float[Array, "*settings"]
    distortion: Float[Array, "*settings"]
    elbo: Float[Array, "*settings"]
    active: Bool[Array, "*settings latent"]


def linear_vae_objective(
    decoder: Float[ArrayLike, "features latent"],
    encoder: Float[ArrayLike, "latent features"],
    posterior_variance: Float[ArrayLike, " latent"],
    covariance: Float[ArrayLike, "features features"],
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
) -> LinearObjective:
    """Distortion and rate of any linear VAE on centred data, in nats per example.

    With A = I - W V, n features and v the noise variance:
    `D = [tr(A S A') + tr(W diag(d) W')] / (2 v) + (n/2) log(2 pi v)`,
    `R = [sum_j (d_j - log d_j - 1) + tr(V S V')] / 2`.

    Args:
        decoder: W.
        encoder: V.
        posterior_variance: d.
        covariance: S, of the data.
        beta: weight of the rate in the objective, finite and not negative; its axes are
            those of the result.
        variance: noise variance of the decoder, finite and above 0; likewise.

    Raises:
        ValueError: shapes that do not fit, or a number outside its range.

    >>> terms = linear_vae_objective(
    ...     jnp.zeros((2, 1)), jnp.zeros((1, 2)), jnp.ones(1), jnp.eye(2), 1.0, 1.0
    ... )
    >>> print(f"{terms.distortion:.4f} {terms.rate:.4f}")
    2.8379 0.0000
    """
    check_weight(beta)
    check_noise(variance)
    checks.in_range("posterior_variance", posterior_variance, 0, low_open=True)
    w, v, d, s = map(as_float, (decoder, encoder, posterior_variance, covariance))
    _check_shapes(w, v, d, s)
    # the default of accelerators is too coarse for a ground truth
    with jax.default_matmul_precision("highest"):
        residual = jnp.eye(len(s), dtype=w.dtype) - w @ v
        squared = jnp.sum(residual @ s * residual) + jnp.sum(jnp.square(w) @ d)
        signal = jnp.sum(v @ s * v)
    squared, weight, noise = leading(squared, beta=beta, variance=variance)
    distortion = squared / (2 * noise) + log_normaliser(len(s), noise)
    rate = (jnp.sum(d - jnp.log(d) - 1) + signal) / 2
    rate = jnp.broadcast_to(rate, distortion.shape)
    return LinearObjective(distortion, rate, distortion + weight * rate)


def _check_shapes(
    decoder: Array, encoder: Array, own: Array, covariance: Array
) -> None:
    """Refuse matrices that would broadcast or not fit, by name."""
    if decoder.ndim != 2:
        raise ValueError(
            f"`decoder` must have the shape (features, latent); got {decoder.shape}."
        )
    features, latent = decoder.shape
    for name, array, shape in (
        ("encoder", encoder, (latent, features)),
        ("posterior_variance", own, (latent,)),
        ("covariance", covariance, (features, features)),
    ):
        if array.shape != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape}, with the `decoder` of shape "
                f"{decoder.shape}; got {array.shape}."
            )


def linear_vae_optimum(
    eigenvalues: Float[ArrayLike, " features"],
    latent_dim: int,
    beta: Num[ArrayLike, "*#settings"],
    variance: Num[ArrayLike, "*#settings"],
) -> LinearOptimum:
    """Global optimum of a linear beta-VAE with a fixed noise variance.

    With the level `s = beta * variance` and the i-th largest eigenvalue l_i:
    `w_i = sqrt(max(l_i - s, 0))`, `v_i = w_i / l_i`, `d_i = min(1, s / l_i)`,
    `KL_i = max(0, log(l_i / s)) / 2`, and the squared error is
    `sum_(i <= k) min(s, l_i) + sum_(i > k) l_i`. At beta = 1 the ELBO is the log marginal
    likelihood of probabilistic PCA, so nothing is lost to the encoder.

    Args:
        eigenvalues: of the data's covariance; they are taken in descending order.
        latent_dim: units; those beyond the number of features are collapsed.
        beta: weight of the rate, finite and above 0; its axes lead the result's.
        variance: noise variance of the decoder, finite and above 0; likewise.

    Raises:
        ValueError: a number outside its range.
        TypeError: `latent_dim` is no whole number.

    >>> best = linear_vae_optimum(jnp.array([4.0, 1.0, 0.5]), 2, 0.5, 1.0)
    >>> print(f"{best.rate:.4f} {best.distortion:.4f} {best.elbo:.4f}")
    1.3863 3.5068 -4.8931
    """
    latent_dim = checks.whole("latent_dim", latent_dim, 1)
    check_weight(beta, zero=False)
    check_noise(variance)
    spectrum, weight, noise = leading(
        as_spectrum(eigenvalues), beta=beta, variance=variance
    )
    level, num_features = weight * noise, spectrum.shape[-1]
    # all features wide, and cut at the end: another number of units compiles little anew
    own = _padded(spectrum, max(num_features, latent_dim))
    used = position(own) < latent_dim
    active = used & ~(own <= level)  # what is not a number shows
    # 1 where inactive: log and division keep finite values and gradients
    ratio = jnp.where(active, own / level, 1)
    weights = jnp.where(active, jnp.sqrt(jnp.where(active, own - level, 1)), 0)
    kl = jnp.log(ratio) / 2
    rate = jnp.sum(kl, axis=-1)
    squared = jnp.where(used, jnp.minimum(own, level), own).sum(axis=-1)
    noise = noise[..., 0]
    distortion = squared / (2 * noise) + log_normaliser(num_features, noise)
    return LinearOptimum(
        weights=weights[..., :latent_dim],
        encoder=(weights / (level * ratio))[..., :latent_dim],
        posterior_variance=(1 / ratio)[..., :latent_dim],
        kl=kl[..., :latent_dim],
        rate=rate,
        distortion=distortion,
        elbo=-(distortion + rate),
        active=active[..., :latent_dim],
    )


def _padded(values: Array, length: int) -> Array:
    """With zeros at the end of the last axis."""
    ends = [(0, 0)] * (values.ndim - 1) + [(0, length - values.shape[-1])]
    return jnp.pad(values, ends)


def log_normaliser(num_features: int, variance: Array) -> Array:
    """`(n/2) log(2 pi variance)`."""
    return num_features / 2 * jnp.log(2 * jnp.pi * variance)
