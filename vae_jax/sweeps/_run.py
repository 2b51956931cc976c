"""Run a sweep: cohorts -> shards -> chunks, saved, resumed and committed."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from vae_jax import __version__, build, checkpoints, results
from vae_jax.configs import RunConfig, to_mapping
from vae_jax.sweeps._cohorts import Shard, split_shards
from vae_jax.sweeps._engine import (
    Engine,
    Members,
    make_engine,
    place_data,
    stack_members,
)
from vae_jax.sweeps._interrupts import Interrupted, catch_signals
from vae_jax.sweeps._options import Options
from vae_jax.sweeps._rows import flatten_params, make_rows
from vae_jax.sweeps._saver import Saver

CHUNK_SECONDS = 1.5
MIN_CHUNK_STEPS = 100
"""A chunk shorter than this loses time to the slicing of its state."""


def run(
    configs: Sequence[RunConfig],
    out: str | Path,
    options: Options = Options(),  # noqa: B008
    *,
    make_job: Callable[[RunConfig], build.Job] = build.job,
) -> results.Results:
    """Train and evaluate every config, many at a time, and store a row for each.

    Configs that share everything which shapes the program are compiled once. The same
    call again resumes what was interrupted and returns at once what is finished.

    Args:
        configs: the members; see `read_spec` and `expand`.
        out: folder of the results, made if it does not exist.
        options: how to run.
        make_job: `config -> Job`; your own for a model or program that no config names.

    Returns:
        The stored results.

    Raises:
        ValueError: a config does not fit its data; nothing has been compiled or written.
        results.SpecChanged: `out` holds another sweep; lists the difference.
        Interrupted: Ctrl-C or SIGTERM came; the state is saved.

    The README shows a sweep.
    """
    configs, out = list(configs), Path(out)
    cohorts = split_shards(configs, options.width)
    jobs = [make_job(shards[0].configs[0]) for shards in cohorts]
    hypers = check_all(configs, cohorts, jobs, make_job)
    engines = [
        make_engine(
            job.program,
            shards[0].configs[0].num_steps // shards[0].configs[0].log_every,
            shards[0].configs[0].log_every,
            (job.hyper, job.splits),
            options.strategy,
        )
        for job, shards in zip(jobs, cohorts, strict=True)
    ]
    results.create_or_open(
        out,
        manifest(configs, cohorts, engines, options),
        accept_version_change=options.accept_version_change,
    )
    total = sum(config.num_steps for config in configs)
    with catch_signals() as received, progress_bar(total, options) as bar:
        for job, shards, engine in zip(jobs, cohorts, engines, strict=True):
            run_cohort(job, shards, engine, hypers, out, options, bar, received)
    return results.read(out)


def check_all(
    configs: Sequence[RunConfig],
    cohorts: Sequence[Sequence[Shard]],
    jobs: Sequence[build.Job],
    make_job: Callable[[RunConfig], build.Job],
) -> list[Any]:
    """The settings of every member, in their order; refuses what does not fit."""
    hypers: list[Any] = [None] * len(configs)
    for shards, job in zip(cohorts, jobs, strict=True):
        first = shards[0].members[0]
        for shard in shards:
            for member, config in zip(shard.members, shard.configs, strict=True):
                alone = job if member == first else make_job(config)
                hypers[member] = alone.hyper
    return hypers


def manifest(
    configs: Sequence[RunConfig],
    cohorts: Sequence[Sequence[Shard]],
    engines: Sequence[Engine],
    options: Options,
) -> dict[str, Any]:
    """What the folder says of itself: the spec, and all that exactness depends on."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy")
    versions = {"vae_jax": __version__, "python": platform.python_version()}
    return {
        "spec": {"configs": [to_mapping(config) for config in configs]},
        "versions": versions | {package: version(package) for package in packages},
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "threads": os.cpu_count(),
        "width": options.width,
        "strategy": [engine.strategy for engine in engines],
        "num_members": len(configs),
        "num_shards": sum(len(shards) for shards in cohorts),
    }


def progress_bar(total: int, options: Options) -> Any:
    """Member-steps done, their rate, and the time left."""
    return tqdm(
        total=total,
        unit=" member-steps",
        unit_scale=True,
        disable=not options.progress,
        mininterval=0.5,
        smoothing=0.1,
        dynamic_ncols=True,
    )


def run_cohort(
    job: build.Job,
    shards: Sequence[Shard],
    engine: Engine,
    hypers: Sequence[Any],
    out: Path,
    options: Options,
    bar: Any,
    received: list[int],
) -> None:
    """Run the shards of a cohort that are not finished yet."""
    finished = results.finished_shards(out)
    data = None
    for shard in shards:
        steps = sum(config.num_steps for config in shard.configs)
        if shard.index in finished:
            bar.update(steps)
            checkpoints.remove(checkpoint_folder(out, shard))
            continue
        if data is None:
            data = place_data(job.splits, engine)
        members = stack_members(
            [config.seed for config in shard.configs],
            [hypers[member] for member in shard.members],
            engine,
        )
        run_shard(shard, members, data, engine, out, options, bar, received)


def checkpoint_folder(out: Path, shard: Shard) -> Path:
    """Where the state of a running shard is saved."""
    return out / "checkpoints" / f"shard-{shard.index:05d}"


def run_shard(
    shard: Shard,
    members: Members,
    data: Any,
    engine: Engine,
    out: Path,
    options: Options,
    bar: Any,
    received: list[int],
) -> None:
    """Train the members of a shard from where they are, evaluate and commit them."""
    began = time.perf_counter()
    config = shard.configs[0]
    num_windows = config.num_steps // config.log_every
    folder = checkpoint_folder(out, shard)
    saver = Saver(folder, len(shard.members), options.checkpoint_seconds)
    carry, done = saver.restore(engine.start(members, data), engine)
    per_window = config.log_every * len(shard.members)
    bar.update(done * per_window)
    chunk = -(-MIN_CHUNK_STEPS // config.log_every)
    timed = False
    while done < num_windows:
        since = time.perf_counter()
        last = min(done + chunk, num_windows)
        carry = engine.advance(carry, members, data, np.int32(done), np.int32(last))
        jax.block_until_ready(carry.first_bad_step)
        seconds = time.perf_counter() - since
        bar.update((last - done) * per_window)
        if timed:  # the first chunk's time is mostly that of compiling
            chunk = next_chunk(last - done, seconds, config.log_every)
        timed, done = True, last
        if received:
            saver.save(carry, done)
            bar.close()
            tqdm.write(f"Stopped; the same command resumes it. Saved in {out}.")
            raise Interrupted(received[0])
        saver.save_when_due(carry, done)
    rows = make_rows(shard, members, carry, data, engine, time.perf_counter() - began)
    params = flatten_params(engine.params(carry), len(rows)) if options.keep_params else None
    results.commit_shard(out, shard.index, rows, params)
    checkpoints.remove(checkpoint_folder(out, shard))


def next_chunk(windows: int, seconds: float, log_every: int) -> int:
    """Windows that take about `CHUNK_SECONDS`, and at least `MIN_CHUNK_STEPS` steps.

    >>> next_chunk(windows=2, seconds=0.1, log_every=50)
    30
    """
    wanted = round(CHUNK_SECONDS * windows / max(seconds, 1e-4))
    return max(wanted, -(-MIN_CHUNK_STEPS // log_every))
