"""Run one shard: chunks of steps, saved, interrupted, resumed, evaluated, committed."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from vae_jax import checkpoints, results
from vae_jax.sweeps._cohorts import Shard
from vae_jax.sweeps._engine import Engine
from vae_jax.sweeps._interrupts import Interrupted
from vae_jax.sweeps._options import Options
from vae_jax.sweeps._rows import flatten_params, make_rows
from vae_jax.sweeps._saver import Saver
from vae_jax.sweeps._settings import Members
from vae_jax.training import Carry

CHUNK_SECONDS = 1.5
MIN_CHUNK_STEPS = 100
"""A chunk shorter than this loses time to the slicing of its state."""


class Session(NamedTuple):
    """What all shards of a running sweep share.

    Attributes:
        out: folder of the results.
        options: how to run.
        bar: progress in member-steps.
        received: signals that came so far.

    >>> Session._fields
    ('out', 'options', 'bar', 'received')
    """

    out: Path
    options: Options
    bar: Any
    received: list[int]


def run_shard(
    shard: Shard, members: Members, data: Any, engine: Engine, session: Session
) -> None:
    """Train the members of a shard from where they are, evaluate and commit them."""
    began = time.perf_counter()
    folder = checkpoint_folder(session.out, shard)
    saver = Saver(folder, len(shard.members), session.options.checkpoint_seconds)
    carry = train(shard, members, data, engine, session, saver)
    session.bar.set_description("evaluating")
    rows = make_rows(shard, members, carry, data, engine, time.perf_counter() - began)
    params = None
    if session.options.keep_params:
        params = flatten_params(engine.params(carry, members, data), len(rows))
    results.commit_shard(session.out, shard.number, rows, params)
    checkpoints.remove(folder)
    session.bar.set_description("")


def checkpoint_folder(out: Path, shard: Shard) -> Path:
    """Where the state of a running shard is saved."""
    return out / "checkpoints" / f"shard-{shard.number:05d}"


def train(
    shard: Shard,
    members: Members,
    data: Any,
    engine: Engine,
    session: Session,
    saver: Saver,
) -> Carry:
    """Advance to the last window, a chunk at a time."""
    config = shard.configs[0]
    num_windows, log_every = config.num_steps // config.log_every, config.log_every
    carry, done = saver.restore(engine.start(members, data), engine)
    session.bar.update(done * log_every * len(shard.members))
    chunk, timed = next_chunk(1, np.inf, log_every), False
    while done < num_windows:
        since, first = time.perf_counter(), done
        done = min(first + chunk, num_windows)
        carry = engine.advance(carry, members, data, np.int32(first), np.int32(done))
        jax.block_until_ready(carry.first_bad_step)
        session.bar.update((done - first) * log_every * len(shard.members))
        if timed:  # the first chunk's time is mostly that of compiling
            chunk = next_chunk(done - first, time.perf_counter() - since, log_every)
        timed = True
        if session.received:
            stop(carry, done, session, saver)
        saver.save_when_due(carry, done)
    return carry


def stop(carry: Carry, done: int, session: Session, saver: Saver) -> None:
    """Save, say so, and leave with the exit code of the signal."""
    saver.save(carry, done)
    session.bar.close()
    tqdm.write(f"Stopped; the same command resumes it. Saved in {session.out}.")
    raise Interrupted(session.received[0])


def next_chunk(windows: int, seconds: float, log_every: int) -> int:
    """Windows that take about `CHUNK_SECONDS`, and at least `MIN_CHUNK_STEPS` steps.

    >>> next_chunk(windows=2, seconds=0.1, log_every=50)
    30
    """
    wanted = round(CHUNK_SECONDS * windows / max(seconds, 1e-4))
    return max(wanted, -(-MIN_CHUNK_STEPS // log_every))
