"""The MLP VAE, and the multi-layer perceptron that the other models are built of."""

import math

import flax.linen as nn
import jax.numpy as jnp

from vae_jax.models._assemble import (
    LikelihoodName,
    assemble,
    dense,
)
from vae_jax.models._dropout import Dropout, OptionalKeys, dropout
from vae_jax.types import Array
from vae_jax.vae import VAE, Knobs


def mlp(
    event_shape: tuple[int, ...],
    latent_dim: int,
    *,
    hidden: tuple[int, ...] = (512, 512),
    likelihood: LikelihoodName,
    skip: bool = False,
) -> VAE:
    """ReLU networks on both sides; pixels are independent given z.

    `q(z|x) = N(mean(x), diag(exp(logvar(x))))`. `logvar` is not clipped: the KL holds
    it from both sides, and a bound would stop its gradient, or make the q that is
    sampled another than the q that is charged for.

    Args:
        event_shape: of one example.
        latent_dim: units of z.
        hidden: widths of the encoder, from the data on; the decoder has them reversed.
        likelihood: family of the data's density.
        skip: z enters every layer of the decoder and its output, so that no layer can lose
            it: Dieng et al. (2019), arXiv:1807.04863.

    Raises:
        ValueError: an unknown likelihood, or an empty event or latent space.

    >>> import jax
    >>> vae = mlp((8, 8), 4, hidden=(16, 12), likelihood="bernoulli")
    >>> params = vae.init(jax.random.key(0))
    >>> vae.decode(params, jnp.zeros((2, 4))).shape
    (2, 8, 8)
    """
    return assemble(
        MLPEncoder(tuple(hidden), latent_dim),
        _MLPDecoder(tuple(reversed(hidden)), math.prod(event_shape), skip),
        event_shape,
        latent_dim,
        likelihood,
    )


class MLP(nn.Module):
    """ReLU layers, with dropout after each if there is any, and x in each if `skip`."""

    hidden: tuple[int, ...]
    skip: bool = False

    @nn.compact
    def __call__(self, x: Array, drop: Dropout | None = None) -> Array:
        """The activations of the last layer."""
        first = x
        for layer, width in enumerate(self.hidden):
            if self.skip and layer:
                x = jnp.concatenate([x, first], axis=-1)
            x = nn.relu(dense(width, f"layer_{layer}")(x))
            x = x if drop is None else drop(x, layer)
        return x


class MLPEncoder(nn.Module):
    """Mean and log-variance of the posterior, each linear in shared features."""

    hidden: tuple[int, ...]
    latent_dim: int

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """The posterior of flat images."""
        features = MLP(self.hidden, name="mlp")(x)
        posterior = dense(2 * self.latent_dim, "posterior")(features)
        mean, logvar = jnp.split(posterior, 2, axis=-1)
        return mean, logvar


class _MLPDecoder(nn.Module):
    hidden: tuple[int, ...]
    num_pixels: int
    skip: bool

    @nn.compact
    def __call__(
        self, z: Array, x: Array | None, keys: OptionalKeys, knobs: Knobs
    ) -> Array:
        del x
        drop = dropout(keys, knobs.dropout)
        features = MLP(self.hidden, self.skip, name="mlp")(z, drop)
        if self.skip:
            features = jnp.concatenate([features, z], axis=-1)
        return dense(self.num_pixels, "output")(features)
