"""One axis of a grid: a list of values, or a range, counted before it is made."""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, get_origin

import numpy as np

from vae_jax.configs import did_you_mean, field_kinds, shown

RANGE_KEYS = ("start", "stop", "step", "num", "scale")
SCALES = ("linear", "log")


class Axis(NamedTuple):
    """How many values an axis has, and what makes them.

    >>> Axis(2, lambda: [0.5, 1.0]).values()
    [0.5, 1.0]
    """

    size: int
    values: Callable[[], list[Any]]


def axis(name: str, value: Any) -> Axis:
    """The axis of a field.

    Raises:
        ValueError: no values, the same twice, or no such range; names the field.

    >>> axis("seed", {"start": 0, "stop": 10**9}).size
    1000000000
    >>> axis("beta", {"start": 0.1, "stop": 0.4, "step": 0.1}).values()
    [0.1, 0.2, 0.3]
    """
    if isinstance(value, Mapping):
        return _range(name, value)
    is_axis = isinstance(value, list)
    if is_axis and value and is_list(name):
        nested = [isinstance(each, list) for each in value]
        if any(nested) and not all(nested):
            raise ValueError(
                f"`{name}` must be one list, or a list of such lists; got {shown(value)}."
            )
        is_axis = all(nested)
    values = value if is_axis else [value]
    if not values:
        raise ValueError(
            f"`{name}` must have at least one value; got an empty list. Such a grid has no "
            "run: name a value, or leave the field out."
        )
    _refuse_repeated(name, values)
    return Axis(len(values), lambda: values)


def is_list(name: str) -> bool:
    """Whether one value of a setting is a list itself.

    >>> is_list("hidden"), is_list("beta")
    (True, False)
    """
    return any(get_origin(kind) is tuple for kind in field_kinds(name))


def _refuse_repeated(name: str, values: list[Any]) -> None:
    seen = set()
    for value in values:
        # 1 and 1.0 are one number, "1" and true are not
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        key = value if is_number else repr(value)
        if key in seen:
            raise ValueError(
                f"`{name}` must have every value once; got {shown(value)} twice in "
                f"{shown(values)}. Repeat a run by another `seed`."
            )
        seen.add(key)


def _range(name: str, value: Mapping[str, Any]) -> Axis:
    _check_keys(name, value)
    whole = _is_whole(name)
    for key in ("start", "stop", "step"):
        if key in value:
            _check_number(name, key, value[key])
    start, stop = Fraction(str(value["start"])), Fraction(str(value["stop"]))
    if "num" in value:
        size, at = _spaced(name, value, start, stop)
    else:
        step = Fraction(str(value.get("step", 1)))
        if not step:
            raise ValueError(
                f"`{name}` must be a range of a `step` other than 0; got 0."
            )
        size, at = math.ceil((stop - start) / step), lambda i: start + i * step
        if size < 1:
            raise ValueError(
                f"`{name}` must be a range whose `step` leads from start to stop; got "
                f"{shown(dict(value))}, which has no values: stop itself is left out."
            )
    is_int = all(
        isinstance(value.get(key, 0), int) for key in ("start", "stop", "step")
    )
    exact = whole or ("num" not in value and is_int)

    def values() -> list[Any]:
        return [
            _number(name, at(i), value) if exact else float(at(i)) for i in range(size)
        ]

    return Axis(size, values)


def _check_keys(name: str, value: Mapping[str, Any]) -> None:
    got = f"got {shown(dict(value))}."
    for key in value:
        if key not in RANGE_KEYS:
            raise ValueError(
                f"`{name}` must be a list or a range with start, stop and step, or start, "
                f"stop, num and scale; got the key {key!r} in {shown(dict(value))}."
                f"{did_you_mean(key, RANGE_KEYS)}"
            )
    if not {"start", "stop"} <= set(value):
        raise ValueError(
            f"`{name}` must be a list or a range with start, stop and step, or start, "
            f"stop, num and scale; {got}"
        )
    if "num" in value and "step" in value:
        raise ValueError(
            f"`{name}` must be a range of either `step` or `num`, not of both; {got}"
        )
    if "scale" in value and "num" not in value:
        raise ValueError(
            f"`{name}` must be a range with `num`, the number of values, where it has a "
            f"`scale`; {got}"
        )
    scale = value.get("scale", "linear")
    if scale not in SCALES:
        raise ValueError(
            f"`{name}` must be a range of scale {' or '.join(SCALES)}; got "
            f"{shown(scale)}.{did_you_mean(scale, SCALES)}"
        )


def _is_whole(name: str) -> bool:
    """Whether a field holds whole numbers; only numbers have ranges."""
    kinds = field_kinds(name)
    if int not in kinds and float not in kinds:
        raise ValueError(
            f"`{name}` must be a value or a list of values: a range is of numbers, and "
            f"`{name}` is none."
        )
    return float not in kinds


def _check_number(name: str, key: str, number: Any) -> None:
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    # a number of a thousand digits is neither a size nor a float
    if not is_number or not abs(number) < 2**1000:
        raise ValueError(
            f"`{name}` must be a range whose `{key}` is a finite number; got "
            f"{shown(number)}."
        )


def _spaced(
    name: str, value: Mapping[str, Any], start: Fraction, stop: Fraction
) -> tuple[int, Callable[[int], Any]]:
    num = value["num"]
    if not isinstance(num, int) or isinstance(num, bool) or num < 2:
        raise ValueError(
            f"`{name}` must be a range whose `num` is a whole number of at least 2, for "
            f"both ends belong to it; got {shown(num)}."
        )
    if start == stop:
        raise ValueError(
            f"`{name}` must be a range whose ends differ; got {shown(dict(value))}. For "
            "one value give the value."
        )
    if value.get("scale", "linear") == "linear":
        return num, lambda i: start + i * (stop - start) / (num - 1)
    if min(start, stop) <= 0:
        raise ValueError(
            f"`{name}` must be a range between numbers above 0 where its scale is log; got "
            f"{shown(dict(value))}."
        )
    # one at a time gives what numpy gives for all of them, and no memory for too many
    return num, lambda i: _geometric(float(start), float(stop), num, i)


def _geometric(start: float, stop: float, num: int, i: int) -> float:
    if i in (0, num - 1):
        return stop if i else start
    share = i / (num - 1)
    return float(np.exp((1 - share) * math.log(start) + share * math.log(stop)))


def _number(name: str, number: Any, value: Mapping[str, Any]) -> int:
    """A whole number; on a logarithmic scale up to rounding."""
    nearest = round(number)
    rounding = 1e-9 * abs(number) if value.get("scale") == "log" else 0
    if abs(number - nearest) > rounding:
        raise ValueError(
            f"`{name}` must be a range of whole numbers; got {float(number):.6g} among the "
            f"values of {shown(dict(value))}. Choose a `step` or `num` that gives whole "
            "numbers, or give a list."
        )
    return int(nearest)
