"""Columns of a user's own data that a model is told, split and standardised with them."""

import numpy as np

from vae_jax.data import Covariates, levels_of, vectors
from vae_jax.userdata._raw import Raw


def names_of(raw: Raw) -> tuple[str, ...]:
    """The columns, in order.

    >>> names_of(Raw({}, {}, conditions={"all": {"age": [1]}}))
    ('age',)
    """
    return tuple(next(iter(raw.conditions.values())))


def all_levels(raw: Raw) -> tuple[tuple[str, ...], ...]:
    """The values of each column of words in all splits; none of one of numbers.

    >>> all_levels(Raw({}, {}, conditions={"all": {"sex": ["m", "f"], "age": [1, 2]}}))
    (('f', 'm'), ())
    """
    parts = raw.conditions.values()
    return tuple(
        levels_of(np.concatenate([np.asarray(part[name]) for part in parts]))
        for name in names_of(raw)
    )


def conditions_of(name: str, raw: Raw) -> dict[str, np.ndarray]:
    """The vectors of every split as numbers of the file; none without columns.

    Raises:
        ValueError: not one of each an example, or a number that is not finite.

    >>> told = {"all": {"age": np.array([1.0, 2.0])}}
    >>> conditions_of("mine", Raw({"all": np.zeros((2, 3))}, {}, conditions=told))
    {'all': array([[1.],
           [2.]])}
    """
    if not raw.conditions:
        return {}
    if set(raw.conditions) != set(raw.parts):
        raise ValueError(
            f"the conditions of {name} must be those of {', '.join(raw.parts)}; got those "
            f"of {', '.join(raw.conditions)}."
        )
    columns = list(zip(names_of(raw), all_levels(raw), strict=True))
    return {
        split: np.concatenate(
            [
                vectors(
                    column, np.atleast_1d(own[column]), words, len(raw.parts[split])
                )
                for column, words in columns
            ],
            axis=1,
        )
        for split, own in raw.conditions.items()
    }


def joined(
    labels: dict[str, np.ndarray], told: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Labels and vectors in one array a split, so that what takes rows takes both.

    >>> joined({"all": np.array([7])}, {})["all"]["label"].tolist()
    [7]
    """
    made = {}
    for split, own in labels.items():
        vector = told.get(split, np.zeros((len(own), 0)))
        kind = [("label", np.int32), ("told", np.float64, vector.shape[1:])]
        made[split] = np.zeros(len(own), kind)
        made[split]["label"], made[split]["told"] = own, vector
    return made


def covariates_of(raw: Raw, parts: list[np.ndarray]) -> Covariates:
    """The vectors of the three splits, numbers less their mean and over their spread.

    Raises:
        ValueError: a column, or a word of one, that does not vary in training.

    >>> told = {"all": {"age": np.array([1.0, 3.0])}}
    >>> made = covariates_of(Raw({}, {}, conditions=told), [np.array([[1.0], [3.0]])])
    >>> made.values[0].tolist()
    [[-1.0], [1.0]]
    """
    names, levels = names_of(raw), all_levels(raw)
    widths = [len(words) or 1 for words in levels]
    of_words = np.repeat([bool(words) for words in levels], widths)
    of = np.repeat(names, widths)
    mean, spread = parts[0].mean(axis=0), parts[0].std(axis=0)
    still = np.flatnonzero(spread == 0)
    if len(still):
        raise ValueError(
            f"`condition_columns` must vary in training; got {str(of[still[0]])!r}, of "
            "which a value, or all of it, is the same for every example to train on. Leave "
            "it out, or split the data otherwise."
        )
    offset, factor = np.where(of_words, 0.0, mean), np.where(of_words, 1.0, spread)
    values = tuple(((part - offset) / factor).astype(np.float32) for part in parts)
    return Covariates(names, levels, offset, factor, values)
