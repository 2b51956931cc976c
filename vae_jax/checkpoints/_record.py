"""What a save says of itself, and whether that is true."""

import errno
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax.checkpoints._folders import file_digests
from vae_jax.checkpoints._leaves import Leaf, digest
from vae_jax.checkpoints._orbax import read

Record = dict[str, Any]
"""Step, metadata, leaves and the digest of every file, as JSON."""


class Damage(ValueError):
    """Bytes of a save are not those that were saved."""


def write_record(folder: Path, record: Record) -> None:
    """Write `record.json`, with the digest of its own content."""
    content = {"sha256": record_digest(record), "record": record}
    (folder / "record.json").write_text(json.dumps(content, indent=1))


def record_digest(record: Mapping[str, Any]) -> str:
    """The SHA-256 that `record.json` holds of its own content."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def read_record(path: Path, step: int) -> Record:
    """The record of a save of `step`, verified.

    Raises:
        Damage: it is missing or changed.
    """
    try:
        text = (path / "record.json").read_bytes()
    except FileNotFoundError as error:
        raise Damage("record.json is missing") from error
    try:
        content = json.loads(text)
        record: Record = content["record"]
        whole = record_digest(record) == content["sha256"] and record["step"] == step
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise Damage("record.json does not match its checksum")
    return record


def check_files(path: Path, saved: Mapping[str, str]) -> None:
    """Keep damaged files from orbax, whose threads go on after an error.

    A file that somebody's file manager has added is no damage.

    Raises:
        Damage: a file is missing or changed.
    """
    found = file_digests(path)
    for name in sorted(saved):
        if name not in found:
            raise Damage(f"arrays/{name} is missing")
        if found[name] != saved[name]:
            raise Damage(f"arrays/{name} does not match its SHA-256")


def read_arrays(path: Path, leaves: list[Leaf]) -> list[np.ndarray]:
    """Every leaf as numpy, each equal to its checksum.

    Raises:
        OSError: they are not what was saved, although the files are.
    """
    names = [str(i) for i, leaf in enumerate(leaves) if 0 not in leaf["raw"][1]]
    found = read(path, names) if names else {}
    arrays = []
    for i, leaf in enumerate(leaves):
        array = found.get(str(i), np.empty(0, np.uint8))
        dtype, shape = jnp.dtype(leaf["raw"][0]), leaf["raw"][1]
        if leaf.get("as_bytes") or not array.size:
            array = array.view(dtype).reshape(shape)
        if digest(array) != leaf["sha256"]:
            raise OSError(
                errno.EIO, f"`{leaf['path']}` reads otherwise than saved", str(path)
            )
        arrays.append(array)
    return arrays
