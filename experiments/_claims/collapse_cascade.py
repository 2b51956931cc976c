"""What the page of the cascade claims, judged on its rows."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from experiments._verdicts import Verdict, said

SOURCE = "Li (2026), on the linear theory of Wang & Ziyin (2022), Theorem 2"
TRIAL = "one other seed and draw of the data"
ACTIVE_FROM = 1e-3
"""Mean KL in nats above which the paper calls a unit active."""
LATE, NEAR, GONE = 0.05, 0.03, 1.03
"""How long after its eigenvalue a unit may collapse; how far its KL may be off; from where
all are collapsed. In a trial with one other seed and draw: 0.043, 0.012 and 1.01."""

STEP_SLACK = 0.02
"""One step of the staircase."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows; there is an eigenvalue for every unit, the largest first."""
    stages = pd.read_csv(page / "stages.csv")
    spectrum = pd.read_csv(page / "spectrum.csv")["eigenvalue"].to_numpy()
    return verdicts(stages, spectrum[: int(stages["unit"].max()) + 1])


def verdicts(stages: pd.DataFrame, used: np.ndarray) -> list[Verdict]:
    """Of the staircase, of its places, of the KL, of the end, and of stability.

    Args:
        stages: a row a seed, variance and unit.
        used: the eigenvalues that the units are for, the largest first.
    """
    return [
        staircase(stages),
        *places(stages, used),
        distance(stages),
        emptied(stages),
        *stability(stages),
    ]


def counts(stages: pd.DataFrame) -> pd.DataFrame:
    """Active units: a row a variance, a column a seed."""
    one = stages[stages["unit"] == 0]
    return one.pivot(index="variance", columns="seed", values="active")


def in_words(values: Iterable[object]) -> str:
    """Separated by commas.

    >>> in_words([1, 2])
    '1, 2'
    """
    return ", ".join(map(str, values))


def staircase(stages: pd.DataFrame) -> Verdict:
    """All of 4, 3, 2, 1, 0, and never up."""
    active = counts(stages)
    paths = [list(dict.fromkeys(active[seed])) for seed in active]
    units = int(stages["unit"].max()) + 1
    wanted = list(range(units, -1, -1))
    falls = bool((active.diff().iloc[1:] <= 0).all(axis=None))
    found = "; ".join(in_words(path) for path in paths)
    return Verdict(
        "units collapse one by one as the variance rises, and none comes back",
        in_words(wanted),
        SOURCE,
        found,
        "exactly, with every seed",
        "whole numbers",
        falls and all(path == wanted for path in paths),
    )


def places(stages: pd.DataFrame, used: np.ndarray) -> list[Verdict]:
    """The first variance with fewer active units than eigenvalues down to each."""
    active, found = counts(stages), []
    for k in range(len(used), 0, -1):
        at = np.array([_first_below(active[seed], k) for seed in active])
        # there the KL of the linear theory is as small as that of a collapsed unit
        early = used[k - 1] * math.exp(-2 * ACTIVE_FROM)
        found.append(
            Verdict(
                f"the unit of eigenvalue {k} collapses where the variance passes it",
                f"from {early:.4f}, with {ACTIVE_FROM:g} nats left, to {used[k - 1]:.4f}",
                SOURCE,
                f"{said(at, 2)}",
                f"not before, and at most {LATE:g} later",
                f"0.043 in {TRIAL}: near its end a unit fades slowly",
                bool((at >= early).all() and (at <= used[k - 1] + LATE).all()),
            )
        )
    return found


def _first_below(active: pd.Series, count: int) -> float:
    """The first variance with fewer units; infinite if there is none."""
    below = active.index[active < count]
    return float(below[0]) if len(below) else float("inf")


def distance(stages: pd.DataFrame) -> Verdict:
    """Every unit's KL against its eigenvalue's."""
    gap = (stages["kl"] - stages["kl_theory"]).abs()
    worst = gap.groupby(stages["seed"]).max()
    return Verdict(
        "every unit's KL is that of the linear theory, at every variance",
        "0.5 log(eigenvalue / variance), or 0",
        SOURCE,
        f"{said(worst, 4)} nats off at most",
        f"{NEAR:g} nats",
        f"0.012 in {TRIAL}",
        bool(worst.max() < NEAR),
    )


def emptied(stages: pd.DataFrame) -> Verdict:
    """Nothing is left beyond the largest eigenvalue."""
    last = stages[stages["variance"] >= GONE]
    return Verdict(
        f"from a variance of {GONE:g} on all units are collapsed",
        "0 active units",
        SOURCE,
        f"{int(last['active'].max()) if len(last) else 'no row'} at most",
        "exactly",
        "whole numbers",
        bool(len(last) and last["active"].max() == 0),
    )


def stability(stages: pd.DataFrame) -> list[Verdict]:
    """Collapsed units stay so: no direction of the residual is above the variance."""
    one = stages[stages["unit"] == 0]
    some = one[one["active"] <= stages["unit"].max()]
    margin = some["variance"] - some["residual"]
    off = (one["residual"] - one["residual_theory"]).abs()
    least = float(margin.min()) if len(margin) else float("nan")
    return [
        Verdict(
            "while a unit is collapsed no eigenvalue of the residual is above the variance",
            "a margin of 0 or more",
            "Li (2026), stability of the collapsed sector",
            f"{least:.4f} at the least, over {len(some)} stages",
            f"{STEP_SLACK:g} below",
            "a step of the staircase: a unit that is about to collapse has KL left",
            bool(len(some) and least >= -STEP_SLACK),
        ),
        Verdict(
            "the residual's largest eigenvalue is that of the linear theory",
            "the largest unused eigenvalue, or variance squared over a used one",
            "Wang & Ziyin (2022), Theorem 2",
            f"{off.max():.4f} off at most",
            f"{STEP_SLACK:g}",
            "a step of the staircase",
            bool(off.max() <= STEP_SLACK),
        ),
    ]
