"""Writing: leaves and their checksums under a temporary name, then one rename."""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.checkpoints._folders import (
    file_digests,
    locked,
    save_path,
    saves,
    sync,
    temporaries,
)
from vae_jax.checkpoints._leaves import Leaf, describe, digest, to_host
from vae_jax.checkpoints._orbax import write
from vae_jax.types import Params

# orbax reports a full disk as a ValueError with one of these texts
_NO_SPACE = re.compile("no space left|quota exceeded|file too large", re.IGNORECASE)


def save(
    folder: str | os.PathLike[str],
    step: int,
    state: Params,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Save `state` durably, then drop all but it and the newest earlier step.

    Saving a step makes later ones obsolete: after a fall back to an older step the
    damaged newer one disappears with the first save.

    Args:
        folder: belongs to one shard; made if it is missing.
        step: how many steps led to `state`.
        state: a pytree of numpy and JAX arrays, typed keys included.
        metadata: what JSON can hold.

    Returns:
        The folder of this save.

    Raises:
        TypeError: a leaf is no array, or `metadata` is not JSON.
        OSError: the disk is full; names the path, the bytes needed and those free.
            Earlier saves are untouched.

    >>> import tempfile
    >>> from vae_jax.checkpoints import restore
    >>> folder = tempfile.mkdtemp()
    >>> save(folder, 7, {"weights": np.ones(3)}, {"member": 0}).name
    'step-00000007.0'
    >>> restored = restore(folder, {"weights": np.zeros(3)})
    >>> restored.step, restored.state, restored.metadata
    (7, {'weights': array([1., 1., 1.])}, {'member': 0})
    """
    folder, leaves, arrays = Path(folder).absolute(), describe(state), to_host(state)
    record = _record(step, leaves, arrays, metadata)
    num_bytes = sum(array.nbytes for array in arrays) + len(json.dumps(record))
    try:
        with locked(folder):
            return _commit(folder, record, arrays, num_bytes)
    except Exception as error:
        if _NO_SPACE.search(str(error)):
            raise _no_space(folder, step, num_bytes) from error
        raise


def record_digest(record: Mapping[str, Any]) -> str:
    """The SHA-256 that `record.json` holds of its own content."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _record(
    step: int,
    leaves: list[Leaf],
    arrays: list[np.ndarray],
    metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    for leaf, array in zip(leaves, arrays, strict=True):
        leaf |= {"raw": [array.dtype.name, array.shape], "sha256": digest(array)}
    record = {"step": step, "metadata": dict(metadata or {}), "leaves": leaves}
    # through JSON and back, since it turns tuples into lists and keys into strings
    through: dict[str, Any] = json.loads(json.dumps(record))
    return through


def _commit(
    folder: Path, record: dict[str, Any], arrays: list[np.ndarray], num_bytes: int
) -> Path:
    for path in temporaries(folder):
        shutil.rmtree(path)
    # orbax's threads print pages when they meet a full disk, so look first
    if shutil.disk_usage(folder).free < num_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    step, older = record["step"], saves(folder)
    final = save_path(folder, step)
    temporary = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    try:
        _write(temporary, record, arrays)
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync(folder)
    previous = [save for save in older if save.step < step][:1]
    for save in older:
        if save not in previous:
            shutil.rmtree(save.path)
    return final


def _write(folder: Path, record: dict[str, Any], arrays: list[np.ndarray]) -> None:
    # orbax refuses arrays without elements; the record alone restores those
    tree = {str(i): array for i, array in enumerate(arrays) if array.size}
    if tree:
        write(folder / "arrays", tree)
    record = record | {"files": file_digests(folder / "arrays")}
    content = {"sha256": record_digest(record), "record": record}
    (folder / "record.json").write_text(json.dumps(content, indent=1))
    for parent, _, names in os.walk(folder):
        for name in [*names, "."]:
            sync(Path(parent, name))


def _no_space(folder: Path, step: int, num_bytes: int) -> OSError:
    exists = next(path for path in (folder, *folder.parents) if path.exists())
    kept = [save.step for save in saves(folder)]
    return OSError(
        errno.ENOSPC,
        f"no space to save step {step}: {num_bytes} bytes needed, "
        f"{shutil.disk_usage(exists).free} free; "
        f"{f'step {kept[0]} is kept' if kept else 'no step was saved before'}. "
        "Free space and run the same command again",
        str(folder),
    )
