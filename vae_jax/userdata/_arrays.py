"""Examples of numpy's files: `.npy`, one array, and `.npz`, several by name."""

import errno
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.damage import BROKEN
from vae_jax.userdata._raw import WHOLE, Raw, check_splits, split_name

LABELS = ("y", "label", "labels", "class", "classes", "target", "targets")


def read_npy(path: Path) -> Raw:
    """The array of a file, which is mapped and not read until it is used.

    Raises:
        ValueError: damaged, or an array of objects.

    >>> read_npy(Path("nowhere.npy"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except BROKEN as error:
        raise ValueError(
            f"{path} must hold one array of numbers, as np.save writes it; got {error}"
        ) from error
    return Raw({WHOLE: found}, {})


def read_npz(
    path: Path,
    key: str | None = None,
    label_key: str | None = None,
    told: tuple[str, ...] = (),
) -> Raw:
    """The arrays of a file: those of splits, or the one that holds examples.

    Keys name splits where a word of them is `train`, `validation` (`val`, `valid`) or
    `test`; labels have one axis, and are those of their split. Where no key names a split,
    the examples are under `key`, or the only array of two axes or more.

    Args:
        path: of the file.
        key: of the examples, or a word that the keys of all splits have.
        label_key: of the labels, likewise.
        told: of what a model is told, of one axis or two, likewise.

    Raises:
        ValueError: damaged, no such key, or several arrays that may be meant; lists them.
    """
    arrays = _loaded(path)
    whole = arrays
    conditions: dict[str, dict[str, np.ndarray]] = {}
    for one in told:
        found = _matching(path, arrays, one, "condition_columns", whole)
        arrays = {name: a for name, a in arrays.items() if name not in found}
        for name, a in found.items():
            split = WHOLE if name == one else str(split_name(name))
            conditions.setdefault(split, {}).update(_columns(one, a))
    inputs = {name: a for name, a in arrays.items() if a.ndim > 1}
    labels = {name: a for name, a in arrays.items() if a.ndim == 1}
    if label_key is not None:
        labels = _matching(path, labels, label_key, "label_key", arrays)
    if key is not None:
        inputs = _matching(path, inputs, key, "data_key", arrays)
    of_splits = {name: split_name(name) for name in inputs}
    if any(of_splits.values()):
        inputs = {name: a for name, a in inputs.items() if of_splits[name]}
        parts = _by_split(path, inputs)
        named = {name: a for name, a in labels.items() if split_name(name)}
        raw = Raw(parts, _by_split(path, named))
    else:
        if len(inputs) != 1:
            raise ValueError(
                f"{path} must hold one array of examples, or one a split, such as `train` "
                f"and `test`; got {_listed(arrays)}. Name it by `data_key`."
            )
        usual = {n: a for n, a in labels.items() if label_key or n.lower() in LABELS}
        raw = Raw(
            {WHOLE: next(iter(inputs.values()))},
            {WHOLE: next(iter(usual.values()))} if len(usual) == 1 else {},
        )
    check_splits(str(path), list(raw.parts))
    return raw._replace(conditions=conditions)


def _columns(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """A column, or those of an array of several."""
    if array.ndim == 1:
        return {name: array}
    return {
        f"{name}_{i}": each for i, each in enumerate(array.reshape(len(array), -1).T)
    }


def _loaded(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (*BROKEN, OSError) as error:
        # a place before the beginning of the file is damage, and no error of reading
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise ValueError(
            f"{path} must hold arrays of numbers, as np.savez writes them; got {error}"
        ) from error


def _matching(
    path: Path, found: dict[str, Any], key: str, setting: str, arrays: dict[str, Any]
) -> dict[str, np.ndarray]:
    """The array of a key, or those of which it is a word beside the split."""
    if key in found:
        return {key: found[key]}
    words = {n: a for n, a in found.items() if key in n.split("_") and split_name(n)}
    if not words:
        raise ValueError(
            f"`{setting}` must be a key of {path}, or a word that those of all splits "
            f"have; got {key!r}. It holds {_listed(arrays)}."
        )
    return words


def _by_split(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        split = str(split_name(name))
        if split in found:
            raise ValueError(
                f"{path} must hold one array of examples for {split}; got several, "
                f"{_listed(arrays)}. Name them by `data_key`, a word that their keys have."
            )
        found[split] = array
    return found


def _listed(arrays: dict[str, np.ndarray]) -> str:
    return ", ".join(f"{name!r} {a.dtype} {a.shape}" for name, a in arrays.items())
