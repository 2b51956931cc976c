"""What a setting may be: its sentence, its range, and whether it is data or a shape."""

import math
from dataclasses import MISSING, field
from typing import Any, NamedTuple

from vae_jax.records._values import (
    as_annotated,
    as_float32,
    as_python,
    check_float32,
    check_type,
    shown,
)

SPEC = "vae_jax"
"""Where a field's metadata hold its `Spec`."""

LARGEST_INT = 2**31 - 1
"""What a program holds of whole numbers."""


class Spec(NamedTuple):
    """What is known of one setting beside its type and default.

    Attributes:
        text: a plain sentence for help.
        is_data: a leaf of the pytree, which members of one program may differ in; others
            shape the program.
        low, high: its bounds.
        low_open, high_open: whether they are left out.
        unit: of the numbers, for messages.
        none: what None stands for inside a program.
        in_epochs: it is a number of steps of training, which may be given in epochs.
        is_row: inside a program it has a value a step, which the record's `rows` makes.

    >>> Spec("Units of z.", low=1).is_data
    False
    """

    text: str
    is_data: bool = False
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    unit: str = ""
    none: float | None = None
    is_row: bool = False
    in_epochs: bool = False


def data(
    text: str, default: Any = MISSING, *, kw_only: bool = False, **limits: Any
) -> Any:
    """A setting that is data: members of one compiled program may differ in it.

    Args:
        text: a plain sentence for help.
        default: required where none is given.
        kw_only: given by name, as one that is required must be after others that are not.
        **limits: see `Spec`.

    >>> data("Weight of the rate.", 1.0, low=0).default
    1.0
    """
    metadata = {SPEC: Spec(text, True, **limits)}
    return field(default=default, kw_only=kw_only, metadata=metadata)


def static(
    text: str, default: Any = MISSING, *, kw_only: bool = False, **limits: Any
) -> Any:
    """A setting that shapes the compiled program; see `data`.

    >>> static("Units of z.", 8, low=1).default
    8
    """
    metadata = {SPEC: Spec(text, **limits)}
    return field(default=default, kw_only=kw_only, metadata=metadata)


def checked(name: str, value: Any, annotation: Any, spec: Spec) -> Any:
    """The value as the type of the field, in its range.

    Raises:
        ValueError: another type, or out of range; names the field, the value and what is
            allowed.

    >>> checked("beta", 2, float, Spec("", low=0, high_open=True))
    2.0
    """
    value = as_python(value)
    check_type(name, value, annotation)
    value = as_annotated(value, annotation)
    check_float32(name, value)
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, int | float) and not isinstance(one, bool):
            _check_range(name, one, spec)
        if spec.is_data and isinstance(one, int) and abs(one) > LARGEST_INT:
            raise ValueError(
                f"`{name}` must be at most {LARGEST_INT}, a whole number of 32 bits; got "
                f"{shown(one)}."
            )
    return value


def _check_range(name: str, value: float, spec: Spec) -> None:
    # as it is computed with: just below 1 it may round to it
    known = as_float32(value) if isinstance(value, float) else value
    above = known > spec.low if spec.low_open else known >= spec.low
    below = known < spec.high if spec.high_open else known <= spec.high
    if above and below and not (isinstance(value, float) and math.isinf(value)):
        return
    raise ValueError(f"`{name}` must be {allowed(spec)}; got {shown(value)}.")


def allowed(spec: Spec) -> str:
    """The range in words.

    >>> allowed(Spec("", low=0)), allowed(Spec("", low=0, high=1, high_open=True))
    ('finite and at least 0', 'at least 0 and below 1')
    """
    words = []
    if spec.low > -math.inf:
        words.append(f"{'above' if spec.low_open else 'at least'} {spec.low:g}")
    if spec.high < math.inf:
        words.append(f"{'below' if spec.high_open else 'at most'} {spec.high:.10g}")
    else:
        words.insert(0, "finite")
    return " and ".join(words) + (f" {spec.unit}" if spec.unit else "")
