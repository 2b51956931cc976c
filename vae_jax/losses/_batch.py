"""The examples of a batch, of which a mapped axis may hold only a part on each device.

Where no `axis_name` is given it is that of the step, see `vae_jax.mapped`.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.mapped import batch_axis
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


def as_batch(name: str, values: ArrayLike) -> Float[Array, "batch latent"]:
    """The array in float32 or wider, refused unless it has an axis for the units.

    >>> as_batch("kl", jnp.ones((2, 3))).shape
    (2, 3)
    """
    values = as_float(values)
    if values.ndim != 2:
        raise ValueError(
            f"`{name}` must have the shape (batch, latent); got {values.shape}."
        )
    return values


def example_weights(
    values: Float[Array, " batch *rest"], weights: ArrayLike | None
) -> Float[Array, " batch"]:
    """The weights of the examples, 1 unless they are given.

    >>> example_weights(jnp.zeros((2, 3)), None).tolist()
    [1.0, 1.0]
    """
    if weights is None:
        return jnp.ones(len(values), values.dtype)
    own = as_float(weights)
    if own.shape != values.shape[:1]:
        raise ValueError(
            f"`weights` must have the shape of the batch, {values.shape[:1]}; got "
            f"{own.shape}."
        )
    return own


def batch_mean(
    values: Float[Array, "batch latent"],
    weights: ArrayLike | None,
    axis_name: str | None,
) -> Float[Array, " latent"]:
    """Weighted mean over the examples of all devices.

    >>> batch_mean(jnp.array([[1.0], [2.0], [9.0]]), jnp.array([1.0, 1.0, 0.0]), None)
    Array([1.5], dtype=float32)
    """
    own, axis_name = example_weights(values, weights), batch_axis(axis_name)
    total, count = jnp.sum(own[:, None] * values, axis=0), jnp.sum(own)
    if axis_name is not None:
        total, count = jax.lax.psum((total, count), axis_name)
    return total / count


def gather(
    values: Float[Array, " batch *rest"], axis_name: str | None
) -> Float[Array, " examples *rest"]:
    """The examples of all devices, in their order.

    >>> gather(jnp.arange(2.0), None).tolist()
    [0.0, 1.0]
    """
    axis_name = batch_axis(axis_name)
    if axis_name is None:
        return values
    everyone: Array = jax.lax.all_gather(values, axis_name, tiled=True)
    return everyone
