"""Files of numbers that are not copied: looked at in parts, and read as they are needed."""

from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data import Dataset, Kind, Split, full_scale
from vae_jax.userdata._arrays import read_npy
from vae_jax.userdata._dataset import SHARE, Reading
from vae_jax.userdata._raw import NO_CLASS, WHOLE
from vae_jax.userdata._splits import split_by_content
from vae_jax.views import Rows, blocks

LARGE = 2**30
"""Bytes of a `.npy` from which on its training examples stay in the file."""


def read_large(name: str, path: Path, reading: Reading) -> Dataset | None:
    """The splits of a large `.npy`, whose training examples stay in the file.

    It is taken as it is stored: bytes as grey levels, float32 as numbers. None of a file
    that is smaller, or whose numbers have to become others, which then are copied.
    Validation and test are read into memory.

    Args:
        name: of the data.
        path: of the file.
        reading: how; the splits and `max_value` alone.

    Raises:
        ValueError: numbers that are not finite, or see `split_by_content`.

    >>> read_large("mine", Path("no.npy"), Reading(standardize=True)) is None
    True
    """
    if reading.standardize or reading.value_range or reading.shape:
        return None
    source = read_npy(path).parts[WHOLE]
    if source.nbytes < LARGE or source.ndim < 2 or not source.flags.c_contiguous:
        return None
    found = _kind_of(name, Rows(source, np.arange(len(source))))
    if found is None or reading.values not in (None, found[0]):
        return None
    kind, high = found
    max_value = 1
    if kind == "levels":
        max_value = reading.max_value or full_scale(int(high), name)
    elif reading.max_value is not None:
        return None
    shares = [reading.validation_share, reading.test_share]
    validation, test = (SHARE if share is None else share for share in shares)
    places = split_by_content(name, source, (validation, test), reading.seed or 0)
    train: Any = Rows(source, places[0])
    validation_images, test_images = (np.array(source[own]) for own in places[1:])
    return Dataset(
        name,
        _without_classes(train),
        _without_classes(validation_images),
        _without_classes(test_images),
        max_value,
        kind,
    )


def _without_classes(images: Any) -> Split:
    return Split(images, np.full(len(images), NO_CLASS, np.int32))


def _kind_of(name: str, rows: Rows) -> tuple[Kind, float] | None:
    """What the numbers are, and the largest; None where they are stored as others."""
    if rows.dtype not in (np.uint8, np.float32):
        return None
    low, high, whole, start = np.inf, -np.inf, True, 0
    for part in blocks(rows):
        low, high = min(low, part.min()), max(high, part.max())
        if rows.dtype == np.float32:
            fine = np.isfinite(part)
            if not fine.all():
                place = np.argwhere(~fine)[0]
                raise ValueError(
                    f"{name} must be finite; got {part[tuple(place)]} in example "
                    f"{start + int(place[0])} at {tuple(place[1:].tolist())}. Leave such "
                    "examples out, or fill the gaps."
                )
            whole = whole and bool((part == np.rint(part)).all())
        start += len(part)
    if rows.dtype == np.uint8:
        return "levels", float(high)
    if whole and low >= 0:
        return None
    return ("unit" if low >= 0 and high <= 1 else "real"), float(high)
