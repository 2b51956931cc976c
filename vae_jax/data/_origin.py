"""How examples as they stand in a file became those of a data set, and the way back."""

from typing import Any, NamedTuple

import numpy as np


class Origin(NamedTuple):
    """`stored = (given - offset) / factor`, of examples of the shape that a model sees.

    Attributes:
        shape: of an example in the file, where it is another there.
        offset: the mean of each feature, or the number that stands for 0; None where the
            numbers are those of the file.
        factor: the spread of each feature, or what the number that stands for 1 is above
            the one for 0.

    >>> Origin(None, np.array([2.0]), np.array([4.0])).taken(np.array([[10.0]])).tolist()
    [[2.0]]
    """

    shape: tuple[int, ...] | None = None
    offset: Any = None
    factor: Any = None

    @property
    def scales(self) -> bool:
        """Whether the numbers are others than those of the file.

        >>> Origin((4,)).scales
        False
        """
        return self.offset is not None

    def taken(self, given: Any) -> np.ndarray:
        """Numbers of the file as the data set holds them, in float32.

        >>> Origin(None, 1.0, 2.0).taken(np.array([[5.0]])).dtype
        dtype('float32')
        """
        wide = np.asarray(given, np.float64)
        if self.scales:
            wide = (wide - self.offset) / self.factor
        return wide.astype(np.float32)

    def returned(self, stored: Any) -> np.ndarray:
        """Numbers of the data set as they stand in the file, in float64.

        >>> Origin(None, 1.0, 2.0).returned(np.array([2.0])).tolist()
        [5.0]
        """
        wide = np.asarray(stored, np.float64)
        return wide * self.factor + self.offset if self.scales else wide
