"""Run a sweep: check it whole, then run the members that are left."""

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, get_args

import jax

from vae_jax import __version__, assembly, results, training
from vae_jax.configs import Run
from vae_jax.sweeps import _hosts
from vae_jax.sweeps._chunk import OnChunk
from vae_jax.sweeps._cohorts import split_shards
from vae_jax.sweeps._given import with_data
from vae_jax.sweeps._growth import tell_growth, usable_stages
from vae_jax.sweeps._home import home
from vae_jax.sweeps._identity import (
    DataDigests,
    Inputs,
    data_digest,
    inputs_of,
    make_spec,
    member_id,
    refuse_twins,
)
from vae_jax.sweeps._interrupts import Stops, catch_signals
from vae_jax.sweeps._metrics_file import MetricsFile
from vae_jax.sweeps._options import Options, Stream
from vae_jax.sweeps._out import MANIFEST, begun_width, check_out
from vae_jax.sweeps._progress import Progress
from vae_jax.sweeps._rows import PACKAGES
from vae_jax.sweeps._setup import num_cores, setup_if_new
from vae_jax.sweeps._shard import Session
from vae_jax.sweeps._stages import Stage, left_behind, stages_of, stored_stages
from vae_jax.sweeps._told import tell_data, tell_finished, tell_idle, tell_room
from vae_jax.sweeps._watch import Watch
from vae_jax.sweeps._work import Cohort, fitting_width, follow, work

MakeJob = Callable[[Run], assembly.Job]


