"""Minutes so far and minutes left, by what was measured before and how fast it goes now."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Of all pages that are asked for.

    Attributes:
        names: in their order.
        expected: minutes of each, None where nobody measured.
        spent: minutes of those that have ended, by earlier commands too.
        now: the page that runs, with its minutes by earlier commands.
        since: when it began.
    """

    names: Sequence[str]
    expected: Mapping[str, float | None]
    spent: dict[str, float] = field(default_factory=dict)
    now: tuple[str, float] = ("", 0.0)
    since: float = 0.0

    def begin(self, name: str, minutes: float) -> None:
        """A page runs, for the first time or again."""
        self.now, self.since = (name, minutes), time.monotonic()

    def end(self) -> None:
        """It does not any more."""
        self.spent[self.now[0]] = self.minutes()
        self.now = ("", 0.0)

    def minutes(self) -> float:
        """Of the page that runs, earlier commands included."""
        name, before = self.now
        return before + (time.monotonic() - self.since) / 60 if name else 0.0

    def pace(self) -> float:
        """Minutes of this machine for one that was measured.

        >>> Progress(["a", "b"], {"a": 2.0, "b": 4.0}, {"a": 3.0}).pace()
        1.5
        """
        pairs = [(self.expected[name], took) for name, took in self.spent.items()]
        known = [(want, took) for want, took in pairs if want]
        return sum(t for _, t in known) / sum(w for w, _ in known) if known else 1.0

    def left(self) -> tuple[float, int]:
        """Minutes left of the pages that were measured, and how many were not.

        >>> Progress(["a", "b", "c"], {"a": 2.0, "b": 4.0, "c": None}, {"a": 1.0}).left()
        (2.0, 1)
        """
        rest = [name for name in self.names if name not in self.spent]
        known = {n: w for n in rest if (w := self.expected[n]) is not None}
        total = sum(
            max(self.pace() * want - (self.minutes() if name == self.now[0] else 0), 0)
            for name, want in known.items()
        )
        return total, len(rest) - len(known)

    def told(self) -> str:
        """For the terminal."""
        name = self.now[0]
        number = self.names.index(name) + 1
        so_far = sum(self.spent.values()) + self.minutes()
        left, unknown = self.left()
        pages = f"{unknown} page{'s' * (unknown > 1)} left that nobody measured"
        rest = [f"about {left:.0f} left"] * (left > 0) + [pages] * (unknown > 0)
        return (
            f"[{number}/{len(self.names)}] {name}: {self.minutes():.0f} minutes; "
            f"of all {so_far:.0f} so far, {' and '.join(rest) or 'no more expected'}"
        )
