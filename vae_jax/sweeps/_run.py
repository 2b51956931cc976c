"""Run a sweep: check it whole, then run the members that are left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vae_jax import assembly, results
from vae_jax.configs import Run
from vae_jax.sweeps._chunk import OnChunk
from vae_jax.sweeps._division import Division
from vae_jax.sweeps._given import with_data
from vae_jax.sweeps._growth import tell_growth
from vae_jax.sweeps._identity import data_digest, refuse_twins
from vae_jax.sweeps._interrupts import catch_signals
from vae_jax.sweeps._metrics_file import MetricsFile
from vae_jax.sweeps._options import Options
from vae_jax.sweeps._out import check_out
from vae_jax.sweeps._prepare import MakeJob, Prepared, prepare, refuse_nothing
from vae_jax.sweeps._progress import Progress
from vae_jax.sweeps._setup import num_cores, setup_if_new
from vae_jax.sweeps._shard import Session
from vae_jax.sweeps._told import (
    remember,
    tell_data,
    tell_finished,
    tell_others,
    tell_split,
)
from vae_jax.sweeps._watch import Watch
from vae_jax.sweeps._work import Cohort, work


def run(
    configs: Sequence[Run],
    out: str | Path,
    options: Options = Options(),  # noqa: B008
    *,
    data: Any = None,
    make_job: MakeJob = assembly.job,
    on_chunk: OnChunk | None = None,
    shard: Division | None = None,
) -> results.Results:
    """Train and evaluate every config, many at a time, and store a row for each.

    Configs that share everything which shapes the program are compiled once. The same
    call again resumes what was interrupted and returns at once what is finished, at any
    width and on any devices; a longer list of configs goes on with what is there, and so
    does the same list with more steps, whose members of fewer steps stay beside it. A
    second launcher of the same folder works on other members, or waits.

    Args:
        configs: the members, each another one; see `read_spec` and `expand`.
        out: folder of the results, made if it does not exist.
        options: how to run.
        data: arrays to train on, in the place of the data that configs name: one, or
            (train, validation, test), or a `data.Dataset`; see `userdata.from_arrays`.
        make_job: `config -> Job`; your own for a model or program that no config names.
        on_chunk: called with a `Chunk` after every chunk of steps, about every 1.5 s; what
            it raises stops the run with its state saved.
        shard: which of several processes this is, on one folder that all of them see: it
            trains its own members alone. The process that ends last marks the end.

    Returns:
        The stored results.

    Raises:
        ValueError: a config does not fit its data, more steps would make another run of
            those that were done, or `out` cannot be written; nothing has been compiled or
            written.
        results.SpecChanged: `out` holds another sweep, or its data or the functions that
            it names have changed; lists the difference.
        Interrupted: Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 came; the state is saved.

    The README shows a sweep.
    """
    configs, out = with_data(configs, data), Path(out).expanduser()
    refuse_nothing(configs, options)
    refuse_twins(configs)
    check_out(out)
    log = options.metrics_file
    metrics_file = None if log is None else MetricsFile(log)
    if not setup_if_new():
        Progress(0, options.progress).say(
            f"JAX has started with one device, and {num_cores()} cores are here: call "
            "`sweeps.setup_jax()` before anything else to use them all."
        )
    found = prepare(configs, out, options, make_job, shard)
    if found.left:
        stored = results.create_or_open(
            out, found.said, accept_version_change=options.accept_version_change
        )
        if make_job is assembly.job:
            tell_data(out, configs, found.inputs, options)
            remember(configs, found.inputs, options)
        tell_growth(out, found.before, found.ids, found.usable, options)
        if shard is not None:
            tell_split(found.cohorts, shard, options)
        data = [data_digest(one) for one in found.inputs]
        about = {"spec_hash": stored["spec_hash"], "total": len(stored["members"])}
        with catch_signals() as stops:
            progress = progress_of(configs, found, options)
            watch = Watch(progress, metrics_file, on_chunk)
            ids, usable = found.ids, found.usable
            session = Session(
                *(out, options, progress, stops, ids, data, about, watch, usable),
                mine=found.wanted,
            )
            train_all(found.cohorts, stored, session)
    else:
        tell_finished(out, len(found.wanted), options)
    if shard is not None:
        tell_others(out, found.ids, shard, options)
    return results.read(out)


def progress_of(configs: Sequence[Run], found: Prepared, options: Options) -> Progress:
    """What a person sees of the members of this process."""
    groups = [
        [m for m in cohort.hypers if found.ids[m] in found.wanted]
        for cohort in found.cohorts
    ]
    steps = {m: configs[m].num_steps for group in groups for m in group}
    return Progress(sum(steps.values()), options.progress, groups, steps)


def train_all(
    cohorts: Sequence[Cohort], stored: dict[str, Any], session: Session
) -> None:
    """Run what is left, with the bar drawn."""
    try:
        when = work(cohorts, stored["spec_hashes"], session)
    finally:
        session.progress.close()
    # a process of several has seen its own members only
    if set(session.ids) <= results.finished_members(session.out):
        results.mark_finished(session.out, stored["spec_hash"], when)
