"""A pre-norm Transformer layer as functions of its parameters.

They are no flax modules because the same functions read a whole sentence and, with the
keys and values of the tokens before it, one more token; and because `jax.checkpoint` wants
a function.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax.linen import initializers
from jaxtyping import Array, Bool, Float, Key

from vae_jax.models._assemble import default_dtype
from vae_jax.models._attention import attention
from vae_jax.models._dropout import Dropout, dropout
from vae_jax.models._products import dot_rows
from vae_jax.numerics import as_float
from vae_jax.types import Params

Pair = tuple[Array, Array]
"""Keys and values, `(batch, positions, heads, size)` each."""

EPSILON = 1e-6
"""Beside the variance in a layer norm; flax's."""

States = Float[Array, "batch time width"]


def layer(
    own: Params,
    states: States,
    visible: Bool[Array, "#batch #queries keys"],
    memory: Pair | None = None,
    drop: Dropout | None = None,
    number: int = 0,
    wanted: int | None = None,
) -> Float[Array, "batch queries width"]:
    """`h' = h + attend(norm(h))`, `h'' = h' + W gelu(V norm(h'))`.

    Xiong et al. (2020), arXiv:2002.04745, who move the norms of Vaswani et al. (2017).

    Args:
        own: parameters of the layer.
        states: of every position.
        visible: which positions, after the memory, each one sees.
        memory: keys and values in front of the layer's own.
        drop: dropout of either branch, as layers 2n + 1 and 2n + 2.
        number: n, of the layer, from 0.
        wanted: how many positions have their next states computed, all by default.

    >>> own = init_layer(jax.random.key(0), 6, 2)
    >>> layer(own, jnp.ones((1, 3, 6)), jnp.ones((1, 1, 3), bool)).shape
    (1, 3, 6)
    """
    query, keys, values = project(own, states)
    if memory is not None:
        keys = jnp.concatenate([memory[0], keys], axis=1)
        values = jnp.concatenate([memory[1], values], axis=1)
    mixed = attention(query[:, :wanted], keys, values, visible)
    return complete(own, states[:, :wanted], mixed, drop, number)


def project(own: Params, states: States) -> tuple[Array, Array, Array]:
    """Queries, keys and values, `(batch, time, heads, size)` each.

    >>> own = init_layer(jax.random.key(0), 6, 2)
    >>> [found.shape for found in project(own, jnp.ones((1, 3, 6)))]
    [(1, 3, 2, 3), (1, 3, 2, 3), (1, 3, 2, 3)]
    """
    found = linear(own["project"], layer_norm(own["attention_norm"], states))
    return found[:, :, 0], found[:, :, 1], found[:, :, 2]


def complete(
    own: Params,
    states: States,
    mixed: Float[Array, "batch time heads size"],
    drop: Dropout | None = None,
    number: int = 0,
) -> States:
    """The layer from what attention found on.

    >>> own = init_layer(jax.random.key(0), 6, 2)
    >>> jax.eval_shape(complete, own, jnp.ones((1, 3, 6)), jnp.ones((1, 3, 2, 3))).shape
    (1, 3, 6)
    """
    drop = dropout(None, 0) if drop is None else drop
    merged = mixed.reshape(states.shape)
    states = states + drop(linear(own["attention_output"], merged), 2 * number + 1)
    hidden = linear(own["feed"], layer_norm(own["feed_norm"], states))
    active = jax.nn.gelu(hidden, approximate=True)
    return states + drop(linear(own["feed_output"], active), 2 * number + 2)


def linear(own: Params, x: States) -> Float[Array, "batch time *features"]:
    """`x W + b`, where the outputs may have several axes.

    >>> own = init_linear(jax.random.key(0), 6, 2, 4)
    >>> linear(own, jnp.ones((1, 3, 6))).shape
    (1, 3, 2, 4)
    """
    kernel = jnp.asarray(own["kernel"])
    product = dot_rows(x, kernel.reshape(len(kernel), -1))
    features = product.reshape(*x.shape[:-1], *kernel.shape[1:])
    return features + jnp.asarray(own["bias"])[None, None]


def layer_norm(own: Params, x: States) -> States:
    """`scale (x - mean) / sqrt(variance + epsilon) + shift` over units.

    In float32 or wider. Ba et al. (2016), Eq. 4, arXiv:1607.06450. flax's refuses bfloat16
    under strict promotion, and takes the variance as a difference of squares.

    >>> x = jnp.array([[[3.0, 5.0]]])
    >>> layer_norm(init_norm(2), x).round(3).tolist()
    [[[-1.0, 1.0]]]
    """
    wide = as_float(x)
    centred = wide - jnp.mean(wide, axis=-1, keepdims=True)
    variance = jnp.mean(centred**2, axis=-1, keepdims=True)
    scale, shift = (as_float(own[name])[None, None] for name in ("scale", "shift"))
    normed = centred * jax.lax.rsqrt(variance + EPSILON) * scale + shift
    return normed.astype(x.dtype)


def init_layer(key: Key[Array, ""], width: int, num_heads: int) -> Params:
    """Parameters; the feed-forward branch is four times as wide.

    >>> init_layer(jax.random.key(0), 6, 2)["project"]["kernel"].shape
    (6, 3, 2, 3)
    """
    keys, hidden = jax.random.split(key, 4), 4 * width
    return {
        "attention_norm": init_norm(width),
        "project": init_linear(keys[0], width, 3, num_heads, width // num_heads),
        "attention_output": init_linear(keys[1], width, width),
        "feed_norm": init_norm(width),
        "feed": init_linear(keys[2], width, hidden),
        "feed_output": init_linear(keys[3], hidden, width),
    }


def init_linear(key: Key[Array, ""], inputs: int, *outputs: int) -> Params:
    """Normal with variance one over the inputs, cut at two deviations; biases 0.

    >>> sorted(init_linear(jax.random.key(0), 6, 2, 4))
    ['bias', 'kernel']
    """
    kernel = initializers.lecun_normal()(
        key, (inputs, math.prod(outputs)), default_dtype()
    )
    bias = jnp.zeros(outputs, default_dtype())
    return {"kernel": kernel.reshape(inputs, *outputs), "bias": bias}


def init_norm(width: int) -> dict[str, Any]:
    """No scale and no shift yet.

    >>> sorted(init_norm(2))
    ['scale', 'shift']
    """
    return {
        "scale": jnp.ones(width, default_dtype()),
        "shift": jnp.zeros(width, default_dtype()),
    }
