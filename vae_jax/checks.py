"""What functions ask of their settings, with one wording for what is refused.

Values are checked where they are known: Python's numbers, numpy's, and JAX arrays outside
of a traced function. A traced setting has a shape but no value yet, and passes.
"""

import math
import operator
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

REAL = (np.bool_, np.integer, np.floating)


def in_range(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    low_open: bool = False,
    high_open: bool = False,
) -> None:
    """Refuse a number, or any of an array, that lies outside a range or is NaN.

    An open end leaves the bound itself out: `high_open=True` alone refuses infinity.

    Raises:
        ValueError: a known value that is outside.
        TypeError: no real number.

    >>> in_range("beta", 0.5, 0, low_open=True)
    >>> in_range("ratio", 2.0, 0, 1)
    Traceback (most recent call last):
    ValueError: `ratio` must be from 0 to 1; got 2.0.
    """
    known = concrete(name, value)
    if known is None:
        return
    above = known > low if low_open else known >= low
    below = known < high if high_open else known <= high
    wrong = ~(above & below)
    if wrong.any():
        allowed = _describe(low, high, low_open, high_open)
        first = float(known[wrong].flat[0]) if known.ndim else value
        raise ValueError(f"`{name}` must be {allowed}; got {first}.")


def scalar(name: str, value: Any) -> None:
    """Refuse an array where one number is meant, be its value known or not.

    Raises:
        ValueError: it has dimensions.

    >>> scalar("beta", np.float32(2.0))
    >>> scalar("beta", np.ones(3))
    Traceback (most recent call last):
    ValueError: `beta` must be one number; got an array of shape (3,). Use `jax.vmap` ...
    """
    shape = np.shape(value)
    if shape != ():
        raise ValueError(
            f"`{name}` must be one number; got an array of shape {shape}. Use `jax.vmap` "
            "over several."
        )


def number(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    low_open: bool = False,
    high_open: bool = False,
) -> None:
    """Refuse what is not one number in a range: `scalar` and `in_range`.

    >>> number("temperature", -1, 0)
    Traceback (most recent call last):
    ValueError: `temperature` must be at least 0; got -1.
    """
    scalar(name, value)
    in_range(name, value, low, high, low_open=low_open, high_open=high_open)


def ordered(
    name: str, value: Any, other: str, limit: Any, *, strictly: bool = False
) -> None:
    """Refuse a number above another; arrays are compared as they broadcast.

    >>> ordered("minimum", 2, "maximum", 1)
    Traceback (most recent call last):
    ValueError: `minimum` must be at most `maximum`, 1.0; got 2.0.
    """
    low, high = concrete(name, value), concrete(other, limit)
    if low is None or high is None:
        return
    try:
        low, high = np.broadcast_arrays(low, high)
    except ValueError:
        raise ValueError(
            f"`{name}` must broadcast against `{other}`, {high.shape}; got {low.shape}."
        ) from None
    wrong = ~(low < high) if strictly else ~(low <= high)
    if wrong.any():
        raise ValueError(
            f"`{name}` must be {'below' if strictly else 'at most'} `{other}`, "
            f"{float(high[wrong].flat[0])}; got {float(low[wrong].flat[0])}."
        )


def whole(
    name: str, value: Any, at_least: int | None = None, at_most: int | None = None
) -> int:
    """The Python integer that a Python, numpy or JAX integer stands for.

    Raises:
        TypeError: no whole number, such as 2.5, 2.0, True or a traced one.
        ValueError: one outside the range.

    >>> whole("num_samples", np.int64(3), 1)
    3
    >>> whole("num_samples", 2.5, 1)
    Traceback (most recent call last):
    TypeError: `num_samples` must be a whole number; got 2.5.
    """
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            f"`{name}` must be known when the function is traced; got {value}. Make it a "
            "static argument of `jax.jit`, or close over it."
        )
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        index = operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be a whole number; got {value!r}.") from None
    low = -math.inf if at_least is None else at_least
    in_range(name, index, low, math.inf if at_most is None else at_most)
    return index


def two_sizes(name: str, values: Any) -> tuple[int, int]:
    """Two whole numbers of at least 1.

    Raises:
        ValueError: not two of them, or one below 1.
        TypeError: one that is no whole number.

    >>> two_sizes("latent_dims", [5, 3])
    (5, 3)
    >>> two_sizes("latent_dims", 5)
    Traceback (most recent call last):
    ValueError: `latent_dims` must be two whole numbers; got 5.
    """
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise ValueError(f"`{name}` must be two whole numbers; got {values!r}.")
    first, second = (whole(name, one, 1) for one in values)
    return first, second


def option(name: str, value: Any, allowed: Iterable[str]) -> None:
    """Refuse a word that is none of those allowed.

    >>> option("mean", "batches", ("batch", "example"))
    Traceback (most recent call last):
    ValueError: `mean` must be one of 'batch', 'example'; got 'batches'.
    """
    allowed = tuple(allowed)
    if not (isinstance(value, str) and value in allowed):
        words = ", ".join(map(repr, allowed))
        raise ValueError(f"`{name}` must be one of {words}; got {value!r}.")


def concrete(name: str, value: Any) -> np.ndarray | None:
    """The values in float64, or None where they are not known to this process.

    Raises:
        TypeError: no real numbers.

    >>> concrete("beta", 2).dtype.name
    'float64'
    >>> jax.eval_shape(lambda x: 0 * x if concrete("x", x) is None else x, 1.0).shape
    ()
    """
    if isinstance(value, jax.core.Tracer):
        return None
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        return None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # keys, ragged lists
        array = np.asarray(None)
    # by JAX's types, since numpy knows no bfloat16; a string or None would be converted
    if not any(jnp.issubdtype(array.dtype, kind) for kind in REAL):
        call = " Call it first, a schedule with the step." if callable(value) else ""
        raise TypeError(f"`{name}` must be a real number; got {value!r}.{call}")
    return array.astype(np.float64)


def known(name: str, value: Any) -> np.ndarray:
    """The values in float64, of an array that has to be there in numbers.

    Raises:
        TypeError: no real numbers, or traced ones.

    >>> known("data", [[1, 2]]).tolist()
    [[1.0, 2.0]]
    """
    array = concrete(name, value)
    if array is None:
        raise TypeError(
            f"`{name}` must be known numbers; got {value}. Call the function outside of "
            "`jax.jit`, on data that this process holds."
        )
    return array


def _describe(low: float, high: float, low_open: bool, high_open: bool) -> str:
    """The range in words."""
    if low == -math.inf and high == math.inf:
        return "finite" if low_open or high_open else "a number"
    if high == math.inf:
        return f"{'above' if low_open else 'at least'} {low:g}" + (
            " and finite" if high_open else ""
        )
    if low == -math.inf:
        return f"{'below' if high_open else 'at most'} {high:g}" + (
            " and finite" if low_open else ""
        )
    if low_open or high_open:
        return (
            f"{'above' if low_open else 'at least'} {low:g} and "
            f"{'below' if high_open else 'at most'} {high:g}"
        )
    return f"from {low:g} to {high:g}"
