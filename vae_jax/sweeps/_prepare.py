"""Check a sweep whole, and what it has in common with its folder; nothing is written."""

import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, get_args

import jax

from vae_jax import __version__, assembly, results, training
from vae_jax.configs import Run
from vae_jax.sweeps._choice import go_on_alike
from vae_jax.sweeps._growth import usable_stages
from vae_jax.sweeps._told import tell_room
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._cohorts import split_shards
from vae_jax.sweeps.devices._options import Options, Stream
from vae_jax.sweeps.devices._setup import num_cores
from vae_jax.sweeps.queue._division import Division, members_of
from vae_jax.sweeps.queue._hopeless import check_judged
from vae_jax.sweeps.queue._work import Cohort, fitting_width
from vae_jax.sweeps.spec._identity import (
    DataDigests,
    Inputs,
    inputs_of,
    make_spec,
    member_id,
    refuse_twins,
)
from vae_jax.sweeps.spec._stages import Stage, left_behind, stages_of, stored_stages
from vae_jax.sweeps.stored._out import begun_width, check_out
from vae_jax.sweeps.stored._rows import PACKAGES

MakeJob = Callable[[Run], assembly.Job]


class Prepared(NamedTuple):
    """A sweep that was found to be possible.

    Attributes:
        options: how it is run, with the width that its members have room for.
        cohorts: with their programs, traced where members of this process are left.
        inputs: what each member is made of beside its settings.
        ids: identity of each.
        wanted: of those that this process is to see ended.
        before: what the folder held.
        usable: members of the folder from which others go on, by number.
        said: the manifest that it has, or gets.
        finished: identities of stored members.

    >>> Prepared._fields[:3]
    ('options', 'cohorts', 'inputs')
    """

    options: Options
    cohorts: list[Cohort]
    inputs: list[Inputs]
    ids: list[str]
    wanted: frozenset[str]
    before: list[Stage]
    usable: dict[int, list[Stage]]
    said: dict[str, Any]
    finished: set[str]

    @property
    def left(self) -> bool:
        """Whether a member of this process has not ended."""
        return not self.wanted <= self.finished


def prepare(
    configs: Sequence[Run],
    out: Path,
    options: Options,
    make_job: MakeJob = assembly.job,
    shard: Division | None = None,
) -> Prepared:
    """All that `run` refuses, before anything is compiled or written.

    Raises:
        ValueError: as `run` does.
    """
    options = options._replace(width=begun_width(out, options.width))
    cohorts, inputs = assemble(configs, options, make_job)
    ids = [member_id(*pair) for pair in zip(configs, inputs, strict=True)]
    go_on_alike(cohorts, ids, out, options)
    wanted = set(ids) if shard is None else members_here(cohorts, ids, shard)
    before = stored_stages(out)
    stages = stages_of(before, configs, inputs)
    kept = left_behind(before, stages, ids)
    said = manifest(configs, inputs, ids, kept) | asked(cohorts, options, len(ids))
    accept = options.accept_version_change
    exists = results.compare(out, said, accept_version_change=accept)
    finished = results.finished_members(out, said) if exists else set()
    usable: dict[int, list[Stage]] = {}
    if not wanted <= finished:
        usable = usable_stages(out, configs, cohorts, stages, kept, finished, make_job)
        left = [
            cohort
            for cohort in cohorts
            if {ids[member] for member in cohort.hypers} & wanted - finished
        ]
        refuse_unjudged(left, options)
        if (fitting := fitting_width(left, options)) < options.width:
            refuse_narrow(options.width, fitting, shard)
            tell_room(options.width, fitting, options)
            options = options._replace(width=fitting)
            cohorts, _ = assemble(configs, options, make_job)
            go_on_alike(cohorts, ids, out, options)
            said |= asked(cohorts, options, len(ids))
    return Prepared(
        *(options, cohorts, inputs, ids, frozenset(wanted)),
        *(before, usable, said, finished),
    )


def refuse_unjudged(cohorts: Sequence[Cohort], options: Options) -> None:
    """Hopeless members are stopped where it is known which these are.

    Raises:
        ValueError: there are several hosts, or the members of a cohort cannot be judged.
    """
    if not options.stop_hopeless:
        return
    if _hosts.several():
        raise ValueError(
            "`stop_hopeless` must be False on several hosts, whose members go on together; "
            "got True. Leave it out, or run each host's members by --shard i/n."
        )
    for cohort in cohorts:
        like = cohort.trace(options).like
        check_judged(cohort.shards[0].configs[0], like.history)


def refuse_narrow(width: int, fitting: int, shard: Division | None) -> None:
    """One of several processes keeps to its width, by which members are divided.

    Raises:
        ValueError: the memory that is free has room for fewer members.
    """
    if shard is not None:
        raise ValueError(
            f"`width` must be at most {fitting} for the memory that is free here; got "
            f"{width}. Give all processes --width {fitting}: members are divided by it."
        )


def check_run(
    configs: Sequence[Run],
    out: str | os.PathLike[str],
    options: Options,
    shard: Division | None = None,
) -> Prepared:
    """`prepare`, with what is looked at before it.

    Raises:
        ValueError: as `run` does.
    """
    refuse_nothing(configs, options)
    refuse_twins(configs)
    check_out(out)
    return prepare(configs, Path(out), options, shard=shard)


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


def asked(cohorts: Sequence[Cohort], options: Options, number: int) -> dict[str, Any]:
    """How the run is carried out, and the cohort of each member."""
    cohort_of = {m: i for i, cohort in enumerate(cohorts) for m in cohort.hypers}
    kept = ["strategy", "width", "keep_params", "keep_state", "stream", "batch_devices"]
    kept += ["stop_hopeless"] * options.stop_hopeless
    return {
        "options": {name: getattr(options, name) for name in kept},
        "cohorts": [cohort_of[member] for member in range(number)],
    }


def members_here(
    cohorts: Sequence[Cohort], ids: Sequence[str], shard: Division
) -> set[str]:
    """Identities of the members of one of several processes."""
    return {ids[m] for m in members_of([cohort.shards for cohort in cohorts], shard)}