def run(
    configs: Sequence[Run],
    out: str | Path,
    options: Options = Options(),  # noqa: B008
    *,
    data: Any = None,
    make_job: MakeJob = assembly.job,
    on_chunk: OnChunk | None = None,
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
            found = look(configs, out, options, make_job)
        if _hosts.told(b"left" if found.is_left else b"") == b"left":
            on_chunk = on_chunk if _hosts.is_first_host() else None
            session = opened(found, configs, out, make_job)
            watch = Watch(session.progress, metrics_file, on_chunk)
            with catch_signals() as stops:
                train_all(found.cohorts, session._replace(watch=watch, stops=stops))
        else:
            tell_finished(out, configs, options)
    return results.read(out)


class Found(NamedTuple):
    """What a run is made of, and what its folder holds of it.

    >>> Found._fields[:2]
    ('options', 'cohorts')
    """

    options: Options
    cohorts: list[Cohort]
    inputs: list[Inputs]
    ids: list[str]
    before: list[Stage]
    kept: list[Stage]
    usable: Mapping[int, list[Stage]]
    said: dict[str, Any]
    is_left: bool


def look(
    configs: Sequence[Run], out: Path, options: Options, make_job: MakeJob
) -> Found:
    """Check a run and its folder, and trace what is left to be run; nothing is written."""
    options = options._replace(width=begun_width(out, options.width))
    cohorts, inputs = assemble(configs, options, make_job)
    ids = [member_id(*pair) for pair in zip(configs, inputs, strict=True)]
    before = stored_stages(out)
    stages = stages_of(before, configs, inputs)
    kept = left_behind(before, stages, ids)
    said = manifest(configs, inputs, ids, kept) | {"width": options.width}
    accept = options.accept_version_change
    exists = results.compare(out, said, accept_version_change=accept)
    finished = results.finished_members(out) if exists else set()
    is_left, usable = not set(ids) <= finished, {}
    if is_left:
        usable = usable_stages(out, configs, cohorts, stages, kept, finished, make_job)
        left = [
            cohort
            for cohort in cohorts
            if not {ids[member] for member in cohort.hypers} <= finished
        ]
        if (fitting := fitting_width(left, options)) < options.width:
            tell_room(options.width, fitting, options)
            options = options._replace(width=fitting)
            cohorts, _ = assemble(configs, options, make_job)
            said |= {"width": fitting}
    return Found(options, cohorts, inputs, ids, before, kept, usable, said, is_left)


def opened(
    found: Found,
    configs: Sequence[Run],
    out: Path,
    make_job: MakeJob,
) -> Session:
    """Make or open the folder of a run, and say what is done in it."""
    options = found.options
    accept = options.accept_version_change
    with _hosts.together("opening the folder"):
        if _hosts.is_first_host():
            results.create_or_open(out, found.said, accept_version_change=accept)
            if make_job is assembly.job:
                tell_data(out, configs, found.inputs, options)
            tell_growth(out, found.before, found.ids, found.usable, options)
    with _hosts.together("looking for the folder"):
        if not (out / MANIFEST).exists():
            raise ValueError(
                f"`out` must be a folder that all hosts see; got {str(out)!r}, which the "
                "first has made and this one has not. Name one that they share."
            )
        stored = results.read_manifest(out)
    about = {"spec_hash": stored["spec_hash"], "total": len(stored["members"])}
    progress = Progress(sum(c.num_steps for c in configs), options.progress)
    return Session(
        out,
        options,
        progress,
        Stops(),
        found.ids,
        [data_digest(one) for one in found.inputs],
        about,
        Watch(progress),
        found.usable,
        stored["spec_hashes"],
    )


def tell_elsewhere(
    stored: Mapping[str, Any], said: Mapping[str, Any], options: Options
) -> None:
    """Say that a run goes on where it did not begin, which shows in last bits."""
    if "threads" not in stored:  # older folders do not say it
        return
    then, now = (
        f"{one['num_devices']} x {one['device']} with {one['threads']} threads"
        for one in (stored, said)
    )
    if then != now:
        Progress(0, options.progress).say(
            f"The run began on {then}, and goes on with {now}: its rows may differ in the "
            "last bits from those made there. Each row says where it was made."
        )


def refuse_nothing(configs: Sequence[Run], options: Options) -> None:
    """A sweep has a member, at least one is resident, and `stream` is a word of its."""
    if not configs:
        raise ValueError("`configs` must hold at least one run; got none.")
    if options.width < 1:
        raise ValueError(f"`width` must be at least 1; got {options.width}.")
    if options.stream not in get_args(Stream):
        words = ", ".join(map(repr, get_args(Stream)))
        raise ValueError(f"`stream` must be one of {words}; got {options.stream!r}.")


def assemble(
    configs: Sequence[Run], options: Options, make_job: MakeJob
) -> tuple[list[Cohort], list[Inputs]]:
    """The cohorts, and what every member is made of beside its settings.

    Raises:
        ValueError: a config does not fit its data, members of a cohort have unlike data, or
            settings or data are not finite.
    """
    digests, cohorts = DataDigests(), []
    inputs: list[Inputs] = [{} for _ in configs]
    for shards in split_shards(configs, options.width):
        members = [member for shard in shards for member in shard.members]
        jobs = {member: make_job(configs[member]) for member in members}
        for member, job in jobs.items():
            inputs[member] = inputs_of(job, make_job, digests)
            refuse_unlike(members[0], member, inputs, configs)
        for member, job in jobs.items():
            # members share the data, which are looked at once
            shared = job.splits if member == members[0] else ()
            training.check_run(job.hyper, shared, configs[member].num_steps)
        hypers = {member: job.hyper for member, job in jobs.items()}
        cohorts.append(Cohort(jobs[members[0]], shards, hypers))
    return cohorts, inputs


def refuse_unlike(
    first: int, member: int, inputs: Sequence[Inputs], configs: Sequence[Run]
) -> None:
    """Members that share a program share their data, which are on the device once."""

    def shaping(number: int) -> Inputs:
        # of a schedule the program knows the row of betas alone, which is data
        schedule = configs[number].beta.chosen_name
        return {
            kind: {n: d for n, d in found.items() if (kind, n) != ("sources", schedule)}
            for kind, found in inputs[number].items()
        }

    if shaping(member) != shaping(first):
        raise ValueError(
            f"members {first} and {member} differ only in settings that one program "
            "sweeps, so that they must have the same data and sources; got "
            f"{inputs[first]} and {inputs[member]}. Run them as two sweeps."
        )


def manifest(
    configs: Sequence[Run],
    inputs: Sequence[Inputs],
    ids: Sequence[str],
    kept: Sequence[Stage] = (),
) -> dict[str, Any]:
    """What the folder says of itself: the spec, and all that exactness depends on."""
    versions = {"vae_jax": __version__, "python": platform.python_version()}
    settings = {
        name: getattr(jax.config, name)
        for name in (
            "jax_enable_x64",
            "jax_threefry_partitionable",
            "jax_default_matmul_precision",
        )
    }
    return {
        "spec": make_spec(configs, inputs, kept),
        "members": [*ids, *(stage.id for stage in kept)],
        "versions": versions
        | {package: version(package) for package in (*PACKAGES, "numpy")}
        | settings,
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "threads": num_cores(),
        "num_members": len(ids) + len(kept),
    }


def train_all(cohorts: Sequence[Cohort], session: Session) -> None:
    """Run what is left, with the bar drawn."""
    try:
        if _hosts.is_first_host():
            when = work(cohorts, session)
            results.mark_finished(session.out, session.about["spec_hash"], when)
        else:
            follow(cohorts, session)
    finally:
        session.progress.close()
    with _hosts.together("ending"):
        pass
