"""The condition of every example that a conditional member is given."""

from typing import Any

import numpy as np

from vae_jax.assembly import About
from vae_jax.records import did_you_mean

FEW = 8
"""Labels that a message lists."""


def as_labels(condition: Any, size: int, about: About) -> np.ndarray:
    """Labels by number or by name, one an example or one for all, as whole numbers.

    Raises:
        ValueError: another number of them, or a label that training had no example of.

    >>> from vae_jax.records import Facts
    >>> about = About(Facts((2,), 1, 9, num_labels=2), ("cat", "dog"), (0, 1))
    >>> as_labels("dog", 3, about).tolist(), as_labels([0, 1], 2, about).tolist()
    ([1, 1], [0, 1])
    """
    given = np.asarray(condition)
    if given.shape not in ((), (size,)):
        raise ValueError(
            f"`condition` must be one label an example, ({size},), or one for all; got "
            f"the shape {given.shape}."
        )
    kind = given.dtype.kind
    if kind in "UO":
        numbers = np.array([_number(name, about) for name in given.reshape(-1)])
        given = numbers.reshape(given.shape)
    elif kind not in "iu":
        raise ValueError(
            "`condition` must be labels, whole numbers or names; got "
            f"{given.dtype}. They are {shown(about)}."
        )
    unknown = given[~np.isin(given, about.labels)]
    if unknown.size:
        raise ValueError(
            f"`condition` must be labels that training had; got {unknown.flat[0]}. They "
            f"are {shown(about)}."
        )
    return np.broadcast_to(given, (size,)).astype(np.int32)


def as_said(word: str, about: About) -> str | int:
    """A label as it is written on a command line: its name, else its number.

    >>> from vae_jax.records import Facts
    >>> as_said("3", About(Facts((2,), 1, 9), ("cat", "dog"), (0, 1)))
    3
    """
    return int(word) if word not in about.label_names and word.isdecimal() else word


def shown(about: About) -> str:
    """The labels of training, those with names by number and name.

    >>> from vae_jax.records import Facts
    >>> shown(About(Facts((2,), 1, 9), (), (0, 1, 2)))
    '0, 1, 2'
    """
    names = about.label_names
    few = [
        f"{label} ({names[label]!r})" if label < len(names) else str(label)
        for label in about.labels[:FEW]
    ]
    more = len(about.labels) - FEW
    return ", ".join(few) + (f" and {more} more" if more > 0 else "")


def _number(name: Any, about: About) -> int:
    if not isinstance(name, str) or name not in about.label_names:
        guess = did_you_mean(str(name), about.label_names)
        raise ValueError(
            f"`condition` must be a label that training had; got {str(name)!r}.{guess} "
            f"They are {shown(about)}."
        )
    return about.label_names.index(name)
