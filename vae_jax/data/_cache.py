"""Decoded arrays as .npy files beside the prepared data, each with its SHA-256.

Decoding 70 000 images takes seconds, this hundredths. A damaged or outdated cache is
never used: it is named in a warning and made again.
"""

import hashlib
import io
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data._contents import file_digest, files_of
from vae_jax.data._dataset import SPLITS, Split
from vae_jax.data._digests import split_digest, with_digest
from vae_jax.views import Rows, is_large

Splits = tuple[Split, Split, Split]
FOLDER = "vae_jax_arrays"
SIDECAR = "sha256.json"

LAYOUT = 2
"""Raised when what is cached changes: how images are decoded, where the splits are cut, or
how they are kept. In 1 the image library that was installed decided about levels."""


def read_cache(prepared: Path, of: dict[str, str]) -> Splits | None:
    """The splits cached beside a prepared set; nothing if they are absent or wrong.

    Args:
        prepared: folder of the set.
        of: its `fingerprint`.

    >>> read_cache(Path("nowhere"), {}) is None
    True
    """
    folder = prepared / FOLDER
    try:
        record = _record(folder / SIDECAR)
        if record["prepared"] != of:
            raise ValueError("the prepared data has changed since")
        arrays = [_read(folder / name, record["arrays"][name]) for name in file_names()]
        train, validation, test = map(Split, arrays[::2], arrays[1::2])
        splits = (train, validation, test)
        known = [record["splits"][name] for name in SPLITS]
    except FileNotFoundError as error:
        # without its sidecar, written last, a cache was never finished
        if error.filename == str(folder / SIDECAR):
            return None
        problem = str(error)
    except (KeyError, TypeError):
        problem = f"{SIDECAR} is damaged"
    except (OSError, ValueError) as error:
        problem = str(error)
    else:
        train, validation, test = map(with_digest, splits, known)
        return train, validation, test
    warnings.warn(f"The cache {folder} is made again: {problem}.", stacklevel=2)
    return None


def write_cache(prepared: Path, splits: Splits, of: dict[str, str]) -> None:
    """Write the splits beside a prepared set, if its folder may be written to.

    What cannot be written is left out with a warning: a cache is no condition.

    Args:
        prepared: folder of the set.
        splits: what it was decoded to.
        of: its `fingerprint` before it was decoded.

    >>> split = Split(np.zeros((1, 2, 2), np.uint8), np.zeros(1, np.int32))
    >>> write_cache(Path("nowhere"), (split, split, split), {})
    """
    # what changed while it was decoded belongs to neither
    if not os.access(prepared, os.W_OK) or fingerprint(prepared) != of:
        return
    folder = prepared / FOLDER
    arrays = (array for split in splits for array in split)
    try:
        folder.mkdir(exist_ok=True)
        hashes = {
            name: _write(folder / name, _npy(array))
            for name, array in zip(file_names(), arrays, strict=True)
        }
        record = {
            "layout": LAYOUT,
            "prepared": of,
            "arrays": hashes,
            "splits": dict(zip(SPLITS, map(split_digest, splits), strict=True)),
        }
        content = json.dumps(record | {"seal": _seal(record)}, indent=1)
        _write(folder / SIDECAR, content.encode())
    except OSError as error:
        warnings.warn(f"The data is not cached in {folder}: {error}.", stacklevel=2)


def file_names() -> Iterator[str]:
    """The files of a cache, images before labels.

    >>> next(file_names())
    'train_images.npy'
    """
    return (f"{split}_{field}.npy" for split in SPLITS for field in Split._fields)


def fingerprint(prepared: Path) -> dict[str, str]:
    """Name and SHA-256 of every file of a prepared set; unchanged by copying it.

    >>> fingerprint(Path("nowhere"))
    {}
    """
    return {name: file_digest(path) for name, path in files_of(prepared).items()}


def _record(path: Path) -> dict[str, Any]:
    """What stands in the sidecar, if it is whole and of this layout."""
    record: dict[str, Any] = json.loads(path.read_text())
    if record["layout"] != LAYOUT:
        raise ValueError("another version of this package wrote it")
    seal = record.pop("seal")
    if seal != _seal(record):
        raise ValueError(f"{SIDECAR} is damaged")
    return record


def _seal(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _read(path: Path, expected: str) -> Any:
    """An array in memory; images to train on that are large stay in their file."""
    if path.name == next(file_names()) and is_large(path.stat().st_size):
        if file_digest(path) != expected:
            raise ValueError(f"{path.name} is damaged")
        return Rows(np.load(path, mmap_mode="r", allow_pickle=False))
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        raise ValueError(f"{path.name} is damaged")
    array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return array


def _write(path: Path, content: bytes) -> str:
    """Write under another name first, so that no reader meets half a file."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return hashlib.sha256(content).hexdigest()
