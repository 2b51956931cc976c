"""Run a sweep: check it whole, then run the members that are left."""

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import jax

from vae_jax import __version__, assembly, results, training
from vae_jax.configs import Run
from vae_jax.data import Dataset, described
from vae_jax.records import ask
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
from vae_jax.sweeps._interrupts import catch_signals
from vae_jax.sweeps._metrics_file import MetricsFile
from vae_jax.sweeps._options import Options, Stream
from vae_jax.sweeps._out import check_out
from vae_jax.sweeps._progress import Progress
from vae_jax.sweeps._rows import PACKAGES
from vae_jax.sweeps._setup import num_cores, setup_if_new
from vae_jax.sweeps._shard import Session
from vae_jax.sweeps._stages import Stage, left_behind, stages_of, stored_stages
from vae_jax.sweeps._watch import Watch
from vae_jax.sweeps._work import Cohort, work

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
    cohorts, inputs = assemble(configs, options, make_job)
    ids = [member_id(*pair) for pair in zip(configs, inputs, strict=True)]
    before = stored_stages(out)
    stages = stages_of(before, configs, inputs)
    kept = left_behind(before, stages, ids)
    said = manifest(configs, inputs, ids, kept)
    accept = options.accept_version_change
    exists = results.compare(out, said, accept_version_change=accept)
    finished = results.finished_members(out, said) if exists else set()
    if not set(ids) <= finished:
        usable = usable_stages(out, configs, cohorts, stages, kept, finished, make_job)
        for cohort in cohorts:
            if not {ids[member] for member in cohort.hypers} <= finished:
                cohort.trace(options)
        stored = results.create_or_open(out, said, accept_version_change=accept)
        if make_job is assembly.job:
            tell_data(out, configs, inputs, options)
        tell_growth(out, before, ids, usable, options)
        data = [data_digest(one) for one in inputs]
        about = {"spec_hash": stored["spec_hash"], "total": len(stored["members"])}
        tell_elsewhere(stored, said, options)
        progress = Progress(sum(c.num_steps for c in configs), options.progress)
        with catch_signals() as stops, home(out, progress.say) as place:
            watch = Watch(progress, metrics_file, on_chunk)
            session = Session(
                out, options, progress, stops, ids, data, about, watch, place, usable
            )
            train_all(cohorts, stored, session)
    else:
        if before and not set(ids) <= {stage.id for stage in before}:
            # the manifest that the folder was extended by was deleted
            results.create_or_open(out, said, accept_version_change=accept)
        tell_finished(out, configs, options)
    return results.read(out)


def tell_data(
    out: Path, configs: Sequence[Run], inputs: Sequence[Inputs], options: Options
) -> None:
    """Say of every data set what was read, and write what members need to know of it.

    They can be used where the data are gone.
    """
    of = {data_digest(found): run for run, found in zip(configs, inputs, strict=True)}
    said = []
    for digest, run in of.items():
        dataset: Dataset = ask(run.data.load, Dataset)
        known = assembly.about(dataset)
        results.keep_about(out, digest, assembly.about_as_json(known))
        said.append(described(dataset))
    for sentence in dict.fromkeys(said):
        Progress(0, options.progress).say(sentence)


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


def train_all(
    cohorts: Sequence[Cohort], stored: dict[str, Any], session: Session
) -> None:
    """Run what is left, with the bar drawn."""
    try:
        when = work(cohorts, stored["spec_hashes"], session)
    finally:
        session.progress.close()
    results.mark_finished(session.out, stored["spec_hash"], when)


def tell_finished(out: Path, configs: Sequence[Run], options: Options) -> None:
    """Say that nothing was trained, and when it was."""
    when = results.finished_at(out)
    ended = f", the last on {when}" if when else ""
    Progress(0, options.progress).say(
        f"Nothing was trained: all of {len(configs)} members had ended{ended}."
    )
