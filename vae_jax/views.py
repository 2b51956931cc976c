"""Examples of an array that is too large to be copied: rows by their places."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

BLOCK_BYTES = 2**24
"""Read at a time, where every example is looked at."""

LARGE = 2**30
"""Bytes of examples from which on those to train on stay in their file."""

Change = Callable[[np.ndarray], np.ndarray]
"""Of a block of examples, each by itself: the same in any other block."""


class Rows:
    """Some rows of what lies in a file, in the order of their places; read-only.

    >>> rows = Rows(np.arange(10) ** 2, np.array([3, 7, 8]))
    >>> len(rows), rows[np.array([2, 0])].tolist(), rows[:2].tolist()
    (3, [64, 9], [9, 49])
    """

    def __init__(
        self,
        source: Any,
        places: np.ndarray | None = None,
        changes: tuple[Change, ...] = (),
    ) -> None:
        """One row is read, and changed, to know what rows are.

        Args:
            source: has `shape` and `dtype`, and reads the rows of an array of places.
            places: of the rows; all of them where none are given.
            changes: made, one after another, of what is read.
        """
        self._source, self._changes = source, changes
        self._places = np.arange(source.shape[0]) if places is None else places
        one: Any = source
        if changes:
            one = np.asarray(source[self._places[:1]])
            for change in changes:
                one = change(one)
        self.shape: tuple[int, ...] = (len(self._places), *one.shape[1:])
        self.dtype: np.dtype[Any] = one.dtype
        self.ndim = len(self.shape)
        of_one = (int(np.prod(x.shape[1:])) * x.dtype.itemsize for x in (source, one))
        self.bytes_of_one: int = max(of_one)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._places)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """These rows as an array in memory."""
        places = self._places[rows]
        found = np.asarray(self._source[np.atleast_1d(places)])
        for change in self._changes:
            found = change(found)
        own: np.ndarray = found if np.ndim(places) else found[0]
        return own

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them, in memory."""
        return np.asarray(self[:], dtype)

    def at(self, places: Any) -> "Rows":
        """Some of these rows, which are not read.

        >>> Rows(np.arange(10)).at(slice(4, None)).at(np.array([0, 5]))[:].tolist()
        [4, 9]
        """
        return Rows(self._source, self._places[places], self._changes)

    def changed(self, change: Change) -> "Rows":
        """The same rows, changed whenever they are read.

        >>> Rows(np.arange(3)).changed(lambda block: block / 2)[1:].tolist()
        [0.5, 1.0]
        """
        return Rows(self._source, self._places, (*self._changes, change))


Examples = np.ndarray | Rows
"""In memory, or in a file."""


def is_large(num_bytes: int) -> bool:
    """Whether so many bytes stay in their file.

    >>> is_large(10)
    False
    """
    return num_bytes >= LARGE


def blocks(examples: Any) -> Iterator[np.ndarray]:
    """The examples in parts: one of an array, many of `Rows`.

    >>> [len(part) for part in blocks(np.zeros((5, 2)))]
    [5]
    """
    if not isinstance(examples, Rows):
        yield np.asarray(examples)
        return
    size = max(1, BLOCK_BYTES // max(examples.bytes_of_one, 1))
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def taken(examples: Examples, places: Any) -> Examples:
    """The examples of some places; those in a file stay there.

    >>> taken(np.arange(5), slice(3, None)).tolist()
    [3, 4]
    """
    return examples.at(places) if isinstance(examples, Rows) else examples[places]


def changed(examples: Examples, change: Change) -> Examples:
    """The examples changed, each by itself; those in a file whenever they are read.

    >>> changed(np.arange(3), lambda block: block + 1).tolist()
    [1, 2, 3]
    """
    return examples.changed(change) if isinstance(examples, Rows) else change(examples)
