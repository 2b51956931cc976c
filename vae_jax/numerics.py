"""Small functions that keep their digits where the obvious formula loses them."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.types import ArrayLike

SERIES_BELOW = 0.1
"""Below this, `expm1(x) - x` is summed as a series; above, 20 roundings are lost."""


def as_float(x: ArrayLike) -> Float[Array, "..."]:
    """The array in float32 or wider: objectives are never computed in half precision.

    Raises:
        TypeError: the numbers are complex.

    >>> as_float(jnp.ones(2, jnp.bfloat16)).dtype
    dtype('float32')
    """
    x = jnp.asarray(x)
    if x.dtype in (jnp.float32, jnp.float64):
        return x
    if jnp.iscomplexobj(x):
        raise TypeError(f"arrays must hold real numbers; got {x.dtype}.")
    return x.astype(jnp.float32)


@jax.custom_jvp
def expm1_minus(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """`expm1(x) - x`, exact to rounding also near 0, and so is its derivative.

    Below |x| = 0.1 it is the series `x^2/2 (1 + x/3 (1 + x/4 (...)))`, whose first term
    left out is 5e-17 of the value; the derivative is `expm1(x)`.

    >>> round(float(expm1_minus(jnp.array(1e-4))) / (0.5e-8 * (1 + 1e-4 / 3)), 6)
    1.0
    """
    series = jnp.ones_like(x)
    for divisor in (10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0):
        series = 1.0 + x / divisor * series
    return jnp.where(
        jnp.abs(x) < SERIES_BELOW, 0.5 * jnp.square(x) * series, jnp.expm1(x) - x
    )


@expm1_minus.defjvp
def _expm1_minus_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    (x,), (dx,) = primals, tangents
    return expm1_minus(x), jnp.expm1(x) * dx


def log_mean_exp(x: Float[ArrayLike, "..."], axis: int = 0) -> Float[Array, "..."]:
    """`log(mean(exp(x)))` along an axis, without overflow.

    >>> float(log_mean_exp(jnp.array([1000.0, 1000.0])))
    1000.0
    """
    x = as_float(x)
    return jax.nn.logsumexp(x, axis=axis) - math.log(x.shape[axis])


def check_same_shape(name: str, array: Array, other: str, reference: Array) -> None:
    """Refuse arrays that would broadcast silently.

    >>> check_same_shape("logvar", jnp.ones(2), "mean", jnp.ones(2))
    """
    if array.shape != reference.shape:
        raise ValueError(
            f"`{name}` must have the shape of `{other}`, {reference.shape}; got "
            f"{array.shape}."
        )
