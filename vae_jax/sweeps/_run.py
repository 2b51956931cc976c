"""Run a sweep: check it whole, then run the shards of each cohort that are left."""

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from vae_jax import __version__, assembly, checkpoints, results
from vae_jax.configs import RunConfig, to_mapping
from vae_jax.sweeps._cohorts import Shard, split_shards
from vae_jax.sweeps._engine import Engine, make_engine, place_data, stack_members
from vae_jax.sweeps._interrupts import catch_signals
from vae_jax.sweeps._options import Options
from vae_jax.sweeps._setup import num_cores
from vae_jax.sweeps._shard import Session, checkpoint_folder, run_shard

MakeJob = Callable[[RunConfig], assembly.Job]


def run(
    configs: Sequence[RunConfig],
    out: str | Path,
    options: Options = Options(),  # noqa: B008
    *,
    make_job: MakeJob = assembly.job,
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
    hypers = member_hypers(cohorts, jobs, make_job)
    engines = [
        cohort_engine(job, shards, hypers, options)
        for job, shards in zip(jobs, cohorts, strict=True)
    ]
    results.create_or_open(
        out,
        manifest(configs, cohorts, engines, options),
        accept_version_change=options.accept_version_change,
    )
    total = sum(config.num_steps for config in configs)
    with catch_signals() as received, progress_bar(total, options) as bar:
        session = Session(out, options, bar, received)
        for job, shards, engine in zip(jobs, cohorts, engines, strict=True):
            run_cohort(job, shards, engine, hypers, session)
    return results.read(out)


def member_hypers(
    cohorts: Sequence[Sequence[Shard]], jobs: Sequence[assembly.Job], make_job: MakeJob
) -> dict[int, Any]:
    """The settings of every member; making them refuses what does not fit."""
    return {
        member: (job if config is shards[0].configs[0] else make_job(config)).hyper
        for shards, job in zip(cohorts, jobs, strict=True)
        for shard in shards
        for member, config in zip(shard.members, shard.configs, strict=True)
    }


def cohort_engine(
    job: assembly.Job, shards: Sequence[Shard], hypers: dict[int, Any], options: Options
) -> Engine:
    """The compiled functions of a cohort, for as many members as its first shard."""
    config = shards[0].configs[0]
    return make_engine(
        job.program,
        [hypers[member] for shard in shards for member in shard.members],
        job.splits,
        config.num_steps // config.log_every,
        config.log_every,
        len(shards[0].members),
        options.strategy,
    )


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
        "threads": num_cores(),
        "width": options.width,
        "sizes": [engine.size for engine in engines],
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
    job: assembly.Job,
    shards: Sequence[Shard],
    engine: Engine,
    hypers: dict[int, Any],
    session: Session,
) -> None:
    """Run the shards of a cohort that are not finished yet."""
    finished = results.finished_shards(session.out)
    for shard in shards:
        if shard.number in finished:
            session.bar.update(sum(config.num_steps for config in shard.configs))
            checkpoints.remove(checkpoint_folder(session.out, shard))
    left = [shard for shard in shards if shard.number not in finished]
    data = place_data(job.splits, engine) if left else None
    for shard in left:
        members = stack_members(
            [config.seed for config in shard.configs],
            [hypers[member] for member in shard.members],
            engine,
        )
        run_shard(shard, members, data, engine, session)
