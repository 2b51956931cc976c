# mypy: disable-error-code="attr-defined,name-defined,no-untyped-call"
# pyarrow is compiled and untyped
"""One immutable Parquet file for each finished shard, and its parameters beside it."""

import hashlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vae_jax.results._files import DamagedFile, write_once, write_over

HISTORY = "history/"
STATUSES = ("finished", "diverged")
_NAME = re.compile(r"shard-(\d{5,})\.parquet")
_TYPES = {
    "member": pa.int64(),
    "status": pa.string(),
    "first_bad_step": pa.int64(),
}
_NUMPY = (np.ndarray, np.generic)
# Parquet's page checksums leave out the footer, where a flipped bit renames a column:
# the whole file is hashed, with this in the place of the hash
_SEAL = b"vae_jax.sha256"
_BLANK = b"?" * 64


def commit_shard(
    out: str | os.PathLike[str],
    index: int,
    rows: Sequence[Mapping[str, Any]],
    params: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Store a finished shard; if it is stored already, the first stays.

    Args:
        out: the run folder.
        index: the number of the shard in the whole spec.
        rows: one for each member, all with the same columns: `member`, `status`
            ("finished" or "diverged"), `first_bad_step` (None if there is none), and
            any others. Numpy arrays and lists become list columns. Columns that begin
            with `history/` are a member's course over training, of one length in a
            row, and include `history/step`.
        params: final parameters by "/"-joined path, with a leading axis of members in
            the order of `rows`.

    Returns:
        The Parquet file.

    Raises:
        ValueError: the rows do not fit each other, or the parameters do not fit them.
        OSError: the disk is full; names the file and the bytes.
    """
    out = Path(out)
    _check_rows(rows)
    metadata = {}
    if params is not None:
        _check_params(params, len(rows))
        metadata["params"] = json.dumps(_write_params(out, index, params))
    table = pa.table({name: _column(name, rows) for name in rows[0]})
    path = out / "shards" / f"shard-{index:05d}.parquet"
    write_once(path, _sealed(table.replace_schema_metadata(metadata)))
    _drop_unused_params(out, index, read_shard(path))
    return path


def finished_shards(out: str | os.PathLike[str]) -> set[int]:
    """The numbers of the shards that are stored.

    >>> finished_shards("no/such/folder")
    set()
    """
    return {index for index, _ in shard_files(Path(out))}


def load(out: str | os.PathLike[str], member: int) -> dict[str, Any]:
    """The final parameters of one member as nested dicts of numpy arrays.

    Raises:
        KeyError: no stored shard holds this member, or its parameters were not kept.
        DamagedFile: a file on the way does not match its checksum.
    """
    for _, path in shard_files(Path(out)):
        table = read_shard(path)
        members = table["member"].to_pylist()
        if member in members:
            row = members.index(member)
            stacked = read_params(path, table)
            if stacked is None:
                raise KeyError(f"the parameters of member {member} were not kept")
            return _nested({name: array[row] for name, array in stacked.items()})
    raise KeyError(f"member {member} is in no finished shard of {out}")


def shard_files(out: Path) -> list[tuple[int, Path]]:
    """Number and file of every stored shard, in order."""
    matches = [(_NAME.fullmatch(p.name), p) for p in (out / "shards").glob("*.parquet")]
    return sorted((int(match[1]), path) for match, path in matches if match)


def read_all(out: Path) -> Iterator[tuple[Path, pa.Table]]:
    """Every stored shard, verified; no member may be in two of them."""
    seen: dict[int, Path] = {}
    for _, path in shard_files(out):
        table = read_shard(path)
        for member in table["member"].to_pylist():
            if member in seen:
                raise DamagedFile(
                    f"member {member} is in {seen[member]} and in {path}: "
                    "delete the one that does not belong to this run"
                )
            seen[member] = path
        yield path, table


def read_shard(path: Path) -> pa.Table:
    """A shard whose every byte is what was written."""
    content = path.read_bytes()
    start = content.rfind(_SEAL) + len(_SEAL) + 2  # thrift: field type and length
    seal, blank = content[start : start + 64], content[:start] + _BLANK
    digest = hashlib.sha256(blank + content[start + 64 :]).hexdigest()
    if seal != digest.encode():
        raise _damaged(path, path)
    # with a thread pool running, Arrow can abort a process that ends soon after
    source = pa.BufferReader(content)
    file = pq.ParquetFile(source, page_checksum_verification=True)
    return file.read(use_threads=False)


def read_params(path: Path, table: pa.Table) -> dict[str, np.ndarray] | None:
    """The stacked parameters of the shard in `path`, or None if none were kept."""
    note = (table.schema.metadata or {}).get(b"params")
    if note is None:
        return None
    name, digest = json.loads(note)
    file = path.parent.parent / "params" / name
    content = file.read_bytes() if file.exists() else b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise _damaged(file, path)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _damaged(file: Path, shard: Path) -> DamagedFile:
    state = "does not match its SHA-256" if file.exists() else "is missing"
    return DamagedFile(
        f"{file} is damaged: it {state}. "
        f"Delete {shard} and run the same command again: this shard alone is run anew"
    )


def _check_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows or not set(_TYPES) <= set(rows[0]):
        got = sorted(rows[0]) if rows else "no row"
        raise ValueError(f"each row must hold {sorted(_TYPES)}; got {got}")
    members = [row["member"] for row in rows]
    if len(set(members)) < len(members):
        raise ValueError(f"each row must be another member; got {members}")
    for row in rows:
        who = f"member {row['member']}"
        if different := set(row) ^ set(rows[0]):
            raise ValueError(
                f"rows must have the same columns; {who} differs in {sorted(different)}"
            )
        if row["status"] not in STATUSES:
            raise ValueError(f"status must be one of {STATUSES}; got {row['status']!r}")
        lengths = {name: len(row[name]) for name in row if name.startswith(HISTORY)}
        if len(set(lengths.values())) > 1 or (lengths and f"{HISTORY}step" not in row):
            raise ValueError(
                f"history must be as long as {HISTORY}step; {who} has {lengths}"
            )


def _check_params(params: Mapping[str, np.ndarray], num_rows: int) -> None:
    for name, array in params.items():
        if array.ndim == 0 or array.shape[0] != num_rows:
            raise ValueError(
                f"`{name}` must have a leading axis of {num_rows} members; "
                f"got shape {array.shape}"
            )
        if array.dtype.kind not in "biufc":
            raise ValueError(f"`{name}` is {array.dtype}, which .npz cannot hold")


def _column(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    """One column, with the dtype of its numpy values where it has any."""
    values = [row[name] for row in rows]
    numpy = [v for v in values if isinstance(v, _NUMPY)]
    plain = [v.tolist() if isinstance(v, _NUMPY) else v for v in values]
    try:
        kind = _TYPES.get(name)
        if kind is None and len(numpy) == len([v for v in values if v is not None]) > 0:
            kind = pa.from_numpy_dtype(np.result_type(*numpy))
            for _ in range(numpy[0].ndim):
                kind = pa.list_(kind)
        return pa.array(plain, type=kind)
    except pa.ArrowException as error:
        raise ValueError(f"column `{name}` cannot be stored: {error}") from error


def _sealed(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, table.schema, write_page_checksum=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_SEAL.decode(): _BLANK.decode()})
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest().encode()
    start = content.rfind(_SEAL) + len(_SEAL) + 2
    return content[:start] + digest + content[start + 64 :]


def _write_params(
    out: Path, index: int, params: Mapping[str, np.ndarray]
) -> tuple[str, str]:
    """Name and hash of the file; named by content, so that rivals write two files."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = dict(params)
    np.savez(buffer, **arrays)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    name = f"shard-{index:05d}-{digest[:12]}.npz"
    write_over(out / "params" / name, buffer.getvalue())
    return name, digest


def _drop_unused_params(out: Path, index: int, table: pa.Table) -> None:
    """Delete what a killed or a slower process wrote for the same shard."""
    note = (table.schema.metadata or {}).get(b"params")
    used = json.loads(note)[0] if note else None
    for path in (out / "params").glob(f"shard-{index:05d}-*.npz"):
        if path.name != used:
            path.unlink(missing_ok=True)


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, array in flat.items():
        *parents, last = name.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = array
    return tree
