"""The table of a running sweep on a terminal; the only importer of rich.

It is drawn from the thread that trains, four times a second at most, so that nothing runs
beside it. No cursor is hidden: a process that is killed leaves the terminal as it was.
"""

import errno
import os
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vae_jax.sweeps.seen._tally import Row, time_left

REDRAW_SECONDS = 0.25
"""At least so long from one drawing to the next."""

MOST_ROWS = 8
"""Cohorts in the table: the one that runs, and its neighbours."""

WIDE, NARROW = 72, 44
"""Columns of the terminal, from which on the table has all of its own, or half."""


class Screen(Console):
    """A console that leaves the cursor alone, and the process when nobody reads it."""

    def on_broken_pipe(self) -> None:
        """Say so as any other file does: rich would end the process.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def show_cursor(self, show: bool = True) -> bool:
        """Neither shown nor hidden."""
        del show
        return False


class LiveTable:
    """A table below which nothing is written, and above which sentences are."""

    def __init__(self) -> None:
        """Nothing is drawn before the first rows."""
        # wide enough for a sentence: a terminal wraps it by itself
        self._console = Screen(file=sys.stderr, highlight=False, soft_wrap=True)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._drawn = -REDRAW_SECONDS

    def draw(
        self, rows: Sequence[Row], active: int, doing: str, seen: str, *, now: bool
    ) -> None:
        """Draw the table if the last one is old enough, or `now`."""
        if not now and time.perf_counter() - self._drawn < REDRAW_SECONDS:
            return
        if not self._live.is_started:
            self._live.start()
        table = table_of(rows, active, doing, self._console.width)
        last = Text(seen, no_wrap=True, overflow="ellipsis")
        self._live.update(Group(table, last) if seen else table, refresh=True)
        self._drawn = time.perf_counter()

    def say(self, sentence: str) -> None:
        """A line above the table."""
        self._console.print(Text(sentence))

    def close(self) -> None:
        """Leave the table as it stands."""
        self._live.stop()


def table_of(rows: Sequence[Row], active: int, doing: str, width: int) -> Table:
    """The rows as a table that is no wider than a terminal.

    Args:
        rows: of `Tally.rows`.
        active: number of the cohort that runs; 0 if none does.
        doing: what it does beside training.
        width: of the terminal.

    >>> rows = [Row("1", 0, 3, 60, 120, 20.0, 1, 0)]
    >>> len(table_of(rows, 1, "", 80).columns), len(table_of(rows, 1, "", 30).columns)
    (7, 3)
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    columns: dict[str, Callable[[Row], str]] = {
        "cohort": lambda row: f"{row.name} {doing}" if _is(row, active) else row.name,
        "members": lambda row: f"{row.ended}/{row.members}",
        "member-steps": lambda row: f"{_percent(row)} of {row.total:,}",
        "a second": lambda row: f"{row.rate:,.4g}" if row.rate else "",
        "left": lambda row: time_left(row.left) if row.left else "",
        "collapsed": lambda row: str(row.collapsed),
        "diverged": lambda row: str(row.diverged),
    }
    dropped = [*(["member-steps", "a second"] if width < WIDE else [])]
    dropped += ["collapsed", "diverged"] if width < NARROW else []
    kept = {name: of for name, of in columns.items() if name not in dropped}
    for name in kept:
        justify = "left" if name == "cohort" else "right"
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in shown_rows(rows, active):
        table.add_row(*(of(row) for of in kept.values()))
    return table


def shown_rows(rows: Sequence[Row], active: int) -> list[Row]:
    """The cohort that runs, its neighbours, and the row of all.

    >>> rows = [Row(str(i), 0, 1, 0, 1, None, 0, 0) for i in range(1, 21)]
    >>> [row.name for row in shown_rows(rows, 10)]
    ['6', '7', '8', '9', '10', '11', '12', '13']
    """
    cohorts = [row for row in rows if row.name != "all"]
    place = next((i for i, row in enumerate(cohorts) if _is(row, active)), 0)
    first = max(0, min(place - MOST_ROWS // 2, len(cohorts) - MOST_ROWS))
    return [*cohorts[first : first + MOST_ROWS], *rows[len(cohorts) :]]


def _is(row: Row, active: int) -> bool:
    return row.name == str(active)


def _percent(row: Row) -> str:
    return f"{100 * row.steps / max(row.total, 1):.0f} %"
