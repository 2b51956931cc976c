"""Stochastic gradient descent whose learning rate is data."""

from typing import Any

import jax
import optax

from vae_jax.numerics import as_float
from vae_jax.training._learning_rate import by_rate
from vae_jax.types import ArrayLike


def sgd(clip_norm: float | None = None) -> optax.GradientTransformationExtraArgs:
    """`-learning_rate * gradient`, clipped before to a global norm of `clip_norm`.

    The learning rate is data: it comes with the settings of the step.

    >>> import jax.numpy as jnp
    >>> optimizer = sgd(clip_norm=2.0)
    >>> state, grads = optimizer.init({"w": jnp.array(0.0)}), {"w": jnp.array(8.0)}
    >>> float(optimizer.update(grads, state, learning_rate=0.5)[0]["w"])
    -1.0
    """

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        learning_rate: ArrayLike | None = None,
        **extra: Any,
    ) -> tuple[Any, Any]:
        del params, extra
        return by_rate(jax.tree.map(as_float, updates), learning_rate), state

    plain = optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)
    return plain if clip_norm is None else optax.chain(clip(clip_norm), plain)


def clip(max_norm: float) -> optax.GradientTransformation:
    """`optax.clip_by_global_norm` in float32: a square of float16 ends at 65504.

    >>> import jax.numpy as jnp
    >>> made, steep = clip(1.0), jnp.full(4, 300.0, jnp.float16)
    >>> made.update(steep, made.init(steep))[0].tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    made = optax.clip_by_global_norm(max_norm)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return made.update(jax.tree.map(as_float, updates), state, params)

    return optax.GradientTransformation(made.init, update)
