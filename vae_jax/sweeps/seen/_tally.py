"""How far the members of each cohort are, and what they have come to so far."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vae_jax import diagnostics
from vae_jax.sweeps.seen._chunk import RATE, Chunk

ALL = 0
"""All cohorts together; they are numbered from 1."""


class Row(NamedTuple):
    """Of a cohort, or of all together.

    Attributes:
        name: its number, from 1, or `all`.
        ended: members that have ended.
        members: in all.
        steps: member-steps done.
        total: in all.
        rate: member-steps a second; None where nothing was measured.
        collapsed: members whose rate is below the limit of a collapsed verdict.
        diverged: members that have diverged.

    >>> Row("1", 1, 2, 100, 400, 50.0, 0, 0).left
    6.0
    """

    name: str
    ended: int
    members: int
    steps: int
    total: int
    rate: float | None
    collapsed: int
    diverged: int

    @property
    def left(self) -> float | None:
        """Seconds to its end, at the rate so far."""
        return (self.total - self.steps) / self.rate if self.rate else None


class Tally:
    """The members of every cohort, their steps, and which have collapsed or diverged."""

    def __init__(
        self, groups: Sequence[Sequence[int]], steps: Mapping[int, int]
    ) -> None:
        """Nothing is done.

        Args:
            groups: numbers of the members of each cohort; one of none is not shown.
            steps: of every member, in all.
        """
        self._groups = {i + 1: list(one) for i, one in enumerate(groups) if one}
        self._steps = dict(steps)
        self._at = dict.fromkeys(steps, 0)
        self._words: dict[int, str] = {}
        # of each cohort the time and the steps from which its rate is counted, and the last
        self._since: dict[int, tuple[float, int]] = {}
        self._last: dict[int, tuple[float, int]] = {}
        self.active = ALL

    def ended_before(self, words: Mapping[int, str]) -> None:
        """Members that are stored, with the word that was said of each."""
        for member, word in words.items():
            if member in self._at:
                self._at[member] = self._steps[member]
                self._words[member] = word

    def saw(self, chunk: Chunk) -> None:
        """Members have come so far; the first steps took the time of compiling."""
        for member in chunk.members:
            self._at[member] = chunk.step
        self._judge(chunk)
        self.active = self._cohort_of(chunk.members[0])
        self._time(self.active)

    def went_on(self, members: Sequence[int], step: int) -> None:
        """Members begin, or go on from a state: its steps do not count for the rate."""
        self.active = self._cohort_of(members[0])
        for member in members:
            self._at[member] = step
        for number, group in self._groups.items():
            if set(group) & set(members):
                for one in {number, ALL} & set(self._since):
                    when, done = self._since[one]
                    self._since[one] = when, done + step * len(members)

    def left_out(self, members: Sequence[int]) -> int:
        """Members go no further; returns their steps that are left, not of the rate."""
        left = 0
        for member in members:
            more = self._steps[member] - self._at[member]
            self._at[member], left = self._steps[member], left + more
            for number in {self._cohort_of(member), ALL} & set(self._since):
                when, done = self._since[number]
                self._since[number] = when, done + more
        return left

    def heard(self, members: Mapping[int, tuple[int, str]]) -> None:
        """Members that others train have come so far."""
        for member, (step, word) in members.items():
            self._at[member] = step
            if word:
                self._words[member] = word
        for number in self._groups:
            self._time(number)

    def rows(self) -> list[Row]:
        """A row a cohort, in order, and one of all where there are several."""
        rows = [self._row(str(n), group, n) for n, group in self._groups.items()]
        if len(rows) < 2:
            return rows
        return [*rows, self._row("all", [*self._at], ALL)]

    def _row(self, name: str, members: Sequence[int], rated: int) -> Row:
        words = [self._words.get(member) for member in members]
        return Row(
            name,
            sum(self._at[m] >= self._steps[m] for m in members),
            len(members),
            self._done(members),
            sum(self._steps[m] for m in members),
            self._rate(rated),
            words.count("collapsed"),
            words.count("diverged"),
        )

    def _done(self, members: Sequence[int]) -> int:
        return sum(min(self._at[m], self._steps[m]) for m in members)

    def _cohort_of(self, member: int) -> int:
        return next((n for n, g in self._groups.items() if member in g), ALL)

    def _time(self, number: int) -> None:
        """Note how far a cohort is, and all of them, and when."""
        now = time.perf_counter()
        for one in (number, ALL):
            here = now, self._done([*self._at] if one == ALL else self._groups[one])
            self._since.setdefault(one, here)
            self._last[one] = here

    def _rate(self, number: int) -> float | None:
        if number not in self._since or self._last[number] == self._since[number]:
            return None
        (began, before), (now, done) = self._since[number], self._last[number]
        return (done - before) / max(now - began, 1e-9)

    def _judge(self, chunk: Chunk) -> None:
        if not len(chunk.steps):
            return
        last = {name: values[:, -1] for name, values in chunk.metrics.items()}
        lost = np.isnan(next(iter(last.values()))) if last else []
        for i, member in enumerate(chunk.members):
            if len(lost) and lost[i]:
                self._words[member] = "diverged"
            elif RATE in last and last[RATE][i] < diagnostics.COLLAPSED_NATS:
                self._words[member] = "collapsed"
            else:
                self._words.pop(member, None)


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
