"""A function of a batch over a long array."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.mapped import shared_axis


def map_batches(function: Callable[..., Any], batch_size: int, *arrays: Any) -> Any:
    """Apply a per-example function to a long array, `batch_size` rows at a time.

    The last batch is filled up with the first rows, whose results are cut off again: every
    example counts exactly once. Devices that run a member together share every batch out.

    >>> map_batches(lambda x: 2 * x, 2, jnp.arange(3)).tolist()
    [0, 2, 4]
    """
    size, axis = len(arrays[0]), shared_axis()
    if axis is not None:
        return _map_shares(function, batch_size, axis, *arrays)
    num_batches = -(-size // batch_size)
    rows = jnp.arange(num_batches * batch_size) % size
    rows = rows.reshape(num_batches, batch_size)
    results = jax.lax.map(lambda r: function(*(a[r] for a in arrays)), rows)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:size], results)


def _map_shares(
    function: Callable[..., Any], batch_size: int, axis: str, *arrays: Any
) -> Any:
    """The same, each device of the axis with its share of every batch."""
    size, num = len(arrays[0]), jax.lax.axis_size(axis)
    share = -(-batch_size // num)
    num_batches = -(-size // (share * num))
    rows = jnp.arange(num_batches * num * share) % size
    own = rows.reshape(num_batches, num, share)[:, jax.lax.axis_index(axis)]
    results = jax.lax.map(lambda r: function(*(a[r] for a in arrays)), own)

    def join(leaf: Any) -> Any:
        whole = jax.lax.all_gather(leaf, axis, axis=1)
        return whole.reshape(-1, *leaf.shape[2:])[:size]

    return jax.tree.map(join, results)
