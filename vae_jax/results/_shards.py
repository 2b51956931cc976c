# mypy: disable-error-code="attr-defined,name-defined,no-untyped-call"
# pyarrow is compiled and untyped
"""One immutable Parquet file for members that ended together, and whose it is."""

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vae_jax.results._binding import bound, whose
from vae_jax.results._files import DamagedFile, ForeignFile, write_once
from vae_jax.results._first_format import is_of_first_format, with_numbers_as_ids
from vae_jax.results._manifest import (
    Manifest,
    extended_by,
    read_manifest,
    spec_hash,
)
from vae_jax.results._params import write_params

HISTORY = "history/"
STATUSES = ("finished", "diverged", "stopped")
_TYPES = {
    "member": pa.int64(),
    "member_id": pa.string(),
    "status": pa.string(),
    "first_bad_step": pa.int64(),
}
_NUMPY = (np.ndarray, np.generic)
# Parquet's page checksums leave out the footer, where a flipped bit renames a column:
# the whole file is hashed, with this in the place of the hash
_SEAL = b"vae_jax.sha256"
_BLANK = b"?" * 64
BINDING, PARAMS = "vae_jax.binding", "vae_jax.params"


class StoredShard(NamedTuple):
    """A shard as it was read, verified.

    Attributes:
        path: its file.
        table: a row a member.
        members: identity of each.
        params: name and SHA-256 of the parameters file of each; None where none are kept.
    """

    path: Path
    table: pa.Table
    members: list[str]
    params: list[tuple[str, str]] | None


def commit_shard(
    out: str | os.PathLike[str],
    rows: Sequence[Mapping[str, Any]],
    params: Sequence[Any] | None = None,
    knobs: Sequence[Mapping[str, Any]] | None = None,
) -> Path:
    """Store members that have ended; a shard of the same members stays as it is.

    Args:
        out: the run folder.
        rows: one for each member, all with the same columns: `member`, `member_id` (its
            identity, as the manifest has it), `status` ("finished", "diverged" or
            "stopped", which had collapsed and went no further), `first_bad_step` (None if
            there is none), and any others. Numpy arrays and lists become list columns.
            Columns that begin with `history/` are a member's course over training, of one
            length in a row, and include `history/step`.
        params: final parameters of each, a tree of numpy arrays; None for a member that
            has none.
        knobs: settings of the model that they were trained with, stored beside them.

    Returns:
        The Parquet file.

    Raises:
        ValueError: the rows do not fit each other or the manifest.
        TypeError: a leaf of the parameters is no array of numbers.
        OSError: the disk is full; names the file and the bytes.
    """
    out = Path(out)
    _check_rows(rows)
    table = pa.table({name: _column(name, rows) for name in rows[0]})
    binding = bound(read_manifest(out), rows)
    metadata = {BINDING: json.dumps(binding)}
    if params is not None:
        kept = _write_params(out, binding, rows, params, knobs)
        metadata[PARAMS] = json.dumps(kept)
    name = shard_name(min(int(row["member"]) for row in rows), binding["members"])
    write_once(
        out / "shards" / name, sealed_table(table.replace_schema_metadata(metadata))
    )
    _drop_unused_params(out, read_shard(out / "shards" / name))
    return out / "shards" / name


def shard_name(first: int, members: Sequence[str]) -> str:
    """The file of members, the first of which has this number."""
    return f"shard-{first:05d}-{spec_hash({'members': members})[:12]}.parquet"


def finished_members(
    out: str | os.PathLike[str], manifest: Mapping[str, Any] | None = None
) -> set[str]:
    """The identities of the members that are stored.

    Args:
        out: the run folder.
        manifest: what it is given next: shards may be of that, if its file was deleted.

    Raises:
        DamagedFile: a shard is not what was written.
        ForeignFile: a shard belongs to another run.

    >>> finished_members("no/such/folder")
    set()
    """
    if not shard_files(Path(out)):
        return set()
    return {one for shard in read_all(Path(out), manifest) for one in shard.members}


def shard_files(out: Path) -> list[Path]:
    """The file of every stored shard, in order."""
    folder = out / "shards"
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in found if p.name[:6] == "shard-" and p.suffix == ".parquet")


