"""What a trained model needs to know of its data, without the data."""

from collections.abc import Mapping
from typing import Any, NamedTuple

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
        origin: what examples are in the file, where they are others there.
        covariates: what the columns of a condition are, without those of its examples.

    >>> About._fields
    ('facts', 'label_names', 'labels', 'origin', 'covariates')
    """

    facts: Facts
    label_names: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    origin: data.Origin | None = None
    covariates: data.Covariates | None = None

    @property
    def scales(self) -> bool:
        """Whether a model sees other numbers than those of the file.

        >>> About(Facts((2,), 1, 9)).scales
        False
        """
        return self.origin is not None and self.origin.scales


def about(dataset: data.Dataset) -> About:
    """What a trained model knows of a data set.

    >>> about(data.load("digits")).labels
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    """
    known = np.unique(np.asarray(dataset.train.labels))
    labels = tuple(int(label) for label in known if label >= 0)
    names = tuple(dataset.label_names)
    told = dataset.covariates
    told = None if told is None else told._replace(values=())
    return About(facts_of(dataset), names, labels, dataset.origin, told)


def about_as_json(known: About) -> dict[str, Any]:
    """The same as plain values, for a file.

    >>> about_as_json(About(Facts((2,), 1, 9)))["facts"]["event_shape"]
    [2]
    """
    origin, told = known.origin, known.covariates
    return {
        "facts": known.facts._asdict() | {"event_shape": list(known.facts.event_shape)},
        "label_names": list(known.label_names),
        "labels": list(known.labels),
        "origin": None
        if origin is None
        else {n: _plain(v) for n, v in origin._asdict().items()},
        "told": None
        if told is None
        else {
            "names": list(told.names),
            "levels": [list(words) for words in told.levels],
            "offset": _plain(told.offset),
            "factor": _plain(told.factor),
        },
    }


def about_from_json(stored: Mapping[str, Any]) -> About:
    """What `about_as_json` has written.

    >>> known = About(Facts((2,), 1, 9), ("a",), (0,), data.Origin(None, 1.0, 2.0))
    >>> about_from_json(about_as_json(known)) == known
    True
    """
    shape = tuple(stored["facts"]["event_shape"])
    origin, told = stored["origin"], stored.get("told")
    return About(
        Facts(**{**stored["facts"], "event_shape": shape}),
        tuple(stored["label_names"]),
        tuple(stored["labels"]),
        None
        if origin is None
        else data.Origin(**{n: _read(n, v) for n, v in origin.items()}),
        None if told is None else _covariates(told),
    )


def _covariates(told: Mapping[str, Any]) -> data.Covariates:
    offset, factor = (np.asarray(told[n], np.float64) for n in ("offset", "factor"))
    levels = tuple(tuple(words) for words in told["levels"])
    return data.Covariates(tuple(told["names"]), levels, offset, factor)


def _plain(value: Any) -> Any:
    return value if value is None else np.asarray(value).tolist()


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    return tuple(value) if name == "shape" else np.asarray(value, np.float64)
