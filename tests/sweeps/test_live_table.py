"""The table of a running sweep: what it says, on any terminal, and after its reader."""

import contextlib
import io
import os
import pty
import re
import time

import numpy as np
import pytest

from vae_jax.sweeps.seen import _live, _progress
from vae_jax.sweeps.seen._chunk import Chunk
from vae_jax.sweeps.seen._live import LiveTable
from vae_jax.sweeps.seen._progress import Progress
from vae_jax.sweeps.seen._tally import Row, Tally

GROUPS = [[0, 1, 2], [], [3, 4]]
STEPS = dict.fromkeys(range(5), 100)


def chunk(members, step, rates):
    metrics = {"loss": np.ones((len(rates), 1)), "rate": np.array(rates)[:, None]}
    metrics["loss"][np.isnan(metrics["rate"])] = np.nan
    ids = tuple(map(str, members))
    return Chunk(tuple(members), ids, step, np.array([step]), metrics)


def test_a_row_counts_what_its_members_came_to():
    tally = Tally(GROUPS, STEPS)
    tally.ended_before({3: "diverged"})
    tally.saw(chunk([0, 1, 2], 50, [0.05, 2.0, np.nan]))
    first, last, both = tally.rows()
    assert (first.name, last.name, both.name) == ("1", "3", "all")
    assert (first.ended, first.members, first.steps, first.total) == (0, 3, 150, 300)
    assert (first.collapsed, first.diverged) == (1, 1)
    assert (last.ended, last.steps, last.diverged) == (1, 100, 1)
    assert (both.members, both.steps, both.collapsed, both.diverged) == (5, 250, 1, 2)
    tally.saw(chunk([0, 1, 2], 100, [0.5, 0.01, np.nan]))
    assert tally.rows()[0].ended == 3
    assert tally.rows()[0].collapsed == 1  # the first has come back


def test_the_rate_leaves_out_the_first_steps_and_what_was_saved(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    tally = Tally([[0, 1]], {0: 100, 1: 100})
    now[0] = 60.0  # compiling
    tally.saw(chunk([0], 10, [1.0]))
    assert tally.rows()[0].rate is None
    tally.went_on([1], 50)
    now[0] = 62.0
    tally.saw(chunk([0], 30, [1.0]))
    [row] = tally.rows()
    assert row.rate == pytest.approx(10.0)
    assert row.left == pytest.approx(12.0)


def draw_on(width, monkeypatch, **environment):
    """What a terminal of so many columns is sent."""
    monkeypatch.setattr(_progress, "_is_terminal", lambda: True)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "30")
    sent = Terminal()
    monkeypatch.setattr("sys.stderr", sent)
    progress = Progress(500, True, GROUPS, STEPS)
    progress.begin(0)
    progress.skip(0, [0, 1, 2])
    progress.describe("compiling")
    progress.describe("")
    progress.saw(chunk([0, 1, 2], 50, [0.05, 2.0, 3.0]))
    progress.update(150)
    progress.say("1 member goes on from step 50.")
    progress.close()
    return sent.getvalue()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("width", [20, 40, 60, 100])
def test_no_line_is_wider_than_the_terminal(width, monkeypatch):
    sent = draw_on(width, monkeypatch, TERM="xterm-256color")
    lines = plain(sent).replace("\r", "\n").splitlines()
    assert max(len(line) for line in lines if "goes on" not in line) <= width
    assert "1 member goes on from step 50." in plain(sent)
    assert "cohort" in sent
    assert ("collapsed" in "\n".join(lines[:2])) == (width >= 44)


def test_the_table_says_what_is_done(monkeypatch):
    sent = plain(draw_on(100, monkeypatch, TERM="xterm-256color"))
    assert "1 compiling" in sent
    last = sent.rsplit("cohort", 1)[1]
    assert re.search(r"1 +0/3 +50 % of 300 +1 +0", last)
    assert re.search(r"all +0/5 +30 % of 500 +1 +0", last)
    assert "loss 1, rate 1.683, 1 of 3 collapsed" in last


def test_without_colour_there_is_none(monkeypatch):
    sent = draw_on(100, monkeypatch, TERM="xterm-256color", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", sent)
    assert "\x1b[?25l" not in sent  # the cursor is left alone


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_redraw_has_plain_lines(term, monkeypatch):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stderr", Terminal())
    assert not _progress._is_terminal()


@contextlib.contextmanager
def written_to(descriptor):
    """A stream that may be left with what nobody took."""
    stream = open(descriptor, "w", encoding="utf-8")  # noqa: SIM115
    yield stream
    with contextlib.suppress(OSError):
        stream.close()


def test_a_terminal_that_is_closed_ends_the_drawing_alone(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    leader, follower = pty.openpty()
    with written_to(follower) as stream:
        monkeypatch.setattr("sys.stderr", stream)
        progress = Progress(500, True, GROUPS, STEPS)
        progress.begin(0)
        assert progress.shown
        os.close(leader)
        for step in (10, 20):
            progress.saw(chunk([0, 1, 2], step, [1.0, 2.0, 3.0]))
            progress.update(30)
            progress.describe("evaluating")
        progress.say("nobody reads this")
        progress.close()
        assert not progress.shown


def test_a_pipe_that_is_closed_ends_the_drawing_alone(monkeypatch):
    """rich would end the process: with exit code 1, and without saving."""
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(_progress, "_is_terminal", lambda: True)
    with written_to(writer) as stream:
        monkeypatch.setattr("sys.stderr", stream)
        progress = Progress(500, True, GROUPS, STEPS)
        progress.begin(0)
        progress.say("nobody reads this")
        progress.update(30)
        assert not progress.shown


def test_it_is_drawn_four_times_a_second_at_most(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_live.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr("sys.stderr", Terminal())
    table = LiveTable()
    drawn = []
    monkeypatch.setattr(table._live, "update", lambda *a, **k: drawn.append(now[0]))
    rows = [Row("1", 0, 1, 0, 1, None, 0, 0)]
    for tenth in range(20):
        now[0] = tenth / 10
        table.draw(rows, 1, "", "", now=False)
    table.close()
    assert len(drawn) == 7  # in two seconds, at tenths that are 0.3 apart
