"""What `ppca_landscape` claims of its rows, and whether it holds."""

from pathlib import Path

import numpy as np
import pandas as pd

from experiments._parts.landscape_theory import DIRECTIONS
from experiments._verdicts import Verdict, said

LUCAS = "Lucas et al. (2019)"
EXACT = 1e-6
"""Nats: two float64 sums over 64 eigenvalues agree to 1e-13, the text has six digits."""


def signs_right(corner: pd.DataFrame) -> Verdict:
    """Where the collapsed column is unstable, at the three noise variances."""
    found, expected = [], []
    for number in DIRECTIONS:
        found.append(np.sign(corner[f"curvature {number}"]))
        expected.append(np.sign(corner[f"curvature {number} theory"]))
    words = {1.0: "unstable", -1.0: "stable", 0.0: "flat"}
    pairs = [
        " and ".join(words[one] for one in pair) for pair in zip(*found, strict=True)
    ]
    wanted = [
        " and ".join(words[one] for one in pair) for pair in zip(*expected, strict=True)
    ]
    return Verdict(
        "a collapsed column is unstable along an eigenvector exactly where its eigenvalue "
        f"exceeds the noise variance (eigenvectors {DIRECTIONS[0]} and {DIRECTIONS[1]})",
        "; ".join(wanted),
        f"{LUCAS}, Figure 1",
        "; ".join(pairs),
        "none wrong",
        "a sign",
        pairs == wanted,
    )


def bends_right(corner: pd.DataFrame) -> Verdict:
    """Second derivatives of the likelihood, against their closed form."""
    errors = [
        (corner[f"curvature {n}"] / corner[f"curvature {n} theory"] - 1).abs().max()
        for n in DIRECTIONS
    ]
    return Verdict(
        "its curvature there is (eigenvalue - variance) / variance^2",
        "0 relative error",
        f"{LUCAS}, Theorem 1",
        f"{max(errors):.1e}",
        "1e-6",
        "derivatives in float64",
        bool(max(errors) < EXACT),
    )


def tops_right(corner: pd.DataFrame) -> Verdict:
    """The column's optimum along the first direction."""
    some = corner[corner["top"] > 0]
    gains, slopes = some["gain at top"], some["slope at top"].abs()
    shown = ", ".join(f"{one:.4f}" for one in gains)
    return Verdict(
        "where it is unstable its top is at sqrt(eigenvalue - variance) along the first",
        "slope 0 there, and a gain",
        "Tipping & Bishop (1999), Eq. 7",
        f"slope {slopes.max():.1e}, gains {shown} nats",
        "1e-6",
        "derivatives in float64",
        bool((slopes < EXACT).all() and (gains > 0).all()),
    )


def no_traps(corner: pd.DataFrame) -> Verdict:
    """Directions in which likelihood and ELBO are saddles."""
    names = "likelihood saddles", "elbo saddles", "saddles of both"
    same = (corner[names[0]] == corner[names[1]]) & (
        corner[names[1]] == corner[names[2]]
    )
    shown = "; ".join(
        f"{row[names[0]]:.0f} and {row[names[1]]:.0f}" for _, row in corner.iterrows()
    )
    return Verdict(
        "the ELBO adds no trap: it has a way out of collapse along exactly the unused "
        "eigenvectors along which the likelihood has one",
        "the same directions",
        f"{LUCAS}, Theorem 1",
        f"{shown} directions, at the three variances",
        "none wrong",
        "signs of second derivatives, all unused eigenvectors",
        bool(same.all()),
    )


def elbo_is_likelihood(units: pd.DataFrame) -> Verdict:
    """The optimal ELBO against the likelihood, with either variance."""
    free = (units["elbo"] - units["log_likelihood"]).abs().max()
    frozen = (units["frozen_elbo"] - units["frozen_log_likelihood"]).abs().max()
    return Verdict(
        f"the optimal ELBO is the log marginal likelihood, at 1 to {len(units)} units, "
        "with the best variance and with a frozen one",
        "0 nats",
        f"{LUCAS}, Figure 2",
        f"{free:.1e} and {frozen:.1e} nats apart at most",
        "1e-6 nats",
        "float64",
        bool(max(free, frozen) < EXACT),
    )


def plateau(units: pd.DataFrame) -> int:
    """The number of units from which the likelihood with a frozen variance stands still."""
    values = units["frozen_log_likelihood"].to_numpy()
    rising = np.flatnonzero(np.diff(values) > EXACT)
    return int(units["units"].to_numpy()[rising[-1] + 1]) if len(rising) else 1


