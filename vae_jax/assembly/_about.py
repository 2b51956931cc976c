"""What a trained model needs to know of its data, without the data."""

from typing import NamedTuple

import numpy as np

from vae_jax import data
from vae_jax.assembly._model import facts_of
from vae_jax.records import Facts


class About(NamedTuple):
    """Of a data set.

    Attributes:
        facts: what models know of it.
        label_names: what its labels are called, if they have names.
        labels: those of the examples to train on, in ascending order.

    >>> About._fields
    ('facts', 'label_names', 'labels')
    """

    facts: Facts
    label_names: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()


def about(dataset: data.Dataset) -> About:
    """What a trained model knows of a data set.

    >>> about(data.load("digits")).labels
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    """
    known = np.unique(np.asarray(dataset.train.labels))
    labels = tuple(int(label) for label in known if label >= 0)
    return About(facts_of(dataset), tuple(dataset.label_names), labels)
