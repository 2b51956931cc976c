"""Random streams: every number drawn has an address (seed, stream, step, example).

Noise is keyed per example by its index in the *global* batch, so that it does not
depend on how a batch is split over devices; see `pmap_step` and `sharded_step`.
"""

from enum import IntEnum

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Int, Key


class Stream(IntEnum):
    """What a random number is for; the integers are frozen, they define results.

    >>> Stream.NOISE.value
    2
    """

    INIT = 0
    ORDER = 1
    NOISE = 2
    DROPOUT = 3
    BINARISE = 4
    EVALUATE = 5
    CALIBRATE = 6
    INNER = 7
    VALIDATE = 8


def member_key(seed: ArrayLike) -> Key[Array, ""]:
    """Root key of one training run (Threefry, whatever JAX's default is).

    >>> member_key(3).dtype
    key<fry>
    """
    return jax.random.key(seed, impl="threefry2x32")


def stream_key(
    key: Key[Array, ""], stream: Stream, step: Int[ArrayLike, ""]
) -> Key[Array, ""]:
    """Key of one stream at one step: `fold_in(fold_in(key, stream), step)`.

    >>> stream_key(member_key(0), Stream.ORDER, 7).shape
    ()
    """
    return jax.random.fold_in(jax.random.fold_in(key, stream.value), step)


def example_keys(
    key: Key[Array, ""], stream: Stream, step: Int[ArrayLike, ""], num_examples: int
) -> Key[Array, " num_examples"]:
    """One key for every example of a global batch: `fold_in(stream_key, i)`.

    >>> example_keys(member_key(0), Stream.NOISE, 7, 4).shape
    (4,)
    """
    return fold_indices(stream_key(key, stream, step), jnp.arange(num_examples))


def fold_indices(
    key: Key[Array, ""], indices: Int[ArrayLike, " examples"]
) -> Key[Array, " examples"]:
    """The key of every example, by its index: `fold_in(key, i)`.

    >>> fold_indices(member_key(0), jnp.arange(2)).shape
    (2,)
    """
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, indices)


def split_each(
    keys: Key[Array, " examples"],
) -> tuple[Key[Array, " examples"], Key[Array, " examples"]]:
    """Two keys an example out of one, for two purposes: no key is used twice.

    >>> first, second = split_each(example_keys(member_key(0), Stream.NOISE, 7, 4))
    >>> first.shape, bool((first == second).any())
    ((4,), False)
    """
    pairs = jax.vmap(jax.random.split)(keys)
    return pairs[:, 0], pairs[:, 1]
