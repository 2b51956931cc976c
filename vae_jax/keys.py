"""What functions ask of random keys: typed ones, or the raw numbers of `PRNGKey`.

The last axis of raw numbers (uint32) is always that of one key, two numbers of Threefry: an
array (2,) is one key and never two, and (n, 2) are n keys.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

WHERE_FROM = "as `jax.random.key(seed)` makes it"


def as_key(
    name: str, key: Any, of_several: str = "Use `jax.vmap` over several."
) -> Key[Array, ""]:
    """One typed key; the raw numbers of `jax.random.PRNGKey` are wrapped as one.

    Args:
        name: of the argument.
        key: typed or raw.
        of_several: what to do with more than one.

    Raises:
        TypeError: no key.
        ValueError: several.

    >>> as_key("key", jax.random.PRNGKey(0)) == jax.random.key(0)
    Array(True, dtype=bool)
    """
    typed = _typed(name, key)
    if typed.shape != ():
        raise ValueError(
            f"`{name}` must be one key; got an array of {typed.shape} keys. "
            f"{of_several}"
        )
    return typed


def as_keys(name: str, keys: Any, size: int) -> Key[Array, " batch"]:
    """One typed key an example, from raw numbers too.

    Raises:
        TypeError: no keys.
        ValueError: another number of them.

    >>> as_keys("keys", jax.random.split(jax.random.PRNGKey(0), 3), 3).shape
    (3,)
    """
    typed = _typed(name, keys)
    if typed.shape != (size,):
        raise ValueError(
            f"`{name}` must hold one key an example, ({size},); got {typed.shape}. Use "
            "`jax.random.split(key, batch)` or `fold_in` by index."
        )
    return typed


def _typed(name: str, key: Any) -> Array:
    # by class: an `nnx.Rngs` answers to any attribute
    dtype = key.dtype if isinstance(key, jax.Array | np.ndarray) else None
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key):
        typed: Array = key
        return typed
    size = jax.random.key_data(jax.random.key(0)).shape
    if dtype == np.uint32 and key.shape[-1:] == size:
        wrapped: Array = jax.random.wrap_key_data(key)
        return wrapped
    raise TypeError(
        f"`{name}` must be a key, {WHERE_FROM}; got {_what(key, dtype)}.{_fix(key, dtype)}"
    )


def _what(key: Any, dtype: Any) -> str:
    if dtype is not None:
        return f"an array of {dtype}, {np.shape(key)}"
    return repr(key) if isinstance(key, int | float | str) else type(key).__name__


def _fix(key: Any, dtype: Any) -> str:
    if dtype is not None:
        return " The key is an argument of its own, before or after the arrays."
    if callable(key):
        return " Call it for one: of `nnx.Rngs`, pass `rngs()`."
    return ""
