"""Where the processes of a sweep run: on this machine, on a Ray cluster, under SLURM.

Each process trains a part of the members, as `vae-jax sweep --shard` does, and commits them
into one folder that all of them see; the folder alone says what is done. So an engine need
only start processes, and start those again that were killed: they go on from their saves.
Each engine is the only importer of its package, and imports it when it is asked for.
"""

from vae_jax.engines._choose import ENGINES, engine
from vae_jax.engines._launch import RETRIES, Ended, Engine, WorkerFailed, launch
from vae_jax.engines._resources import Resources
from vae_jax.engines._work import Work, carry_out, divided

__all__ = [
    "ENGINES",
    "RETRIES",
    "Ended",
    "Engine",
    "Resources",
    "Work",
    "WorkerFailed",
    "carry_out",
    "divided",
    "engine",
    "launch",
]
