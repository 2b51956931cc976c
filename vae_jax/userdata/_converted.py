"""Arrays that were made of a file once, and are mapped from then on.

A row of a compressed file costs the reading of thousands, and training visits rows in
another order every epoch: of a million rows of 128 numbers, 128 at random take 1.4 s from
Parquet in groups of 8192 rows, and 0.6 ms from a mapped array that is made in 4 s.
"""

import fcntl
import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import cache_folder, file_digest

ARRAY, SIDECAR, LOCK = "examples.npy", "sha256.json", "lock"


class Contents(NamedTuple):
    """What an array will be.

    Attributes:
        known_by: all that decides about its numbers.
        shape: of all examples.
        dtype: of their numbers.

    >>> Contents({"file": "abc"}, (5, 3), np.dtype(np.float32)).shape
    (5, 3)
    """

    known_by: dict[str, Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        known = json.dumps(self.known_by, sort_keys=True)
        key = hashlib.sha256(known.encode()).hexdigest()[:32]
        return cache_folder() / "examples" / key


def converted(name: str, contents: Contents, parts: Iterator[np.ndarray]) -> np.ndarray:
    """The array that holds the parts one after another, mapped and read-only.

    It is written if it was not before, or is damaged, and is known by its SHA-256. A
    second process waits for the first.

    Args:
        name: of the data, for messages.
        contents: what it will be.
        parts: blocks of examples; not asked for where the array is there.

    Raises:
        OSError: the folder cannot be written, or has no room; says how to move it.
    """
    folder = contents.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if not _sound(folder):
                _write(folder, contents, parts)
    except OSError as error:
        size = int(np.prod(contents.shape)) * contents.dtype.itemsize
        raise OSError(
            error.errno,
            f"the examples of {name}, {size / 1e9:.3g} GB, cannot be kept as an array in "
            f"{folder}: {error.strerror or error}. Make room, or set VAE_JAX_CACHE to "
            "another folder",
        ) from error
    found: np.ndarray = np.load(folder / ARRAY, mmap_mode="r", allow_pickle=False)
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed, also by being killed
        yield


def _sound(folder: Path) -> bool:
    """Whether the array is there, with the bytes that were written."""
    try:
        expected = json.loads((folder / SIDECAR).read_text())["sha256"]
        if file_digest(folder / ARRAY) == expected:
            return True
        problem = f"{ARRAY} is damaged"
    except FileNotFoundError:  # the sidecar is written last
        return False
    except (ValueError, KeyError, TypeError):
        problem = f"{SIDECAR} is damaged"
    warnings.warn(f"The array in {folder} is made again: {problem}.", stacklevel=4)
    return False


def _write(folder: Path, contents: Contents, parts: Iterator[np.ndarray]) -> None:
    """By files and not through a map, which a full disk would end the process in."""
    (folder / SIDECAR).unlink(missing_ok=True)
    unfinished = folder / f"{ARRAY}.unfinished"
    header = {
        "descr": np.lib.format.dtype_to_descr(contents.dtype),
        "fortran_order": False,
        "shape": contents.shape,
    }
    try:
        with unfinished.open("wb") as file:
            np.lib.format.write_array_header_2_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / ARRAY)
    finally:
        unfinished.unlink(missing_ok=True)
    record = {"sha256": file_digest(folder / ARRAY), **contents.known_by}
    written = folder / f"{SIDECAR}.unfinished"
    written.write_text(json.dumps(record, indent=1))
    written.replace(folder / SIDECAR)
