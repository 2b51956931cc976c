"""Run members of one shard: chunks of steps, saved, interrupted, evaluated, committed."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import results
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._cohorts import Shard
from vae_jax.sweeps.devices._engine import Engine, Residents, place_members
from vae_jax.sweeps.devices._feed import Feed, Resident
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.queue._hopeless import judged, looks_of, with_stop
from vae_jax.sweeps.queue._interrupts import Interrupted, Stops
from vae_jax.sweeps.seen._chunk import Chunk, chunk_of
from vae_jax.sweeps.seen._progress import Progress
from vae_jax.sweeps.seen._watch import Watch
from vae_jax.sweeps.spec._stages import Stage
from vae_jax.sweeps.stored._home import Home
from vae_jax.sweeps.stored._rows import (
    Circumstances,
    make_rows,
    member_params,
    with_knobs,
)
from vae_jax.sweeps.stored._saver import Saved, Saver, keep_state, to_carry
from vae_jax.training import Carry

CHUNK_SECONDS = 1.5
"""About how long a chunk takes, so that a signal is obeyed within seconds."""

GROWTH = 8
"""A chunk is at most so many times as long as the one before: the first is one step."""


class Session(NamedTuple):
    """What all shards of a running sweep share.

    Attributes:
        out: folder of the results.
        options: how to run.
        progress: what a person sees.
        stops: signals that came so far.
        ids: identity of every member, by its number.
        data: digest of its data, by its number.
        about: what a checkpoint says of its run.
        watch: what is told of every chunk.
        home: where the folder is by now.
        stages: members of the folder that some of them go on from, by their number.
        specs: hashes of the specification, of which its checkpoints may have any.
        mine: identities of the members of this process; None where they are all.

    >>> Session._fields[:3]
    ('out', 'options', 'progress')
    """

    out: Path
    options: Options
    progress: Progress
    stops: Stops
    ids: Sequence[str]
    data: Sequence[str]
    about: dict[str, Any]
    watch: Watch
    home: Home
    stages: Mapping[int, Sequence[Stage]] = MappingProxyType({})
    specs: Sequence[str] = ()
    mine: frozenset[str] | None = None

    @property
    def wanted(self) -> frozenset[str]:
        """Identities of the members that this process is to see ended."""
        return frozenset(self.ids) if self.mine is None else self.mine


class Task(NamedTuple):
    """Members of a shard that are at the same step.

    Attributes:
        shard: the members.
        hypers: their settings.
        residents: the settings, stacked and placed.
        saved: where each goes on; empty at the beginning.
        until: the step that they are brought to; None for the end.
        ended: they go no further, and are evaluated where they are.

    >>> Task._fields[:4]
    ('shard', 'hypers', 'residents', 'saved')
    """

    shard: Shard
    hypers: Sequence[Any]
    residents: Residents
    saved: Sequence[Saved]
    until: int | None = None
    ended: bool = False


class Paused(NamedTuple):
    """Members that are saved and not stored.

    Attributes:
        step: that they have made.
        ended: numbers of those that go no further.

    >>> Paused(50, frozenset({1})).step
    50
    """

    step: int
    ended: frozenset[int]


def run_task(
    task: Task, feed: Resident | Feed, engine: Engine, session: Session
) -> Paused | None:
    """Train members from where they are, evaluate and commit them.

    With `Options.stop_hopeless` they pause where one of them has ended, or at `task.until`.
    """
    began, started_at = time.perf_counter(), now()
    ids = [session.ids[member] for member in task.shard.members]
    seconds = session.options.checkpoint_seconds
    saver = Saver(session.home, ids, seconds, session.about)
    data = feed.data
    carry, last = train(task, feed, engine, session, saver)
    if last < task.shard.configs[0].num_steps and not task.ended:
        saver.stay(carry, last)
        saver.save(carry, last)
        return Paused(last, frozenset(whys(task, carry, last)))
    session.progress.describe("evaluating")
    # of several hosts one cannot fetch by itself when a signal comes
    safe = _hosts.whole(carry) if _hosts.several() else carry
    with session.stops.during("evaluating", lambda: save(safe, last, saver, session)):
        found = engine.evaluate(carry, task.residents, data)
        metrics = _hosts.whole(found)
        params = None
        if session.options.keep_params:
            params = member_params(engine.params(carry, task.residents, data), safe)
        saver.stay(carry, last)
        if session.options.keep_state and not task.ended:
            keep_state(session.out, ids, carry, last, session.about)
    circumstances = Circumstances(
        ids,
        [session.data[member] for member in task.shard.members],
        time.perf_counter() - began,
        started_at,
        now(),
        session.options.width,
        engine,
    )
    with _hosts.together("storing the rows"):
        rows = make_rows(task.shard, safe, metrics, circumstances)
        if session.options.stop_hopeless:
            said = whys(task, carry, last) if task.ended else {}
            rows = [with_stop(row, said.get(row["member"]), last) for row in rows]
        knobs = [with_knobs(hyper) for hyper in task.hypers] if params else None
        if _hosts.is_first_host():
            results.commit_shard(
                session.out, rows, params and params[: len(rows)], knobs
            )
    session.progress.describe("")
    return None


def train(
    task: Task, feed: Resident | Feed, engine: Engine, session: Session, saver: Saver
) -> tuple[Carry, int]:
    """Advance to the last step, or to where they pause, a chunk at a time."""
    num_steps = task.shard.configs[0].num_steps
    session.progress.describe("compiling")
    carry, done = begin(task, feed, engine, session)
    with session.stops.during("compiling", _nothing_is_lost):
        data, *_ = next(feed.parts(min(done, num_steps - 1), num_steps))
        advance = engine.compiled(carry, task.residents, data)
    session.progress.describe("")
    if done:
        session.watch.resumed(lambda: seen(task, carry, 0, done, session))
    chunk = 1
    looks = looks_of(task.shard.configs[0]) if session.options.stop_hopeless else ()
    while done < num_steps and not pauses(task, carry, done, looks):
        since, first = time.perf_counter(), done
        at_most = next((look for look in looks if look > first), num_steps)
        done = min(first + chunk, at_most, task.until or num_steps)
        for part, start, stop in feed.parts(first, done):
            steps = np.int32(start), np.int32(stop)
            carry = advance(carry, task.residents, part, *steps)
            feed.ahead()
            jax.block_until_ready(carry.first_bad_step)
        watch(task, carry, first, done, saver, session)
        chunk = next_chunk(done - first, time.perf_counter() - since)
        signum = session.stops.received[0] if session.stops.received else 0
        chunk, due, signum = _hosts.agreed(chunk, saver.is_due(), signum)
        if signum:
            with _hosts.together("saving"):
                save(carry, done, saver, session)
            raise Interrupted(signum)
        if done < num_steps:
            saver.stay(carry, done)
        if done < num_steps and due:
            with _hosts.together("saving"):
                saver.save(carry, done)
    feed.close()
    return carry, done


def pauses(task: Task, carry: Carry, done: int, looks: Sequence[int]) -> bool:
    """Whether they stop here for a while, or for good."""
    if task.ended or done == task.until:
        return True
    return done in looks and bool(whys(task, carry, done))


def whys(task: Task, carry: Carry, done: int) -> dict[int, str]:
    """Why members go no further, by the number of each that does not."""
    config = task.shard.configs[0]
    if done not in looks_of(config):
        return {}
    shown = _hosts.whole(carry._replace(state=()))
    found = {}
    for i, (member, hyper) in enumerate(
        zip(task.shard.members, task.hypers, strict=True)
    ):
        history = jax.tree.map(lambda rows, i=i: rows[i], shown.history)
        why = judged(history, int(shown.first_bad_step[i]), hyper, config, done)
        if why is not None:
            found[member] = why
    return found


def watch(
    task: Task, carry: Carry, first: int, done: int, saver: Saver, session: Session
) -> None:
    """Tell of the steps in hand; whoever raises stops the run, with its state saved."""
    num = (done - first) * len(task.shard.members)
    try:
        with _hosts.together("what looks at every chunk"):
            session.watch.saw(lambda: seen(task, carry, first, done, session), num)
    except BaseException as error:
        if _hosts.in_step(error):
            with _hosts.together("saving"):
                save(carry, done, saver, session)
        raise


def seen(task: Task, carry: Carry, first: int, last: int, session: Session) -> Chunk:
    """The rows that end in these steps."""
    members, log_every = task.shard.members, task.shard.configs[0].log_every
    ids = [session.ids[member] for member in members]
    shown = _hosts.whole(carry._replace(state=()))
    return chunk_of(shown, members, ids, log_every, first, last)


def begin(
    task: Task, feed: Resident | Feed, engine: Engine, session: Session
) -> tuple[Carry, int]:
    """The state that training goes on from, and the steps that led to it."""
    if task.saved:
        states = [saved.state for saved in task.saved]
        return place_members(to_carry(states, engine.like), engine), task.saved[0].step
    with session.stops.during("compiling", _nothing_is_lost):
        data, *_ = next(feed.parts(0, 1))
        return jax.block_until_ready(engine.start(task.residents, data)), 0


def save(carry: Carry, step: int, saver: Saver, session: Session) -> None:
    """Save, and say so."""
    saver.save(carry, step)
    session.progress.close()
    session.progress.say(
        f"Stopped; the same command resumes it. Saved in {session.home.where()}."
    )


def _nothing_is_lost() -> None:
    """Where members stand is on disk already, or is the beginning."""


def next_chunk(steps: int, seconds: float) -> int:
    """Steps that take about `CHUNK_SECONDS`, and at most `GROWTH` times as many as before.

    >>> next_chunk(steps=2, seconds=0.1), next_chunk(steps=2, seconds=60.0)
    (16, 1)
    """
    wanted = round(CHUNK_SECONDS * steps / max(seconds, 1e-6))
    return max(1, min(wanted, GROWTH * steps))


def now() -> str:
    """Date and time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
