"""A signal is obeyed within seconds, whatever is in hand, and nothing is lost."""

import io
import os
import signal
import sys
import threading

import pytest

from vae_jax import sweeps
from vae_jax.sweeps.queue import _interrupts
from vae_jax.sweeps.queue._interrupts import Interrupted, catch_signals
from vae_jax.sweeps.seen._progress import Progress


@pytest.mark.parametrize("signum", _interrupts.SIGNALS)
def test_every_signal_is_caught_and_has_its_exit_code(signum):
    with catch_signals() as stops:
        signal.raise_signal(signum)
        assert stops.received == [signum]
    assert Interrupted(signum).code == 128 + signum


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    try:
        with catch_signals() as stops:
            signal.raise_signal(signal.SIGHUP)
            assert stops.received == []
            signal.raise_signal(signal.SIGTERM)
            assert stops.received == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_stops_at_once():
    with catch_signals():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_handlers_and_the_wakeup_are_put_back():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    handlers = [signal.getsignal(s) for s in _interrupts.SIGNALS]
    try:
        with catch_signals():
            signal.raise_signal(signal.SIGTERM)
        # who listened before has heard of it too
        assert os.read(reader, 1)[0] == signal.SIGTERM
        assert signal.set_wakeup_fd(writer) == writer
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
    assert [signal.getsignal(s) for s in _interrupts.SIGNALS] == handlers


def test_what_is_long_is_left_with_its_state_saved_once():
    saved = []
    with (
        catch_signals() as stops,
        pytest.raises(Interrupted),
        stops.during("evaluating", lambda: saved.append(1)),
    ):
        signal.raise_signal(signal.SIGTERM)
    assert saved == [1]


def test_a_signal_before_something_long_begins_is_obeyed_before_it():
    saved = []
    with catch_signals() as stops:
        signal.raise_signal(signal.SIGHUP)
        with (
            pytest.raises(Interrupted),
            stops.during("compiling", lambda: saved.append(1)),
        ):
            raise AssertionError("it was begun")
    assert saved == [1]


def test_an_error_in_something_long_is_itself():
    with catch_signals() as stops:
        with pytest.raises(ZeroDivisionError), stops.during("evaluating", lambda: None):
            1 / 0  # noqa: B018
        assert stops.received == []


def test_other_threads_catch_nothing():
    found = []

    def elsewhere():
        with catch_signals() as stops:
            found.append(stops.received)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [[]]


def test_a_state_that_cannot_be_saved_is_waited_for(capfd):
    def full():
        raise OSError(28, "No space left on device")

    stops = _interrupts.Stops()
    stops._rescue, stops._phase = full, "evaluating"
    stops.wake(signal.SIGTERM)
    told = capfd.readouterr().err
    assert "SIGTERM: waiting for evaluating; the state cannot be saved" in told


def test_a_reader_that_has_gone_ends_the_drawing_only(monkeypatch):
    written = []

    class Pipe(io.StringIO):
        def write(self, text):
            if len(written) > 1:
                raise BrokenPipeError(32, "Broken pipe")
            written.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stderr", Pipe())
    progress = Progress(100, shown=True)
    progress.begin(0)
    for _ in range(3):
        progress.describe("compiling")
        progress.update(10)
        progress.say("nobody reads this")
    progress.close()
    assert len(written) == 2


def test_the_exit_code_is_that_of_the_signal():
    assert sweeps.Interrupted(signal.SIGUSR1).code == 138
