"""What was read, as one sentence."""

import numpy as np

from vae_jax.data._dataset import Dataset
from vae_jax.data._levels import extremes

FEW = 8
"""Classes that are listed by name."""


def described(dataset: Dataset) -> str:
    """Name, sizes, shape, numbers and classes of a set, as every run of it sees them.

    >>> from vae_jax.data import load
    >>> described(load("digits")).split("; ")[1]
    '8x8, grey levels 0 to 16, 10 classes'
    """
    train, validation, test = (len(split.images) for split in dataset[1:4])
    shape = "x".join(map(str, dataset.train.images.shape[1:])) or "one number each"
    return (
        f"{dataset.name}: {train} to train on, {validation} to validate by, {test} to test "
        f"on; {shape}, {_numbers(dataset)}{_classes(dataset)}"
    )


def _numbers(dataset: Dataset) -> str:
    if dataset.holds == "levels":
        colours = dataset.train.images.shape[3:] == (3,)
        said = f"{'colours' if colours else 'grey levels'} 0 to {dataset.max_value}"
        return said if dataset.max_value > 1 else "0 and 1"
    if dataset.holds == "tokens":
        return f"tokens 0 to {dataset.max_value}"
    if dataset.holds == "counts":
        return f"counts 0 to {dataset.max_value}"
    low, high = extremes(dataset.train.images)
    word = "real numbers" if dataset.holds == "real" else "numbers in [0, 1]"
    return f"{word} from {low:.3g} to {high:.3g}"


def _classes(dataset: Dataset) -> str:
    labels = np.concatenate([split.labels for split in dataset[1:4]])
    count = len(np.unique(labels[labels >= 0]))
    if not count:
        return ", no classes"
    names = dataset.label_names
    listed = f" ({', '.join(names)})" if 0 < len(names) <= FEW else ""
    return f", {count} {'class' if count == 1 else 'classes'}{listed}"
