"""The convolutional VAE with flax's own `nn.Conv`, for `_flax_mlp.train_linen`."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from experiments.benchmarks._flax_mlp import elbo


class LinenImages(nn.Module):
    """Of binary images (height, width, 1); the layers of `vae_jax.models.convolutional`."""

    hidden: tuple[int, ...]
    latent: int

    @nn.compact
    def __call__(self, x: jax.Array, key: jax.Array) -> jax.Array:
        found, shape = x, x.shape[1:]
        for width in self.hidden:
            found = nn.relu(nn.Conv(width, (4, 4), 2, padding=1)(found))
        small = found.shape[1:]
        found = nn.Dense(2 * self.latent)(found.reshape(len(x), -1))
        start = nn.Dense(math.prod(small))
        ups = [nn.Conv(width, (3, 3)) for width in (*self.hidden[-2::-1], shape[-1])]

        def decode(z: jax.Array) -> jax.Array:
            image = start(z).reshape(len(z), *small)
            for up in ups:
                image = up(doubled(nn.relu(image)))
            return image

        return elbo(found, decode, x, key)


def doubled(x: jax.Array) -> jax.Array:
    """Every pixel twice both ways."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
