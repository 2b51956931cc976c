"""Pages in processes of their own: heard while they run, and stopped as it was asked.

A page is in a session of its own, so that Ctrl-C reaches it once, through this process. It
then saves its state and leaves with 128 + the number of the signal. Several run at once,
each on its own cores, from a thread each.
"""

import contextlib
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WHERE = re.compile(r"^Results: (.+)$")


class Ended(NamedTuple):
    """How a page ended.

    Attributes:
        code: of its exit.
        results: where it says that its results are, if it did.
        last: its last words, which of a failure are the message.
    """

    code: int
    results: str
    last: str


class Stops:
    """The signals that came, given on once to every page that runs.

    >>> Stops().received
    []
    """

    def __init__(self) -> None:
        """None came, nothing runs."""
        self.received: list[int] = []
        self.running: set[subprocess.Popen[str]] = set()
        # the handler may come upon itself in the main thread
        self.lock = threading.RLock()

    def note(self, signum: int, frame: FrameType | None) -> None:
        """The handler: the pages stop by themselves."""
        with self.lock:
            self.received.append(signum)
            for process in self.running:
                process.send_signal(signum)

    @contextlib.contextmanager
    def reach(self, process: subprocess.Popen[str]) -> Iterator[None]:
        """Give signals to a page, those too that came before there was one."""
        with self.lock:
            self.running.add(process)
            for signum in self.received:
                process.send_signal(signum)
        try:
            yield
        finally:
            with self.lock:
                self.running.discard(process)


@contextlib.contextmanager
def catch_signals() -> Iterator[Stops]:
    """Signals go to the pages that run; those that are ignored stay so."""
    stops = Stops()
    caught = [one for one in SIGNALS if signal.getsignal(one) != signal.SIG_IGN]
    before = {one: signal.signal(one, stops.note) for one in caught}
    try:
        yield stops
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)


def run(
    arguments: Sequence[str],
    log: Path,
    stops: Stops,
    say: Callable[[str], None],
    tick: Callable[[], None],
    seconds: float = 60.0,
) -> Ended:
    """A Python module with its options, until it ends.

    Args:
        arguments: what stands after `python -m`.
        log: gets all that it says, after what is in it.
        stops: what is asked of this process.
        say: called with every line.
        tick: called again and again meanwhile, from another thread.
        seconds: between two of those calls.
    """
    command = [sys.executable, "-u", "-m", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    over = threading.Event()
    clock = threading.Thread(target=_ticking, args=(over, seconds, tick), daemon=True)
    clock.start()
    try:
        with stops.reach(process), log.open("a", buffering=1, encoding="utf-8") as kept:
            results, last = _heard(process, kept.write, say)
    finally:
        over.set()
        clock.join()
    return Ended(process.returncode, results, last)


def _heard(
    process: subprocess.Popen[str],
    keep: Callable[[str], object],
    say: Callable[[str], None],
) -> tuple[str, str]:
    """Where the results are, and the last line that is not empty."""
    results = last = ""
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            keep(line)
            say(line.rstrip("\n"))
            last = line.strip() or last
            found = WHERE.match(line.strip())
            results = found.group(1) if found else results
    return results, last


def _ticking(over: threading.Event, seconds: float, tick: Callable[[], None]) -> None:
    while not over.wait(seconds):
        tick()
