"""The condition of every example that a conditional member is given."""

from typing import Any

import numpy as np

from vae_jax.assembly import About
from vae_jax.data import Covariates
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
    ([1, 1, 1], [0, 1])
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


def said_covariates(word: str, known: Covariates) -> dict[str, Any]:
    """Covariates as they are written on a command line, `age=3,sex=f`.

    Raises:
        ValueError: a part without its name.

    >>> said_covariates("age=3", Covariates(("age",), ((),), 0, 1))
    {'age': 3.0}
    """
    found: dict[str, Any] = {}
    for part in word.split(","):
        name, sign, value = part.partition("=")
        words = dict(zip(known.names, known.levels, strict=True)).get(name)
        try:
            found[name] = value if words else float(value)
        except ValueError:
            sign = ""
        if not sign:
            raise ValueError(
                "`condition` must name each covariate with its value, such as "
                f"{','.join(f'{one}=...' for one in known.names)}; got {word!r}."
            )
    return found


def shown(about: About, covariates: bool = False) -> str:
    """What a condition may be: the labels of training, or the columns by name.

    >>> from vae_jax.records import Facts
    >>> shown(About(Facts((2,), 1, 9), (), (0, 1, 2)))
    '0, 1, 2'
    """
    if covariates and about.covariates is not None:
        return about.covariates.described
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
