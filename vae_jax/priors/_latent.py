"""What every prior asks of its arguments."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


def at_least_one(name: str, number: int) -> int:
    """A size as Python's integer, refused unless it is a positive whole number.

    >>> at_least_one("latent_dim", 2)
    2
    """
    return checks.whole(name, number, 1)


def as_latent(
    name: str, values: ArrayLike, latent_dim: int
) -> Float[Array, "*batch latent"]:
    """Codes in float32 or wider, with as many units as the prior has.

    >>> as_latent("z", jnp.ones((3, 2), jnp.bfloat16), 2).dtype
    dtype('float32')
    """
    array = as_float(values)
    if array.ndim == 0 or array.shape[-1] != latent_dim:
        raise ValueError(
            f"`{name}` must have the shape (*batch, {latent_dim}), the units of the prior "
            f"last; got {array.shape}."
        )
    return array


def check_parameter(name: str, values: ArrayLike, shape: tuple[int, ...]) -> None:
    """Refuse a prior's parameter of another shape, which could broadcast silently.

    >>> check_parameter("logits", jnp.zeros(3), (3,))
    """
    if jnp.shape(values) != shape:
        raise ValueError(
            f"`params[{name!r}]` of the prior must have the shape {shape}; got "
            f"{jnp.shape(values)}."
        )


def spread_like(
    parameter: ArrayLike, like: Float[Array, "*batch latent"]
) -> Float[Array, "*batch latent"]:
    """A prior's parameter, repeated for every code of a batch.

    >>> spread_like(jnp.arange(2.0), jnp.zeros((3, 2))).shape
    (3, 2)
    """
    return jnp.broadcast_to(as_float(parameter).astype(like.dtype), like.shape)