def plateau_right(units: pd.DataFrame, name: str) -> Verdict:
    """Against the number of eigenvalues above the frozen variance."""
    found, last = plateau(units), units.iloc[-1]
    above = int(last["eigenvalues_above"])
    return Verdict(
        f"{name}: with the variance frozen at {last['frozen_variance']:.6f}, more units "
        "gain nothing from the number of eigenvalues above it on, and are collapsed",
        f"{above} units",
        f"{LUCAS}, Figure 2",
        f"{found} units, {last['frozen_active']:.0f} of {last['units']:.0f} active, at "
        f"{last['frozen_log_likelihood']:.3f} nats",
        "none",
        "a count",
        bool(found == above and last["frozen_active"] == above),
    )


def analytic_arrives(curves: pd.DataFrame) -> Verdict:
    """The gap that training by the closed form leaves, every seed."""
    end = curves[curves["step"] == curves["step"].max()]
    gaps = end.loc[end["training"] == "analytic", "gap"].to_numpy()
    return Verdict(
        "training by the analytic ELBO ends at the log marginal likelihood",
        "a gap of 0 nats",
        f"{LUCAS}, Figure 3",
        f"{said(gaps, 6)} nats",
        "1e-3 nats",
        "float32 sums of about 30 nats are good to 1e-4",
        bool(np.abs(gaps).max() < 1e-3),
    )


def samples_slower(curves: pd.DataFrame) -> Verdict:
    """Steps until less than a tenth of a nat is left, seed by seed."""
    last = curves["step"].max()
    near = curves[curves["gap"] < 0.1].groupby(["training", "seed"])["step"].min()
    seeds = sorted(set(curves["seed"]))
    of_way = {
        way: [int(near.get((way, seed), last + 1)) for seed in seeds]
        for way in ("analytic", "samples of z")
    }
    pairs = zip(of_way["analytic"], of_way["samples of z"], strict=True)
    shown = [
        ", ".join("never" if one > last else str(one) for one in steps)
        for steps in of_way.values()
    ]
    return Verdict(
        "training by samples of z is slower: it is later within 0.1 nats of the likelihood",
        "later, every seed",
        f"{LUCAS}, Figure 3",
        f"steps {shown[1]}, and {shown[0]} by the analytic ELBO",
        "none earlier or at once",
        "seeds have the same start",
        all(one < other for one, other in pairs),
    )


def weights_right(grams: pd.DataFrame) -> Verdict:
    """W'W of the analytically trained models, up to the order and sign of the units."""
    own = grams[grams["training"] == "analytic"]
    noise = (own["variance"] / own["noise theory"] - 1).abs().max()
    return Verdict(
        "its weights are the principal axes: W'W is diagonal, with the eigenvalues less "
        "the variance, which is the mean of those that are left out",
        "0 error, as a share of the largest entry",
        f"{LUCAS}, Section 4; Tipping & Bishop (1999), Eqs. 7 and 8",
        f"{own['off'].max():.1e} beside the diagonal, {own['diagonal'].max():.1e} on it, "
        f"{noise:.1e} of the variance",
        "0.005",
        "that of the rates on the page `linear_theory`",
        bool(max(own["off"].max(), own["diagonal"].max(), noise) < 0.005),
    )


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows; those of Fashion-MNIST are not everywhere."""
    names = ("corner", "units", "curves", "grams", "fashion")
    paths = {name: page / f"{name}.csv" for name in names}
    return verdicts_of(**{n: pd.read_csv(p) for n, p in paths.items() if p.exists()})


def verdicts_of(
    corner: pd.DataFrame,
    units: pd.DataFrame,
    curves: pd.DataFrame,
    grams: pd.DataFrame,
    fashion: pd.DataFrame | None = None,
) -> list[Verdict]:
    """All of them."""
    found = [
        signs_right(corner),
        bends_right(corner),
        tops_right(corner),
        no_traps(corner),
        elbo_is_likelihood(units),
        plateau_right(units, "these images"),
    ]
    if fashion is not None:
        found += [
            elbo_is_likelihood(fashion),
            plateau_right(fashion, "Fashion-MNIST"),
        ]
    return [
        *found,
        analytic_arrives(curves),
        samples_slower(curves),
        weights_right(grams),
    ]
