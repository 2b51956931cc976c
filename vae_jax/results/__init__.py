"""The store of a sweep's results: a manifest and one immutable file per finished shard.

    manifest.json               the spec with its hash, versions, device; written once;
                                manifest-0002.json after it, where members were added
    accepted-1a2b3c4d5e6f.json  versions that were accepted later, if any
    finished-1a2b3c4d5e6f.json  when the last member ended
    shards/shard-00000-1a2b3c4d5e6f.parquet
                                a row a member: configuration, status, metrics, history
    params/member-00000-1a2b3c4d5e6f-0a1b2c3d4e5f.safetensors
                                the final parameters of one member, with its settings
    data-0123456789abcdef0123456789abcdef.json
                                what members need to know of their data to be used without
    checkpoints/                the state of members in training
    states/                     what members ended with, from which they go on with more
                                steps, where it was asked for; may be deleted at any time

A member is known by its identity, a digest of its settings, its data and the functions of
the user's that it names; its number is its place in the newest manifest. A Parquet file
commits members that ended together, and says to which run they belong. Every file is
written under a temporary name, synced, and linked to its final name, where the first
wins: no shard is lost, none is there twice, and no process need know of another. Every
file carries a SHA-256, which is verified whenever it is read.
"""

from vae_jax.results._about import keep_about, kept_about
from vae_jax.results._files import DamagedFile, ForeignFile
from vae_jax.results._load import load, load_knobs, load_leaves, named_leaves
from vae_jax.results._manifest import (
    SpecChanged,
    VersionChanged,
    compare,
    create_or_open,
    read_manifest,
    short_hash,
    spec_hash,
)
from vae_jax.results._pairs import Case, Comparison, Difference, compare_runs
from vae_jax.results._params import write_params
from vae_jax.results._put_back import manifest_files, put_back
from vae_jax.results._salvage import keep_members
from vae_jax.results._shards import StoredShard, commit_shard, finished_members
from vae_jax.results._student import t_quantile
from vae_jax.results._survey import (
    DamagedParams,
    Survey,
    damaged_notes,
    damaged_params,
    survey,
    words_of,
)
from vae_jax.results._tables import (
    HOST_COLUMNS,
    Frames,
    Results,
    content_hash,
    finished_at,
    mark_finished,
    read,
)

__all__ = [
    "HOST_COLUMNS",
    "Case",
    "Comparison",
    "DamagedFile",
    "DamagedParams",
    "Difference",
    "ForeignFile",
    "Frames",
    "Results",
    "SpecChanged",
    "Survey",
    "VersionChanged",
    "commit_shard",
    "compare",
    "compare_runs",
    "content_hash",
    "create_or_open",
    "StoredShard",
    "damaged_notes",
    "damaged_params",
    "finished_at",
    "finished_members",
    "keep_members",
    "load",
    "load_knobs",
    "keep_about",
    "kept_about",
    "load_leaves",
    "manifest_files",
    "mark_finished",
    "named_leaves",
    "put_back",
    "read",
    "read_manifest",
    "short_hash",
    "spec_hash",
    "survey",
    "t_quantile",
    "words_of",
    "write_params",
]
