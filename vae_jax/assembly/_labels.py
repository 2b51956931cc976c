"""The labels of a data set, where a run's model is told them."""

from typing import Any

import numpy as np

from vae_jax import data
from vae_jax.conditions import Conditioned
from vae_jax.configs import Run
from vae_jax.remedies import Remedy
from vae_jax.training import Prepare


def num_labels(dataset: data.Dataset) -> int:
    """Labels that a data set has, from 0 on; 0 where an example has none.

    >>> num_labels(data.load("digits"))
    10
    """
    labels = [np.asarray(split.labels) for split in dataset[1:4]]
    if min(int(part.min()) for part in labels) < 0:
        return 0
    return max(int(part.max()) for part in labels) + 1


def condition_of(run: Run) -> Remedy | None:
    """What tells a run's model the condition of every example; None of any other model.

    >>> condition_of(Run()) is None
    True
    """
    return next((one for one in run.remedies if one.labelled), None)


def is_labelled(run: Run) -> bool:
    """Whether its model takes examples with their labels.

    >>> is_labelled(Run())
    False
    """
    return condition_of(run) is not None


def examples(run: Run, dataset: data.Dataset, name: str) -> Any:
    """What a run is given of a split: its examples, with their conditions if it is told.

    >>> examples(Run(), data.load("digits"), "test").shape
    (297, 8, 8)
    """
    split, told = getattr(dataset, name), condition_of(run)
    if told is None:
        return split.images
    if told.of_covariates:
        known = dataset.covariates
        vectors = None if known is None else known.values[data.SPLITS.index(name)]
        return Conditioned(split.images, vectors)
    return Conditioned(split.images, np.asarray(split.labels, np.int32))


def beside_labels(prepare: Prepare) -> Prepare:
    """The same of labelled examples, whose labels stay.

    >>> double = beside_labels(lambda keys, images: 2 * images)
    >>> double(None, Conditioned(np.ones(1), np.zeros(1))).x.tolist()
    [2.0]
    """

    def call(keys: Any, stored: Any) -> Any:
        return Conditioned(prepare(keys, stored.x), stored.condition)

    return call


def check_labels(run: Run, dataset: data.Dataset) -> None:
    """Refuse to judge a model by labels that it was never told while it was trained.

    Raises:
        ValueError: names the split and the labels.

    >>> check_labels(Run(), data.load("digits"))
    """
    told = condition_of(run)
    if told is None or told.of_covariates:
        return
    known = np.unique(dataset.train.labels)
    for name in ("validation", run.eval_split):
        unknown = np.setdiff1d(getattr(dataset, name).labels, known)
        if len(unknown):
            names = dataset.label_names
            shown = [names[i] if i < len(names) else int(i) for i in unknown[:8]]
            raise ValueError(
                f"every label of the split {name!r} must be one of training; got {shown} "
                f"of {dataset.name}, which no example to train on has. Split the data "
                "otherwise, or leave the condition out."
            )
