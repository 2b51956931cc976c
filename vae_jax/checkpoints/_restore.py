"""Reading: the newest save whose every byte is what was saved, and whose it is."""

import os
import reprlib
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vae_jax.checkpoints._folders import saves
from vae_jax.checkpoints._leaves import check_target, place
from vae_jax.checkpoints._record import Damage, check_files, read_arrays, read_record
from vae_jax.checkpoints._save import plain_metadata
from vae_jax.types import Params


class DamagedCheckpoint(RuntimeError):
    """Saves exist, and the bytes of every one of them have changed."""


class ForeignCheckpoint(RuntimeError):
    """A whole save that belongs to another run or shard."""


class Restored(NamedTuple):
    """A verified save.

    Attributes:
        step: the step that was saved.
        state: a pytree with the structure of the target.
        metadata: what was saved beside the state, as JSON keeps it (tuples are lists).
    """

    step: int
    state: Params
    metadata: dict[str, Any]


class Peek(NamedTuple):
    """A save whose record is verified and whose arrays were not read.

    Attributes:
        step: the step that was saved.
        metadata: what was saved beside the state, as JSON keeps it (tuples are lists).
        path: the folder of this save.
    """

    step: int
    metadata: dict[str, Any]
    path: Path


def restore(
    folder: str | os.PathLike[str],
    target: Params | Callable[[dict[str, Any]], Params],
    *,
    sharding: jax.sharding.Sharding | None = None,
    expect: Mapping[str, Any] | None = None,
) -> Restored | None:
    """Restore the newest save that verifies; None where nothing was ever saved.

    Args:
        folder: what `save` was given.
        target: a pytree of arrays or `jax.ShapeDtypeStruct` with the structure, shapes
            and dtypes that are expected, or a function of the save's metadata that
            returns it. A leaf that is a numpy array comes back as one, every other as
            a JAX array.
        sharding: where each JAX array is placed; None is the default device. It need
            not be the one that was saved.
        expect: entries that must stand in the metadata as they do here: whose the
            state is.

    Raises:
        DamagedCheckpoint: saves exist and none verifies.
        ForeignCheckpoint: the metadata are not what is expected; the save is whole.
        TargetMismatch: `target` has other leaves, shapes or dtypes: nothing is cast.
        OSError: a save cannot be read; that is no damage, and no other is taken.

    Warns:
        RuntimeWarning: a newer save is damaged, and this is an older one.
    """
    folder = Path(folder).absolute()
    reasons: list[str] = []
    for save in saves(folder):
        try:
            record = read_record(save.path, save.step)
            _check_expected(save.path, record["metadata"], expect or {})
            wanted = _target(target, record["metadata"])
            check_target(record["leaves"], wanted, save.path)
            check_files(save.path / "arrays", record["files"])
            arrays = read_arrays(save.path / "arrays", record["leaves"])
        except (Damage, OSError) as error:
            if not save.path.exists():  # dropped meanwhile, for the sake of newer ones
                return restore(folder, target, sharding=sharding, expect=expect)
            if isinstance(error, OSError):
                raise
            reasons.append(f"step {save.step} is damaged ({save.path.name}: {error})")
            continue
        state = place(arrays, record["leaves"], wanted, sharding)
        if reasons:
            message = f"{folder}: {'; '.join(reasons)}; going back to step {save.step}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        return Restored(save.step, state, record["metadata"])
    if reasons:
        raise DamagedCheckpoint(
            f"{folder} holds no save that verifies: {'; '.join(reasons)}. Put a copy of "
            "one back, or move that folder away to start this shard from its beginning"
        )
    return None


def peek(folder: str | os.PathLike[str]) -> list[Peek]:
    """Which saves there are and whose, newest first; no array is read.

    A save whose record is damaged is left out: `restore` says what is wrong with it.

    Raises:
        OSError: a record cannot be read.

    >>> peek("no/such/folder")
    []
    """
    found = []
    for save in saves(Path(folder).absolute()):
        try:
            record = read_record(save.path, save.step)
        except Damage:
            continue
        found.append(Peek(save.step, record["metadata"], save.path))
    return found


def _target(target: Any, metadata: dict[str, Any]) -> Params:
    # a module with parameters may be callable too, and is no leaf
    if callable(target) and jax.tree_util.all_leaves([target]):
        return target(metadata)
    return target


def _check_expected(
    path: Path, metadata: Mapping[str, Any], expect: Mapping[str, Any]
) -> None:
    for name, wanted in plain_metadata(expect).items():
        if name not in metadata or metadata[name] != wanted:
            found = reprlib.repr(metadata[name]) if name in metadata else "missing"
            raise ForeignCheckpoint(
                f"{path} belongs elsewhere: its `{name}` is {found}, where "
                f"{reprlib.repr(wanted)} was expected. It is whole and is left as it "
                "is; move it to the folder that it came from"
            )
