"""Reading: the newest save whose every byte is what was saved."""

import json
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.checkpoints._folders import file_digests, saves
from vae_jax.checkpoints._leaves import (
    Leaf,
    TargetMismatch,
    check_target,
    digest,
    place,
)
from vae_jax.checkpoints._orbax import read
from vae_jax.checkpoints._save import record_digest
from vae_jax.types import Params


class DamagedCheckpoint(RuntimeError):
    """Saves exist, and not one of them can be trusted."""


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


def restore(
    folder: str | os.PathLike[str],
    target: Params,
    *,
    sharding: jax.sharding.Sharding | None = None,
) -> Restored | None:
    """Restore the newest save that verifies; None where nothing was ever saved.

    Args:
        folder: what `save` was given.
        target: a pytree of arrays or `jax.ShapeDtypeStruct` with the structure, shapes
            and dtypes that are expected. A leaf that is a numpy array comes back as
            one, every other as a JAX array.
        sharding: where each JAX array is placed; None is the default device. It need
            not be the one that was saved.

    Raises:
        DamagedCheckpoint: saves exist and none verifies.
        TargetMismatch: `target` has other leaves, shapes or dtypes: nothing is cast.

    Warns:
        RuntimeWarning: a newer save is damaged, and this is an older one.
    """
    folder, reasons = Path(folder).absolute(), []
    for step, _, path in saves(folder):
        try:
            record = _read_record(path, step)
            check_target(record["leaves"], target, path)
            _check_files(path / "arrays", record["files"])
            arrays = _read_arrays(path / "arrays", record["leaves"])
        except TargetMismatch:
            raise
        except Exception as error:  # whatever a damaged file makes orbax raise
            reasons.append(f"step {step} is damaged ({path.name}: {error})")
            continue
        state = place(arrays, record["leaves"], target, sharding)
        if reasons:
            message = f"{folder}: {'; '.join(reasons)}; going back to step {step}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        return Restored(step, state, record["metadata"])
    if reasons:
        raise DamagedCheckpoint(
            f"{folder} holds no save that verifies: {'; '.join(reasons)}. "
            "Delete that folder to start this shard from its beginning."
        )
    return None


def _read_record(path: Path, step: int) -> dict[str, Any]:
    content = json.loads((path / "record.json").read_text())
    record: dict[str, Any] = content["record"]
    if record_digest(record) != content["sha256"] or record["step"] != step:
        raise ValueError("record.json does not match its checksum")
    return record


def _check_files(path: Path, saved: dict[str, str]) -> None:
    """Keep damaged files from orbax, whose threads go on after an error."""
    found = file_digests(path)
    for name in sorted(found.keys() | saved.keys()):
        if name not in found:
            raise ValueError(f"arrays/{name} is missing")
        if found[name] != saved.get(name):
            raise ValueError(f"arrays/{name} does not match its SHA-256")


def _read_arrays(path: Path, leaves: list[Leaf]) -> list[np.ndarray]:
    """Every leaf as numpy, each equal to its checksum."""
    names = [str(i) for i, leaf in enumerate(leaves) if 0 not in leaf["raw"][1]]
    found = read(path, names) if names else {}
    arrays = []
    for i, leaf in enumerate(leaves):
        dtype, shape = leaf["raw"]
        array = found[str(i)] if str(i) in names else np.empty(shape, jnp.dtype(dtype))
        if digest(array) != leaf["sha256"]:
            raise ValueError(f"`{leaf['path']}` does not match its SHA-256")
        arrays.append(array)
    return arrays
