"""What every source of images becomes: three splits of numpy arrays."""

from typing import NamedTuple

import numpy as np

SPLITS = ("train", "validation", "test")


class Split(NamedTuple):
    """Images as stored, and their classes.

    What `load` gives cannot be written to: `images.copy()` can.

    Attributes:
        images: uint8, `(n, *event)`.
        labels: int32, `(n,)`; -1 where the set has no classes.

    >>> Split(np.zeros((2, 8, 8), np.uint8), np.zeros(2, np.int32)).images.shape
    (2, 8, 8)
    """

    images: np.ndarray
    labels: np.ndarray


class Dataset(NamedTuple):
    """A data set in three disjoint splits.

    Attributes:
        name: as given to `load`.
        train: to fit on.
        validation: to choose by.
        test: to report.
        max_value: the grey level that stands for 1; of sentences, the largest token.

    >>> Dataset._fields
    ('name', 'train', 'validation', 'test', 'max_value')
    """

    name: str
    train: Split
    validation: Split
    test: Split
    max_value: int
