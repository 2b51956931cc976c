"""Writing: leaves and their checksums under a temporary name, then one rename."""

import errno
import json
import operator
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.checkpoints._folders import (
    file_digests,
    locked,
    make_temporary,
    save_path,
    saves,
    sync,
    sync_all,
    temporaries,
)
from vae_jax.checkpoints._leaves import (
    Leaf,
    as_bytes,
    describe,
    digest,
    goes_as_bytes,
    to_host,
)
from vae_jax.checkpoints._orbax import write
from vae_jax.checkpoints._record import Record, read_arrays, read_record, write_record
from vae_jax.checkpoints._space import bytes_needed, is_full, no_space, reserve
from vae_jax.types import Params


def save(
    folder: str | os.PathLike[str],
    step: int,
    state: Params,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Save `state` durably, then drop all but it and the newest earlier step.

    What was written is read back before an older save goes. Saving a step makes later
    ones obsolete: after a fall back to an older step the damaged newer one disappears
    with the first save.

    Args:
        folder: belongs to one shard; made if it is missing.
        step: how many steps led to `state`; a whole number of numpy or JAX will do.
        state: a pytree of numpy and JAX arrays, typed keys included.
        metadata: what JSON can hold, and numbers of numpy: whose the state is, for
            `restore` to compare.

    Returns:
        The folder of this save.

    Raises:
        TypeError: a leaf is no array of numbers, `step` is no whole number, or
            `metadata` is not JSON; names it.
        ValueError: `step` is negative.
        OSError: the disk is full; names the path, the bytes needed and those free. Or
            what was written does not read back. Earlier saves are untouched.

    >>> import tempfile
    >>> from vae_jax.checkpoints import restore
    >>> folder = tempfile.mkdtemp()
    >>> save(folder, 7, {"weights": np.ones(3)}, {"member": 0}).name
    'step-00000007.0'
    >>> restored = restore(folder, {"weights": np.zeros(3)}, expect={"member": 0})
    >>> restored.step, restored.state, restored.metadata
    (7, {'weights': array([1., 1., 1.])}, {'member': 0})
    """
    folder, step = Path(folder).absolute(), _whole(step)
    leaves, arrays = describe(state), to_host(state)
    record = _record(step, leaves, arrays, metadata)
    num_bytes = sum(array.nbytes for array in arrays)
    needed = bytes_needed(num_bytes, len(arrays), len(json.dumps(record)))
    try:
        with locked(folder):
            return _commit(folder, record, arrays, needed)
    except Exception as error:
        if is_full(error):
            # pages of orbax's own would hide what is said
            raise no_space(folder, step, needed) from None
        raise


def _whole(step: Any) -> int:
    try:
        number = operator.index(step)
    except TypeError:
        number = None
    if number is None or isinstance(step, bool | np.bool):
        raise TypeError(
            f"`step` must be a whole number; got {step!r}, a {type(step).__name__}"
        )
    if number < 0:
        raise ValueError(f"`step` must be at least 0; got {number}")
    return number


def _record(
    step: int,
    leaves: list[Leaf],
    arrays: list[np.ndarray],
    metadata: Mapping[str, Any] | None,
) -> Record:
    for leaf, array in zip(leaves, arrays, strict=True):
        leaf |= {"raw": [array.dtype.name, array.shape], "sha256": digest(array)}
        if goes_as_bytes(array):
            leaf["as_bytes"] = True
    return {"step": step, "metadata": plain_metadata(metadata or {})} | {
        "leaves": json.loads(json.dumps(leaves))
    }


def plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps it: tuples turn into lists, keys into strings.

    Raises:
        TypeError: it holds what JSON cannot.
    """
    try:
        text = json.dumps(dict(metadata), default=_number)
    except (TypeError, ValueError) as error:
        raise TypeError(f"`metadata` must be what JSON can hold: {error}") from error
    plain: dict[str, Any] = json.loads(text)
    return plain


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _commit(
    folder: Path, record: Record, arrays: list[np.ndarray], needed: int
) -> Path:
    for path in temporaries(folder):
        shutil.rmtree(path)
    step, older = record["step"], saves(folder)
    final, temporary = save_path(folder, step), make_temporary(folder)
    try:
        reserve(temporary, needed)
        _write(temporary, record, arrays)
        _read_back(temporary, step)
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync(folder)
    previous = [save for save in older if save.step < step][:1]
    for save in older:
        if save not in previous:
            shutil.rmtree(save.path)
    return final


def _write(folder: Path, record: Record, arrays: list[np.ndarray]) -> None:
    # orbax refuses arrays without elements; the record alone restores those
    tree = {
        str(i): as_bytes(array) if goes_as_bytes(array) else array
        for i, array in enumerate(arrays)
        if array.size
    }
    if tree:
        write(folder / "arrays", tree)
        sync_all(folder / "arrays")
    write_record(folder, record | {"files": file_digests(folder / "arrays")})
    sync(folder / "record.json")
    sync(folder)


def _read_back(folder: Path, step: int) -> None:
    """Read what is on the disk now as a restart would read it."""
    try:
        record = read_record(folder, step)
        read_arrays(folder / "arrays", record["leaves"])
    except (ValueError, OSError) as error:
        raise OSError(
            errno.EIO,
            f"step {step} was written and reads back otherwise: {error}. Earlier saves "
            "are untouched; look at this disk, or name a folder on another",
            str(folder.parent),
        ) from error
