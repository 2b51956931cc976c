"""What a reader of files returns: examples, split or not, with labels if there are any."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import SPLITS
from vae_jax.views import Examples

NO_CLASS = -1


class Raw(NamedTuple):
    """Examples as a file holds them.

    Attributes:
        parts: by split, in memory or in a file; one entry, `all`, where the file has no
            splits.
        labels: by the same names; none where there are no classes.
        features: names of the columns of a table.
        conditions: columns that a model is told, by split and name.

    >>> Raw({"all": np.zeros((2, 3))}, {}).features
    ()
    """

    parts: Mapping[str, Examples]
    labels: dict[str, np.ndarray]
    features: tuple[str, ...] = ()
    conditions: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


WHOLE = "all"
"""The name of examples that are not split."""


def check_splits(name: str, found: list[str]) -> None:
    """Refuse splits without one to train on.

    Raises:
        ValueError: names what is there.

    >>> check_splits("mine", ["train", "test"])
    """
    if WHOLE not in found and "train" not in found:
        raise ValueError(
            f"{name} must have a split `train` beside others; got "
            f"{', '.join(map(repr, found))}. The splits are called {', '.join(SPLITS)}."
        )


def as_classes(
    labels: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Labels of all splits as numbers from 0, and their names in the order of numbers.

    Whole numbers of at least 0 stay as they are, and have no names.

    >>> as_classes({"all": np.array(["b", "a", "b"])})
    ({'all': array([1, 0, 1], dtype=int32)}, ['a', 'b'])
    """
    every = np.concatenate([np.asarray(each) for each in labels.values()])
    if every.dtype.kind in "iu" and every.min() >= 0 and every.max() < 2**31:
        return {name: each.astype(np.int32) for name, each in labels.items()}, []
    names, numbers = np.unique(every.astype(str), return_inverse=True)
    ends = np.cumsum([len(each) for each in labels.values()])[:-1]
    parts = np.split(numbers.astype(np.int32), ends)
    return dict(zip(labels, parts, strict=True)), names.tolist()


def split_name(word: str) -> str | None:
    """The split that a name of a key, a column's entry or a folder means.

    >>> split_name("val"), split_name("X_train"), split_name("train_labels")
    ('validation', 'train', 'train')
    """
    words = word.lower().replace("-", "_").replace(".", "_").split("_")
    means = {"val": "validation", "valid": "validation", "dev": "validation"}
    means |= {name: name for name in SPLITS}
    found = {means[each] for each in words if each in means}
    return found.pop() if len(found) == 1 else None
