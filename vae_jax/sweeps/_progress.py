"""What a person sees of a running sweep: a bar, and a few sentences.

Where standard error is no terminal, as in the log of a batch job, there is a plain line now
and then in the place of the bar. A reader that has gone away (`2>&1 | head`) ends the
drawing, not the training.
"""

import sys
import time
from typing import Any

from tqdm import tqdm

LINE_SECONDS = 5.0
"""At least so long from one plain line to the next."""

LINE_SHARE = 0.2
"""And this share of the time since the first: about 13 lines a factor of ten."""


class Progress:
    """Member-steps done, their rate and what they show; sentences above the bar."""

    def __init__(self, total: int, shown: bool) -> None:
        """A bar of so many member-steps, not drawn before something is done."""
        self._shown = shown
        self._bar: Any = None
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

    def begin(self, done: int) -> None:
        """Draw the bar; what was done before does not count for the rate."""
        self._done = done
        if self._shown and not _is_terminal():
            self._plain = True
            self._told = time.perf_counter(), done
            self.say(f"Compiling; then {self._total - done} member-steps.")
        elif self._shown:
            self._bar = self._safely(
                lambda: tqdm(
                    total=self._total,
                    initial=done,
                    unit=" member-steps",
                    unit_scale=True,
                    mininterval=0.5,
                    smoothing=0.1,
                    dynamic_ncols=True,
                )
            )

    def update(self, num: int) -> None:
        """So many member-steps more."""
        self._done += num
        if self._bar is not None:
            self._safely(lambda: self._bar.update(num))
        elif self._plain:
            # the first steps took the time of compiling, which the others do not
            self._began = self._began or (time.perf_counter(), self._done)
            if self._is_due():
                self._tell()

    def skip(self, num: int) -> None:
        """So many member-steps that were done before, which do not count for the rate."""
        self._done += num
        if self._bar is not None:
            self._bar.initial += num
            self._safely(lambda: self._bar.update(num))
        elif self._plain:
            if self._began:
                self._began = self._began[0], self._began[1] + num
            self._told = self._told[0], self._told[1] + num

    def show(self, what: str) -> None:
        """What the members come to so far, behind the numbers."""
        self._seen = what or self._seen
        if self._bar is not None:
            self._safely(lambda: self._bar.set_postfix_str(self._seen, refresh=False))

    def describe(self, what: str) -> None:
        """What is being done, in a word before the bar."""
        if self._bar is not None:
            self._safely(lambda: self._bar.set_description(what))

    def say(self, sentence: str) -> None:
        """A line on standard error, above the bar."""
        if self._shown:
            self._safely(lambda: tqdm.write(sentence, file=sys.stderr))

    def close(self) -> None:
        """Leave the bar as it stands; of plain lines, the last is of the end."""
        if self._bar is not None:
            self._safely(self._bar.close)
            self._bar = None
        if self._plain and self._done > self._told[1]:
            self._tell()
        self._plain = False

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

    def _safely(self, draw: Any) -> Any:
        try:
            return draw()
        except (ValueError, OSError):  # closed, or the reader has gone
            if self._bar is not None:
                self._bar.disable = True  # or it would try once more when it goes
            self._shown, self._bar, self._plain = False, None, False
            return None


def time_left(seconds: float) -> str:
    """A time as a person reads it.

    >>> time_left(42.3), time_left(750.0), time_left(9000.0)
    ('42 s', '12 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # replaced, or closed
        return False
