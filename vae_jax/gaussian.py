"""Diagonal Gaussians: the posterior of a VAE, unit by unit, in nats.

Log-variances everywhere, never standard deviations. Nothing is clipped.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape, expm1_minus
from vae_jax.types import ArrayLike

LOG_2PI = math.log(2 * math.pi)


def reparameterize(
    key: Key[Array, ""],
    mean: Float[ArrayLike, "*batch latent"],
    logvar: Float[ArrayLike, "*batch latent"],
) -> Float[Array, "*batch latent"]:
    """A sample that gradients pass through: `z = mean + exp(logvar / 2) * noise`.

    One key draws the noise of the whole array; `vmap` over keys for noise per example.
    Kingma & Welling (2014), Section 2.4, arXiv:1312.6114.

    Raises:
        TypeError: no key; the raw numbers of `jax.random.PRNGKey` are one.
        ValueError: the shapes differ, or there are several keys.

    >>> reparameterize(jax.random.key(0), jnp.zeros((4, 2)), jnp.zeros((4, 2))).shape
    (4, 2)
    """
    key = as_key("key", key)
    mean, logvar = _pair(mean, logvar)
    noise = jax.random.normal(key, mean.shape, mean.dtype)
    return mean + jnp.exp(0.5 * logvar) * noise


def log_prob(
    z: Float[ArrayLike, "*batch latent"],
    mean: Float[ArrayLike, "*batch latent"],
    logvar: Float[ArrayLike, "*batch latent"],
) -> Float[Array, "*batch latent"]:
    """Log-density per unit: `-(log 2 pi + logvar + (z - mean)^2 / exp(logvar)) / 2`.

    Raises:
        ValueError: the shapes differ.

    >>> round(float(log_prob(jnp.zeros(1), jnp.zeros(1), jnp.zeros(1))[0]), 4)
    -0.9189
    """
    mean, logvar = _pair(mean, logvar)
    z = as_float(z)
    check_same_shape("z", z, "mean", mean)
    # the scaled error, not its square over the variance: neither overflows alone
    error = (z - mean) * jnp.exp(-0.5 * logvar)
    return -0.5 * (LOG_2PI + logvar + jnp.square(error))


def entropy(logvar: Float[ArrayLike, "*batch latent"]) -> Float[Array, "*batch latent"]:
    """Differential entropy per unit: `(1 + log 2 pi + logvar) / 2` nats.

    >>> round(float(entropy(jnp.zeros(1))[0]), 4)
    1.4189
    """
    return 0.5 * (1.0 + LOG_2PI + as_float(logvar))


def kl_standard(
    mean: Float[ArrayLike, "*batch latent"], logvar: Float[ArrayLike, "*batch latent"]
) -> Float[Array, "*batch latent"]:
    """KL to the standard normal, per unit: `(mean^2 + expm1(logvar) - logvar) / 2` nats.

    Exact to rounding near 0, value, slope and curvature, where the textbook form is noise;
    in float32 or wider whatever the inputs. Kingma & Welling (2014), Appendix B,
    arXiv:1312.6114.

    Raises:
        ValueError: the shapes differ.

    >>> kl_standard(jnp.array([1.0, 0.0]), jnp.array([0.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    mean, logvar = _pair(mean, logvar)
    return 0.5 * (jnp.square(mean) + expm1_minus(logvar))


def kl_between(
    mean_q: Float[ArrayLike, "*batch latent"],
    logvar_q: Float[ArrayLike, "*batch latent"],
    mean_p: Float[ArrayLike, "*batch latent"],
    logvar_p: Float[ArrayLike, "*batch latent"],
) -> Float[Array, "*batch latent"]:
    """KL(q || p) per unit: `((mean_q - mean_p)^2 / v_p + expm1(d) - d) / 2` nats.

    `d = logvar_q - logvar_p`, `v_p = exp(logvar_p)`.

    Raises:
        ValueError: the shapes differ.

    >>> one = jnp.ones(1)
    >>> kl_between(one, one, one, one).tolist()
    [0.0]
    """
    mean_q, logvar_q = _pair(mean_q, logvar_q, "_q")
    mean_p, logvar_p = _pair(mean_p, logvar_p, "_p")
    check_same_shape("mean_p", mean_p, "mean_q", mean_q)
    shift = (mean_q - mean_p) * jnp.exp(-0.5 * logvar_p)
    return 0.5 * (jnp.square(shift) + expm1_minus(logvar_q - logvar_p))


def _pair(mean: ArrayLike, logvar: ArrayLike, of: str = "") -> tuple[Array, Array]:
    mean, logvar = as_float(mean), as_float(logvar)
    check_same_shape(f"logvar{of}", logvar, f"mean{of}", mean)
    return mean, logvar
