"""Start the processes of an engine, show how far they are, and start lost ones again."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from vae_jax import sweeps
from vae_jax.engines._watching import FolderWatch
from vae_jax.engines._work import Work

RETRIES = 5
"""How often a process that was killed is started again."""

POLL_SECONDS = 0.3
LOOK_SECONDS = 2.0
"""How often the folder is looked at, for what is shown."""

STOPPED = {128 + int(signum) for signum in sweeps.SIGNALS}
"""Exit codes of a process that a signal has stopped with its state saved."""


class WorkerFailed(RuntimeError):
    """Processes of a sweep ended with an error, which is told once."""


class Ended(NamedTuple):
    """How a process has ended.

    Attributes:
        code: 0 where its members have ended; see `carry_out`.
        lost: it was killed, or its machine has gone: it goes on when it is started again.
        error: what it raised, in words.

    >>> Ended(0).lost
    False
    """

    code: int
    lost: bool = False
    error: str = ""


class Engine(Protocol):
    """Starts processes. A handle is whatever it knows one by."""

    def start(self, work: Sequence[Work]) -> Sequence[Any]:
        """Start a process for each part."""

    def ended(self, handle: Any) -> Ended | None:
        """How a process has ended; None while it runs or waits."""

    def stop(self, handle: Any) -> None:
        """Ask a process to save its state and end; once."""

    def kill(self, handle: Any) -> None:
        """End a process at once."""

    def close(self) -> None:
        """Let go of the engine; all processes have ended."""


def launch(
    engine: Engine,
    work: Sequence[Work],
    *,
    retries: int = RETRIES,
    shown: bool = True,
) -> None:
    """Have the parts of a sweep carried out, each by a process.

    Args:
        engine: of `engine`.
        work: of `divided`.
        retries: how often a process that was killed is started again.
        shown: whether a table or plain lines are shown on standard error.

    Raises:
        WorkerFailed: processes ended with an error; the others went on to their ends.
        Interrupted: a signal came; all processes have saved their state and ended.
        ValueError: `retries` is negative.

    The README shows it on the command line.
    """
    if retries < 0:
        raise ValueError(f"`retries` must be at least 0; got {retries}.")
    watch = FolderWatch(work[0], shown)
    try:
        with sweeps.catch_signals() as stops:
            _run_all(engine, work, retries, watch, stops)
    finally:
        watch.close()
        engine.close()


def _run_all(
    engine: Engine,
    work: Sequence[Work],
    retries: int,
    watch: FolderWatch,
    stops: Any,
) -> None:
    running = {
        part.name: (part, handle)
        for part, handle in zip(work, engine.start(work), strict=True)
    }
    tries = dict.fromkeys(running, 0)
    errors: dict[str, list[str]] = {}
    looked = time.perf_counter()
    try:
        while running:
            if stops.received:
                _stop_all(engine, running)
                raise sweeps.Interrupted(stops.received[0])
            for name, (part, handle) in list(running.items()):
                ended = engine.ended(handle)
                if ended is None:
                    continue
                del running[name]
                if not (ended.lost or ended.code in STOPPED):
                    if ended.error:
                        errors.setdefault(ended.error, []).append(name)
                    continue
                if tries[name] >= retries:
                    said = f"killed {tries[name] + 1} times, with `retries` {retries}."
                    errors.setdefault(said, []).append(name)
                    continue
                tries[name] += 1
                watch.say(f"Process {name} was killed; it is started again.")
                running[name] = part, engine.start([part])[0]
            if time.perf_counter() - looked >= LOOK_SECONDS:
                watch.look()
                looked = time.perf_counter()
            time.sleep(POLL_SECONDS)
    except BaseException:
        for _, handle in running.values():
            engine.kill(handle)
        raise
    watch.look()
    _raise(errors, work)


def _stop_all(engine: Engine, running: dict[str, tuple[Work, Any]]) -> None:
    """Every process saves its state and ends; a second signal ends them at once."""
    for _, handle in running.values():
        engine.stop(handle)
    while running:
        for name, (_, handle) in list(running.items()):
            if engine.ended(handle) is not None:
                del running[name]
        time.sleep(POLL_SECONDS)


def _raise(errors: dict[str, list[str]], work: Sequence[Work]) -> None:
    if not errors:
        return
    told = "\n".join(
        f"process{'es' * bool(names[1:])} {', '.join(names)} of the sweep: {error}"
        for error, names in errors.items()
    )
    raise WorkerFailed(
        f"{told}\nThe others have ended; what they stored is in {work[0].out}. The same "
        "command goes on."
    )
