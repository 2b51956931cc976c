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

from vae_jax.results._manifest import Manifest, read_manifest
from vae_jax.results._shards import HISTORY, read_all, read_params

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
    "threads",
    "jax",
    "jaxlib",
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
    """

    manifest: Manifest
    runs: pa.Table
    metrics: pa.Table

    def to_pandas(self) -> Frames:
        """Both tables as frames, for `frames.runs.groupby("beta")` and the like."""
        runs, metrics = (t.to_pandas(use_threads=False) for t in self[1:])
        return Frames(runs, metrics)


def read(out: str | os.PathLike[str]) -> Results:
    """Read every finished shard of a run folder, verified.

    Raises:
        FileNotFoundError: `out` is not a run folder.
        DamagedFile: a file does not match its checksum; names it and the fix.
    """
    out = Path(out)
    tables = [table for _, table in read_all(out)]
    runs = [table.select(_plain_columns(table)) for table in tables]
    long = [_long(table) for table in tables]
    return Results(
        read_manifest(out), _joined(runs, ["member"]), _joined(long, ["member", "step"])
    )


def content_hash(out: str | os.PathLike[str]) -> str:
    """SHA-256 over configuration, status, metrics and parameters in member order.

    Two runs of one spec have the same hash if nothing differs but time and host, in
    whatever order, on whatever engine, and however often interrupted they ran.
    """
    shards = list(read_all(Path(out)))
    table = _joined([table for _, table in shards], ["member"])
    params = {}
    for path, shard in shards:
        stacked = read_params(path, shard) or {}
        for row, member in enumerate(shard["member"].to_pylist()):
            params[member] = {name: stacked[name][row] for name in sorted(stacked)}
    digest = hashlib.sha256()
    for row in table.drop_columns(_present(table, HOST_COLUMNS)).to_pylist():
        # a column that another shard alone has is the same as one that is empty
        kept = {name: value for name, value in row.items() if value is not None}
        digest.update(json.dumps(kept, sort_keys=True).encode())
        for name, array in params[row["member"]].items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


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
    return joined.sort_by([(name, "ascending") for name in keys])
