"""The log marginal likelihood of probabilistic PCA at any weights: its landscape.

Rate, distortion and log-likelihood are in nats per example.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax.analytic._arguments import check_noise, leading
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


def ppca_log_likelihood(
    decoder: Float[ArrayLike, "features latent"],
    covariance: Float[ArrayLike, "features features"],
    variance: Num[ArrayLike, "*settings"],
) -> Float[Array, "*settings"]:
    """Mean log marginal likelihood of centred data under any weights, in nats per example.

    Of `x ~ N(0, C)`, `C = W W' + v I`, n features and S the covariance of the data:
    `-[n log(2 pi) + log det C + tr(C^-1 S)] / 2`. With `M = W'W + v I`, which is as small
    as z, `det C = v^(n - k) det M` and `v tr(C^-1 S) = tr S - tr(M^-1 W'S W)`. Its maximum
    over W is that of `ppca`.

    Args:
        decoder: W.
        covariance: S, of the data.
        variance: v, of the noise, finite and above 0; its axes are the result's.

    Raises:
        ValueError: shapes that do not fit, or a number outside its range.

    Tipping & Bishop (1999), Eq. 4; Lucas et al. (2019), arXiv:1911.02469.

    >>> log_likelihood = ppca_log_likelihood(jnp.zeros((2, 1)), jnp.eye(2), 1.0)
    >>> print(f"{log_likelihood:.4f}")
    -2.8379
    """
    check_noise(variance)
    w, s = as_float(decoder), as_float(covariance)
    _check_shapes(w, s)
    features, latent = w.shape
    # the default of accelerators is too coarse for a ground truth
    with jax.default_matmul_precision("highest"):
        gram, signal = w.T @ w, w.T @ s @ w
    gram, noise = leading(gram, variance=variance)
    inner = gram + noise * jnp.eye(latent, dtype=w.dtype).reshape(gram.shape)
    signal = jnp.broadcast_to(signal, inner.shape)
    explained = jnp.trace(jnp.linalg.solve(inner, signal), axis1=-2, axis2=-1)
    noise = noise[..., 0, 0]
    log_det = (features - latent) * jnp.log(noise) + jnp.linalg.slogdet(inner)[1]
    squared = (jnp.trace(s) - explained) / noise
    found: Array = -(features * jnp.log(2 * jnp.pi) + log_det + squared) / 2
    return found


def _check_shapes(decoder: Array, covariance: Array) -> None:
    """Refuse matrices that do not fit, by name."""
    if decoder.ndim != 2:
        raise ValueError(
            f"`decoder` must have the shape (features, latent); got {decoder.shape}."
        )
    shape = (len(decoder), len(decoder))
    if covariance.shape != shape:
        raise ValueError(
            f"`covariance` must have the shape {shape}, with the `decoder` of shape "
            f"{decoder.shape}; got {covariance.shape}."
        )
