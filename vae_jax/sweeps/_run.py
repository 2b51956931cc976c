"""Run a sweep: check it whole, then run the members that are left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vae_jax import assembly, results
from vae_jax.configs import Run
from vae_jax.sweeps._choice import decide, go_on_alike
from vae_jax.sweeps._growth import tell_growth
from vae_jax.sweeps._prepare import MakeJob, Prepared, prepare, refuse_nothing
from vae_jax.sweeps._told import (
    remember,
    tell_data,
    tell_elsewhere,
    tell_finished,
    tell_idle,
    tell_others,
    tell_split,
)
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.devices._setup import setup_if_new
from vae_jax.sweeps.queue._division import Division
from vae_jax.sweeps.queue._interrupts import catch_signals
from vae_jax.sweeps.queue._shard import Session
from vae_jax.sweeps.queue._work import Cohort, follow, work
from vae_jax.sweeps.seen._chunk import OnChunk
from vae_jax.sweeps.seen._metrics_file import MetricsFile
from vae_jax.sweeps.seen._progress import Progress
from vae_jax.sweeps.seen._watch import Watch
from vae_jax.sweeps.spec._given import with_data
from vae_jax.sweeps.spec._identity import data_digest, refuse_twins
from vae_jax.sweeps.stored._home import home
from vae_jax.sweeps.stored._out import MANIFEST, check_out


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
    all_cores = setup_if_new()
    options = options if _hosts.is_first_host() else options._replace(progress=False)
    with _hosts.mourned(str(out)):
        with _hosts.together("checking the run"):
            refuse_nothing(configs, options)
            refuse_twins(configs)
            check_out(out)
            log = options.metrics_file if _hosts.is_first_host() else None
            metrics_file = None if log is None else MetricsFile(log)
            if not all_cores:
                tell_idle(options)
            found = prepare(configs, out, options, make_job, shard)
        if _hosts.told(b"left" if found.left else b"") == b"left":
            stored = opened(found, configs, out, make_job)
            if shard is not None:
                tell_split(found.cohorts, shard, found.options)
            progress = progress_of(configs, found)
            on_chunk = on_chunk if _hosts.is_first_host() else None
            watch = Watch(progress, metrics_file, on_chunk)
            with catch_signals() as stops, home(out, progress.say) as place:
                about = {
                    "spec_hash": stored["spec_hash"],
                    "total": len(stored["members"]),
                }
                session = Session(
                    out=out,
                    options=found.options,
                    progress=progress,
                    stops=stops,
                    ids=found.ids,
                    data=[data_digest(one) for one in found.inputs],
                    about=about,
                    watch=watch,
                    home=place,
                    stages=found.usable,
                    specs=stored["spec_hashes"],
                    mine=found.wanted,
                )
                train_all(found.cohorts, session)
        else:
            put_back_manifest(found, out)
            tell_finished(out, len(found.wanted), options)
    if shard is not None:
        tell_others(out, found.ids, shard, options)
    return results.read(out)


def opened(
    found: Prepared, configs: Sequence[Run], out: Path, make_job: MakeJob
) -> dict[str, Any]:
    """The manifest of the folder, which the first host makes or opens."""
    options = found.options
    accept = options.accept_version_change
    chosen = decide(found.cohorts, found.ids, found.finished, out, options)
    found.said.update(chosen)
    with _hosts.together("opening the folder"):
        if _hosts.is_first_host():
            results.create_or_open(out, found.said, accept_version_change=accept)
            if make_job is assembly.job:
                tell_data(out, configs, found.inputs, options)
                remember(configs, found.inputs, options)
            tell_growth(out, found.before, found.ids, found.usable, options)
    with _hosts.together("looking for the folder"):
        if not (out / MANIFEST).exists():
            raise ValueError(
                f"`out` must be a folder that all hosts see; got {str(out)!r}, which the "
                "first has made and this one has not. Name one that they share."
            )
        stored = results.read_manifest(out)
    # another process may have been the first
    go_on_alike(found.cohorts, found.ids, out, options)
    tell_elsewhere(stored, found.said, options)
    return stored


def put_back_manifest(found: Prepared, out: Path) -> None:
    """Write what the folder was extended by, if its manifest was deleted since."""
    known = {stage.id for stage in found.before}
    if known and not set(found.ids) <= known and _hosts.is_first_host():
        accept = found.options.accept_version_change
        results.create_or_open(out, found.said, accept_version_change=accept)


def progress_of(configs: Sequence[Run], found: Prepared) -> Progress:
    """What a person sees of the members of this process."""
    groups = [
        [m for m in cohort.hypers if found.ids[m] in found.wanted]
        for cohort in found.cohorts
    ]
    steps = {m: configs[m].num_steps for group in groups for m in group}
    return Progress(sum(steps.values()), found.options.progress, groups, steps)


def train_all(cohorts: Sequence[Cohort], session: Session) -> None:
    """Run what is left, with the bar drawn; of several hosts the first says what."""
    try:
        if _hosts.is_first_host():
            when = work(cohorts, session)
            # a process of several has seen its own members only
            if set(session.ids) <= results.finished_members(session.out):
                spec = session.about["spec_hash"]
                results.mark_finished(session.out, spec, when)
        else:
            follow(cohorts, session)
    finally:
        session.progress.close()
    with _hosts.together("ending"):
        pass
