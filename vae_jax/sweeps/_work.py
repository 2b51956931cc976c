"""Which members are left, who works on them, and from where they go on."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from vae_jax import assembly, results
from vae_jax.mapped import check_share
from vae_jax.sweeps._claims import Claims, claims
from vae_jax.sweeps._cohorts import Shard, part_of
from vae_jax.sweeps._engine import Engine, make_engine, place_data, stack_members
from vae_jax.sweeps._feed import Feed, Resident
from vae_jax.sweeps._interrupts import Interrupted
from vae_jax.sweeps._memory import available_bytes, room
from vae_jax.sweeps._mesh import member_devices, mesh_for
from vae_jax.sweeps._options import Options
from vae_jax.sweeps._orders import (
    END,
    WAIT,
    heard_states,
    next_order,
    order,
    order_task,
)
from vae_jax.sweeps._saver import Saved, Shelf, checkpoint_folder
from vae_jax.sweeps._shard import Session, Task, now, run_task
from vae_jax.sweeps._strategy import Strategy
from vae_jax.sweeps._stream import flow_of, on_device, traced_as

POLL_SECONDS = 1.0
"""How often a launcher looks whether members that others have in hand have ended."""


class Cohort:
    """Members that share a compiled program, which is traced when it is needed."""

    def __init__(
        self, job: assembly.Job, shards: Sequence[Shard], hypers: Mapping[int, Any]
    ) -> None:
        """Nothing is traced yet."""
        self.job, self.shards, self.hypers = job, shards, hypers
        self.strategy: Strategy | None = None
        self._engines: dict[Strategy | None, Engine] = {}
        self._placed: Any = None

    def trace(self, options: Options) -> Engine:
        """The engine; an error of shape or type appears here."""
        if self.strategy not in self._engines:
            made = self._made(options, max(len(one.members) for one in self.shards))
            self._engines[self.strategy] = self._engines[made.strategy] = made
        return self._engines[self.strategy]

    def room(self, options: Options) -> int:
        """Members that may be resident at once, at most those that would be.

        Raises:
            ValueError: not even one; see `_memory.room`.
        """
        engine, free = self.trace(options), available_bytes()
        rows = member_devices(engine.mesh)
        if free is None:
            return engine.size
        data = traced_as(self.job.splits, engine.flow)
        fixed = options._replace(strategy=engine.strategy)

        def make(num: int) -> Engine:
            return self._made(fixed, num * rows)

        return rows * room(engine, make, self.job.hyper, data, free)

    def _made(self, options: Options, size: int) -> Engine:
        config, shared = self.shards[0].configs[0], options.batch_devices
        rows = member_devices(mesh_for(size, shared))
        check_share(config.batch_size, shared)
        flow = flow_of(
            options.stream,
            self.job.splits,
            [one.seed for shard in self.shards for one in shard.configs],
            -(-size // rows),
            config.batch_size,
            shared,
        )
        return make_engine(
            self.job.program,
            list(self.hypers.values()),
            self.job.splits,
            config.num_steps // config.log_every,
            config.log_every,
            size,
            options.strategy or self.strategy,
            flow,
            shared,
        )

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


def fitting_width(cohorts: Sequence[Cohort], options: Options) -> int:
    """The width of a run whose members have room, as it was asked for where all have.

    Raises:
        ValueError: one member has none.
    """
    rooms = [(cohort.room(options), cohort.trace(options).size) for cohort in cohorts]
    return min([options.width, *(room for room, size in rooms if room < size)])


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


def work(cohorts: Sequence[Cohort], session: Session) -> str:
    """Run members until all are stored; returns when the last one was."""
    finished = Finished(session)
    tell_missing(finished.now(), session)
    before = steps_done(cohorts, finished.now(), session)
    session.progress.begin(before, words_of(finished.now(), session))
    told = False
    with claims(session.out) as mine:
        while left := session.wanted - finished.now():
            # the others need hear of nothing for a while that a collective allows
            order(WAIT)
            shelf = Shelf(session.out, session.specs)
            for number, cohort in enumerate(cohorts):
                run_cohort(number, cohort, shelf, finished, mine, session)
            shelf.forget(finished.now())
            left = session.wanted - finished.now()
            if left:
                told = told or tell_waiting(left, session)
                wait(session)
    order(END)
    with suppress(OSError):  # a save that belongs to no member stays
        (session.out / "checkpoints").rmdir()
    return now()


def run_cohort(
    number: int,
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
                order_task(number, task.shard, task.saved)
                carry_out(cohort, task, session)
                shelf.forget(finished.now())
        finally:
            mine.release(taken)
    cohort.unplace()


def carry_out(cohort: Cohort, task: Task, session: Session) -> None:
    """Run a task, as every host of the run does."""
    engine = cohort.trace(session.options)
    with closing(cohort.feed(engine, task)) as feed:
        run_task(task, feed, engine, session)


def follow(cohorts: Sequence[Cohort], session: Session) -> None:
    """Do what the first host says, until it has nothing more to do."""
    before: Cohort | None = None
    while (heard := next_order()) != END:
        if heard == WAIT:
            continue
        cohort, members = cohorts[heard["cohort"]], set(heard["members"])
        if before not in (None, cohort):
            before.unplace()
        before = cohort
        shard = next(one for one in cohort.shards if members <= set(one.members))
        part, engine = part_of(shard, members), cohort.trace(session.options)
        saved = heard_states(engine, len(members), heard["step"])
        carry_out(cohort, task_of(cohort, part, saved, engine), session)


def task_of(
    cohort: Cohort, part: Shard, saved: Sequence[Saved], engine: Engine
) -> Task:
    """Members that go on together, with their settings placed."""
    hypers = [cohort.hypers[member] for member in part.members]
    seeds = [config.seed for config in part.configs]
    return Task(part, hypers, stack_members(seeds, hypers, engine), saved)


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
        saved: list[Saved] = [s for m in part.members if (s := states[m]) is not None]
        session.progress.skip(step * len(part.members), part.members)
        yield task_of(cohort, part, saved, engine)


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
