# mypy: disable-error-code="attr-defined,name-defined,no-untyped-call"
# pyarrow is compiled and untyped
"""What was stored, as two tables: a row a member, and a row a member and step."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from vae_jax.results._files import DamagedFile, write_once
from vae_jax.results._load import has_params, leaves_of, read_row
from vae_jax.results._manifest import Manifest, read_manifest, read_sealed, sealed
from vae_jax.results._several import read_several
from vae_jax.results._shards import HISTORY, StoredShard, read_all

if TYPE_CHECKING:
    import pandas as pd

HOST_COLUMNS = (
    "wall_seconds",
    "compile_seconds",
    "started_at",
    "finished_at",
    "host",
    "pid",
    "device",
    "num_devices",
    "threads",
    "width",
    "strategy",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "vae_jax",
)
"""Columns of time and host: `content_hash` leaves them out."""


class Frames(NamedTuple):
    """The two tables as pandas frames."""

    runs: "pd.DataFrame"
    metrics: "pd.DataFrame"


class Results(NamedTuple):
    """What a run folder holds.

    Attributes:
        manifest: what the run is.
        runs: a row a member, in order: configuration, status, final metrics.
        metrics: a row for each member and step, in order: `member`, `step` and the
            recorded values; a value for each unit is a list.
        missing: numbers of the members that have not ended yet.
    """

    manifest: Manifest
    runs: pa.Table
    metrics: pa.Table
    missing: tuple[int, ...] = ()

    def to_pandas(self) -> Frames:
        """Both tables as frames, for `frames.runs.groupby("beta")` and the like."""
        tables = self.runs, self.metrics
        runs, metrics = (table.to_pandas(use_threads=False) for table in tables)
        return Frames(runs, metrics)


def read(
    out: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> Results:
    """Read every finished shard of a run folder, or of several, verified.

    Members have the numbers that they have in the newest manifest. Of several folders they
    are numbered on from one to the next, `folder` and `member_in_folder` say where each
    is, and `manifest["folders"]` has the manifests; a member that two folders hold is read
    once, from the first, with a warning.

    Raises:
        ValueError: no folder, or one of them twice.
        FileNotFoundError: `out` is not a run folder.
        DamagedFile: a file does not match its checksum, or a run that was finished lacks
            members; names them and the fix.
        ForeignFile: a shard belongs to another run.
    """
    if not isinstance(out, str | os.PathLike):
        several: Results = read_several(out, read, _joined)
        return several
    out = Path(out)
    manifest = read_manifest(out)
    tables = [_numbered(shard, manifest) for shard in read_all(out)]
    stored = {n for table in tables for n in table["member"].to_pylist()}
    missing = tuple(sorted(set(range(len(manifest.get("members", ())))) - stored))
    _check_whole(out, manifest, missing)
    if not tables:
        tables = [_empty(manifest)]
    runs = [table.select(_plain_columns(table)) for table in tables]
    long = [_long(table) for table in tables]
    return Results(
        manifest, _joined(runs, ["member"]), _joined(long, ["member", "step"]), missing
    )


def content_hash(out: str | os.PathLike[str]) -> str:
    """SHA-256 over configuration, status, metrics and parameters in member order.

    Two runs of one spec have the same hash if nothing differs but time and host, in
    whatever order, on whatever engine, and however often interrupted they ran.
    """
    out = Path(out)
    manifest, tables, params = read_manifest(out), [], {}
    for shard in read_all(out):
        table = _numbered(shard, manifest)
        tables.append(table)
        for row, member in enumerate(table["member"].to_pylist()):
            tree = read_row(shard, row) if has_params(shard, row) else {}
            params[member] = leaves_of(tree)
    table = _joined(tables, ["member"])
    digest = hashlib.sha256()
    for row in table.drop_columns(_present(table, HOST_COLUMNS)).to_pylist():
        # a column that another shard alone has is the same as one that is empty
        kept = {name: value for name, value in row.items() if value is not None}
        digest.update(json.dumps(kept, sort_keys=True).encode())
        for name, array in params[row["member"]].items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def mark_finished(out: str | os.PathLike[str], spec_hash: str, when: str) -> None:
    """Write down that every member of the run has ended: from now on none may lack.

    Args:
        out: the run folder.
        spec_hash: of the manifest whose members have ended.
        when: date and time.
    """
    content = sealed({"spec_hash": spec_hash, "finished_at": when})
    write_once(Path(out, f"finished-{spec_hash[:12]}.json"), content)


def finished_at(out: str | os.PathLike[str]) -> str | None:
    """When the last member of the run ended, None if it has not.

    Raises:
        FileNotFoundError: `out` is not a run folder.
    """
    path = Path(out, f"finished-{read_manifest(Path(out))['spec_hash'][:12]}.json")
    return str(read_sealed(path)["finished_at"]) if path.exists() else None


def _check_whole(out: Path, manifest: Manifest, missing: Sequence[int]) -> None:
    when = finished_at(out) if missing else None
    if when is not None:
        shown = ", ".join(map(str, missing[:10])) + (" ..." if missing[10:] else "")
        raise DamagedFile(
            f"{out} lacks {len(missing)} of {len(manifest['members'])} members ({shown}), "
            f"although all had ended on {when}: a file of its folder `shards` is missing. "
            "Put it back, or run the same command again: these members alone are run anew"
        )


def _numbered(shard: StoredShard, manifest: Manifest) -> pa.Table:
    """The rows with the numbers that their members have in the manifest."""
    known = manifest.get("members")
    if known is None:
        return shard.table
    place = {member: number for number, member in enumerate(known)}
    numbers = pa.array([place[member] for member in shard.members], pa.int64())
    column = shard.table.column_names.index("member")
    return shard.table.set_column(column, "member", numbers)


def _empty(manifest: Manifest) -> pa.Table:
    """No row, with the columns of the configuration."""
    configs = manifest["spec"].get("configs") or [{}]
    columns: dict[str, list[Any]] = {
        name: [] for name in ("member", "status", *configs[0])
    }
    return pa.table(columns)


def _plain_columns(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if not name.startswith(HISTORY)]


def _present(table: pa.Table, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in table.column_names]


def _long(table: pa.Table) -> pa.Table:
    """The history of one shard: a row for each member and recorded step."""
    names = [name for name in table.column_names if name.startswith(HISTORY)]
    if not names:
        return pa.table({"member": pa.array([], pa.int64())})
    rows = pc.list_parent_indices(table[f"{HISTORY}step"].combine_chunks())
    columns: dict[str, Any] = {"member": table["member"].combine_chunks().take(rows)}
    for name in names:
        values = pc.list_flatten(table[name].combine_chunks())
        columns[name.removeprefix(HISTORY)] = values
    return pa.table(columns)


def _joined(tables: Sequence[pa.Table], keys: list[str]) -> pa.Table:
    empty = pa.table({name: pa.array([], pa.int64()) for name in keys})
    bare = [table.replace_schema_metadata(None) for table in tables]
    joined = pa.concat_tables([empty, *bare], promote_options="permissive")
    joined = joined.select(_settings_first(bare, joined.column_names))
    return joined.sort_by([(name, "ascending") for name in keys])


def _settings_first(tables: Sequence[pa.Table], names: Sequence[str]) -> list[str]:
    """What stands before the status in some table stands before it in the whole one."""
    found: dict[str, None] = {}
    for table in tables:
        columns = table.column_names
        if "status" in columns:
            found |= dict.fromkeys(columns[: columns.index("status")])
    return [*found, *(name for name in names if name not in found)]
