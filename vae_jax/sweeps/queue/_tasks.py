"""Which members go on together, and from what."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vae_jax.sweeps.devices._cohorts import Shard, part_of
from vae_jax.sweeps.devices._engine import Engine, stack_members
from vae_jax.sweeps.queue._hopeless import judged, looks_of
from vae_jax.sweeps.queue._refill import Turn
from vae_jax.sweeps.queue._shard import Session, Task
from vae_jax.sweeps.queue._standing import tell_resumed
from vae_jax.sweeps.stored._saver import Saved, Shelf

if TYPE_CHECKING:
    from vae_jax.sweeps.queue._work import Cohort


def task_of(
    cohort: "Cohort", part: Shard, saved: Sequence[Saved], engine: Engine
) -> Task:
    """Members that go on together, with their settings placed."""
    hypers = [cohort.hypers[member] for member in part.members]
    seeds = [config.seed for config in part.configs]
    return Task(part, hypers, stack_members(seeds, hypers, engine), saved)


def tasks_of(
    cohort: "Cohort", shard: Shard, shelf: Shelf, session: Session
) -> Iterator[Task]:
    """The members of a shard, those together that go on from the same step."""
    if not shard.members:
        return
    engine = cohort.trace(session.options)
    states = states_of(cohort, shard, shelf, session, tell=True)
    steps = {m: 0 if saved is None else saved.step for m, saved in states.items()}
    for step in sorted(set(steps.values()), reverse=True):
        part = part_of(shard, {m for m in shard.members if steps[m] == step})
        saved: list[Saved] = [s for m in part.members if (s := states[m]) is not None]
        session.progress.skip(step * len(part.members), part.members)
        yield task_of(cohort, part, saved, engine)


def states_of(
    cohort: "Cohort", shard: Shard, shelf: Shelf, session: Session, *, tell: bool
) -> dict[int, Saved | None]:
    """Where each member goes on; None of one that begins."""
    like = cohort.trace(session.options).like
    found = {m: shelf.find(session.ids[m], like) for m in shard.members}
    if tell:
        tell_resumed([saved.step for saved in found.values() if saved], session)
    return {
        m: found[m]
        or shelf.find_stage(session.stages.get(m, ()), like, config.log_every)
        for m, config in zip(shard.members, shard.configs, strict=True)
    }


def standing(
    cohort: "Cohort", shard: Shard, shelf: Shelf, session: Session
) -> tuple[dict[int, int], set[int]]:
    """The steps that members have made, and those that had ended when a run stopped."""
    steps, ended = dict.fromkeys(shard.members, 0), set[int]()
    states = states_of(cohort, shard, shelf, session, tell=True)
    for (member, saved), config in zip(states.items(), shard.configs, strict=True):
        if saved is None:
            continue
        steps[member] = saved.step
        session.progress.skip(saved.step, [member])
        if saved.step in looks_of(config):
            _, history, bad = saved.state
            hyper = cohort.hypers[member]
            if judged(history, int(bad), hyper, config, saved.step) is not None:
                ended.add(member)
    return steps, ended


def task_of_turn(cohort: "Cohort", turn: Turn, shelf: Shelf, session: Session) -> Task:
    """Members of whatever groups, with the states that they go on from."""
    members = [one for shard in cohort.shards for one in shard.members]
    configs = [one for shard in cohort.shards for one in shard.configs]
    part = part_of(Shard(0, tuple(members), tuple(configs)), turn.members)
    states = states_of(cohort, part, shelf, session, tell=False)
    # they wait on disk, and not twice
    shelf.unread()
    saved = [one for one in states.values() if one is not None]
    task = task_of(cohort, part, saved, cohort.trace(session.options))
    return task._replace(until=turn.until, ended=turn.ended)