def read_all(
    out: Path, given: Mapping[str, Any] | None = None
) -> Iterator[StoredShard]:
    """Every stored shard, verified, and each member once.

    Launchers of unlike width that could not lock the folder may both have stored a member:
    its first row counts, in the order of the files.
    """
    manifest, seen = extended_by(read_manifest(out), given), set[str]()
    for path in shard_files(out):
        shard = read_shard(path)
        check_binding(shard, manifest)
        new = [i for i, member in enumerate(shard.members) if member not in seen]
        seen.update(shard.members)
        if new:
            yield shard if len(new) == len(shard.members) else _only(shard, new)


def read_shard(path: Path) -> StoredShard:
    """A shard whose every byte is what was written."""
    content = path.read_bytes()
    start = content.rfind(_SEAL) + len(_SEAL) + 2  # thrift: field type and length
    seal, blank = content[start : start + 64], content[:start] + _BLANK
    digest = hashlib.sha256(blank + content[start + 64 :]).hexdigest()
    if seal != digest.encode():
        raise DamagedFile(
            f"{path} is damaged: it does not match its SHA-256. Put a copy of it back, or "
            "move it away and run the same command again: its members alone are run anew"
        )
    # with a thread pool running, Arrow can abort a process that ends soon after
    source = pa.BufferReader(content)
    file = pq.ParquetFile(source, page_checksum_verification=True)
    table = file.read(use_threads=False)
    if "member_id" not in table.column_names:
        table = with_numbers_as_ids(table)
    notes = table.schema.metadata or {}
    params = json.loads(notes.get(PARAMS.encode(), b"null"))
    return StoredShard(path, table, table["member_id"].to_pylist(), params)


def _only(shard: StoredShard, rows: Sequence[int]) -> StoredShard:
    params = None if shard.params is None else [shard.params[i] for i in rows]
    members = [shard.members[i] for i in rows]
    return shard._replace(table=shard.table.take(rows), members=members, params=params)


def check_binding(shard: StoredShard, manifest: Manifest) -> None:
    """Refuse a shard of another run.

    Raises:
        ForeignFile: says whose it is.
    """
    if is_of_first_format(shard.table):
        return  # says nothing of its run
    binding, known = binding_of(shard), manifest["spec_hashes"]
    given = binding["spec_hash"]
    strange = set(shard.members) - set(manifest.get("members", shard.members))
    if given not in known or binding["members"] != shard.members or strange:
        raise ForeignFile(
            f"{shard.path} belongs to another run: its specification is "
            f"{str(given)[:12]}, that of the folder {known[-1][:12]}. It is whole; move it "
            "to the folder that it came from. Was a `manifest-*.json` of this folder "
            "deleted? The command that the run was extended by writes it again"
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


def _write_params(
    out: Path,
    binding: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    params: Sequence[Any],
    knobs: Sequence[Mapping[str, Any]] | None,
) -> list[tuple[str, str] | None]:
    """Name and hash of each file; named by content, so that rivals write two files."""
    if len(params) != len(rows):
        raise ValueError(
            f"`params` must hold a tree for each of {len(rows)} members; got {len(params)}"
        )
    kept: list[tuple[str, str] | None] = []
    for i, (row, tree) in enumerate(zip(rows, params, strict=True)):
        if tree is None:
            kept.append(None)
            continue
        about = whose(binding, row["member_id"])
        about["knobs"] = json.dumps(dict(knobs[i]) if knobs else {})
        stem = f"member-{row['member']:05d}-{row['member_id'][:12]}"
        digest = write_params(
            out / "params", stem + "-{digest}.safetensors", tree, about
        )
        kept.append((f"{stem}-{digest[:12]}.safetensors", digest))
    return kept


def binding_of(shard: StoredShard) -> dict[str, Any]:
    """To which run a shard says that it belongs."""
    notes = shard.table.schema.metadata or {}
    found: dict[str, Any] = json.loads(notes[BINDING.encode()])
    return found


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


def sealed_table(table: pa.Table) -> bytes:
    """A Parquet file with its own SHA-256."""
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, table.schema, write_page_checksum=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_SEAL.decode(): _BLANK.decode()})
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest().encode()
    start = content.rfind(_SEAL) + len(_SEAL) + 2
    return content[:start] + digest + content[start + 64 :]


def _drop_unused_params(out: Path, shard: StoredShard) -> None:
    """Delete what a killed or a slower process wrote for the same members."""
    used = {one[0] for one in shard.params or () if one}
    stems = tuple(f"-{member[:12]}-" for member in shard.members)
    folder = out / "params"
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in used and any(stem in path.name for stem in stems):
            path.unlink(missing_ok=True)
