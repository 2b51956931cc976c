"""Stochastic gradient descent without its learning rate."""

import optax


def sgd(clip_norm: float | None = None) -> optax.GradientTransformation:
    """The gradient itself, clipped before to a global norm of `clip_norm`.

    The step multiplies by the learning rate, as data.

    >>> import jax.numpy as jnp
    >>> optimizer = sgd(clip_norm=2.0)
    >>> state = optimizer.init({"w": jnp.array(0.0)})
    >>> float(optimizer.update({"w": jnp.array(8.0)}, state)[0]["w"])
    2.0
    """
    return (
        optax.identity() if clip_norm is None else optax.clip_by_global_norm(clip_norm)
    )
