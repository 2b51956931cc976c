"""A Transformer decoder a token at a time, with the keys and values of those before it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax.models._assemble import DEFAULT_KNOBS, compute_dtype
from vae_jax.models._attention import attention, causal, reach, sinusoids
from vae_jax.models._generate import Decoding
from vae_jax.models._sentences import check_sizes, hide_word
from vae_jax.models._transformer_body import (
    embed,
    hide,
    memories,
    num_layers_of,
    positions_of,
    with_latent,
)
from vae_jax.models._transformer_layer import (
    Pair,
    complete,
    layer_norm,
    linear,
    project,
)
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Knobs


class _State(NamedTuple):
    """The position that is written next; z; keys and values of each layer.

    Those that hold z come first, where there are any, and then one for each token.
    """

    position: Int[Array, ""]
    z: Float[Array, "batch latent"]
    cache: tuple[Pair, ...]


def transformer_decoding(length: int, *, knobs: Knobs = DEFAULT_KNOBS) -> Decoding:
    """The decoder of `transformer` as steps that carry keys and values; without dropout.

    The same numbers as its `decode` to rounding, for the cost of one token a step. Layers,
    heads and `latent_use` are read from the parameters.

    Args:
        length: of the sentences, as of the model; more than the model's is fine at a full
            window, which ends where the length does.
        knobs: of which the window is read, and a `word_dropout` of 1.

    Raises:
        ValueError: a length below 1.

    >>> from vae_jax.models import transformer
    >>> vae = transformer(5, 10, 2, latent_use="memory", width=8, num_layers=1)
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> decoding = transformer_decoding(5)
    >>> state = jax.eval_shape(decoding.start, params, jnp.zeros((3, 2)))
    >>> jax.eval_shape(decoding.step, params, state, jnp.full(3, 2))[0].shape
    (3, 10)
    """
    check_sizes(4, length=length)

    def start(params: Params, z: Array) -> _State:
        own = params["decoder"]
        z = jnp.asarray(z, compute_dtype(own))
        state = _State(jnp.asarray(0, jnp.int32), z, _empty(own, z, length))
        if "prefix" not in own:
            return state
        first = state._replace(position=state.position - 1)
        prefix = linear(own["prefix"], z[:, None])
        return _advance(own, first, prefix, length, knobs)[1]

    def step(
        params: Params, state: _State, token: Int[Array, " batch"]
    ) -> tuple[Array, _State]:
        own = params["decoder"]
        width = own["embedding"]["embedding"].shape[1]
        positions = sinusoids(length, width, compute_dtype(own))
        here = jax.lax.dynamic_slice_in_dim(positions, state.position, 1)
        seen = hide(hide_word(token, knobs.word_dropout), knobs.window)
        states = embed(own, seen[:, None], here)
        states = with_latent(own, state.z, states) if "add" in own else states
        states, state = _advance(own, state, states, length, knobs)
        outputs = linear(own["output"], layer_norm(own["norm"], states))
        return as_float(outputs[:, 0]), state

    return Decoding(start, step, length)


def _empty(own: Params, z: Array, length: int) -> tuple[Pair, ...]:
    """Nothing but the memory, where there is one."""
    _, _, heads, size = own["layer_0"]["project"]["kernel"].shape
    shape = len(z), length + ("add" not in own), heads, size
    blank = jnp.zeros(shape, z.dtype)
    return tuple(
        (blank, blank) if memory is None else _put((blank, blank), memory, 0)
        for memory in memories(own, z)
    )


def _put(cache: Pair, new: Pair, index: ArrayLike) -> Pair:
    put = jax.lax.dynamic_update_slice_in_dim
    return put(cache[0], new[0], index, 1), put(cache[1], new[1], index, 1)


def _advance(
    own: Params, state: _State, states: Array, length: int, knobs: Knobs
) -> tuple[Array, _State]:
    """One position through every layer."""
    sources = positions_of(length, "add" not in own)
    num_layers, cache = num_layers_of(own), []
    for number, before in enumerate(state.cache):
        layer = own[f"layer_{number}"]
        query, keys, values = project(layer, states)
        pair = _put(before, (keys, values), state.position - sources[0])
        near = reach(knobs.window, number, num_layers, length)
        visible = causal(state.position[None], sources, near)
        states = complete(layer, states, attention(query, *pair, visible))
        cache.append(pair)
    return states, state._replace(position=state.position + 1, cache=tuple(cache))
