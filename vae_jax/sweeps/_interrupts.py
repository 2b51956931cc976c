"""Ctrl-C and SIGTERM stop a sweep after the chunk in hand, with its state saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(SystemExit):
    """The sweep was asked to stop and has saved its state.

    The exit code is 128 + the number of the signal: 130 for Ctrl-C, 143 for SIGTERM.

    >>> Interrupted(signal.SIGINT).code
    130
    """

    def __init__(self, signum: int) -> None:
        """Remember which signal it was."""
        super().__init__(128 + int(signum))


@contextmanager
def catch_signals() -> Iterator[list[int]]:
    """A list that holds the signals received so far; a second Ctrl-C stops at once.

    >>> with catch_signals() as received:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     received
    [<Signals.SIGTERM: 15>]
    """
    received: list[int] = []

    def note(signum: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(signal.Signals(signum))

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    old = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for signum, handler in old.items():
            signal.signal(signum, handler)
