"""Whole numbers as users give them, refused before they could be cut to size."""

from typing import Any

import numpy as np
from jaxtyping import Int32

LARGEST = 2**31 - 1
"""The largest id: they are int32 everywhere."""


def whole(name: str, value: Any, least: int) -> int:
    """A whole number of at least so much; numpy's are as good as Python's.

    Raises:
        TypeError: not a whole number.
        ValueError: too small.

    >>> whole("batch_size", np.int64(8), 1)
    8
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be a whole number; got {value!r:.80}.")
    if value < least:
        raise ValueError(f"`{name}` must be at least {least}; got {value}.")
    return int(value)


def whole_array(name: str, values: Any, least: int = 0) -> Int32[np.ndarray, "..."]:
    """An array of ids or lengths as int32, in the byte order of the machine.

    Casting to int32 would make 7 of 2^32 + 7 and of 7.5.

    Raises:
        ValueError: not whole numbers from `least` to 2^31 - 1.

    >>> whole_array("lengths", [3, 4]).tolist()
    [3, 4]
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be whole numbers; got {array.dtype} {array.shape}."
        )
    if array.size and not least <= int(array.min()) <= int(array.max()) <= LARGEST:
        wrong = array[(array < least) | (array > LARGEST)][0]
        raise ValueError(f"`{name}` must be from {least} to {LARGEST}; got {wrong}.")
    return array.astype(np.int32)
