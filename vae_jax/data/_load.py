"""`load`: from a name to three splits, wherever the data lies."""

import re
from pathlib import Path

from vae_jax.configs import did_you_mean
from vae_jax.data._cache import Splits, read_cache, write_cache
from vae_jax.data._dataset import Dataset, Split
from vae_jax.data._digits import load_digits
from vae_jax.data._idx import SOURCES
from vae_jax.data._locate import default_data_dir, locate
from vae_jax.data._tfds import read_prepared

NAMES = ("digits", *SOURCES)
"""The sets that can be loaded by name alone."""

MNIST_VALIDATION = 5000
MAX_VALUE = 255


def load(
    name: str = "digits",
    *,
    folder: str | Path | None = None,
    data_dir: str | Path | None = None,
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
      all of it.

    First and last are meant in the order of tensorflow-datasets, which shuffles once
    when it prepares. The decoded arrays are cached beside the prepared data. TensorFlow
    is never needed.

    Args:
        name: of the set.
        folder: look here, and nowhere else: the four IDX files (`.gz` or not), or
            prepared sets.
        data_dir: where prepared sets lie and are put; tensorflow-datasets' own folder
            (`TFDS_DATA_DIR`, else `~/tensorflow_datasets`) where none is given.

    Raises:
        ValueError: an unknown name, or damaged data.
        FileNotFoundError: not on this machine; the message has the commands that help.

    >>> load("digits").train.images.shape
    (1200, 8, 8)
    """
    if name == "digits":
        _refuse_folders(folder, data_dir)
        return load_digits()
    _check_name(name)
    root = default_data_dir() if data_dir is None else Path(data_dir).expanduser()
    within = None if folder is None else Path(folder).expanduser()
    prepared = locate(name, within, root)
    splits = read_cache(prepared)
    if splits is None:
        splits = held_out(name, read_prepared(prepared))
        write_cache(prepared, splits)
    return Dataset(name, *splits, MAX_VALUE)


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
    """The beginning, and the last `count` examples."""
    start = len(split.images) - count
    return Split(*(x[:start] for x in split)), Split(*(x[start:] for x in split))


def _refuse_folders(folder: str | Path | None, data_dir: str | Path | None) -> None:
    if folder is not None or data_dir is not None:
        raise ValueError(
            "`folder` and `data_dir` must be None for the digits, which are embedded; "
            f"got folder={folder!r}, data_dir={data_dir!r}."
        )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9]\w*(/[\w.-]+)?", name):
        raise ValueError(
            f"`name` must be one of {', '.join(NAMES)}, or an image set of "
            "tensorflow-datasets, `set` or `set/config`; got "
            f"{name!r}.{did_you_mean(name, NAMES)}"
        )
