"""What `learning_dynamics` claims: of its equation beside SGD, of its end, of annealing."""

import math
from pathlib import Path

import pandas as pd

from experiments._pages import read_rows
from experiments._parts import dynamics
from experiments._verdicts import Verdict, said

SOURCE = "Ichikawa & Hukushima (2024)"


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    return verdicts(*read_rows(page, "gaps", "ends", "spare", "speeds"))


def verdicts(
    gaps: pd.DataFrame,
    steady: pd.DataFrame,
    spare: pd.DataFrame,
    speeds: pd.DataFrame,
) -> list[Verdict]:
    """Of the equation against SGD, of where it ends, of a unit to spare, of annealing."""
    return [
        *path_verdicts(gaps),
        *steady_verdicts(steady),
        *spare_verdicts(steady, spare),
        *speed_verdicts(speeds),
    ]


def path_verdicts(gaps: pd.DataFrame) -> list[Verdict]:
    """One a weight of the rate: the largest distance over time, of every seed."""
    found = []
    for (units, beta, speed), own in gaps.groupby(["units", "beta", "speed"]):
        worst = own["gap"]
        words = f"beta = {beta:g}" + (f" tanh({speed:g} t)" if speed else "")
        words += " and with a unit to spare" if units > 1 else ""
        found.append(
            Verdict(
                f"the equation tells the error of SGD at {words}, at any time",
                "0 apart with infinitely many features",
                SOURCE,
                f"{said(worst)} at most",
                "0.08",
                "twice the 0.04 of two other seeds at beta = 1, 500 features",
                bool(worst.max() < 0.08),
            )
        )
    return found


def steady_verdicts(steady: pd.DataFrame) -> list[Verdict]:
    """The end of the equation against theory at a small learning rate."""
    off = (steady["ode"] - steady["theory"]).abs()
    best = float(steady.loc[steady["ode"].idxmin(), "beta"])
    edge = dynamics.SIGNAL + dynamics.NOISE
    collapsed = steady[steady["beta"] > edge]["ode"]
    alive = steady[steady["beta"] < edge]["ode"].max()
    rate = 10 * dynamics.LEARNING_RATE
    return [
        Verdict(
            "learning ends where theory says, for every beta",
            "0 apart at an infinitely small learning rate",
            SOURCE,
            f"{off.max():.4f} at most, at beta = {steady.loc[off.idxmax(), 'beta']:g}",
            f"{rate:g}",
            "ten learning rates: the equation's terms in its square are left out there",
            bool(off.max() < rate),
        ),
        Verdict(
            "the error is least at beta = noise",
            f"beta = {dynamics.NOISE:g}",
            SOURCE,
            f"beta = {best:g}, error {steady['ode'].min():.4f}",
            "0 steps of the grid, 0.1 each",
            "theory's minimum is a point of the grid",
            best == dynamics.NOISE,
        ),
        Verdict(
            "above beta = signal + noise the VAE is collapsed, below it is not",
            f"error {dynamics.SIGNAL:g} above {edge:g}, less below",
            SOURCE,
            f"{said(collapsed, 4)} above, {alive:.4f} at most below",
            f"{rate:g}",
            "ten learning rates",
            bool(
                (collapsed - dynamics.SIGNAL).abs().max() < rate
                and alive < dynamics.SIGNAL - rate
            ),
        ),
    ]


def spare_verdicts(steady: pd.DataFrame, spare: pd.DataFrame) -> list[Verdict]:
    """What a second unit does, for which the data have nothing but noise."""
    off = (spare["ode"] - spare["theory"]).abs()
    more = spare.set_index("beta")["ode"] - steady.set_index("beta")["ode"]
    noise, rate = dynamics.NOISE, 10 * dynamics.LEARNING_RATE
    owed = (noise - more.index.to_series()).clip(lower=0)
    half = noise / 2
    return [
        Verdict(
            "with a unit to spare learning ends where theory says, for every beta",
            "0 apart at an infinitely small learning rate",
            f"{SOURCE}; the optimum of a linear VAE, Lucas et al. (2019)",
            f"{off.max():.4f} at most, at beta = {spare.loc[off.idxmax(), 'beta']:g}",
            f"{rate:g}",
            "ten learning rates: the equation's terms in its square are left out there",
            bool(off.max() < rate),
        ),
        Verdict(
            "below beta = noise a unit to spare fits noise, above it is collapsed",
            f"an error larger by noise - beta, {noise - half:g} at beta = {half:g}; by 0",
            SOURCE,
            f"{more[half]:.4f} at beta = {half:g}; from {noise:g} on "
            f"{more[more.index >= noise].abs().max():.4f} at most",
            f"{rate:g}",
            "ten learning rates",
            bool((more - owed).abs().max() < rate and (more[owed > rate] > 0).all()),
        ),
    ]


def speed_verdicts(speeds: pd.DataFrame) -> list[Verdict]:
    """Annealing has a best speed, and changes nothing in the end."""
    at = speeds.set_index("speed")["time"]
    tried = at.drop(0.0)
    best = float(tried.idxmin()) if tried.notna().any() else math.nan
    inside = tried.index.min() < best < tried.index.max()
    ended = speeds[(speeds["speed"] == 0) | (speeds["speed"] >= 1e-3)]["end"]
    apart = float(ended.max() - ended.min())
    return [
        Verdict(
            "annealing at a speed of 0.001 learns in nine tenths of the time or less",
            "571 against 702.6: 0.81",
            "an independent implementation of the equation",
            f"{at[1e-3]:.1f} against {at[0.0]:.1f}: {at[1e-3] / at[0.0]:.3f}",
            "0.9 at most",
            "half of what it gained there",
            bool(at[1e-3] < 0.9 * at[0.0]),
        ),
        Verdict(
            "the best speed is in between: slower and faster annealing learn later",
            "0.001 of 0.0001 to 0.1",
            "an independent implementation of the equation",
            f"{best:g}; {at[1e-4]:.1f} at 0.0001, {at.iloc[-1]:.1f} at 0.1",
            "strictly inside the grid",
            "what an interior optimum is",
            bool(inside and at[1e-4] > at[1e-3] < at.iloc[-1]),
        ),
        Verdict(
            "where annealing has ended, the error that is left does not depend on it",
            "0 apart",
            "the equation has one stable point, up to a sign",
            f"{apart:.2e} between no annealing and speeds of 0.001 and more",
            "1e-6",
            f"tanh is 1 within 1e-80 at time {dynamics.LONG}; what is left is rounding",
            apart < 1e-6,
        ),
    ]
