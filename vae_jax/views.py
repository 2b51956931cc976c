"""Examples of an array that is too large to be copied: rows by their places."""

from collections.abc import Iterator
from typing import Any

import numpy as np

BLOCK_BYTES = 2**24
"""Read at a time, where every example is looked at."""


class Rows:
    """Some rows of an array that is mapped, in the order of their places; read-only.

    >>> rows = Rows(np.arange(10) ** 2, np.array([3, 7, 8]))
    >>> len(rows), rows[np.array([2, 0])].tolist(), rows[:2].tolist()
    (3, [64, 9], [9, 49])
    """

    def __init__(self, source: Any, places: np.ndarray) -> None:
        """Nothing is read."""
        self._source, self._places = source, places
        self.shape: tuple[int, ...] = (len(places), *source.shape[1:])
        self.dtype: np.dtype[Any] = source.dtype
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._places)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """These rows as an array in memory."""
        return np.array(self._source[self._places[rows]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them, in memory."""
        return np.asarray(self[:], dtype)


def blocks(examples: Any) -> Iterator[np.ndarray]:
    """The examples in parts: one of an array, many of `Rows`.

    >>> [len(part) for part in blocks(np.zeros((5, 2)))]
    [5]
    """
    if not isinstance(examples, Rows):
        yield np.asarray(examples)
        return
    of_one = int(np.prod(examples.shape[1:])) * examples.dtype.itemsize
    size = max(1, BLOCK_BYTES // max(of_one, 1))
    for start in range(0, len(examples), size):
        yield examples[start : start + size]
