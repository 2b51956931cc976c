"""Dropout whose rate is data; flax's own branches on it in Python."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Key

from vae_jax.types import Array, ArrayLike

OptionalKeys = Key[Array, " batch"] | None
"""One key an example, or none for no dropout."""

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
        kept = 1 - jnp.asarray(rate, activations.dtype)

        def draw() -> Array:
            own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, layer)
            noise = jax.vmap(
                lambda key: jax.random.uniform(
                    key, activations.shape[1:], activations.dtype
                )
            )(own)
            return jnp.where(noise < kept, 1 / kept, 0)

        # the noise of all layers costs a tenth of a step, so none is drawn at rate 0
        scale: Array = jax.lax.cond(kept < 1, draw, lambda: jnp.ones_like(activations))
        return activations * scale

    return apply
