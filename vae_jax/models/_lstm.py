"""A VAE of sentences: LSTMs that read them and write them, a token at a time."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Key

from vae_jax.models._assemble import (
    DEFAULT_KNOBS,
    apply,
    compute_dtype,
    default_dtype,
    dense,
)
from vae_jax.models._dropout import OptionalKeys, dropout, word_dropout
from vae_jax.models._generate import Decoding
from vae_jax.models._recurrence import lstm_recurrence, lstm_step
from vae_jax.models._sentences import (
    assemble_sentences,
    check_sizes,
    hide_word,
    with_bos,
)
from vae_jax.numerics import as_float
from vae_jax.tokens import PAD, UNK
from vae_jax.types import Array, Params
from vae_jax.vae import VAE, Knobs

_State = tuple[Array, list[tuple[Array, Array]]]
"""z, and the hidden state and cell of every layer."""


def lstm(
    length: int,
    vocab_size: int,
    latent_dim: int,
    *,
    embedding: int = 50,
    hidden: tuple[int, ...] = (50,),
    init_bound: float | None = None,
    remat: bool = False,
) -> VAE:
    """The sentence VAE of He et al. (2019), after Bowman et al. (2016).

    `p(x|z) = prod_t p(x_t | x_1 ... x_(t-1), z)`; the decoder's cells start at linear maps
    of z, its states at the tanh of those, and z is beside every input. The posterior is
    linear in the encoder's last state after the last token that is not padding.

    Sentences are `(batch, length)` tokens with the one that ends them (3) and padding (0)
    after it, and without the one that begins them (2), which is put in front of what
    either LSTM reads. `decode` returns logits, `(batch, length, vocab_size)`, the token at
    t given those before it: the density is `likelihoods.categorical_log_prob(logits, x,
    mask=x != 0)`. `knobs.dropout` is that of the decoder's embeddings and outputs,
    `knobs.word_dropout` replaces what it reads by the unknown word (1).

    Gradients are by reverse mode alone, since the recurrence has its own: a Hessian is
    `jax.jacrev(jax.jacrev(f))`.

    He et al. (2019), arXiv:1901.05534, Section 5.1, who start at `init_bound` 0.01.

    Args:
        length: tokens of a sentence, padding included.
        vocab_size: with the four special tokens.
        latent_dim: units of z.
        embedding: width of a token's vector.
        hidden: units of the layers of either LSTM, the one that reads tokens first.
        init_bound: parameters start uniform between it and its negative; where none is
            given, at one over the root of the units that a layer reads, of an LSTM those
            that it has. Embeddings always start between -0.1 and 0.1.
        remat: the gradient computes most states again in place of keeping them, for long
            sentences: equal numbers, less memory, more time.

    Raises:
        ValueError: a size below 1, no layer, a bound that is not above 0, or a vocabulary
            of fewer than 4 tokens.

    >>> vae = lstm(5, 10, 2, embedding=6, hidden=(4,))
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> z, x = jnp.zeros((1, 2)), jnp.array([[4, 5, 3, 0, 0]])
    >>> jax.eval_shape(vae.encode, params, x).mean.shape
    (1, 2)
    >>> jax.eval_shape(vae.decode, params, z, x).shape
    (1, 5, 10)
    """
    check_sizes(vocab_size, length=length, latent_dim=latent_dim, embedding=embedding)
    if not hidden or min(hidden) < 1:
        raise ValueError(
            f"`hidden` must name at least one layer, of at least one unit; got {hidden}."
        )
    if init_bound is not None and not init_bound > 0:
        raise ValueError(f"`init_bound` must be above 0, or None; got {init_bound}.")
    sizes = embedding, tuple(hidden), init_bound, remat
    encoder = _Encoder(vocab_size, latent_dim, *sizes)
    decoder = _Decoder(vocab_size, *sizes)

    def init(key: Key[Array, ""]) -> Params:
        keys = jax.random.split(key)
        x, z = jnp.zeros((1, length), int), jnp.zeros((1, latent_dim), default_dtype())
        return {
            "encoder": encoder.init(keys[0], x)["params"],
            "decoder": decoder.init(keys[1], z, x, None, DEFAULT_KNOBS)["params"],
        }

    def read(own: Params, x: Array) -> tuple[Array, Array]:
        found: tuple[Array, Array] = apply(encoder, own, x, compute_dtype(own))
        return found

    write = partial(apply, decoder)
    return assemble_sentences(init, read, write, length, latent_dim)


def lstm_decoding(*, knobs: Knobs = DEFAULT_KNOBS) -> Decoding:
    """The decoder of `lstm` as steps that carry its state; without dropout.

    The same numbers as its `decode` to rounding, for the cost of one token a step.

    Args:
        knobs: of which a `word_dropout` of 1 is read: a decoder without inputs.

    >>> params = jax.jit(lstm(5, 10, 2, embedding=6, hidden=(4,)).init)(jax.random.key(0))
    >>> decoding, z = lstm_decoding(), jnp.zeros((3, 2))
    >>> state = decoding.start(params, z)
    >>> decoding.step(params, state, jnp.full(3, 2))[0].shape
    (3, 10)
    """

    def layers(params: Params) -> range:
        return range(sum(name.startswith("lstm_") for name in params["decoder"]))

    def start(params: Params, z: Array) -> _State:
        z = jnp.asarray(z, compute_dtype(params["decoder"]))
        kernels = [params["decoder"][f"cell_{n}"]["kernel"] for n in layers(params)]
        return z, [(jnp.tanh(z @ kernel), z @ kernel) for kernel in kernels]

    def step(params: Params, state: _State, token: Array) -> tuple[Array, _State]:
        (z, before), own, after = state, params["decoder"], []
        table = jnp.asarray(own["embedding"]["embedding"])
        seen = hide_word(token, knobs.word_dropout)
        row = jnp.take(table, seen, axis=0).astype(z.dtype)
        read = jnp.concatenate([row, z], axis=-1)
        for number, (hidden, cell) in enumerate(before):
            layer = own[f"lstm_{number}"]
            projected = read @ layer["input"]["kernel"] + layer["input"]["bias"][None]
            read, cell, _ = lstm_step(layer["recurrent"], projected, hidden, cell)
            after.append((read, cell))
        return as_float(read @ own["output"]["kernel"]), (z, after)

    return Decoding(start, step)


class _Encoder(nn.Module):
    vocab_size: int
    latent_dim: int
    embedding: int
    hidden: tuple[int, ...]
    bound: float | None
    remat: bool

    @nn.compact
    def __call__(self, x: Array, dtype: Any = None) -> tuple[Array, Array]:
        states = _embedding(self.vocab_size, self.embedding)(with_bos(x)).astype(dtype)
        for layer, width in enumerate(self.hidden):
            start = jnp.zeros((len(x), width), states.dtype)
            lstm = _LSTM(width, self.bound, self.remat, name=f"lstm_{layer}")
            states = lstm(states, start, start)
        last = jnp.sum(x != PAD, axis=1)  # counted from the token that begins
        state = jnp.take_along_axis(states, last[:, None, None], axis=1)[:, 0]
        mean, logvar = jnp.split(
            _linear(self.hidden[-1], 2 * self.latent_dim, self.bound, "posterior")(
                state
            ),
            2,
            axis=-1,
        )
        return mean, logvar


class _Decoder(nn.Module):
    vocab_size: int
    embedding: int
    hidden: tuple[int, ...]
    bound: float | None
    remat: bool

    @nn.compact
    def __call__(self, z: Array, x: Array, keys: OptionalKeys, knobs: Knobs) -> Array:
        drop = dropout(keys, knobs.dropout)
        seen = word_dropout(keys, knobs.word_dropout, x[:, :-1], UNK)
        read = with_bos(seen)
        inputs = _embedding(self.vocab_size, self.embedding)(read).astype(z.dtype)
        inputs = drop(inputs, 0)
        beside = jnp.broadcast_to(z[:, None], (*read.shape, z.shape[-1]))
        states = jnp.concatenate([inputs, beside], axis=-1)
        for layer, width in enumerate(self.hidden):
            cell = _linear(z.shape[-1], width, self.bound, f"cell_{layer}")(z)
            lstm = _LSTM(width, self.bound, self.remat, name=f"lstm_{layer}")
            states = lstm(states, jnp.tanh(cell), cell)
        return _linear(self.hidden[-1], self.vocab_size, self.bound, "output")(
            drop(states, 1)
        )


class _LSTM(nn.Module):
    """Every hidden state, `(batch, time, hidden)`."""

    hidden: int
    bound: float | None
    remat: bool

    @nn.compact
    def __call__(self, inputs: Array, hidden: Array, cell: Array) -> Array:
        gates = 4 * self.hidden
        shape = (self.hidden, gates)
        start = _uniform(self.bound or self.hidden**-0.5)
        weight = self.param("recurrent", start, shape, default_dtype())
        layer = dense(gates, "input", kernel_init=start, bias_init=start)
        projected = layer(jnp.swapaxes(inputs, 0, 1))
        # parameters that were read from a file are of numpy
        weight = jnp.asarray(weight)
        states = lstm_recurrence(weight, projected, hidden, cell, self.remat)
        return jnp.swapaxes(states, 0, 1)


def _uniform(bound: float) -> Any:
    def init(key: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def _linear(inputs: int, features: int, bound: float | None, name: str) -> nn.Dense:
    start = _uniform(bound or inputs**-0.5)
    return dense(features, name, use_bias=False, kernel_init=start)


def _embedding(vocab_size: int, features: int) -> nn.Embed:
    return nn.Embed(
        vocab_size,
        features,
        name="embedding",
        embedding_init=_uniform(0.1),
        param_dtype=default_dtype(),
    )
