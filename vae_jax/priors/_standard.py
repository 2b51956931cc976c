"""The prior of most papers.

`log_prob` and `kl` are in nats.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from vae_jax import gaussian
from vae_jax.keys import as_key
from vae_jax.priors._latent import as_latent, at_least_one
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Prior


def standard(latent_dim: int) -> Prior:
    """`N(0, I)`: nothing is learned; `kl` is `gaussian.kl_standard`.

    Kingma & Welling (2014), arXiv:1312.6114.

    Raises:
        TypeError: `latent_dim` is no whole number.
        ValueError: no unit, or codes of another number of units.

    >>> prior = standard(2)
    >>> round(float(prior.log_prob({}, jnp.zeros(2))), 4)
    -1.8379
    >>> prior.kl({}, jnp.array([1.0, 0.0]), jnp.zeros(2)).tolist()
    [0.5, 0.0]
    """
    latent_dim = at_least_one("latent_dim", latent_dim)

    def init(key: Key[Array, ""]) -> Params:
        del key
        return {}

    def log_prob(
        params: Params, z: Float[ArrayLike, "*batch latent"]
    ) -> Float[Array, "*batch"]:
        del params
        z = as_latent("z", z, latent_dim)
        zero = jnp.zeros_like(z)
        return jnp.sum(gaussian.log_prob(z, zero, zero), axis=-1)

    def sample(
        key: Key[Array, ""], params: Params, shape: tuple[int, ...] = ()
    ) -> Float[Array, "*shape latent"]:
        del params
        return jax.random.normal(
            as_key("key", key), (*shape, latent_dim), jnp.result_type(float)
        )

    def kl(
        params: Params,
        mean: Float[ArrayLike, "*batch latent"],
        logvar: Float[ArrayLike, "*batch latent"],
    ) -> Float[Array, "*batch latent"]:
        del params
        return gaussian.kl_standard(as_latent("mean", mean, latent_dim), logvar)

    return Prior(init, log_prob, sample, kl)
