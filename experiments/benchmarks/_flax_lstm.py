"""The same sentence VAE with flax's own LSTM, for comparison."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax.vae import VAE, DiagGaussian

BOS = 2
Cell = type[nn.RNNCellBase]


class Encoder(nn.Module):
    """Posterior from the last state."""

    vocabulary: int
    embedding: int
    hidden: int
    latent: int
    cell: Cell

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log-variance."""
        read = jnp.concatenate([jnp.full_like(x[:, :1], BOS), x], 1)
        inputs = nn.Embed(self.vocabulary, self.embedding)(read)
        states = nn.RNN(self.cell(self.hidden))(inputs)
        posterior = nn.Dense(2 * self.latent, use_bias=False)(states[:, -1])
        mean, logvar = jnp.split(posterior, 2, axis=-1)
        return mean, logvar


class Decoder(nn.Module):
    """Logits of every token given those before it and z."""

    vocabulary: int
    embedding: int
    hidden: int
    cell: Cell

    @nn.compact
    def __call__(self, z: jax.Array, x: jax.Array) -> jax.Array:
        """Teacher-forced."""
        read = jnp.concatenate([jnp.full_like(x[:, :1], BOS), x[:, :-1]], 1)
        inputs = nn.Embed(self.vocabulary, self.embedding)(read)
        beside = jnp.broadcast_to(z[:, None], (*read.shape, z.shape[-1]))
        state = nn.Dense(self.hidden, use_bias=False)(z)
        states = nn.RNN(self.cell(self.hidden))(
            jnp.concatenate([inputs, beside], -1),
            initial_carry=(state, jnp.tanh(state)),
        )
        return nn.Dense(self.vocabulary, use_bias=False)(states)


def flax_lstm(
    length: int, vocabulary: int, embedding: int, hidden: int, latent: int, cell: Cell
) -> VAE:
    """The triple, for the same engine."""
    encoder = Encoder(vocabulary, embedding, hidden, latent, cell)
    decoder = Decoder(vocabulary, embedding, hidden, cell)

    def init(key: jax.Array) -> Any:
        x, z = jnp.zeros((1, length), jnp.int32), jnp.zeros((1, latent))
        keys = jax.random.split(key)
        return {
            "encoder": encoder.init(keys[0], x),
            "decoder": decoder.init(keys[1], z, x),
        }

    def encode(params: Any, x: jax.Array, **_: Any) -> DiagGaussian:
        return DiagGaussian(*encoder.apply(params["encoder"], x))

    def decode(params: Any, z: jax.Array, x: jax.Array, **_: Any) -> Any:
        return decoder.apply(params["decoder"], z, x)

    return VAE(init, encode, decode)
