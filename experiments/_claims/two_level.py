"""What the page of two levels claims, judged from its rows."""

from pathlib import Path

import numpy as np
import pandas as pd

from experiments._pages import read_rows
from experiments._verdicts import Verdict, said

SHARE = 0.01
"""Off the closed form, of the largest value; what the claim says."""
SMALL = 0.01
"""Nats off where a KL is smaller than one: 1 % of a nat."""
THEOREM = "Dang et al. (2024), Theorem 3"
CHANGED = 0.1
"""Nats by which theory must tell two settings apart for ReLU networks to be asked."""


def kept_rows(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Of linear members in settings that are compared."""
    linear = runs[runs["model"] == "linear"]
    members = linear.loc[~linear["left_out"].astype(bool), "member"]
    return table[table["member"].isin(members)]


def number_of_settings(rows: pd.DataFrame) -> int:
    """Pairs of beta1 and beta2."""
    return len(rows[["beta", "beta_two"]].drop_duplicates())


def share_off(units: pd.DataFrame, level: int) -> pd.Series:
    """How far every member's worst singular value is off, of its level's largest.

    Where theory has none above 0, of 1 in level 2 and of 0.5 in level 1: the deviation of
    the noise beside it.
    """
    own = units[units["level"] == level]
    own = own.assign(off=(own["found"] - own["theory"]).abs())
    by_member = own.groupby("member")[["off", "theory"]].max()
    noise = 0.5 if level == 1 else 1.0
    return by_member["off"] / by_member["theory"].where(by_member["theory"] > 0, noise)


def kl_off(rows: pd.DataFrame, name: str) -> pd.Series:
    """Nats off, of the larger of the theory and of one nat."""
    theory = rows[f"{name}_theory"]
    return (rows[name] - theory).abs() / theory.abs().clip(lower=SMALL / SHARE)


def closeness(runs: pd.DataFrame, units: pd.DataFrame) -> list[Verdict]:
    """Singular values and KL of both levels against the closed form."""
    rows, own = kept_rows(runs, runs), kept_rows(units, runs)
    count = number_of_settings(rows)
    offs = {
        "singular values of W1 S^(1/2), level 1,": share_off(own, 1),
        "singular values of U2, level 2,": share_off(own, 2),
        "KL of level 1": kl_off(rows, "kl_one"),
        "what the objective charges for level 1": kl_off(rows, "rate_one"),
        "KL of level 2": kl_off(rows, "rate_two"),
    }
    return [
        Verdict(
            claim=f"{name} within 1 % of the closed form, {count} settings",
            expected="0 % off",
            source=THEOREM,
            found=f"{said(100 * off, 2)} % off",
            tolerance="1 % of the largest; of a KL below 1 nat, 0.01 nat",
            why="the claim",
            holds=bool((off <= SHARE).all()) and count >= 10,
        )
        for name, off in offs.items()
    ]


def names_of(first: pd.Series, second: pd.Series) -> pd.Series:
    """Which levels have no active unit."""
    words = {
        (False, False): "neither",
        (True, False): "level 1",
        (False, True): "level 2",
        (True, True): "both",
    }
    pairs = zip(first == 0, second == 0, strict=True)
    return pd.Series([words[a, b] for a, b in pairs], index=first.index)


def naming(runs: pd.DataFrame) -> Verdict:
    """The active units of both levels, and so the level that is collapsed."""
    rows = kept_rows(runs, runs)
    right = (rows["active_one"] == rows["active_one_theory"]) & (
        rows["active_two"] == rows["active_two_theory"]
    )
    names = names_of(rows["active_one_theory"], rows["active_two_theory"])
    counts = ", ".join(f"{n} {name}" for name, n in names.value_counts().items())
    return Verdict(
        claim="the collapsed level and every collapsed unit are named by theory",
        expected=f"{len(rows)} runs; collapsed: {counts}",
        source=THEOREM,
        found=f"{int(right.sum())} runs",
        tolerance="none",
        why="no unit is near a threshold in the settings compared",
        holds=bool(right.all()),
    )


def optimality(runs: pd.DataFrame) -> Verdict:
    """No trained model is below the closed form, and none far above it."""
    rows = runs[runs["model"] == "linear"]
    above = rows["objective"] - rows["objective_theory"]
    # a true optimum has nothing below it but the rounding of float64
    return Verdict(
        claim="no run has a lower objective than the closed form, in any setting",
        expected="0 nats above it",
        source="global optimum",
        found=f"{said(above, 5)} nats",
        tolerance="0 to 0.01 nats",
        why="a global optimum; what 1 % of a KL of one nat costs at weight 1",
        holds=bool((above > -1e-9).all() and (above < 0.01).all()),
    )


def steps_along(rows: pd.DataFrame, along: str, across: str) -> np.ndarray:
    """Differences of the KL of level 2 between neighbours of one seed, and of theory."""
    found = []
    for _, line in rows.groupby([across, "seed"]):
        ordered = line.sort_values(along)
        found.append(np.diff(ordered[["rate_two", "rate_two_theory"]], axis=0))
    return np.concatenate(found)


def revival(runs: pd.DataFrame) -> list[Verdict]:
    """More beta1 or less beta2, more KL in level 2; the ReLU networks between the ends."""
    judged = []
    for model in ("linear", "mlp"):
        rows = runs[runs["model"] == model]
        # the full grid, without the settings beside it
        lines = rows.groupby("beta_two")["beta"].transform("nunique")
        rows = rows[lines == lines.max()]
        ups = steps_along(rows, "beta", "beta_two")
        downs = -steps_along(rows, "beta_two", "beta")
        steps = np.concatenate([ups, downs])
        asked = steps[steps[:, 1] > CHANGED]
        grows = int((asked[:, 0] > 0).sum())
        name = "linear" if model == "linear" else "ReLU"
        judged.append(
            Verdict(
                claim=f"{name}: more beta1 or less beta2 gives level 2 more KL",
                expected=f"{len(asked)} of {len(asked)} steps along the grid",
                source="Dang et al. (2024), Section 5; the linear closed form",
                found=f"{grows} of {len(asked)}",
                tolerance="none",
                why=f"steps of more than {CHANGED} nat in the linear theory, by seed",
                holds=grows == len(asked) > 0,
            )
        )
    return judged


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    return verdicts(*read_rows(page, "runs", "units"))


def verdicts(runs: pd.DataFrame, units: pd.DataFrame) -> list[Verdict]:
    """All of the page."""
    near, rest = closeness(runs, units), [naming(runs), optimality(runs)]
    return [*near, *rest, *revival(runs)]
