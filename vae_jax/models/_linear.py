"""The linear VAE, whose optimum is known in closed form."""

import math

import flax.linen as nn
import jax.numpy as jnp

from vae_jax.models._assemble import (
    LikelihoodName,
    assemble,
    default_dtype,
    dense,
)
from vae_jax.models._dropout import OptionalKeys
from vae_jax.types import Array
from vae_jax.vae import VAE, Knobs


def linear(
    event_shape: tuple[int, ...], latent_dim: int, *, likelihood: LikelihoodName
) -> VAE:
    """The linear VAE: pPCA trained by the ELBO, when the likelihood is Gaussian.

    `q(z|x) = N(V x + b, diag(d))` with `d` learned and the same for every x;
    `p(x|z) = N(W z + c, variance)`, or `Bernoulli(logits = W z + c)`.

    Lucas et al. (2019), arXiv:1911.02469. `analytic.linear_vae_optimum` is its optimum.

    Args:
        event_shape: of one example.
        latent_dim: units of z.
        likelihood: family of the data's density.

    Raises:
        ValueError: an unknown likelihood, or an empty event or latent space.

    >>> import jax
    >>> vae = linear((8, 8), 4, likelihood="gaussian")
    >>> params = vae.init(jax.random.key(0))
    >>> vae.encode(params, jnp.zeros((2, 8, 8))).logvar.shape
    (2, 4)
    >>> vae.decode(params, jnp.zeros((2, 4))).mean.shape
    (2, 8, 8)
    """
    encoder = _LinearEncoder(latent_dim)
    decoder = _LinearDecoder(math.prod(event_shape))
    return assemble(encoder, decoder, event_shape, latent_dim, likelihood)


class _LinearEncoder(nn.Module):
    latent_dim: int

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        mean = dense(self.latent_dim, "mean")(x)
        zeros = nn.initializers.zeros_init()
        logvar = self.param("logvar", zeros, (self.latent_dim,), default_dtype())
        return mean, jnp.broadcast_to(logvar, mean.shape)


class _LinearDecoder(nn.Module):
    num_pixels: int

    @nn.compact
    def __call__(
        self, z: Array, x: Array | None, keys: OptionalKeys, knobs: Knobs
    ) -> Array:
        del x, keys, knobs
        return dense(self.num_pixels, "output")(z)
