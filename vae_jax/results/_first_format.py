# mypy: disable-error-code="attr-defined,name-defined,no-untyped-call"
# pyarrow is compiled and untyped
"""Folders of versions before 0.2, which are read and not gone on with.

Their rows are known by number, and the parameters of a shard lie stacked in one .npz.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vae_jax.results._files import DamagedFile

_NOTE = b"params"


def with_numbers_as_ids(table: pa.Table) -> pa.Table:
    """The table with an identity a row, made of its number."""
    names = [f"member-{number}" for number in table["member"].to_pylist()]
    return table.append_column("member_id", pa.array(names, pa.string()))


def is_of_first_format(table: pa.Table) -> bool:
    """Whether the shard was written before rows had identities."""
    return not any(key.startswith(b"vae_jax.binding") for key in notes_of(table))


def old_params(path: Path, table: pa.Table, row: int) -> dict[str, Any] | None:
    """The parameters of one row as nested dicts, None if none were kept."""
    note = notes_of(table).get(_NOTE)
    if note is None:
        return None
    name, digest = json.loads(note)
    file = path.parent.parent / "params" / Path(name).name
    content = file.read_bytes() if file.exists() else b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise DamagedFile(f"{file} is damaged or missing. Put a copy of it back")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return _nested({key: stacked[row] for key, stacked in arrays.items()})


def notes_of(table: pa.Table) -> dict[bytes, bytes]:
    """What the file says beside its rows."""
    found: dict[bytes, bytes] = table.schema.metadata or {}
    return found


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, array in flat.items():
        *parents, last = name.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = array
    return tree
