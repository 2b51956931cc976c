"""Checkpoints of a running shard: orbax writes, and no damaged byte is ever restored.

A folder belongs to one shard and holds its newest two saves:

    step-00000300.0/
        record.json    step, metadata; of every leaf its path, dtype, shape, SHA-256;
                       of every file its SHA-256, verified before orbax sees it
        arrays/        the leaves, written by orbax under their place in the record

A save is built under a temporary name, synced, read back, and renamed: the rename
commits it, and an older save goes only then.
The number after the dot counts the saves of one step, so that saving a step again
replaces nothing before the new save is durable. orbax restores flipped bits silently
and casts to another dtype silently; here a leaf comes back bit for bit or not at all.
"""

from vae_jax.checkpoints._damage import damage
from vae_jax.checkpoints._folders import remove
from vae_jax.checkpoints._leaves import TargetMismatch
from vae_jax.checkpoints._restore import (
    DamagedCheckpoint,
    ForeignCheckpoint,
    Peek,
    Restored,
    peek,
    restore,
)
from vae_jax.checkpoints._save import save

__all__ = [
    "DamagedCheckpoint",
    "ForeignCheckpoint",
    "Peek",
    "Restored",
    "TargetMismatch",
    "damage",
    "peek",
    "remove",
    "restore",
    "save",
]
