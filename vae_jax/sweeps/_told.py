"""What a sweep says of its data, and of what there was to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vae_jax import assembly, results
from vae_jax.configs import Run
from vae_jax.data import Dataset, described
from vae_jax.records import ask
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.devices._setup import num_cores
from vae_jax.sweeps.queue._division import Division, members_of, splits_groups
from vae_jax.sweeps.queue._work import Cohort
from vae_jax.sweeps.seen._progress import Progress
from vae_jax.sweeps.spec._identity import Inputs, data_digest
from vae_jax.sweeps.spec._places import remember_places


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


def tell_idle(options: Options) -> None:
    """Say that cores are left idle, and how to use them."""
    Progress(0, options.progress).say(
        f"JAX has started with one device, and {num_cores()} cores are here: call "
        "`sweeps.setup_jax()` before anything else to use them all."
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


def tell_room(width: int, fitting: int, options: Options) -> None:
    """Say that fewer members are resident than were asked for, and why."""
    Progress(0, options.progress).say(
        f"Of {width} members at once (--width) the memory that is free has room for "
        f"{fitting}: so many train at a time."
    )


def tell_finished(out: Path, number: int, options: Options) -> None:
    """Say that nothing was trained, and when it was."""
    when = results.finished_at(out)
    ended = f", the last on {when}" if when else ""
    Progress(0, options.progress).say(
        f"Nothing was trained: all of {number} members had ended{ended}."
    )


def tell_split(cohorts: Sequence[Cohort], shard: Division, options: Options) -> None:
    """Say where processes compute more than they must, which a width would save."""
    groups = [cohort.shards for cohort in cohorts]
    mine = set(members_of(groups, shard))
    vmapped = any(
        cohort.trace(options).strategy == "vmap"
        for cohort in cohorts
        if mine & set(cohort.hypers)
    )
    if vmapped and splits_groups(groups, shard):
        width = max(1, sum(len(c.hypers) for c in cohorts) // shard.processes)
        Progress(0, options.progress).say(
            "Under vmap a part of a group costs as much as the whole of it: with --width "
            f"{width} each of {shard.processes} processes has groups of its own (another "
            "width changes the last bits)."
        )


def tell_others(
    out: Path, ids: Sequence[str], shard: Division, options: Options
) -> None:
    """Say how many members of other processes have not ended."""
    left = len(set(ids) - results.finished_members(out))
    Progress(0, options.progress).say(
        f"The members of {shard} have ended; "
        + (
            f"{left} of {len(ids)} are left to other processes: vae-jax sweep status {out}"
            if left
            else f"they were the last of {len(ids)}."
        )
    )


def remember(
    configs: Sequence[Run], inputs: Sequence[Inputs], options: Options
) -> None:
    """Keep where the files of the runs lie, of which the results say no path."""
    try:
        for run, found in zip(configs, inputs, strict=True):
            remember_places(run, found)
    except OSError as error:
        Progress(0, options.progress).say(
            f"Where the data lie cannot be kept ({error}): to go on with this run give the "
            "file of its settings."
        )
