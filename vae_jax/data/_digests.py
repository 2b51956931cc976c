"""Which data these are: one SHA-256 a split, the same on every machine."""

import hashlib
import json
from typing import Any

import numpy as np

from vae_jax.data._dataset import SPLITS, Dataset, Split
from vae_jax.data._facts import fact, frozen
from vae_jax.views import Rows, blocks


def split_digest(split: Split) -> str:
    """SHA-256 of a split in hexadecimal: of images, then of labels.

    Of each array the JSON `[dtype, shape]`, as in `["|u1", [2, 8, 8]]`, and its values in
    C order, little-endian whatever they were. Of a split that `load` gave it is computed
    once; its arrays cannot be written to.

    Raises:
        TypeError: an array of something else than numbers.

    >>> split = Split(np.zeros((1, 2), np.uint8), np.zeros(1, np.int32))
    >>> split_digest(split)[:16]
    '58fdde61834eb2c6'
    """
    images, labels = split.images, np.asarray(split.labels)
    images = images if isinstance(images, Rows) else np.asarray(images)
    fixed = not labels.flags.writeable and labels.base is None
    if not fixed:
        return _digest(images, labels)
    digest: str
    known, digest = fact(images, "digest", lambda: (labels, _digest(images, labels)))
    return digest if known is labels else _digest(images, labels)


def with_digest(split: Split, digest: str) -> Split:
    """The split read-only, its digest known already.

    >>> split = Split(np.zeros((1, 2), np.uint8), np.zeros(1, np.int32))
    >>> split_digest(with_digest(split, "known"))
    'known'
    """
    images, labels = frozen(split.images), frozen(split.labels)
    fact(images, "digest", lambda: (labels, digest))
    return Split(images, labels)


def read_only(dataset: Dataset) -> Dataset:
    """The same data in arrays that cannot be written to; digests are then found once.

    >>> part = Split(np.zeros((1, 2), np.uint8), np.zeros(1, np.int32))
    >>> read_only(Dataset("mine", part, part, part, 1)).test.images.flags.writeable
    False
    """
    train, validation, test = (
        Split(*map(frozen, getattr(dataset, name))) for name in SPLITS
    )
    return dataset._replace(train=train, validation=validation, test=test)


def digests(dataset: Dataset) -> dict[str, str]:
    """The digests of the three splits, and the levels: what data a run was given.

    >>> from vae_jax import data
    >>> data.digests(data.load("digits"))["levels"]
    '0 to 16'
    """
    found = {name: split_digest(getattr(dataset, name)) for name in SPLITS}
    if dataset.covariates is not None:
        found["told"] = _digest(*dataset.covariates.values)
    return found | {"levels": f"0 to {dataset.max_value}"}


def _digest(*arrays: Any) -> str:
    whole = hashlib.sha256()
    for array in arrays:
        if array.dtype.kind not in "biufc":
            raise TypeError(
                f"A split must hold arrays of numbers; got {array.dtype} {array.shape}."
            )
        little = array.dtype.newbyteorder("<")
        whole.update(json.dumps([little.str, list(array.shape)]).encode())
        for part in blocks(array):
            native = np.ascontiguousarray(part, little)
            whole.update(native.reshape(-1).view(np.uint8).data)
    return whole.hexdigest()
