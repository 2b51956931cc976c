# mypy: disable-error-code="no-untyped-call"
# pyarrow is compiled and untyped
"""Members of a shard that are kept, where others of it cannot be."""

import json
from collections.abc import Sequence
from pathlib import Path

from vae_jax.results._files import write_once
from vae_jax.results._first_format import is_of_first_format
from vae_jax.results._shards import (
    BINDING,
    PARAMS,
    StoredShard,
    binding_of,
    sealed_table,
    shard_name,
)


def keep_members(shard: StoredShard, rows: Sequence[int]) -> Path | None:
    """Store some rows of a shard, as they are, in a file of their own beside it.

    Args:
        shard: of `survey`; its file stays.
        rows: places of the members that are kept.

    Returns:
        The file, or None where there are no rows.

    Raises:
        ValueError: the shard is of the first format, which cannot be divided.
        OSError: the disk is full; names the file and the bytes.
    """
    if is_of_first_format(shard.table):
        raise ValueError(
            f"{shard.path} is of the first format, whose members stay together; move it "
            "away as a whole"
        )
    if not rows:
        return None
    members = [shard.members[row] for row in rows]
    notes = {BINDING: json.dumps(binding_of(shard) | {"members": members})}
    if shard.params is not None:
        notes[PARAMS] = json.dumps([shard.params[row] for row in rows])
    table = shard.table.take(list(rows)).replace_schema_metadata(notes)
    first = min(table["member"].to_pylist())
    path = shard.path.with_name(shard_name(first, members))
    write_once(path, sealed_table(table))
    return path
