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
        at_once: pages that run beside each other.
        earlier: minutes that earlier commands took, from first to last.
        spent: minutes of each page that has ended, by earlier commands too.
        running: of each that runs, its minutes by earlier commands and when it began.
        began: when this command did.
    """

    names: Sequence[str]
    expected: Mapping[str, float | None]
    at_once: int = 1
    earlier: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    running: dict[str, tuple[float, float]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def begin(self, name: str, minutes: float) -> None:
        """A page runs, for the first time or again."""
        self.running[name] = minutes, time.monotonic()

    def end(self, name: str) -> None:
        """It does not any more."""
        self.spent[name] = self.minutes(name)
        del self.running[name]

    def minutes(self, name: str) -> float:
        """Of a page that runs, earlier commands included; of others 0."""
        if name not in self.running:
            return 0.0
        before, since = self.running[name]
        return before + (time.monotonic() - since) / 60

    def whole(self) -> float:
        """Minutes by the clock, earlier commands included."""
        return self.earlier + (time.monotonic() - self.began) / 60

    def pace(self) -> float:
        """Minutes of this machine for one that was measured.

        >>> Progress(["a", "b"], {"a": 2.0, "b": 4.0}, spent={"a": 3.0}).pace()
        1.5
        """
        pairs = [(self.expected[name], took) for name, took in self.spent.items()]
        known = [(want, took) for want, took in pairs if want]
        return sum(t for _, t in known) / sum(w for w, _ in known) if known else 1.0

    def left(self) -> tuple[float, int]:
        """Minutes left of the pages that were measured, and how many were not.

        >>> expected = {"a": 2.0, "b": 4.0, "c": None}
        >>> Progress(["a", "b", "c"], expected, 2, spent={"a": 1.0}).left()
        (2.0, 1)
        """
        rest = [name for name in self.names if name not in self.spent]
        known = {n: w for n in rest if (w := self.expected[n]) is not None}
        owed = [
            max(self.pace() * want - self.minutes(name), 0)
            for name, want in known.items()
        ]
        # the longest of them is no shorter for what runs beside it
        whole = max(sum(owed) / self.at_once, max(owed, default=0))
        return whole, len(rest) - len(known)

    def told(self, name: str) -> str:
        """Of one page that runs, for the terminal."""
        left, unknown = self.left()
        pages = f"{unknown} page{'s' * (unknown > 1)} left that nobody measured"
        rest = [f"about {left:.0f} left"] * (left > 0) + [pages] * (unknown > 0)
        return (
            f"[{len(self.spent)} of {len(self.names)} done] {name}: "
            f"{self.minutes(name):.0f} minutes; of all {self.whole():.0f} so far, "
            f"{' and '.join(rest) or 'no more expected'}"
        )
