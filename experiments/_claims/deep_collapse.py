"""What the page about the deep VAE's collapse claims of its runs."""

from pathlib import Path

import numpy as np
import pandas as pd

from experiments._pages import read_rows
from experiments._parts.collapse_theory import collapse_thresholds
from experiments._verdicts import Verdict, said

SOURCE = "Lucas et al. (2019), Section 5; trial of one other run"
NUM_GAUSSIAN = 20_000
"""Examples of Gaussian data that the closed form is checked on."""
LITTLE = 2.0
"""Nats that a warm-up may change: the most in an earlier trial, at a variance of 0.01."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    ends, spectrum = read_rows(page, "ends", "spectrum")
    units = int(ends["units"].iloc[0])
    return verdicts_of(ends, units, spectrum["eigenvalue"].to_numpy())


def verdicts_of(ends: pd.DataFrame, units: int, spectrum: np.ndarray) -> list[Verdict]:
    """Every claim beside what was found, each of every seed.

    Args:
        ends: a row a run, as the page saves them.
        units: of z.
        spectrum: eigenvalues of the training data's covariance, descending.
    """
    fixed, learned = (ends[ends["kind"] == kind] for kind in ("fixed", "learned"))
    plain = fixed[~fixed["warm_up"]]
    return [
        falls(fixed, "fixed variance", "variance"),
        all_collapsed(fixed, units, float(spectrum[0])),
        none_collapsed(plain),
        best_variance(plain),
        warm_up_is_little(fixed),
        falls(learned, "learned variance", "start"),
        stuck(learned[~learned["warm_up"]], units, float(spectrum.mean())),
        closed_form(spectrum),
    ]


def seeds_of(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The runs of each seed and schedule, the largest variance first."""
    groups = rows.groupby(["warm_up", "seed"])
    return [run.sort_values("variance", ascending=False) for _, run in groups]


def falls(rows: pd.DataFrame, words: str, name: str) -> Verdict:
    """No more units collapse where the variance is smaller."""
    rises = [int(run["collapsed"].diff().max()) for run in seeds_of(rows)]
    means = rows.groupby("variance")["collapsed"].mean().sort_index(ascending=False)
    listed = ", ".join(f"{at:g}: {count:.1f}" for at, count in means.items())
    return Verdict(
        f"{words}: no more units are collapsed, the smaller the {name}",
        "no rise from one to the next",
        SOURCE,
        f"largest rise {max(rises)} units, a rise in {sum(rise > 0 for rise in rises)} of "
        f"{len(rises)} sequences; means {listed}",
        "0 units",
        "counts of every seed and schedule",
        max(rises) <= 0,
    )


def all_collapsed(fixed: pd.DataFrame, units: int, largest: float) -> Verdict:
    """Above the largest eigenvalue nothing is worth its rate."""
    above = fixed[fixed["variance"] > largest]
    return Verdict(
        f"all units are collapsed at variances above {largest:.3f}",
        f"{units} units, beyond the largest eigenvalue",
        "Lucas et al. (2019), of the linear VAE",
        f"{said(above['collapsed'], 1)} units at {sorted(set(above['variance']))}",
        "0 units",
        "exact for the linear VAE",
        bool((above["collapsed"] == units).all()),
    )


def none_collapsed(plain: pd.DataFrame) -> Verdict:
    """Small variances leave no unit collapsed."""
    below = plain[plain["variance"] <= 0.01]
    return Verdict(
        "no unit is collapsed at variances of 0.01 and below",
        "0 units",
        "an earlier trial of one other run",
        f"{said(below['collapsed'], 1)} units",
        "0 units",
        "counts of every seed",
        bool((below["collapsed"] == 0).all()),
    )


def best_variance(plain: pd.DataFrame) -> Verdict:
    """Of the fixed variances one in the middle has the best ELBO."""
    best = [
        float(run.set_index("variance")["negative_elbo"].idxmin())
        for run in seeds_of(plain)
    ]
    return Verdict(
        "of the fixed variances 0.01 has the largest ELBO",
        "0.01",
        "an earlier trial of one other run",
        said(best),
        "none",
        "neighbours differ by a factor of 3",
        set(best) == {0.01},
    )


def warm_up_is_little(fixed: pd.DataFrame) -> Verdict:
    """A warm-up does not change where a run of a fixed variance ends."""
    rows = fixed[fixed["variance"] >= 0.01]
    pairs = rows.pivot_table(
        index=["variance", "seed"], columns="warm_up", values="negative_elbo"
    )
    off = (pairs[True] - pairs[False]).abs()
    return Verdict(
        "a warm-up hardly changes the ELBO at fixed variances from 0.01 on",
        f"less than {LITTLE:g} nats",
        SOURCE,
        f"{said(off)} nats",
        f"{LITTLE:g} nats",
        "the largest change in that trial",
        bool(off.max() < LITTLE),
    )


def stuck(learned: pd.DataFrame, units: int, level: float) -> Verdict:
    """From too large a start the variance ends where nothing is encoded."""
    rows = learned[learned["variance"] == learned["variance"].max()]
    off = (rows["final"] / level - 1).abs().max()
    collapsed = bool((rows["collapsed"] == units).all())
    return Verdict(
        f"learned from {rows['variance'].iloc[0]:g}, without a warm-up, the variance stays "
        "at full collapse",
        f"{units} units, and the mean eigenvalue, {level:.4f}",
        "D + R with z unused is least at variance = trace / n",
        f"{said(rows['collapsed'], 1)} units; variance {said(rows['final'], 4)}",
        "10 %",
        "0.078 for 0.073 in an earlier trial of one other run",
        collapsed and off < 0.1,
    )


def closed_form(spectrum: np.ndarray) -> Verdict:
    """The linear VAE on Gaussian data collapses at the eps that the theory says."""
    variance = 0.1
    kept = spectrum[spectrum > variance]
    r = variance / kept
    noise = np.random.default_rng(0).standard_normal((NUM_GAUSSIAN, len(kept)))
    kl = ((1 - r) * noise**2 + r - np.log(r) - 1) / 2
    expected = collapse_thresholds(spectrum, len(kept), variance)
    off = np.abs(np.quantile(kl, 0.99, axis=0) / expected - 1)
    # the density of chi2 at its 0.99 quantile is 0.0056: its error is 0.126 of 6.635
    return Verdict(
        "linear VAE, Gaussian data: a unit collapses at the eps of the closed form",
        f"{expected.min():.3f} to {expected.max():.3f} nats",
        "chi-square law of the mean's square",
        f"off by {off.max():.2%} at most, {len(kept)} units, {NUM_GAUSSIAN} examples",
        "8 %",
        "4 standard errors of a 0.99 quantile: 0.126 of 6.635 each",
        bool(off.max() < 0.08),
    )
