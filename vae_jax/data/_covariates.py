"""Covariates of every example: columns of numbers and of words as vectors."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Covariates(NamedTuple):
    """Columns that a model can be told, as vectors, and those of a data set's splits.

    A column of numbers is one number, less its mean and over its spread in training. One
    of words, or of true and false, has a number for each of its values: 1 at its own.

    Attributes:
        names: of the columns.
        levels: the values of each column of words; none of one of numbers.
        offset: of each number of a vector; 0 where it stands for a word.
        factor: likewise, what it is divided by; 1.
        values: float32 vectors of the three splits, `(n, size)` each; none where the data
            are not at hand.

    >>> Covariates._fields[:2]
    ('names', 'levels')
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    offset: Any
    factor: Any
    values: tuple[np.ndarray, ...] = ()

    @property
    def size(self) -> int:
        """Numbers of a vector.

        >>> Covariates(("a", "b"), ((), ("x", "y")), 0, 1).size
        3
        """
        return sum(len(words) or 1 for words in self.levels)

    @property
    def described(self) -> str:
        """The columns by name, each with its values.

        >>> Covariates(("age", "sex"), ((), ("f", "m")), 0, 1).described
        'age (a number), sex (f, m)'
        """
        columns = zip(self.names, self.levels, strict=True)
        return ", ".join(f"{n} ({', '.join(w) or 'a number'})" for n, w in columns)

    def taken(self, given: Any, size: int) -> np.ndarray:
        """Columns as they stand in a file as vectors of float32, `(size, self.size)`.

        Args:
            given: values by the names of all columns, or of one column its values; each an
                array of one an example, or one for all.
            size: how many examples there are.

        Raises:
            ValueError: names the column, and what it must be.

        >>> made = Covariates(("age", "sex"), ((), ("f", "m")), np.zeros(3), np.ones(3))
        >>> made.taken({"age": [1, 2], "sex": "m"}, 2).tolist()
        [[1.0, 0.0, 1.0], [2.0, 0.0, 1.0]]
        """
        if not isinstance(given, Mapping):
            if len(self.names) != 1:
                raise ValueError(
                    "`condition` must be values by name of each of "
                    f"{', '.join(self.names)}; got {type(given).__name__}. Give a "
                    f"dictionary, such as {{{self.names[0]!r}: ...}}."
                )
            given = {self.names[0]: given}
        unlike = set(given) ^ set(self.names)
        if unlike:
            raise ValueError(
                f"`condition` must have each of {', '.join(self.names)} and no other; got "
                f"{', '.join(map(str, given))}."
            )
        columns = zip(self.names, self.levels, strict=True)
        parts = [vectors(name, given[name], words, size) for name, words in columns]
        wide = (np.concatenate(parts, axis=1) - self.offset) / self.factor
        made: np.ndarray = wide.astype(np.float32)
        return made

    def returned(self, values: Any) -> dict[str, np.ndarray]:
        """Vectors as columns as they stand in a file: the inverse of `taken`.

        >>> made = Covariates(("age", "sex"), ((), ("f", "m")), np.ones(3), np.ones(3))
        >>> made.returned(np.array([[1.0, -1.0, 0.0]]))
        {'age': array([2.]), 'sex': array(['m'], dtype='<U1')}
        """
        wide = np.asarray(values, np.float64) * self.factor + self.offset
        found, start = {}, 0
        for name, words in zip(self.names, self.levels, strict=True):
            own = wide[:, start : start + (len(words) or 1)]
            found[name] = np.array(words)[own.argmax(axis=1)] if words else own[:, 0]
            start += own.shape[1]
        return found


def vectors(name: str, given: Any, words: tuple[str, ...], size: int) -> np.ndarray:
    """A column as vectors: numbers as they are, words as one of them.

    Raises:
        ValueError: another number of values, a word that is not known, or no finite number.

    >>> vectors("sex", ["m", "f"], ("f", "m"), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    column = np.asarray(given)
    if column.shape not in ((), (size,)):
        raise ValueError(
            f"`condition` must have one {name!r} an example, ({size},), or one for all; "
            f"got the shape {column.shape}."
        )
    column = np.broadcast_to(column, (size,))
    if words:
        text = column.astype(str)
        unknown = text[~np.isin(text, words)]
        if len(unknown):
            raise ValueError(
                f"{name!r} of a condition must be one of {', '.join(words)}; got "
                f"{str(unknown[0])!r}."
            )
        one_hot: np.ndarray = text[:, None] == np.array(words)
        return one_hot.astype(np.float64)
    if column.dtype.kind not in "iuf":
        raise ValueError(
            f"{name!r} of a condition must be numbers; got {column.dtype}."
        )
    if not np.isfinite(column).all():
        raise ValueError(
            f"{name!r} of a condition must be finite; got NaN or infinity. Fill the gaps, "
            "or leave such examples out."
        )
    numbers: np.ndarray = column[:, None].astype(np.float64)
    return numbers


def levels_of(column: np.ndarray) -> tuple[str, ...]:
    """The values of a column of words, or of true and false; none of one of numbers.

    >>> levels_of(np.array(["b", "a", "b"])), levels_of(np.array([0.5, 1.0]))
    (('a', 'b'), ())
    """
    if column.dtype.kind in "iuf":
        return ()
    return tuple(np.unique(column.astype(str)).tolist())
