"""What a person sees of a running sweep: a bar, and a few sentences.

A reader that has gone away (`2>&1 | head`) ends the drawing, not the training.
"""

import sys
from typing import Any

from tqdm import tqdm


class Progress:
    """Member-steps done, their rate and the time left; sentences above the bar."""

    def __init__(self, total: int, shown: bool) -> None:
        """A bar of so many member-steps, not drawn before something is done."""
        self._shown = shown
        self._bar: Any = None
        self._total = total
        self._done = 0

    def begin(self, done: int) -> None:
        """Draw the bar; what was done before does not count for the rate."""
        self._done = done
        if self._shown:
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

    def describe(self, what: str) -> None:
        """What is being done, in a word before the bar."""
        if self._bar is not None:
            self._safely(lambda: self._bar.set_description(what))

    def say(self, sentence: str) -> None:
        """A line on standard error, above the bar."""
        if self._shown:
            self._safely(lambda: tqdm.write(sentence, file=sys.stderr))

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._safely(self._bar.close)
            self._bar = None

    def _safely(self, draw: Any) -> Any:
        try:
            return draw()
        except (ValueError, OSError):  # closed, or the reader has gone
            if self._bar is not None:
                self._bar.disable = True  # or it would try once more when it goes
            self._shown, self._bar = False, None
            return None
