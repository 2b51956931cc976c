"""What the Transformers of a VAE make of sentences and codes."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from vae_jax.models._assemble import compute_dtype
from vae_jax.models._attention import causal, reach, sinusoids
from vae_jax.models._dropout import OptionalKeys, dropout, word_dropout
from vae_jax.models._sentences import with_bos
from vae_jax.models._transformer_layer import Pair, layer, layer_norm, linear
from vae_jax.tokens import BOS, PAD, UNK
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Knobs


def num_layers_of(own: Params) -> int:
    """How many layers an encoder or a decoder has.

    >>> num_layers_of({"layer_0": {}, "layer_1": {}, "norm": {}})
    2
    """
    return sum(name.startswith("layer_") for name in own)


def embed(own: Params, tokens: Array, positions: Array) -> Array:
    """Vectors of tokens, `(batch, time, width)`, with those of their positions added.

    In the dtype of the positions: looked up in the table's own, then cast.

    >>> own = {"embedding": {"embedding": jnp.ones((4, 2))}}
    >>> embed(own, jnp.array([[1]]), jnp.ones((1, 2))).tolist()
    [[[2.0, 2.0]]]
    """
    table = jnp.asarray(own["embedding"]["embedding"])
    # a token that does not exist becomes NaN, and is not taken for another
    found: Array = jnp.take(table, tokens, axis=0)
    return found.astype(positions.dtype) + positions[None]


def memories(own: Params, z: Array) -> list[Pair | None]:
    """Keys and values of each layer that are linear in z, `(batch, 1, heads, size)`.

    >>> memories({"layer_0": {}}, jnp.zeros((3, 2)))
    [None]
    """
    if "memory" not in own:
        return [None] * num_layers_of(own)
    found = linear(own["memory"], z[:, None])
    return [(found[:, :, n, 0], found[:, :, n, 1]) for n in range(found.shape[2])]


def hide(tokens: Array, window: ArrayLike) -> Array:
    """What is read at a window: at 0 nothing but the token that begins a sentence.

    >>> hide(jnp.array([7]), 0).tolist(), hide(jnp.array([7]), 1).tolist()
    ([2], [7])
    """
    blind = jnp.asarray(window, jnp.int32) < 1
    return jnp.where(blind, jnp.asarray(BOS, tokens.dtype), tokens)


def encode(own: Params, x: Array, remat: bool) -> tuple[Array, Array]:
    """Mean and log-variance of the posterior.

    >>> from vae_jax.models._transformer import transformer
    >>> vae = transformer(3, 5, 1, latent_use="add", width=8, num_layers=1)
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> encoded = lambda own: encode(own, jnp.array([[4, 3, 0]]), remat=False)
    >>> jax.eval_shape(encoded, params["encoder"])[0].shape
    (1, 1)
    """
    read = with_bos(x)
    states = _inputs(own, read)
    visible = (read != PAD)[:, None]
    last = num_layers_of(own) - 1
    for number in range(last + 1):
        # of the last layer's states only the first is read
        wanted = 1 if number == last else None

        def run(own: Params, states: Array, wanted: int | None = wanted) -> Array:
            return layer(own, states, visible, wanted=wanted)

        states = _maybe(remat, run)(own[f"layer_{number}"], states)
    found = linear(own["posterior"], layer_norm(own["norm"], states))[:, 0]
    mean, logvar = jnp.split(found, 2, axis=-1)
    return mean, logvar


def decode(
    own: Params, z: Array, x: Array, keys: OptionalKeys, knobs: Knobs, remat: bool
) -> Array:
    """Logits of every token given those before and z.

    >>> from vae_jax.models._transformer import transformer
    >>> vae = transformer(3, 5, 1, latent_use="add", width=8, num_layers=1)
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> x, z = jnp.array([[4, 3, 0]]), jnp.zeros((1, 1))
    >>> decoded = lambda own: decode(own, z, x, None, Knobs(), remat=False)
    >>> jax.eval_shape(decoded, params["decoder"]).shape
    (1, 3, 5)
    """
    drop, num_layers, length = (
        dropout(keys, knobs.dropout),
        num_layers_of(own),
        x.shape[1],
    )
    seen = with_bos(word_dropout(keys, knobs.word_dropout, x[:, :-1], UNK))
    states = with_latent(own, z, drop(_inputs(own, hide(seen, knobs.window)), 0))
    queries = positions_of(length, "prefix" in own)
    sources = positions_of(length, "add" not in own)
    for number, memory in enumerate(memories(own, z)):
        near = reach(knobs.window, number, num_layers, length)

        def run(
            own: Params,
            states: Array,
            visible: Array,
            memory: Pair | None,
            number: int = number,
        ) -> Array:
            return layer(own, states, visible, memory, drop, number)

        visible = causal(queries, sources, near)
        states = _maybe(remat, run)(own[f"layer_{number}"], states, visible, memory)
    outputs = drop(layer_norm(own["norm"], states[:, -length:]), 2 * num_layers + 1)
    return linear(own["output"], outputs)


def positions_of(length: int, latent: bool) -> Int[Array, " positions"]:
    """Of the tokens, from 0; below them, where there is such a position, of what holds z.

    >>> positions_of(3, True).tolist()
    [-1, 0, 1, 2]
    """
    return jnp.arange(-1 if latent else 0, length, dtype=jnp.int32)


def with_latent(own: Params, z: Array, states: Array) -> Array:
    """The inputs of the first layer with z in front of them, in each, or in none.

    >>> own = {"prefix": {"kernel": jnp.ones((1, 2)), "bias": jnp.zeros(2)}}
    >>> with_latent(own, jnp.ones((1, 1)), jnp.zeros((1, 1, 2))).tolist()
    [[[1.0, 1.0], [0.0, 0.0]]]
    """
    if "prefix" in own:
        return jnp.concatenate([linear(own["prefix"], z[:, None]), states], axis=1)
    if "add" in own:
        return states + jnp.broadcast_to(linear(own["add"], z[:, None]), states.shape)
    return states


def _inputs(own: Params, tokens: Array) -> Array:
    """Of every token of sentences."""
    width = own["embedding"]["embedding"].shape[1]
    return embed(own, tokens, sinusoids(tokens.shape[1], width, compute_dtype(own)))


def _maybe(remat: bool, run: Any) -> Any:
    return jax.checkpoint(run) if remat else run
