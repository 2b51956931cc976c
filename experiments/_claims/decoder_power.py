"""What `decoder_power` claims: collapse along beta and along the power of the decoder."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from experiments._table import correlations
from experiments._verdicts import Verdict

NOTHING = 0.05
"""Nats of information that are none: more than ten times what the estimate is off by where
everything is collapsed, at the largest beta."""
MINE = "the hypothesis of this page"
LEAST = 0.8
AXES = {
    "beta": ("the larger beta is", "power"),
    "power": ("the more the decoder sees", "beta"),
}


def of_page(page: Path) -> list[Verdict]:
    """Of the saved points, map by map."""
    points = pd.read_csv(page / "points.csv")
    maps = points.groupby("map", sort=False)
    return [one for title, own in maps for one in judged(str(title), own)]


def judged(title: str, points: pd.DataFrame) -> list[Verdict]:
    """Both axes, and the threshold that theory has."""
    found = [
        one
        for along in AXES
        for one in (rises(title, points, along), never_falls(title, points, along))
    ]
    known = points["threshold"].notna().any()
    return [*found, forecast(title, points) if known else above_one(title, points)]


def falls(points: pd.DataFrame, along: str, across: str) -> list[str]:
    """Where the collapsed share falls by more than the spread of the seeds."""
    found = []
    for where, line in points.groupby(across):
        rows = line.sort_values(along).to_dict("records")
        for a, b in itertools.combinations(rows, 2):
            spread = max(r["collapsed_max"] - r["collapsed_min"] for r in (a, b))
            if a["collapsed"] - b["collapsed"] > spread + 1e-9:
                found.append(
                    f"{across}={where:g}: {a['collapsed']:.2f} at {along}="
                    f"{a[along]:g}, {b['collapsed']:.2f} at {b[along]:g}"
                )
    return found


def rises(title: str, points: pd.DataFrame, along: str) -> Verdict:
    """The rank correlation of the collapsed share with one axis."""
    words, across = AXES[along]
    found = correlations(points, along, across)
    mean = float(np.mean(found)) if found else float("nan")
    return Verdict(
        f"{title}: more units collapse {words}",
        f"Spearman correlation above {LEAST}, mean over lines",
        MINE,
        f"{mean:.2f}, {len(found)} lines that are not flat",
        f"{LEAST}",
        "set with the first version of the page, before its rows",
        mean > LEAST,
    )


def never_falls(title: str, points: pd.DataFrame, along: str) -> Verdict:
    """Not even between two points."""
    words, across = AXES[along]
    found = falls(points, along, across)
    return Verdict(
        f"{title}: never fewer {words}",
        "0 falls between two points of a line",
        MINE,
        f"{len(found)} falls",
        "the spread of the seeds at either point",
        "three seeds a point",
        not found,
    )


def forecast(title: str, points: pd.DataFrame) -> Verdict:
    """Above the threshold of its row, z says nothing."""
    missed = []
    for power, line in points.groupby("power"):
        above = line[line["beta"] > line["threshold"]].sort_values("beta")
        if above.empty:  # the map does not reach the forecast
            continue
        after = above.iloc[0]
        if after["mutual_information"] >= NOTHING:
            kept = f"{after['mutual_information']:.2f} nats at beta = {after['beta']:g}"
            missed.append(f"power {power:g}: {kept}")
    rows = points["power"].nunique()
    return Verdict(
        f"{title}: z carries nothing at the first beta above the forecast of its row",
        f"below {NOTHING} nats in {rows} of {rows} rows",
        "analytic.collapse_threshold: above it, ignoring z is a minimum",
        f"{rows - len(missed)} of {rows} rows" + "".join(f"; {one}" for one in missed),
        f"{NOTHING} nats",
        "over ten times the noise of the estimate where all is collapsed, at beta = 8",
        not missed,
    )


def above_one(title: str, points: pd.DataFrame) -> Verdict:
    """A decoder that predicts perfectly has its threshold at 1."""
    most = points.loc[points["beta"] > 1, "mutual_information_max"].max()
    return Verdict(
        f"{title}: above beta = 1 no run keeps a code",
        "less than 0.1 nats with every seed",
        "theory: the threshold of a decoder that predicts perfectly is 1",
        f"{most:.3f} nats at most",
        "0.1 nats",
        "the library's verdict of collapse, fixed before",
        bool(most < 0.1),
    )
