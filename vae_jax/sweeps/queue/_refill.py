"""Which members of a cohort run next, where members that ended leave their places.

A group advances at one step for all. So where members have ended, those that go on are
saved and wait at their step; a group of members that have not begun is brought to it, and
the two fill a group. It is the way in which members of unlike steps are resumed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple


class Turn(NamedTuple):
    """Members of one step, and what is done with them.

    Attributes:
        members: their numbers.
        step: that they have made.
        until: the step that they are brought to; None for the end.
        ended: they go no further, and are evaluated where they are.

    >>> Turn((0, 1), 0).ended
    False
    """

    members: tuple[int, ...]
    step: int
    until: int | None = None
    ended: bool = False


class Pool:
    """The members in hand of a cohort, by the step at which each waits.

    >>> pool = Pool(size=2)
    >>> pool.add({0: 0, 1: 0})
    >>> first = pool.take()
    >>> pool.add(dict.fromkeys(first.members, 50), ended={1})
    >>> pool.is_full
    False
    >>> pool.add({2: 0, 3: 0})
    >>> pool.take()  # a whole group: it needs no other
    Turn(members=(2, 3), step=0, until=None, ended=False)
    >>> pool.add({4: 0})
    >>> pool.take()  # to where member 0 waits
    Turn(members=(4,), step=0, until=50, ended=False)
    >>> pool.add({4: 50})
    >>> pool.take()
    Turn(members=(0, 4), step=50, until=None, ended=False)
    >>> pool.take()
    Turn(members=(1,), step=50, until=None, ended=True)
    """

    def __init__(self, size: int) -> None:
        """Of members of which so many run at once; none are in hand."""
        self._size = size
        self._going: dict[int, set[int]] = defaultdict(set)
        self._ended: dict[int, set[int]] = defaultdict(set)

    def add(self, steps: Mapping[int, int], ended: Collection[int] = ()) -> None:
        """Take members in hand that have made these steps, of which some have ended."""
        for member, step in steps.items():
            (self._ended if member in ended else self._going)[step].add(member)

    @property
    def is_full(self) -> bool:
        """Whether a whole group waits at one step."""
        return {self._whole(self._going), self._whole(self._ended)} != {None}

    def __bool__(self) -> bool:
        """Whether any are in hand."""
        return any(self._going.values()) or any(self._ended.values())

    def take(self) -> Turn:
        """Who runs next: the group that is furthest, if it is whole, else the rearmost.

        Those that ended are evaluated when they fill a group and no others do, or at last.
        """
        going, ended = self._whole(self._going), self._whole(self._ended)
        if going is None and ended is None:
            going, ended = _rearmost(self._going), _rearmost(self._ended)
        if going is None:
            assert ended is not None
            return Turn(self._taken(self._ended, ended), ended, ended=True)
        step = going
        members = self._taken(self._going, step)
        above = [one for one in _levels(self._going) if one > step]
        if len(members) == self._size or not above:
            return Turn(members, step)
        return Turn(members, step, until=min(above))

    def _whole(self, at: Mapping[int, set[int]]) -> int | None:
        """The furthest step at which a whole group waits."""
        whole = [step for step in _levels(at) if len(at[step]) >= self._size]
        return max(whole, default=None)

    def _taken(self, at: dict[int, set[int]], step: int) -> tuple[int, ...]:
        members = tuple(sorted(at[step])[: self._size])
        at[step] -= set(members)
        return members


def _levels(at: Mapping[int, set[int]]) -> list[int]:
    """Steps at which somebody waits."""
    return [step for step, members in at.items() if members]


def _rearmost(at: Mapping[int, set[int]]) -> int | None:
    return min(_levels(at), default=None)
