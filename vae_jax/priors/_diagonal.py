"""A Gaussian whose units have their own mean and variance.

`log_prob` and `kl` are in nats.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from vae_jax import gaussian
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.priors._latent import (
    as_latent,
    at_least_one,
    check_parameter,
    spread_like,
)
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Prior


def diagonal(latent_dim: int) -> Prior:
    """`N(mean, diag(exp(logvar)))`, both learned; `kl` is `gaussian.kl_between`.

    Parameters: `mean` and `logvar`, `(latent,)`; they begin at 0, which is `N(0, I)`.

    Raises:
        TypeError: `latent_dim` is no whole number.
        ValueError: no unit, or codes of another number of units.

    >>> params = {"mean": jnp.ones(2), "logvar": jnp.zeros(2)}
    >>> diagonal(2).kl(params, jnp.array([1.0, 0.0]), jnp.zeros(2)).tolist()
    [0.0, 0.5]
    """
    latent_dim = at_least_one("latent_dim", latent_dim)

    def init(key: Key[Array, ""]) -> Params:
        del key
        zero = jnp.zeros(latent_dim, jnp.result_type(float))
        return {"mean": zero, "logvar": zero}

    def law_of(params: Params, like: Array) -> tuple[Array, Array]:
        for name in ("mean", "logvar"):
            check_parameter(name, params[name], (latent_dim,))
        return spread_like(params["mean"], like), spread_like(params["logvar"], like)

    def log_prob(
        params: Params, z: Float[ArrayLike, "*batch latent"]
    ) -> Float[Array, "*batch"]:
        z = as_latent("z", z, latent_dim)
        law = law_of(params, z)
        return jnp.sum(gaussian.log_prob(z, *law), axis=-1)

    def sample(
        key: Key[Array, ""], params: Params, shape: tuple[int, ...] = ()
    ) -> Float[Array, "*shape latent"]:
        like = jnp.zeros((*shape, latent_dim), as_float(params["mean"]).dtype)
        law = law_of(params, like)
        return gaussian.reparameterize(key, *law)

    def kl(
        params: Params,
        mean: Float[ArrayLike, "*batch latent"],
        logvar: Float[ArrayLike, "*batch latent"],
    ) -> Float[Array, "*batch latent"]:
        mean, logvar = as_latent("mean", mean, latent_dim), as_float(logvar)
        check_same_shape("logvar", logvar, "mean", mean)
        law = law_of(params, mean)
        return gaussian.kl_between(mean, logvar, *law)

    return Prior(init, log_prob, sample, kl)
