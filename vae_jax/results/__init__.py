"""The store of a sweep's results: a manifest and one immutable file per finished shard.

    manifest.json               the spec with its hash, versions, device; written once
    accepted-1a2b3c4d5e6f.json  versions that were accepted later, if any
    shards/shard-00000.parquet  a row a member: configuration, status, metrics, history
    params/shard-00000-1a2b3c4d5e6f.npz  their final parameters, stacked

The Parquet file is what commits a shard. Every file is written under a temporary name,
synced, and linked to its final name, where the first wins: no shard is lost, none is
there twice, and no process need know of another. Every file carries a SHA-256, which
is verified whenever it is read.
"""

from vae_jax.results._files import DamagedFile, ForeignFile
from vae_jax.results._manifest import (
    SpecChanged,
    VersionChanged,
    create_or_open,
    short_hash,
    spec_hash,
)
from vae_jax.results._shards import commit_shard, finished_shards, load
from vae_jax.results._tables import HOST_COLUMNS, Frames, Results, content_hash, read

__all__ = [
    "HOST_COLUMNS",
    "DamagedFile",
    "ForeignFile",
    "Frames",
    "Results",
    "SpecChanged",
    "VersionChanged",
    "commit_shard",
    "content_hash",
    "create_or_open",
    "finished_shards",
    "load",
    "read",
    "short_hash",
    "spec_hash",
]
