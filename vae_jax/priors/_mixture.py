"""Mixtures of diagonal Gaussians.

`log_prob` and `kl` are in nats.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from vae_jax import checks, gaussian
from vae_jax.keys import as_key
from vae_jax.numerics import as_float
from vae_jax.priors._latent import as_latent, at_least_one, check_parameter
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import DiagGaussian, Prior


def mixture(
    latent_dim: int, num_components: int, spread: Float[ArrayLike, ""] = 1.0
) -> Prior:
    """`p(z) = sum_k w_k N(z; mean_k, diag(exp(logvar_k)))`, all of it learned.

    Parameters: `means` and `logvars`, `(components, latent)`, and `logits`,
    `(components,)`, whose softmax are the weights. There is no closed form of the KL: see
    `sampled_kl`.

    Args:
        latent_dim: units of z.
        num_components: K.
        spread: standard deviation of the initial means, at least 0; variances begin at 1,
            weights at 1/K. At 0 it begins as `N(0, I)` and its components never part.

    Raises:
        TypeError: a size that is no whole number.
        ValueError: no unit or no component, a spread that is negative or not one number, or
            codes of another number of units.

    >>> prior = mixture(2, 3, spread=0.0)
    >>> round(float(prior.log_prob(prior.init(jax.random.key(0)), jnp.zeros(2))), 4)
    -1.8379
    """
    latent_dim = at_least_one("latent_dim", latent_dim)
    num_components = at_least_one("num_components", num_components)

    checks.number("spread", spread, 0, high_open=True)

    def init(key: Key[Array, ""]) -> Params:
        shape, dtype = (num_components, latent_dim), jnp.result_type(float)
        return {
            "means": jnp.asarray(spread, dtype)
            * jax.random.normal(as_key("key", key), shape, dtype),
            "logvars": jnp.zeros(shape, dtype),
            "logits": jnp.zeros(num_components, dtype),
        }

    def components(params: Params) -> DiagGaussian:
        shape = num_components, latent_dim
        for name, own in ("means", shape), ("logvars", shape), ("logits", shape[:1]):
            check_parameter(name, params[name], own)
        return DiagGaussian(params["means"], params["logvars"])

    def log_prob(
        params: Params, z: Float[ArrayLike, "*batch latent"]
    ) -> Float[Array, "*batch"]:
        z = as_latent("z", z, latent_dim)
        return mixture_log_prob(z, params["logits"], components(params))

    def sample(
        key: Key[Array, ""], params: Params, shape: tuple[int, ...] = ()
    ) -> Float[Array, "*shape latent"]:
        return mixture_sample(key, params["logits"], components(params), shape)

    return Prior(init, log_prob, sample)


def mixture_log_prob(
    z: Float[Array, "*batch latent"],
    logits: Float[ArrayLike, " components"],
    components: DiagGaussian,
) -> Float[Array, "*batch"]:
    """`logsumexp_k (log w_k + log N(z; mean_k, exp(logvar_k)))`, w the softmax.

    >>> one = DiagGaussian(jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    >>> round(float(mixture_log_prob(jnp.zeros(2), jnp.zeros(1), one)), 4)
    -1.8379
    """
    num_components, latent_dim = jnp.shape(components.mean)
    shape = (*z.shape[:-1], num_components, latent_dim)
    law = (as_float(part).astype(z.dtype) for part in components)
    each = gaussian.log_prob(
        jnp.broadcast_to(z[..., None, :], shape),
        *(jnp.broadcast_to(part, shape) for part in law),
    )
    log_weights = jax.nn.log_softmax(as_float(logits).astype(z.dtype))
    joint = jnp.broadcast_to(log_weights, shape[:-1]) + jnp.sum(each, axis=-1)
    return jax.nn.logsumexp(joint, axis=-1)


def mixture_sample(
    key: Key[Array, ""],
    logits: Float[ArrayLike, " components"],
    components: DiagGaussian,
    shape: tuple[int, ...],
) -> Float[Array, "*shape latent"]:
    """A component, then a code from it.

    >>> one = DiagGaussian(jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    >>> mixture_sample(jax.random.key(0), jnp.zeros(1), one, (4,)).shape
    (4, 2)
    """
    which_key, noise_key = jax.random.split(as_key("key", key))
    which = jax.random.categorical(which_key, as_float(logits), shape=shape)
    mean, logvar = (as_float(part)[which] for part in components)
    return gaussian.reparameterize(noise_key, mean, logvar)
