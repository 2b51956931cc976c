"""What every source of images becomes: three splits of numpy arrays."""

from typing import Literal, NamedTuple

import numpy as np

from vae_jax.data._covariates import Covariates
from vae_jax.data._origin import Origin

SPLITS = ("train", "validation", "test")

Kind = Literal["levels", "unit", "real", "counts", "tokens"]
"""Grey levels or 0 and 1; numbers from 0 to 1; any; whole ones of at least 0; words."""


class Split(NamedTuple):
    """Images as stored, and their classes.

    What `load` gives cannot be written to: `images.copy()` can.

    Attributes:
        images: `(n, *event)`: uint8 levels, float32 numbers, or wider whole ones.
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
        max_value: the grey level that stands for 1; of sentences, the largest token; of
            counts, the largest of them; 1 of other numbers.
        kind: what the numbers are; where none is given, uint8 are levels and wider whole
            numbers tokens.
        label_names: what the classes are called, if they have names.
        origin: what its examples were in a file of the user's own, if they were others.
        covariates: what a model can be told of every example, beside its label.

    >>> Dataset._fields[:6]
    ('name', 'train', 'validation', 'test', 'max_value', 'kind')
    """

    name: str
    train: Split
    validation: Split
    test: Split
    max_value: int
    kind: Kind | None = None
    label_names: tuple[str, ...] = ()
    origin: Origin | None = None
    covariates: Covariates | None = None

    @property
    def holds(self) -> Kind:
        """What the numbers are.

        >>> part = Split(np.zeros((2, 8), np.uint8), np.zeros(2, np.int32))
        >>> Dataset("mine", part, part, part, 1).holds
        'levels'
        """
        if self.kind is not None:
            return self.kind
        return "levels" if self.train.images.dtype == np.uint8 else "tokens"
