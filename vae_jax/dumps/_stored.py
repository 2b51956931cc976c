"""An array that still lies in its file."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Stored(NamedTuple):
    """What is known before an array is read: its shape, its type, and how to read it."""

    shape: tuple[int, ...]
    dtype: str
    itemsize: int
    load: Callable[[], np.ndarray]
