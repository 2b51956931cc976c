"""Which members each of several processes trains, where none speaks with another.

`i/n` is written as by Jest, Playwright and cargo-nextest: from 1/n to n/n. All processes
work the division out of the whole specification, so that every member is one's alone.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from vae_jax.sweeps.devices._cohorts import Shard

SNAP = 0.25
"""A cut that is so near to the end of a group is made there, in shares of the group and of
what a process has: under `vmap` a part of a group costs as much as the whole."""

MOST_PROCESSES = 100_000
_WORDS = re.compile(r"(\d{1,7})/(\d{1,7})", re.ASCII)


class Division(NamedTuple):
    """One of several processes among which the members of a sweep are divided.

    Attributes:
        number: which of them, from 1 to `processes`.
        processes: how many there are.

    >>> str(Division(2, 3))
    '2/3'
    """

    number: int
    processes: int

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.number}/{self.processes}"


def read_division(said: str) -> Division:
    """The process that `i/n` names.

    Raises:
        ValueError: it is no such text, or `i` is not from 1 to `n`.

    >>> read_division("2/3")
    Division(number=2, processes=3)
    """
    match = _WORDS.fullmatch(said)
    if match is None:
        raise ValueError(
            "`shard` must be which of how many processes this one is, such as 1/3; got "
            f"{said!r}."
        )
    division = Division(int(match[1]), int(match[2]))
    check_division(division)
    return division


def check_division(division: Division) -> None:
    """Refuse a process that is none of those that there are.

    Raises:
        ValueError: names the number and what is allowed.

    >>> check_division(Division(3, 3))
    """
    number, count = division
    if not 1 <= count <= MOST_PROCESSES:
        raise ValueError(
            f"`shard` must be of 1 to {MOST_PROCESSES} processes; got {division}."
        )
    if not 1 <= number <= count:
        hint = ""
        if number == 0:
            hint = f" They are counted from 1: write 1/{count} to {count}/{count}."
        raise ValueError(
            f"`shard` must be from 1/{count} to {count}/{count}; got {division}.{hint}"
        )


def members_of(cohorts: Sequence[Sequence[Shard]], division: Division) -> list[int]:
    """The numbers of the members of one process, in the order in which they are run.

    Processes get equal numbers of member-steps, as far as whole members allow, in the
    order of the groups; a cut near to the end of a group is made there.

    Args:
        cohorts: of `split_shards`, the groups of each cohort.
        division: which process.

    Raises:
        ValueError: there are more processes than members.

    >>> from vae_jax.configs import Run
    >>> from vae_jax.sweeps.devices._cohorts import split_shards
    >>> cohorts = split_shards([Run(seed=s) for s in range(6)], width=64)
    >>> [members_of(cohorts, Division(i, 2)) for i in (1, 2)]
    [[0, 1, 2], [3, 4, 5]]
    """
    groups = [shard for cohort in cohorts for shard in cohort]
    total = sum(len(group.members) for group in groups)
    check_division(division)
    if division.processes > total:
        raise ValueError(
            f"`shard` must be of at most as many processes as there are members, {total}; "
            f"got {division}."
        )
    first, last = (_cut(groups, i, division.processes) for i in _ends(division))
    return [member for group in groups for member in group.members][first:last]


def splits_groups(cohorts: Sequence[Sequence[Shard]], division: Division) -> bool:
    """Whether a process has a part of a group, and another process the rest of it.

    >>> from vae_jax.configs import Run
    >>> from vae_jax.sweeps.devices._cohorts import split_shards
    >>> cohorts = split_shards([Run(seed=s) for s in range(6)], width=3)
    >>> splits_groups(cohorts, Division(1, 2)), splits_groups(cohorts, Division(1, 3))
    (False, True)
    """
    mine = set(members_of(cohorts, division))
    return any(
        0 < len(mine.intersection(shard.members)) < len(shard.members)
        for cohort in cohorts
        for shard in cohort
    )


def _ends(division: Division) -> tuple[int, int]:
    return division.number - 1, division.number


def _cut(groups: Sequence[Shard], number: int, count: int) -> int:
    """How many members come before the end of process `number`."""
    total = sum(config.num_steps for group in groups for config in group.configs)
    before = members = 0
    for group in groups:
        steps = [config.num_steps for config in group.configs]
        # integers, so that every machine cuts alike; all times `count`
        inside = number * total - before * count
        if inside <= sum(steps) * count:
            near = SNAP * min(sum(steps) * count, total)
            return members + _cut_inside(steps, inside, near, count)
        before, members = before + sum(steps), members + len(steps)
    return members


def _cut_inside(steps: Sequence[int], inside: int, near: float, count: int) -> int:
    """How many members of a group come before a cut, in member-steps times `count`."""
    if inside <= near:
        return 0
    if inside >= sum(steps) * count - near:
        return len(steps)
    done = 0
    for i, one in enumerate(steps):
        if 2 * (inside - done * count) < one * count:  # nearer to its beginning
            return i
        done += one
    return len(steps)
