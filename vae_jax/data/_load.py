"""`load`: from a name to three splits, wherever the data lies."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data._cache import Splits, fingerprint, read_cache, write_cache
from vae_jax.data._contents import content_digest, files_of
from vae_jax.data._dataset import Dataset, Split
from vae_jax.data._digests import read_only
from vae_jax.data._digits import ARCHIVE, MAX_VALUE, load_digits
from vae_jax.data._idx import SOURCES
from vae_jax.data._levels import (
    alike,
    check_dataset,
    check_levels,
    full_scale,
    largest_level,
)
from vae_jax.data._locate import default_data_dir, locate
from vae_jax.data._paths import path_hint, user_path
from vae_jax.data._tfds import read_prepared
from vae_jax.records import did_you_mean
from vae_jax.views import Rows, taken

NAMES = ("digits", *SOURCES)
"""The sets that can be loaded by name alone."""

MNIST_VALIDATION = 5000


def load(
    name: str = "digits",
    *,
    folder: str | Path | None = None,
    data_dir: str | Path | None = None,
    max_value: int | None = None,
) -> Dataset:
    """A data set in three disjoint splits, from inside the package or this machine.

    - `digits`: embedded; 8x8, grey levels 0 to 16; 1200 train, 300 validation, 297
      test.
    - `fashion_mnist`, `mnist`, `kmnist`: 28x28; of the official train part the first
      55 000 examples are train and the last 5000 validation; test is the official one.
      Prepared here through tensorflow-datasets, from local IDX files or by download;
      files with another SHA-256 than the official ones are refused.
    - any image set of tensorflow-datasets that lies prepared as array_record, by its
      name there (`cifar10`, `emnist/letters`): `(height, width, channels)`, without
      channels if grey. Test is its own test part, else the last 10 % of train;
      validation is its own, else the last 10 % of what is left of train, counted on
      all of it. Pictures are as they are stored: those of `emnist` lie transposed
      (`images.swapaxes(1, 2)` sets them up).

    Of a train part of 1 GiB or more, decoded, the examples stay in their files, and are
    decoded whenever they are read.

    First and last are meant in the order of tensorflow-datasets, which shuffles once
    when it prepares. The decoded arrays are cached beside the prepared data, and
    read-only. TensorFlow is never needed.

    Images are decoded by Pillow alone, whatever else is installed: one, two and four
    bits a sample become 0 to 255, palettes their colours, and where every image of the
    set has three equal channels (`omniglot`) they become one. 16 bits, transparency and
    moving pictures are refused. The level that stands for 1 comes from the largest level
    of the three splits: 1, 3, 15 and 16 stand for themselves (`binarized_mnist`), from
    128 on it is 255; what lies between needs `max_value`.

    Args:
        name: of the set.
        folder: look here, and nowhere else: the four IDX files (`.gz` or not), or
            prepared sets.
        data_dir: where prepared sets lie and are put; tensorflow-datasets' own folder
            (`TFDS_DATA_DIR`, else `~/tensorflow_datasets`) where none is given.
        max_value: the level that stands for 1, where the data cannot say it.

    Raises:
        TypeError: not a name, a path or a whole number.
        ValueError: an unknown name, damaged data, images that are not as above, or a
            split of one grey level.
        FileNotFoundError: not on this machine; the message has the commands that help.
        OSError: a file is there and cannot be read.

    >>> load("digits").train.images.shape
    (1200, 8, 8)
    """
    prepared = _prepared(name, folder, data_dir)
    if prepared is None:
        largest = MAX_VALUE if max_value is None else max_value
        return _checked(name, load_digits(), largest)
    before = fingerprint(prepared)
    splits = read_cache(prepared, before)
    if splits is not None:
        return _checked(name, splits, max_value)
    splits = held_out(name, alike(read_prepared(prepared)))
    dataset = _checked(name, splits, max_value)
    if not isinstance(dataset.train.images, Rows):  # which stay where they are
        write_cache(prepared, (dataset.train, dataset.validation, dataset.test), before)
    return dataset


def source_digest(
    name: str = "digits",
    *,
    folder: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> str:
    """SHA-256 of the files that `load` reads, prepared first where they are not.

    Without reading again what has not changed since it was read in this process, so that
    a remembered copy can be asked for its age. The same bytes elsewhere have the same.

    Raises:
        OSError, TypeError, ValueError: as `load` does.

    >>> len(source_digest("digits"))
    64
    """
    prepared = _prepared(name, folder, data_dir)
    if prepared is None:
        return content_digest({ARCHIVE.name: ARCHIVE})
    return content_digest(files_of(prepared))


def _prepared(
    name: str, folder: str | Path | None, data_dir: str | Path | None
) -> Path | None:
    """Where a set lies prepared; nothing for the one that is embedded."""
    _check_name(name)
    if name == "digits":
        _refuse_folders(folder, data_dir)
        return None
    root = default_data_dir() if data_dir is None else user_path("data_dir", data_dir)
    return locate(name, None if folder is None else user_path("folder", folder), root)


def _checked(name: str, splits: Splits, max_value: int | None) -> Dataset:
    """The set, if its levels fit together and say which of them stands for 1."""
    # split by split before all together: black images are no dark ones
    check_levels(name, splits)
    if max_value is None:
        max_value = full_scale(largest_level(splits), name)
    dataset = read_only(Dataset(name, *splits, max_value))
    check_dataset(dataset)
    return dataset


def held_out(name: str, parts: dict[str, Split]) -> Splits:
    """Train, validation and test; what a set lacks is cut off the end of train.

    Raises:
        ValueError: the set has no train part.

    >>> import numpy as np
    >>> part = Split(np.zeros((20, 2, 2), np.uint8), np.zeros(20, np.int32))
    >>> [len(split.images) for split in held_out("mine", {"train": part})]
    [16, 2, 2]
    """
    if "train" not in parts:
        raise ValueError(f"{name} must have a split `train`; got {', '.join(parts)}.")
    train = parts["train"]
    count = MNIST_VALIDATION if name in SOURCES else len(train.images) // 10
    test, validation = parts.get("test"), parts.get("validation")
    if test is None:
        train, test = _cut(train, count)
    if validation is None:
        train, validation = _cut(train, count)
    return train, validation, test


def _cut(split: Split, count: int) -> tuple[Split, Split]:
    """The beginning, and the last `count` examples, which are read."""
    start = len(split.images) - count
    images: list[Any] = [
        taken(split.images, slice(start)),
        np.asarray(taken(split.images, slice(start, None))),
    ]
    labels = split.labels[:start], split.labels[start:]
    beginning, last = map(Split, images, labels)
    return beginning, last


def _refuse_folders(folder: str | Path | None, data_dir: str | Path | None) -> None:
    if folder is not None or data_dir is not None:
        raise ValueError(
            "`folder` and `data_dir` must be None for the digits, which are embedded; "
            f"got folder={folder!r}, data_dir={data_dir!r}."
        )


def _check_name(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"`name` must be a text; got {name!r:.80}.")
    if not re.fullmatch(r"[a-z0-9]\w*(/[\w.-]+)?", name):
        raise ValueError(
            f"`name` must be one of {', '.join(NAMES)}, or an image set of "
            "tensorflow-datasets, `set` or `set/config`; got "
            f"{name!r}.{path_hint(name) or did_you_mean(name, NAMES)}"
        )
