"""Small functions that keep their digits where the obvious formula loses them."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.types import ArrayLike

SERIES_BELOW = 1.0
"""Below this, `expm1(x) - x` is summed as a series; above, no digit cancels."""

SERIES_TERMS = 16
"""The first term left out is 2 / 19!, 2e-17 of the value, at |x| = 1."""


def as_float(x: ArrayLike) -> Float[Array, "..."]:
    """The array in float32 or wider: objectives are never computed in half precision.

    Integers of 64 bits are rounded to float32, as others are; JAX would keep their last
    32 bits.

    Raises:
        TypeError: no real numbers: complex ones, keys, words.

    >>> as_float(jnp.ones(2, jnp.bfloat16)).dtype
    dtype('float32')
    >>> float(as_float(np.int64(2**40))) == 2.0**40
    True
    """
    if isinstance(x, int | np.integer | np.ndarray):
        x = np.asarray(x)
        wide = x.dtype.kind in "iu" and x.dtype.itemsize > 4
        x = x.astype(np.float32) if wide else x
    x = jnp.asarray(x)
    if x.dtype in (jnp.float32, jnp.float64):
        return x
    if not any(jnp.issubdtype(x.dtype, kind) for kind in checks.REAL):
        raise TypeError(f"arrays must hold real numbers; got {x.dtype}.")
    return x.astype(jnp.float32)


def expm1_minus(x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    """`expm1(x) - x`, exact to rounding also near 0, and so are its derivatives.

    Below |x| = 1 it is the series `x^2/2 (1 + x/3 (1 + x/4 (...)))`; the first derivative
    is `expm1(x)`, and all further ones are `exp(x)`, also where `expm1(x) + 1` rounds to 0.

    >>> round(float(expm1_minus(jnp.array(1e-4))) / (0.5e-8 * (1 + 1e-4 / 3)), 6)
    1.0
    """
    return _expm1_minus(as_float(x))


@jax.custom_jvp
def _expm1_minus(x: Array) -> Array:
    near = jnp.abs(x) < SERIES_BELOW
    small = jnp.where(near, x, 0.0)  # the series overflows far out
    series = jnp.ones_like(x)
    for divisor in range(SERIES_TERMS + 2, 2, -1):
        series = 1.0 + small / divisor * series
    return jnp.where(near, 0.5 * jnp.square(small) * series, jnp.expm1(x) - x)


@_expm1_minus.defjvp
def _expm1_minus_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    (x,), (dx,) = primals, tangents
    return _expm1_minus(x), _expm1(x) * dx


@jax.custom_jvp
def _expm1(x: Array) -> Array:
    return jnp.expm1(x)


@_expm1.defjvp
def _expm1_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    (x,), (dx,) = primals, tangents
    # JAX's own is expm1(x) + 1, which is 0 below -17
    return _expm1(x), jnp.exp(x) * dx


def log1mexp(x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    """`log(1 - exp(-x))` for x > 0, exact to rounding near 0 and for large x.

    `log(-expm1(-x))` below log 2, `log1p(-exp(-x))` above. At 0 it is -inf with slope
    inf; below 0 it is NaN. Maechler (2012), "Accurately computing log(1 - exp(-|a|))".

    >>> [round(float(log1mexp(x)), 4) for x in (0.0, 1e-30, 1.0)]
    [-inf, -69.0776, -0.4587]
    """
    return _log1mexp(as_float(x))


@jax.custom_jvp
def _log1mexp(x: Array) -> Array:
    return jnp.where(x < math.log(2), jnp.log(-jnp.expm1(-x)), jnp.log1p(-jnp.exp(-x)))


@_log1mexp.defjvp
def _log1mexp_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    (x,), (dx,) = primals, tangents
    # 1 / expm1(x), whose own derivative would overflow
    return _log1mexp(x), jnp.exp(-x) / -jnp.expm1(-x) * dx


def softplus_inverse(y: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    """`log(exp(y) - 1)` for y > 0: the x with `softplus(x) = y`.

    Written `y + log(1 - exp(-y))`, which neither overflows at a large y nor loses a
    tiny one. At 0 it is -inf; below 0 it is NaN.

    >>> [round(float(softplus_inverse(y)), 4) for y in (1e-30, 1e4)]
    [-69.0776, 10000.0]
    """
    y = as_float(y)
    return y + _log1mexp(y)


def bounded_logvar(
    raw: Float[ArrayLike, "..."],
    low: Float[ArrayLike, ""],
    high: Float[ArrayLike, ""],
) -> Float[Array, "..."]:
    """A log-variance kept between `low` and `high`, smoothly: what a network returns.

    `t = high - softplus(high - raw)`, then `low + softplus(t - low)`. Apply it once,
    before both the sample and the KL: bounded in one of them only, the q that is
    penalised is not the q that is sampled. It rises everywhere, is `raw` to within
    `exp(-distance to the nearer bound)` in the middle, and its slope
    `sigmoid(high - raw) sigmoid(t - low)` is not 0 until about 87 outside, where a hard
    clip has none at once. The largest value is above `high` by `log1p(exp(low - high))`.
    The form of Chua et al. (2018), arXiv:1805.12114.

    Args:
        raw: any number.
        low: lower bound; finite and below `high`.
        high: upper bound; finite.

    Raises:
        ValueError: bounds that are not one number each, or not in this order.

    >>> bounded_logvar(jnp.array([-1e3, 0.0, 1e3]), -20.0, 20.0).tolist()
    [-20.0, 0.0, 20.0]
    """
    raw = as_float(raw)
    for name, bound in (("low", low), ("high", high)):
        checks.number(name, bound, low_open=True, high_open=True)
    checks.ordered("low", low, "high", high, strictly=True)
    low, high = jnp.asarray(low, raw.dtype), jnp.asarray(high, raw.dtype)
    below = high - jax.nn.softplus(high - raw)
    return low + jax.nn.softplus(below - low)


def log_mean_exp(x: Float[ArrayLike, "..."], axis: int = 0) -> Float[Array, "..."]:
    """`log(mean(exp(x)))` along an axis, without overflow.

    Raises:
        ValueError: an axis that `x` has not, or one without entries.

    >>> float(log_mean_exp(jnp.array([1000.0, 1000.0])))
    1000.0
    """
    x = as_float(x)
    axis = checks.whole("axis", axis, -x.ndim, x.ndim - 1)
    if x.shape[axis] == 0:
        raise ValueError(f"`x` must have entries along axis {axis}; got {x.shape}.")
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
