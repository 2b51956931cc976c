"""Signals stop a sweep with its state saved, within seconds.

Ctrl-C, SIGTERM, SIGHUP (a closed terminal) and SIGUSR1 (SLURM, before the time is up) are
obeyed after the chunk in hand. Compiling and evaluating cannot be divided, so a thread,
which the signal wakes at once, saves what there is to save and ends the process meanwhile.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)

GRACE_SECONDS = 3.0
"""After saving, how long the main thread may take to leave in order."""


class Interrupted(SystemExit):
    """The sweep was asked to stop and has saved its state.

    The exit code is 128 + the number of the signal: 130 for Ctrl-C, 143 for SIGTERM, 129
    for SIGHUP, 138 for SIGUSR1.

    >>> Interrupted(signal.SIGINT).code
    130
    """

    def __init__(self, signum: int) -> None:
        """Remember which signal it was."""
        super().__init__(128 + int(signum))
        self.signum = int(signum)


class Stops:
    """The signals received so far, and what may be done about them now.

    Attributes:
        received: the signals, in order.

    >>> Stops().received
    []
    """

    def __init__(self) -> None:
        """Nothing received; nothing long in hand."""
        self.received: list[int] = []
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._rescue: Callable[[], None] | None = None
        self._phase = ""

    @contextmanager
    def during(self, phase: str, rescue: Callable[[], None]) -> Iterator[None]:
        """Something long that is not waited for when a signal comes.

        Args:
            phase: what it is, for the message.
            rescue: saves the state, from any thread; called once at most.

        Raises:
            Interrupted: a signal came; the state is saved.
        """
        self._leave_if_asked(rescue)
        with self._lock:
            self._rescue, self._phase = rescue, phase
        try:
            yield
        finally:
            with self._lock:
                # replaced where the waiting thread has saved already
                left, self._rescue = self._rescue, None
        self._leave_if_asked(_nothing if left is None else left)

    def note(self, signum: int, frame: FrameType | None) -> None:
        """The handler of the main thread; a second signal stops at once."""
        self.received.append(signal.Signals(signum))
        if len(self.received) > 1:
            raise KeyboardInterrupt

    def wake(self, signum: int) -> None:
        """What the waiting thread does: save and end, or say what is waited for."""
        name = signal.Signals(signum).name
        with self._lock:
            rescue, phase = self._rescue, self._phase
            if rescue is None:
                _say(f"{name}: stopping after the steps in hand.")
                return
            try:
                rescue()
            except OSError as error:
                _say(f"{name}: waiting for {phase}; the state cannot be saved: {error}")
                return
            self._rescue = _nothing
        # in Python code the main thread leaves by itself
        if not self._left.wait(GRACE_SECONDS):
            _say(f"{name}: leaving in the midst of {phase}.")
            os._exit(128 + int(signum))

    def _leave_if_asked(self, rescue: Callable[[], None]) -> None:
        if self.received:
            rescue()
            self._left.set()
            raise Interrupted(self.received[0])


def _nothing() -> None:
    """Saved already."""


def _say(sentence: str) -> None:
    try:
        sys.stderr.write(f"\n{sentence}\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads it any more
        return


@contextmanager
def catch_signals() -> Iterator[Stops]:
    """The signals received so far; a second one stops at once.

    Outside of the main thread none are caught, and never one that is ignored, as `nohup`
    has it of SIGHUP.

    >>> with catch_signals() as stops:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stops.received
    [<Signals.SIGTERM: 15>]
    """
    stops = Stops()
    if threading.current_thread() is not threading.main_thread():
        yield stops
        return
    caught = [one for one in SIGNALS if signal.getsignal(one) != signal.SIG_IGN]
    old = {signum: signal.signal(signum, stops.note) for signum in caught}
    try:
        with _woken(stops):
            yield stops
    finally:
        for signum, handler in old.items():
            # None stands for a handler that was not set from Python
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)


@contextmanager
def _woken(stops: Stops) -> Iterator[None]:
    """A thread that hears of signals while the main thread is deep in compiled code."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=_listen, args=(reader, before, stops), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        thread.join()


def _listen(reader: int, before: int, stops: Stops) -> None:
    while heard := os.read(reader, 1):
        if before != -1:  # somebody else, an event loop, listens too
            os.write(before, heard)
        if heard[0] in SIGNALS:
            stops.wake(heard[0])
    os.close(reader)
