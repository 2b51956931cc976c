"""Whole sweeps as one compiled program a cohort, resumable and stored."""

from vae_jax.data import cache_folder
from vae_jax.sweeps._plan import CohortPlan, plan
from vae_jax.sweeps._prepare import check_run
from vae_jax.sweeps._run import run
from vae_jax.sweeps.devices._cohorts import Shard, cohort_key, split_shards
from vae_jax.sweeps.devices._engine import Engine, make_engine
from vae_jax.sweeps.devices._hosts import HostLost, connect, is_first_host
from vae_jax.sweeps.devices._mesh import member_mesh
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.devices._settings import Members
from vae_jax.sweeps.devices._setup import check_devices, num_cores, setup_jax
from vae_jax.sweeps.devices._strategy import choose_strategy, over_members
from vae_jax.sweeps.queue._division import Division, members_of, read_division
from vae_jax.sweeps.queue._interrupts import SIGNALS, Interrupted, catch_signals
from vae_jax.sweeps.seen._chunk import Chunk, OnChunk
from vae_jax.sweeps.seen._progress import Progress
from vae_jax.sweeps.seen._tensorboard import to_tensorboard
from vae_jax.sweeps.seen._wandb import to_wandb
from vae_jax.sweeps.seen._watch import each
from vae_jax.sweeps.spec._grid import expand, read_spec
from vae_jax.sweeps.spec._identity import DataDigests, data_digest, inputs_of
from vae_jax.sweeps.spec._places import located, stored_config
from vae_jax.sweeps.stored._out import check_out
from vae_jax.sweeps.stored._resume import Begun, begun

__all__ = [
    "SIGNALS",
    "Begun",
    "Chunk",
    "CohortPlan",
    "DataDigests",
    "Division",
    "Engine",
    "HostLost",
    "Interrupted",
    "Members",
    "OnChunk",
    "Options",
    "Progress",
    "Shard",
    "begun",
    "cache_folder",
    "catch_signals",
    "check_devices",
    "check_out",
    "check_run",
    "choose_strategy",
    "cohort_key",
    "connect",
    "each",
    "expand",
    "data_digest",
    "inputs_of",
    "is_first_host",
    "located",
    "make_engine",
    "member_mesh",
    "members_of",
    "num_cores",
    "over_members",
    "plan",
    "read_division",
    "read_spec",
    "run",
    "setup_jax",
    "split_shards",
    "stored_config",
    "to_tensorboard",
    "to_wandb",
]
