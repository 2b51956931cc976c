"""Attention, which positions it sees, and how positions are told apart."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from vae_jax.models._masks import shares
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

LONGEST_PERIOD = 10_000
"""Of the sinusoids, over 2 pi, in positions; Vaswani et al.'s."""


def attention(
    query: Float[Array, "batch queries heads size"],
    keys: Float[Array, "batch keys heads size"],
    values: Float[Array, "batch keys heads size"],
    visible: Bool[Array, "#batch #queries keys"],
) -> Float[Array, "batch queries heads size"]:
    """`softmax(q k / sqrt(size)) v` over the keys that each query may see.

    The softmax is in float32 or wider. A query that sees nothing gets 0. Vaswani et al.
    (2017), Eq. 1, arXiv:1706.03762. `jax.nn.dot_product_attention` rounds to float32 when
    x64 is on, and averages over everything where nothing is visible.

    >>> query, blind = jnp.ones((1, 2, 1, 4)), jnp.array([[[True, True], [False, False]]])
    >>> attention(query, query, query, blind)[0, :, 0, 0].tolist()
    [1.0, 0.0]
    """
    wide = as_float(query).dtype
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, keys, preferred_element_type=wide) * (
        query.shape[-1] ** -0.5
    )
    seen = jnp.broadcast_to(visible[:, None], scores.shape)
    # finite, so that a row of nothing has a gradient
    scores = jnp.where(seen, scores, np.finfo(wide).min)
    weights = jnp.where(seen, jax.nn.softmax(scores, axis=-1), 0)
    return jnp.einsum("bhqk,bkhd->bqhd", weights.astype(values.dtype), values)


def reach(
    window: Int[ArrayLike, ""], layer: int, num_layers: int, length: int
) -> Int[Array, ""]:
    """How many positions back a layer sees, besides its own; the window is data.

    `((w - 1) + L - 1 - l) // L` at windows w from 1 on, whose sum over the layers is
    `w - 1`: the input of a position is the token before it already. Nothing at windows 0
    and 1, everything in every layer from `window = length` on.

    >>> [int(reach(4, layer, 2, 9)) for layer in range(2)], int(reach(9, 0, 2, 9))
    ([2, 1], 9)
    """
    window = jnp.asarray(window, jnp.int32)
    # before anything is added to it, since the full window is the largest integer
    before = jnp.clip(window, 1, length) - 1
    share = shares(before, num_layers)[layer]
    return jnp.where(window >= length, length, share)


def causal(
    queries: Int[Array, " queries"], keys: Int[Array, " keys"], reach: Int[Array, ""]
) -> Bool[Array, "1 queries keys"]:
    """Which positions see which: themselves, `reach` before, and all below 0, which hold z.

    >>> at = jnp.arange(-1, 3)
    >>> causal(at, at, jnp.asarray(1))[0].astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 1]]
    """
    after, before = queries[:, None], keys[None, :]
    near = (before <= after) & (before >= after - reach)
    return (near | (before < 0))[None]


def sinusoids(length: int, width: int, dtype: Any) -> Float[Array, "length width"]:
    """`sin(t / 10000^(2i / width))` for the first half of the units, cosines for the rest.

    A position is the same however long a sentence may be, and nothing is learned of it.
    Vaswani et al. (2017), Section 3.5, arXiv:1706.03762, who interleave the halves.

    >>> sinusoids(2, 2, jnp.float32).round(3).tolist()
    [[0.0, 1.0], [0.8410000205039978, 0.5400000214576721]]
    """
    half = (width + 1) // 2
    frequencies = LONGEST_PERIOD ** -(2 * np.arange(half) / width)
    angles = np.arange(length)[:, None] * frequencies[None]
    table = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :width]
    return jnp.asarray(table, dtype)
