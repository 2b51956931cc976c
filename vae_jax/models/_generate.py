"""Sentences from codes, a token at a time, by a decoder that carries its state."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from vae_jax import checks
from vae_jax.models._choose import NO_TOKEN, check_choice, choose_token
from vae_jax.models._sample import one_each
from vae_jax.tokens import BOS, EOS, PAD
from vae_jax.types import ArrayLike, Params


class Decoding(NamedTuple):
    """A decoder as steps, each of which costs the same however long the sentence is.

    Attributes:
        start: `start(params, z) -> state` before the first token.
        step: `step(params, state, token) -> (logits, state)`: reads one token of each
            sentence and gives the logits of the next, `(batch, vocab_size)`.
        limit: tokens that it has room for; None is any number.

    >>> Decoding._fields
    ('start', 'step', 'limit')
    """

    start: Callable[..., Any]
    step: Callable[..., tuple[Array, Any]]
    limit: int | None = None


def generate(
    keys: Key[Array, " batch"],
    decoding: Decoding,
    params: Params,
    z: Float[ArrayLike, "batch latent"],
    length: int,
    *,
    temperature: ArrayLike = 1.0,
    top_p: ArrayLike = 1.0,
) -> Int[Array, "batch length"]:
    """Sentences `x ~ p(x|z)`, one a code, padded with 0 after the token that ends them.

    Token t of a sentence draws from `fold_in(key, t)`, so that a longer `length` goes on
    with the same sentence, and a teacher-forced decoder under the same keys draws the same.

    Args:
        keys: one a sentence.
        decoding: the decoder's steps, as `lstm_decoding` and `transformer_decoding` make
            them.
        params: of the whole model.
        z: the codes.
        length: of the sentences; one that has not ended by then is cut.
        temperature: 1 is the model, 0 takes the likeliest token.
        top_p: see `choose_token`.

    Raises:
        ValueError: a length below 1, or above what the decoder has room for; not as many
            keys as codes; a setting outside its range; parameters whose logits are no
            numbers. Under `jax.jit` such a sentence holds -1.
        TypeError: no keys, or `length` is no whole number.

    >>> from vae_jax.models import lstm, lstm_decoding
    >>> params = jax.jit(lstm(5, 10, 2, hidden=(4,)).init)(jax.random.key(0))
    >>> keys = jax.random.split(jax.random.key(1), 3)
    >>> generate(keys, lstm_decoding(), params, jnp.zeros((3, 2)), 5).shape
    (3, 5)
    """
    length = checks.whole("length", length, 1)
    check_choice(temperature, top_p)
    if decoding.limit is not None and length > decoding.limit:
        raise ValueError(
            f"`length` must be at most the {decoding.limit} tokens that `decoding` has "
            f"room for; got {length}. Make the decoding with a greater length."
        )
    keys = one_each(keys, jnp.shape(z))
    choose = jax.vmap(choose_token, in_axes=(0, 0, None, None))
    fold = jax.vmap(jax.random.fold_in, in_axes=(0, None))

    def write(
        carry: tuple[Any, Array, Array], time: Array
    ) -> tuple[tuple[Any, Array, Array], Array]:
        state, token, ended = carry
        logits, state = decoding.step(params, state, token)
        token = choose(fold(keys, time), logits, temperature, top_p)
        written = jnp.where(ended, PAD, token)
        return (state, token, ended | (token == EOS)), written

    # stored parameters are numpy's, which a traced token cannot look up
    params = jax.tree.map(jnp.asarray, params)
    begin = jnp.full(len(keys), BOS, jnp.int32)
    start = decoding.start(params, jnp.asarray(z)), begin, jnp.zeros(len(keys), bool)
    _, tokens = jax.lax.scan(write, start, jnp.arange(length))
    _check_tokens(tokens.T)
    return tokens.T


def _check_tokens(tokens: Array) -> None:
    """Refuse sentences of a decoder that has diverged, where they are known."""
    known = checks.concrete("tokens", tokens)
    if known is not None and (known == NO_TOKEN).any():
        sentence, time = np.argwhere(known == NO_TOKEN)[0].tolist()
        raise ValueError(
            f"`params` must give logits that are numbers; got none at token {time} of "
            f"sentence {sentence}. Has the training diverged?"
        )
