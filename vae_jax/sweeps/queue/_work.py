"""Which members are left, who works on them, and from where they go on."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

from vae_jax import assembly
from vae_jax.mapped import check_share
from vae_jax.sweeps.devices._cohorts import Shard, part_of
from vae_jax.sweeps.devices._engine import Engine, make_engine, place_data
from vae_jax.sweeps.devices._feed import Feed, Resident
from vae_jax.sweeps.devices._memory import available_bytes, room
from vae_jax.sweeps.devices._mesh import member_devices, mesh_for
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.devices._strategy import Strategy
from vae_jax.sweeps.devices._stream import flow_of, on_device, traced_as
from vae_jax.sweeps.queue._interrupts import Interrupted
from vae_jax.sweeps.queue._orders import (
    END,
    WAIT,
    Lead,
    heard_states,
    next_order,
    order,
)
from vae_jax.sweeps.queue._refill import Pool
from vae_jax.sweeps.queue._shard import Paused, Session, Task, now, run_task
from vae_jax.sweeps.queue._standing import (
    Finished,
    steps_done,
    tell_missing,
    tell_waiting,
    words_of,
)
from vae_jax.sweeps.queue._tasks import standing, task_of, task_of_turn, tasks_of
from vae_jax.sweeps.stored._claims import Claims, claims
from vae_jax.sweeps.stored._saver import Shelf, checkpoint_folder

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


def work(cohorts: Sequence[Cohort], session: Session) -> str:
    """Run members until all are stored; returns when the last one was."""
    with Lead() as lead:
        work_through(cohorts, session, lead)
    with suppress(OSError):  # a save that belongs to no member stays
        (session.out / "checkpoints").rmdir()
    return now()


def work_through(cohorts: Sequence[Cohort], session: Session, lead: Lead) -> None:
    """Run members until all are stored, those that others have in hand at last."""
    finished = Finished(session)
    tell_missing(finished.now(), session)
    shards = [shard for cohort in cohorts for shard in cohort.shards]
    before = steps_done(shards, finished.now(), session)
    session.progress.begin(before, words_of(finished.now(), session))
    told, refills = False, session.options.stop_hopeless
    with claims(session.out) as mine:
        while left := session.wanted - finished.now():
            # the others need hear of nothing for a while that a collective allows
            order(WAIT)
            shelf = Shelf(session.out, session.specs)
            for number, cohort in enumerate(cohorts):
                if refills:
                    run_refilled(cohort, shelf, finished, mine, session)
                else:
                    run_cohort(number, cohort, shelf, finished, mine, session, lead)
            shelf.forget(finished.now())
            left = session.wanted - finished.now()
            if left:
                told = told or tell_waiting(left, session)
                wait(session)


def run_cohort(
    number: int,
    cohort: Cohort,
    shelf: Shelf,
    finished: Finished,
    mine: Claims,
    session: Session,
    lead: Lead,
) -> None:
    """Run the members of a cohort that are not stored and that nobody else has."""
    for shard in cohort.shards:
        with claimed(shard, finished, mine, session) as left:
            for task in tasks_of(cohort, left, shelf, session):
                with lead.task(number, task.shard, task.saved):
                    shelve_and_run(cohort, task, shelf, finished, session)
    cohort.unplace()


def run_refilled(
    cohort: Cohort, shelf: Shelf, finished: Finished, mine: Claims, session: Session
) -> None:
    """The same, where members that end early leave their places to others."""
    pool = Pool(cohort.trace(session.options).size)

    def take_turn() -> None:
        turn = pool.take()
        task = task_of_turn(cohort, turn, shelf, session)
        paused = shelve_and_run(cohort, task, shelf, finished, session)
        if paused is not None:
            pool.add(dict.fromkeys(turn.members, paused.step), paused.ended)
        elif turn.ended:
            session.progress.leave(turn.members)

    with ExitStack() as held:
        for shard in cohort.shards:
            left = held.enter_context(claimed(shard, finished, mine, session))
            pool.add(*standing(cohort, left, shelf, session))
            while pool.is_full:
                take_turn()
        while pool:
            take_turn()
    cohort.unplace()


@contextmanager
def claimed(
    shard: Shard, finished: Finished, mine: Claims, session: Session
) -> Iterator[Shard]:
    """Those members of a shard that are not stored and that nobody else has."""
    named = {session.ids[member]: member for member in shard.members}
    named = {one: m for one, m in named.items() if one in session.wanted}
    taken = mine.take(set(named) - finished.now())
    try:
        # what was stored between the look and the claim is not run again
        yield part_of(shard, {named[one] for one in taken - finished.now()})
    finally:
        mine.release(taken)


def shelve_and_run(
    cohort: Cohort, task: Task, shelf: Shelf, finished: Finished, session: Session
) -> Paused | None:
    """Run a task, whose members are found where they are saved meanwhile."""
    ids = [session.ids[member] for member in task.shard.members]
    shelf.add(checkpoint_folder(session.out, ids), ids)
    paused = carry_out(cohort, task, session)
    shelf.forget(finished.now())
    return paused


def carry_out(cohort: Cohort, task: Task, session: Session) -> Paused | None:
    """Run a task, as every host of the run does."""
    engine = cohort.trace(session.options)
    with closing(cohort.feed(engine, task)) as feed:
        return run_task(task, feed, engine, session)


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


def wait(session: Session) -> None:
    """A moment; nothing is lost when a signal ends it."""
    time.sleep(POLL_SECONDS)
    if session.stops.received:
        raise Interrupted(session.stops.received[0])
