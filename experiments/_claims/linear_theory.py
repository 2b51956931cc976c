"""What `linear_theory` claims: the optimum that the eigenvalues predict."""

from pathlib import Path

import pandas as pd

from experiments._verdicts import Verdict

THEORY = "Lucas et al. (2019); Wang & Ziyin (2022), Theorem 2"
SET_BEFORE = "set with the first version of the page, before these rows"
COUNTED_FROM = 0.5
"""Nats of rate from which a relative error says something."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved table."""
    return judged(pd.read_csv(page / "table.csv"))


def judged(table: pd.DataFrame) -> list[Verdict]:
    """Rate, distortion and units at every point that is not next to a threshold."""
    kept = table[~table["left_out"]]
    return [*in_nats(kept), active_units(kept), one_level(kept)]


def in_nats(kept: pd.DataFrame) -> list[Verdict]:
    """Rate and distortion at the optimum."""
    large = kept[kept["rate_theory"] > COUNTED_FROM]
    rate = 100 * (large["rate"] / large["rate_theory"] - 1).abs().max()
    distortion = (kept["distortion"] - kept["distortion_theory"]).abs().max()
    return [
        Verdict(
            f"The rate is that of the optimum wherever that is above {COUNTED_FROM} nats",
            "sum of log+(eigenvalue / (beta variance)) / 2, nats",
            THEORY,
            f"off by {rate:.2f} % at most, {len(large)} runs",
            "0.5 %",
            SET_BEFORE,
            bool(rate <= 0.5),
        ),
        Verdict(
            "The distortion is that of the optimum",
            "Gaussian negative log-likelihood of sum of min(level, eigenvalue), nats",
            THEORY,
            f"off by {distortion:.3f} nats at most, {len(kept)} runs",
            "0.1 nats",
            SET_BEFORE,
            bool(distortion <= 0.1),
        ),
    ]


def active_units(kept: pd.DataFrame) -> Verdict:
    """How many are in use."""
    wrong = int((kept["active"] != kept["active_theory"]).sum())
    return Verdict(
        "As many units are active as eigenvalues are above the water level / 0.99",
        "an equal count in every run",
        f"{THEORY}; threshold of 0.01: Burda et al. (2016)",
        f"{len(kept) - wrong} of {len(kept)} runs agree",
        "none",
        "a count; points within 10 % of a threshold are left out",
        wrong == 0,
    )


def one_level(kept: pd.DataFrame) -> Verdict:
    """Only the product of beta and variance matters."""
    large = kept[kept["rate_theory"] > COUNTED_FROM]
    level = (large["beta"] * large["variance"]).round(6)
    rates = large["rate"].groupby(level)
    spread = 100 * (rates.max() / rates.min() - 1).max()
    return Verdict(
        "Runs with the same beta x variance end with the same rate, whatever their beta",
        "equal rates",
        THEORY,
        f"they differ by {spread:.3f} % at most, {rates.ngroups} levels",
        "0.5 %",
        "as for the rate itself",
        bool(spread <= 0.5),
    )
