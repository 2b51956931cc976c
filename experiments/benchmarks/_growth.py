"""What a member-step costs as members, batch, latent units or tokens grow."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from experiments.benchmarks._cases import CASES, Case
from experiments.benchmarks._points import measured_apart

RESIDENT = {16: 16, 100: 20, 1000: 20}
"""Members of a group, by how many there are: groups that are full."""

WINDOWS, SECONDS = 5, 0.3
SWEEP = "digits, 16-2"
"""From the call to the last row on disk: compiling and evaluation are in its cost."""

AXES: dict[str, tuple[str, tuple[int, ...]]] = {
    "members, in groups": ("MLP 16-16-2", (16, 100, 1000)),
    "members, all at once": ("MLP 16-16-2", (16, 100, 1000)),
    "members of a whole sweep": (SWEEP, (16, 100, 1000)),
    "batch": ("MLP 64-64-4", (32, 64, 128, 256, 512)),
    "latent units": ("MLP 64-64-4", (4, 16, 64, 256)),
    "tokens of an LSTM": ("LSTM small", (12, 24, 48, 96)),
    "tokens of a Transformer": ("Transformer small", (12, 24, 48, 96)),
}


def measured(one_core: bool, smoke: bool = False) -> Iterator[pd.DataFrame]:
    """A table an axis, whose cost is over that of its first point."""
    for axis, (_, values) in AXES.items():
        points = [
            measured_apart(
                "experiments.benchmarks._growth_point",
                {"axis": axis, "value": value, "one_core": one_core},
            )
            for value in (values[:1] if smoke else values)
        ]
        table = pd.DataFrame(points).drop(columns="one_core")
        first = table.iloc[0]
        yield table.assign(
            cost_over_first=table["us_a_member_step"] / first["us_a_member_step"],
            peak_over_first=table["peak_mb"] / first["peak_mb"],
        )


def case_of(axis: str, value: int) -> tuple[Case, int, int]:
    """The model at a point, how many members it has, and how many are resident."""
    name, _ = AXES[axis]
    case = next(one for one in CASES if one.name == name)
    if axis.startswith("members"):
        return case, value, value if "at once" in axis else RESIDENT[value]
    settings = {"batch": "batch_size", "latent units": "latent_dim"}
    if axis in settings:
        changed = {**case.settings, settings[axis]: value}
        return case._replace(settings=changed), 4, 4
    return case._replace(shape=(value,)), 4, 4


def cost(
    group: Callable[[int], Any], groups: int, members: int, clock: Callable[[], float]
) -> float:
    """Microseconds a member-step: the median of windows over all groups."""
    group(1)
    since = clock()
    group(10)
    steps = 10 * max(1, int(SECONDS / groups / max(clock() - since, 1e-6)))
    found = []
    for _ in range(WINDOWS):
        since = clock()
        for _ in range(groups):
            group(steps)
        found.append((clock() - since) / steps / members)
    return 1e6 * sorted(found)[WINDOWS // 2]


def clock_of(one_core: bool) -> Callable[[], float]:
    """CPU time of one core, or the wall's."""
    return time.process_time if one_core else time.perf_counter
