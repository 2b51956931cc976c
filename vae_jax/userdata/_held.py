"""Arrays that are in memory as the data of a run, known by what they hold."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_jax.data import SPLITS, Dataset, digests, read_only
from vae_jax.records import record, static
from vae_jax.userdata._dataset import Reading, as_dataset
from vae_jax.userdata._raw import WHOLE, Raw
from vae_jax.userdata._records import Own

HELD: dict[str, Dataset] = {}
"""Data by the names that runs have for them."""

NAME = re.compile(r"arrays-[0-9a-f]{16}")


class NotHeld(ValueError):
    """Arrays of another program."""


@record("dataset", "arrays")
class Held(Own):
    """Arrays of the running program, by a name that `hold` gives them."""

    dataset: str = static("`arrays-` and a digest, as `hold` gives it.", kw_only=True)

    @property
    def chosen_name(self) -> str:
        """The name of the arrays."""
        return self.dataset

    def load(self) -> Dataset:
        """The arrays.

        Raises:
            NotHeld: they are not in this process.
        """
        if self.dataset not in HELD:
            raise NotHeld(
                f"dataset={self.dataset!r} are arrays of another program; this one has "
                "none of that name. Give them again: sweeps.run(..., data=...) "
                "or userdata.hold(...)."
            )
        return HELD[self.dataset]


def from_arrays(
    train: Any,
    validation: Any = None,
    test: Any = None,
    *,
    labels: Sequence[Any] | None = None,
    conditions: Sequence[Any] | None = None,
    **reading: Any,
) -> Dataset:
    """A data set of arrays, numpy's or JAX's.

    What is missing of validation and test is cut from training by the contents of the
    examples. What the numbers are is found out from them.

    Args:
        train: `(n, *event)`.
        validation: likewise.
        test: likewise.
        labels: classes of each of the arrays that are given.
        conditions: of each of them what a model can be told: `(n,)`, `(n, covariates)`, or
            columns by name, numbers or words; see `data.Covariates`.
        **reading: `values`, `value_range`, `max_value`, `standardize`, `shape`,
            `validation_share`, `test_share`, `seed`: see the settings of `Files`.

    Raises:
        ValueError: see `as_dataset`.

    >>> made = from_arrays(np.random.default_rng(0).normal(size=(50, 3)))
    >>> made.holds, made.train.images.shape
    ('real', (40, 3))
    """
    given = dict(zip(SPLITS, (train, validation, test), strict=True))
    parts = {name: np.asarray(x) for name, x in given.items() if x is not None}
    if list(parts) == ["train"]:
        parts = {WHOLE: parts["train"]}
    classes: dict[str, np.ndarray] = {}
    if labels is not None:
        if len(labels) != len(parts):
            raise ValueError(
                f"`labels` must be one array for each of {', '.join(parts)}; got "
                f"{len(labels)}."
            )
        classes = dict(zip(parts, map(np.asarray, labels), strict=True))
    told: dict[str, dict[str, Any]] = {}
    if conditions is not None:
        if len(conditions) != len(parts):
            raise ValueError(
                f"`conditions` must be one for each of {', '.join(parts)}; got "
                f"{len(conditions)}."
            )
        told = {name: as_columns(c) for name, c in zip(parts, conditions, strict=True)}
    return as_dataset("arrays", Raw(parts, classes, (), told), Reading(**reading))


def as_columns(conditions: Any) -> dict[str, np.ndarray]:
    """Columns by name: those that are given, or `covariate_0` and so on of an array.

    >>> list(as_columns(np.zeros((5, 2))))
    ['covariate_0', 'covariate_1']
    """
    if isinstance(conditions, Mapping):
        return {str(name): np.asarray(c) for name, c in conditions.items()}
    array = np.asarray(conditions)
    if array.ndim not in (1, 2):
        raise ValueError(
            "`conditions` must have the shape (n,) or (n, covariates); got "
            f"{array.shape}."
        )
    columns = array.reshape(len(array), -1).T
    return {f"covariate_{i}": column for i, column in enumerate(columns)}


def hold(dataset: Dataset) -> Held:
    """The record of a data set that is in memory; the same for the same numbers.

    >>> held = hold(from_arrays(np.random.default_rng(0).normal(size=(50, 3))))
    >>> held.load().train.images.dtype
    dtype('float32')
    """
    told: list[Any] = [digests(dataset), dataset.holds]
    if dataset.origin is not None and dataset.origin.scales:
        # the same numbers of another scale are other data
        told += [np.asarray(part).tolist() for part in dataset.origin[1:]]
    known = json.dumps(told, sort_keys=True)
    name = f"arrays-{hashlib.sha256(known.encode()).hexdigest()[:16]}"
    HELD[name] = read_only(dataset._replace(name=name))
    return Held(dataset=name)
