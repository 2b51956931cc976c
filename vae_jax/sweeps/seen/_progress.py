"""What a person sees of a running sweep: a table, and a few sentences.

Where standard error is no terminal, as in the log of a batch job, there is a plain line now
and then in the place of the table. A reader that has gone away (`2>&1 | head`) ends the
drawing, not the training.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vae_jax.sweeps.seen._chunk import Chunk, in_short
from vae_jax.sweeps.seen._tally import Tally, time_left

if TYPE_CHECKING:
    from vae_jax.sweeps.seen._live import LiveTable

LINE_SECONDS = 5.0
"""At least so long from one plain line to the next."""

LINE_SHARE = 0.2
"""And this share of the time since the first: about 13 lines a factor of ten."""


class Progress:
    """Member-steps done, their rate and what they show; sentences above the table."""

    def __init__(
        self,
        total: int,
        shown: bool,
        groups: Sequence[Sequence[int]] = (),
        steps: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """Nothing is drawn before something is done.

        Args:
            total: member-steps in all.
            shown: whether anything is drawn or said.
            groups: numbers of the members of each cohort.
            steps: of every member.
        """
        self._shown = shown
        self._tally = Tally(groups, steps)
        self._table: LiveTable | None = None
        self._doing = ""
        self._total = total
        self._done = 0
        self._seen = ""
        # of plain lines: when the first steps were done, and how many, and the last line
        self._plain = False
        self._began: tuple[float, int] | None = None
        self._told = (0.0, 0)

    @property
    def shown(self) -> bool:
        """Whether anything is drawn or said."""
        return self._shown

    def begin(self, done: int, ended: Mapping[int, str] = MappingProxyType({})) -> None:
        """Draw; what was done before does not count for the rate.

        Args:
            done: member-steps of what is stored.
            ended: the word that was said of each stored member, by its number.
        """
        self._done = done
        self._tally.ended_before(ended)
        if self._shown and not _is_terminal():
            self._plain = True
            self._told = time.perf_counter(), done
            self.say(f"Compiling; then {self._total - done} member-steps.")
        elif self._shown:
            self._safely(self._open)

    def saw(self, chunk: Chunk) -> None:
        """Members have come so far."""
        self._tally.saw(chunk)
        self.show(in_short(chunk))

    def heard(self, members: Mapping[int, tuple[int, str]]) -> None:
        """Members that others train have come so far: step, and a word once they ended."""
        self._tally.heard(members)

    def update(self, num: int) -> None:
        """So many member-steps more."""
        self._done += num
        self._draw(now=self._done >= self._total)
        if self._plain:
            # the first steps took the time of compiling, which the others do not
            self._began = self._began or (time.perf_counter(), self._done)
            if self._is_due():
                self._tell()

    def skip(self, num: int, members: Sequence[int] = ()) -> None:
        """So many member-steps that were done before, which do not count for the rate.

        Args:
            num: how many.
            members: numbers of the members that have made them, each as many.
        """
        self._done += num
        if members:
            self._tally.went_on(members, num // len(members))
        if self._plain:
            if self._began:
                self._began = self._began[0], self._began[1] + num
            self._told = self._told[0], self._told[1] + num

    def leave(self, members: Sequence[int]) -> None:
        """Members were stopped: what is left of them is not done."""
        if left := self._tally.left_out(members):
            self.skip(left)

    def show(self, what: str) -> None:
        """What the members come to so far, below the numbers."""
        self._seen = what or self._seen

    def describe(self, what: str) -> None:
        """What is being done beside training, in a word."""
        self._doing = what
        self._draw(now=bool(what))

    def say(self, sentence: str) -> None:
        """A line on standard error, above the table."""
        if self._table is not None:
            self._safely(self._table.say, sentence)
        elif self._shown:
            self._safely(_write, sentence)

    def close(self) -> None:
        """Leave the table as it stands; of plain lines, the last is of the end."""
        if self._table is not None:
            self._doing = ""
            self._draw(now=True)
            self._safely(self._table.close)
            self._table = None
        if self._plain and self._done > self._told[1]:
            self._tell()
        self._plain = False

    def _open(self) -> None:
        # rich is loaded where there is a terminal
        from vae_jax.sweeps.seen._live import LiveTable

        self._table = LiveTable()

    def _draw(self, *, now: bool) -> None:
        if self._table is None:
            return
        rows, active = self._tally.rows(), self._tally.active
        draw = self._table.draw
        self._safely(draw, rows, active, self._doing, self._seen, now=now)

    def _is_due(self) -> bool:
        assert self._began is not None
        now = time.perf_counter()
        wait = max(LINE_SECONDS, LINE_SHARE * (now - self._began[0]))
        return now - self._told[0] >= wait

    def _tell(self) -> None:
        """A plain line of how far it is."""
        now = time.perf_counter()
        self._told = now, self._done
        share = 100 * self._done / max(self._total, 1)
        seen = f": {self._seen}" if self._seen else ""
        how = self._how_fast(now)
        self.say(f"{share:.0f} % of {self._total} member-steps{how}{seen}")

    def _how_fast(self, now: float) -> str:
        """Rate and time left, where more was done than the first steps."""
        if self._began is None or self._done == self._began[1]:
            return ""
        rate = (self._done - self._began[1]) / max(now - self._began[0], 1e-9)
        left = (self._total - self._done) / max(rate, 1e-9)
        rest = f", {time_left(left)} left" if self._done < self._total else ""
        return f", {rate:.3g} a second{rest}"

    def _safely(self, draw: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        try:
            draw(*args, **kwargs)
        except (ValueError, OSError):  # closed, or the reader has gone
            self._shown, self._table, self._plain = False, None, False


def _write(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def _is_terminal() -> bool:
    """Whether a table can be drawn again and again in its place."""
    try:
        return sys.stderr.isatty() and (os.environ.get("TERM") or "dumb") != "dumb"
    except (AttributeError, ValueError):  # replaced, or closed
        return False
