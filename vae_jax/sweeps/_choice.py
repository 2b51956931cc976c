"""The strategy of each cohort: as asked for, as its folder began, or as it is measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from vae_jax import results
from vae_jax.sweeps.devices._engine import stack_members
from vae_jax.sweeps.devices._kept_times import Times, keep_times, read_times
from vae_jax.sweeps.devices._measured import is_open, question, timed
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.devices._strategy import Strategy
from vae_jax.sweeps.devices._stream import traced_as
from vae_jax.sweeps.queue._work import Cohort
from vae_jax.sweeps.seen._progress import Progress
from vae_jax.sweeps.stored._out import MANIFEST

CHOSEN = "strategies"
"""In the manifest: of each cohort, since it decides about the last bits."""


def stored_strategies(out: Path) -> dict[str, Strategy | None]:
    """Of each member that the folder knows, by identity; None where it says nothing.

    >>> stored_strategies(Path("runs/new"))
    {}
    """
    if not (out / MANIFEST).exists():
        return {}
    manifest: Mapping[str, Any] = results.read_manifest(out)
    found = dict.fromkeys(manifest.get("members", ()))
    names, cohorts = manifest.get(CHOSEN, ()), manifest.get("cohorts", ())
    if names:
        pairs = zip(manifest["members"], cohorts, strict=False)
        found |= {one: names[cohort] for one, cohort in pairs}
    return found


def go_on_alike(
    cohorts: Sequence[Cohort], ids: Sequence[str], out: Path, options: Options
) -> None:
    """Members go on by the strategy that their folder says, unless one is asked for.

    Raises:
        ValueError: the folder names none that there is.
    """
    if options.strategy is not None:
        return
    known: Mapping[str, Any] = stored_strategies(out)
    for cohort in cohorts:
        for found in filter(None, (known.get(ids[m]) for m in cohort.hypers)):
            if found not in get_args(Strategy):
                raise ValueError(
                    f"the manifest of {out} must name `map` or `vmap`; got {found!r}. "
                    "Give the strategy by --strategy."
                )
            cohort.strategy = found


def decide(
    cohorts: Sequence[Cohort],
    ids: Sequence[str],
    finished: set[str],
    out: Path,
    options: Options,
) -> dict[str, list[Strategy | None]]:
    """What the manifest says; cohorts that the folder does not know may be measured.

    All of them, for the first of several processes decides for all.
    """
    known = stored_strategies(out)
    foreign = not known and out.is_dir() and any(out.iterdir())
    said: list[Strategy | None] = []
    for cohort in cohorts:
        names = [ids[member] for member in cohort.hypers]
        if set(names) <= finished:
            said.append(known.get(names[0]))
            continue
        # a folder that will be refused is, before anything is compiled
        if not (options.strategy or foreign or known.keys() & set(names)):
            cohort.strategy = by_the_clock(cohort, options)
        said.append(cohort.trace(options).strategy)
    return {CHOSEN: said}


def by_the_clock(cohort: Cohort, options: Options) -> Strategy | None:
    """The quicker one, where that is to be measured or was; else None."""
    engine = cohort.trace(options)
    steps = sum(run.num_steps for shard in cohort.shards for run in shard.configs)
    if not is_open(engine, steps, traced_as(cohort.job.splits, engine.flow)):
        return None
    asked = question(engine)
    times = read_times(asked)
    if times is None:
        times = measure(cohort, options)
        if times is None:
            return None
        keep_times(asked, times)
    quicker = min(times, key=lambda name: times[name])
    Progress(0, options.progress).say(
        f"Members share a device by {quicker}: a step of all takes "
        + ", ".join(f"{1e3 * t:.3g} ms by {name}" for name, t in times.items())
        + "."
    )
    return quicker


def measure(cohort: Cohort, options: Options) -> Times | None:
    """The times of the cohort's largest shard under both strategies."""
    shard = max(cohort.shards, key=lambda one: len(one.members))
    hypers = [cohort.hypers[member] for member in shard.members]
    seeds = [config.seed for config in shard.configs]
    engines = []
    for strategy in get_args(Strategy):
        cohort.strategy = strategy
        engines.append(cohort.trace(options))
    data = cohort.placed(engines[0])
    return timed(
        engines,
        lambda engine: stack_members(seeds, hypers, engine),
        data,
        shard.configs[0].num_steps,
    )
