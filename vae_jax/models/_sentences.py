"""What every model of sentences asks of its sizes and of its tokens."""

import jax.numpy as jnp

from vae_jax.tokens import BOS, EOS
from vae_jax.types import Array, ArrayLike


def sentences(x: ArrayLike, length: int) -> Array:
    """Tokens, refused if they are no integers or of another length.

    >>> sentences(jnp.array([[4, 3, 0]]), 3).shape
    (1, 3)
    """
    x = jnp.asarray(x)
    if x.ndim != 2 or x.shape[1] != length:
        raise ValueError(f"`x` must have the shape (batch, {length}); got {x.shape}.")
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise ValueError(f"`x` must be tokens, integers; got {x.dtype}. Cast them.")
    return x


def begun(x: Array) -> Array:
    """The token that begins a sentence in front of it.

    >>> begun(jnp.array([[4, 3]])).tolist()
    [[2, 4, 3]]
    """
    return jnp.concatenate([jnp.full_like(x[:, :1], BOS), x], axis=1)


def check_sizes(vocab_size: int, **sizes: int) -> None:
    """Refuse sizes of which no model can be made.

    >>> check_sizes(4, length=1)
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1; got {size}.")
    if vocab_size <= EOS:
        raise ValueError(
            f"`vocab_size` counts the four special tokens, at least 4; got {vocab_size}."
        )
