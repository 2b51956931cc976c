"""Arms of a benchmark, and how they are timed beside one another."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from experiments.benchmarks._machine import Clock, forget_peak, resident

Run = Callable[[int], Any]
"""Trains for so many steps; of an engine, every member."""

ROUNDS, SELDOM = 7, 3
"""Interleaved windows of an arm, and between two of one that is measured seldom."""


class Arm(NamedTuple):
    """One way to do the work.

    Attributes:
        name: as it is told.
        make: builds it; nothing is compiled before.
        members: that take each step at once.
        least: steps of a window, of which every window has a multiple.
        seldom: whether it is in every third round alone, for its length.
        missing: why it cannot be measured here; empty where it can.
    """

    name: str
    make: Callable[[], Run]
    members: int = 1
    least: int = 1
    seldom: bool = False
    missing: str = ""


class Timed(NamedTuple):
    """What was measured of an arm.

    Attributes:
        arm: which one.
        seconds: of a step, by round; None in rounds that it was not in.
        compile_s: what the first window took longer than the second.
        peak_mb: the most memory that making it and its first windows took, above what the
            process held before it.
    """

    arm: Arm
    seconds: list[float | None]
    compile_s: float
    peak_mb: float


class _Ready(NamedTuple):
    """An arm that is compiled, with the steps of its windows."""

    arm: Arm
    run: Run
    steps: int
    compile_s: float
    peak_mb: float


def measure(
    arms: Sequence[Arm], clock: Clock, seconds: float, rounds: int = ROUNDS
) -> list[Timed]:
    """Time all arms that are not missing, window by window beside one another.

    Args:
        arms: what is timed.
        clock: of seconds.
        seconds: about how long a window is, if its least steps take less.
        rounds: how many windows of each there are.
    """
    ready = [_prepared(arm, clock, seconds) for arm in arms if not arm.missing]
    found: list[list[float | None]] = [[] for _ in ready]
    for number in range(rounds):
        for own, times in zip(ready, found, strict=True):
            if own.arm.seldom and number % SELDOM:
                times.append(None)
                continue
            since = clock()
            own.run(own.steps)
            times.append((clock() - since) / own.steps)
    return [
        Timed(own.arm, times, own.compile_s, own.peak_mb)
        for own, times in zip(ready, found, strict=True)
    ]


def _prepared(arm: Arm, clock: Clock, seconds: float) -> _Ready:
    """Make and compile an arm, and see how long a step takes."""
    before = forget_peak()
    since = clock()
    run = arm.make()
    run(arm.least)
    first = clock() - since
    since = clock()
    run(arm.least)
    second = clock() - since
    peak = resident("VmHWM") - before
    steps = arm.least * max(1, int(seconds / max(second, 1e-6)))
    print(f"  {arm.name}, {arm.members}: {first - second:.1f} s to compile", flush=True)
    return _Ready(arm, run, steps, max(first - second, 0.0), peak)


def rows_of(
    case: Mapping[str, Any],
    arms: Sequence[Arm],
    timed: Sequence[Timed],
    unit: str,
    each: float = 1.0,
) -> list[dict[str, Any]]:
    """A row an arm: its rate, and that of the reference over it.

    The reference is the engine with most members of those up to 16 that are in every round.

    Args:
        case: columns that all rows share.
        arms: all of them, those that are missing included.
        timed: what was measured.
        unit: the column of the rate.
        each: how many units a step of one member is.
    """
    found, rows = {own.arm: own for own in timed}, []
    engines = [one for one in timed if one.arm.name == "engine" and not one.arm.seldom]
    reference = max(engines, key=lambda one: one.arm.members, default=None)
    for arm in arms:
        row = {**case, "arm": arm.name, "members": arm.members, "note": arm.missing}
        if arm in found:
            row |= _measured(found[arm], reference, unit, each)
        rows.append(row)
    return rows


def _measured(
    own: Timed, reference: Timed | None, unit: str, each: float
) -> dict[str, Any]:
    """The numbers of a row."""
    known = [value for value in own.seconds if value is not None]
    rate = own.arm.members * each / statistics.median(known)
    row = {
        unit: rate,
        "windows": len(known),
        "compile_s": own.compile_s,
        "peak_mb": own.peak_mb,
    }
    if reference is None:
        return row
    low, middle, high = quartiles(ratios(reference, own))
    return row | {"engine_over_arm": middle, "quartile_1": low, "quartile_3": high}


def ratios(over: Timed, under: Timed) -> list[float]:
    """Of the rates of two arms, in the rounds that both were in."""
    return [
        (over.arm.members / a) / (under.arm.members / b)
        for a, b in zip(over.seconds, under.seconds, strict=True)
        if a is not None and b is not None
    ]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The first, the median and the third; of one value itself."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
