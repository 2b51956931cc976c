"""Dropout whose rate is data; flax's own branches on it in Python."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Key

from vae_jax.numerics import as_float
from vae_jax.types import Array, ArrayLike

OptionalKeys = Key[Array, " batch"] | None
"""One key an example, or none for no dropout."""

UNSEEN = 2**31 - 4
"""Folded into a decoder's keys for what it does not see of its input."""

Dropout = Callable[[Array, int], Array]
"""`(activations, layer) -> activations`."""


def dropout(keys: OptionalKeys, rate: ArrayLike) -> Dropout:
    """Zero each hidden unit with probability `rate` and scale the rest by its inverse.

    `a * keep / (1 - rate)`, `keep ~ Bernoulli(1 - rate)`; the rate is data. Each
    example draws from its own key, so that a batch may be split in any way.

    >>> activations = jnp.ones((2, 3))
    >>> dropout(None, 0.5)(activations, 0).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    if keys is None:
        return lambda activations, layer: activations

    def apply(activations: Array, layer: int) -> Array:
        # a rate is not a number of eight bits
        dtype = as_float(activations).dtype
        kept = 1 - jnp.asarray(rate, dtype)

        def draw() -> Array:
            own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, layer)
            noise = jax.vmap(
                lambda key: jax.random.uniform(key, activations.shape[1:], dtype)
            )(own)
            return jnp.where(noise < kept, 1 / kept, 0).astype(activations.dtype)

        # the noise of all layers costs a tenth of a step, so none is drawn at rate 0
        scale: Array = jax.lax.cond(kept < 1, draw, lambda: jnp.ones_like(activations))
        return activations * scale

    return apply


def word_dropout(
    keys: OptionalKeys, rate: ArrayLike, x: Array, unseen: int = 0
) -> Array:
    """The teacher-forced input with each pixel or token hidden, with probability `rate`.

    What is hidden becomes `unseen`: 0 for a pixel, the unknown word for a token. What is
    not stays as it is: it is information that is dropped, not scale. A decoder that does
    not see what came before has to ask z. Bowman et al. (2016), Section 3.1,
    arXiv:1511.06349.

    >>> word_dropout(None, 0.5, jnp.ones((2, 3))).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    if keys is None:
        return x
    # tokens are integers, the rate is not, nor is it a number of eight bits
    dtype = as_float(x).dtype
    kept = 1 - jnp.asarray(rate, dtype)

    def hide() -> Array:
        own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, UNSEEN)
        noise = jax.vmap(lambda key: jax.random.uniform(key, x.shape[1:], dtype))(own)
        return jnp.where(noise < kept, x, jnp.asarray(unseen, x.dtype))

    seen: Array = jax.lax.cond(kept < 1, hide, lambda: x)
    return seen
