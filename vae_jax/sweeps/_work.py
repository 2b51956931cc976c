"""Which members are left, who works on them, and from where they go on."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

import jax

from vae_jax import assembly, results
from vae_jax.sweeps._claims import Claims, claims
from vae_jax.sweeps._cohorts import Shard, part_of
from vae_jax.sweeps._engine import Engine, make_engine, place_data, stack_members
from vae_jax.sweeps._feed import Feed, Resident
from vae_jax.sweeps._interrupts import Interrupted
from vae_jax.sweeps._options import Options
from vae_jax.sweeps._saver import Saved, Shelf, checkpoint_folder
from vae_jax.sweeps._shard import Session, Task, now, run_task
from vae_jax.sweeps._stream import flow_of, on_device

POLL_SECONDS = 1.0
"""How often a launcher looks whether members that others have in hand have ended."""


class Cohort:
    """Members that share a compiled program, which is traced when it is needed."""

    def __init__(
        self, job: assembly.Job, shards: Sequence[Shard], hypers: Mapping[int, Any]
    ) -> None:
        """Nothing is traced yet."""
        self.job, self.shards, self.hypers = job, shards, hypers
        self._engine: Engine | None = None
        self._placed: Any = None

    def trace(self, options: Options) -> Engine:
        """The engine; an error of shape or type appears here."""
        if self._engine is None:
            config = self.shards[0].configs[0]
            size = max(len(shard.members) for shard in self.shards)
            self._engine = make_engine(
                self.job.program,
                list(self.hypers.values()),
                self.job.splits,
                config.num_steps // config.log_every,
                config.log_every,
                size,
                options.strategy,
                flow_of(
                    options.stream,
                    self.job.splits,
                    [one.seed for shard in self.shards for one in shard.configs],
                    -(-size // len(jax.devices()[:size])),
                    config.batch_size,
                ),
            )
        return self._engine

    def placed(self, engine: Engine) -> Any:
        """The data on the devices, once."""
        if self._placed is None:
            self._placed = place_data(on_device(self.job.splits, engine.flow), engine)
        return self._placed

    def feed(self, engine: Engine, task: Task) -> Resident | Feed:
        """What the steps of some members are called with, as long as they last."""
        data, configs = self.placed(engine), task.shard.configs
        if engine.flow is None:
            return Resident(data)
        seeds, num_steps = [one.seed for one in configs], configs[0].num_steps
        return Feed(self.job.splits.train, seeds, data, engine, num_steps)

    def unplace(self) -> None:
        """Let the next cohort have the memory."""
        self._placed = None


class Finished:
    """The identities of stored members, read again when there are other files."""

    def __init__(self, session: Session) -> None:
        """Nothing is read yet."""
        self._session = session
        self._names: list[str] = []
        self._known: set[str] = set()

    def now(self) -> set[str]:
        """As the folder is at this moment."""
        folder = self._session.out / "shards"
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        if names != self._names:
            self._known = results.finished_members(self._session.out)
            self._names = names
        return self._known


def work(
    cohorts: Sequence[Cohort], spec_hashes: Sequence[str], session: Session
) -> str:
    """Run members until all are stored; returns when the last one was."""
    finished = Finished(session)
    tell_missing(finished.now(), session)
    before = steps_done(cohorts, finished.now(), session)
    session.progress.begin(before, words_of(finished.now(), session))
    told = False
    with claims(session.out) as mine:
        while left := session.wanted - finished.now():
            shelf = Shelf(session.out, spec_hashes)
            for cohort in cohorts:
                run_cohort(cohort, shelf, finished, mine, session)
            shelf.forget(finished.now())
            left = session.wanted - finished.now()
            if left:
                told = told or tell_waiting(left, session)
                wait(session)
    with suppress(OSError):  # a save that belongs to no member stays
        (session.out / "checkpoints").rmdir()
    return now()


def run_cohort(
    cohort: Cohort,
    shelf: Shelf,
    finished: Finished,
    mine: Claims,
    session: Session,
) -> None:
    """Run the members of a cohort that are not stored and that nobody else has."""
    for shard in cohort.shards:
        named = {session.ids[member]: member for member in shard.members}
        named = {one: m for one, m in named.items() if one in session.wanted}
        taken = mine.take(set(named) - finished.now())
        try:
            # what was stored between the look and the claim is not run again
            left = {named[one] for one in taken - finished.now()}
            for task in tasks_of(cohort, part_of(shard, left), shelf, session):
                ids = [session.ids[member] for member in task.shard.members]
                shelf.add(checkpoint_folder(session.out, ids), ids)
                engine = cohort.trace(session.options)
                with closing(cohort.feed(engine, task)) as feed:
                    run_task(task, feed, engine, session)
                shelf.forget(finished.now())
        finally:
            mine.release(taken)
    cohort.unplace()


def tasks_of(
    cohort: Cohort, shard: Shard, shelf: Shelf, session: Session
) -> Iterator[Task]:
    """The members of a shard, those together that go on from the same step."""
    if not shard.members:
        return
    engine = cohort.trace(session.options)
    found = {m: shelf.find(session.ids[m], engine.like) for m in shard.members}
    tell_resumed([saved.step for saved in found.values() if saved], session)
    states = {
        m: found[m]
        or shelf.find_stage(session.stages.get(m, ()), engine.like, config.log_every)
        for m, config in zip(shard.members, shard.configs, strict=True)
    }
    steps = {m: 0 if saved is None else saved.step for m, saved in states.items()}
    for step in sorted(set(steps.values()), reverse=True):
        part = part_of(shard, {m for m in shard.members if steps[m] == step})
        hypers = [cohort.hypers[member] for member in part.members]
        seeds = [config.seed for config in part.configs]
        saved: list[Saved] = [s for m in part.members if (s := states[m]) is not None]
        session.progress.skip(step * len(part.members), part.members)
        yield Task(part, hypers, stack_members(seeds, hypers, engine), saved)


def steps_done(cohorts: Sequence[Cohort], finished: set[str], session: Session) -> int:
    """Member-steps of what is stored."""
    return sum(
        config.num_steps
        for cohort in cohorts
        for shard in cohort.shards
        for member, config in zip(shard.members, shard.configs, strict=True)
        if session.ids[member] in finished & session.wanted
    )


def words_of(finished: set[str], session: Session) -> dict[int, str]:
    """What was said of every member that is stored, by its number."""
    said = results.words_of(session.out) if finished else {}
    numbers = {one: number for number, one in enumerate(session.ids)}
    return {numbers[one]: word for one, word in said.items() if one in numbers}


def tell_missing(finished: set[str], session: Session) -> None:
    """Say that members of a finished run are run anew."""
    when = results.finished_at(session.out)
    lost = len(session.wanted - finished)
    if when is not None and lost:
        session.progress.say(
            f"{lost} members are missing, although all had ended on {when}: a file of "
            f"{session.out / 'shards'} is gone. They are run anew."
        )


def tell_resumed(steps: Sequence[int], session: Session) -> None:
    """Say how many members go on from their checkpoints, and from where."""
    for step, count in sorted(Counter(steps).items()):
        who = "1 member goes" if count == 1 else f"{count} members go"
        session.progress.say(f"{who} on from step {step}.")


def tell_waiting(left: frozenset[str], session: Session) -> bool:
    """Say, once, that others are at work."""
    session.progress.say(
        f"Another process works on {len(left)} members of {session.out}; waiting for it. "
        "Should it end early, they are taken over."
    )
    return True


def wait(session: Session) -> None:
    """A moment; nothing is lost when a signal ends it."""
    time.sleep(POLL_SECONDS)
    if session.stops.received:
        raise Interrupted(session.stops.received[0])
