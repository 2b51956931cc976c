"""What `remedies` claims, and what the papers do: who keeps the code of this decoder."""

from pathlib import Path

import pandas as pd

from experiments._claims.annealing_schedules import RULE
from experiments._verdicts import Verdict

CURES = {  # a remedy at beta = 2, of which its paper says that it keeps a code
    "linear annealing": "Bowman et al. (2016)",
    "cyclical annealing": "Fu et al. (2019)",
    "free bits, unit": "Kingma et al. (2016)",
    "free bits, total": "Kingma et al. (2016)",
    "delta-VAE": "Razavi et al. (2019)",
    "BN-VAE": "Zhu et al. (2020)",
    "target rate": "Shao et al. (2020)",
    "ControlVAE": "Shao et al. (2020)",
    "MMD": "Zhao et al. (2019)",
    "semi-amortised": "Kim et al. (2018)",
    "aggressive": "He et al. (2019)",
    "pre-training, free bits": "Li et al. (2019)",
    "word dropout": "Bowman et al. (2016)",
    "window 8": "Chen et al. (2017)",
    "VampPrior": "Tomczak & Welling (2018)",
    "AR(1) prior": "Razavi et al. (2019)",
}
HELD = (
    "free bits, unit",
    "free bits, total",
    "capacity",
    "BN-VAE",
    "target rate",
    "ControlVAE",
)
"""Remedies that hold 1.6 nats, as delta-VAE does."""
COMMITTED = 1.6
"""Nats: 0.2 for each of 8 units."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved table."""
    return judged(pd.read_csv(page / "table.csv"))


def judged(table: pd.DataFrame) -> list[Verdict]:
    """Collapse without a remedy, every remedy, and two laws of the rate."""
    of = table.set_index("remedy")
    cures = [cure(name, source, of.loc[name]) for name, source in CURES.items()]
    return [plain(of.loc["none"]), *cures, floor(of.loc["delta-VAE"]), need_not(of)]


def information(row: pd.Series) -> str:
    """Verdicts and nats of one remedy."""
    ends = f"{row['MI min']:.2f} to {row['MI max']:.2f}"
    return f"{row['verdict']}; information {row['MI']:.2f} ({ends}) nats"


def plain(row: pd.Series) -> Verdict:
    """What the remedies are for."""
    return Verdict(
        "Without a remedy the decoder collapses at beta = 2",
        "collapsed with every seed",
        "Chen et al. (2017)",
        information(row),
        "none: every run counts",
        RULE,
        row["verdict"] == "3 collapsed",
    )


def cure(name: str, source: str, row: pd.Series) -> Verdict:
    """Whether a remedy keeps the code here, whatever it does elsewhere."""
    return Verdict(
        f"{name}: the code is kept",
        "healthy with every seed",
        source,
        information(row),
        "none: every run counts",
        RULE,
        row["verdict"] == "3 healthy",
    )


def floor(row: pd.Series) -> Verdict:
    """The posterior of delta-VAE cannot have less."""
    return Verdict(
        "delta-VAE has the rate that it is committed to",
        f"{COMMITTED} nats",
        "Razavi et al. (2019)",
        f"{row['rate']:.4f} nats",
        "0.001 nats",
        "rounding of a sum of float32, and of the row",
        bool(abs(row["rate"] - COMMITTED) <= 1e-3),
    )


def need_not(of: pd.DataFrame) -> Verdict:
    """A rate need not be information."""
    own, rest = of.loc["delta-VAE"], of.loc[list(HELD)]
    return Verdict(
        "At the same rate delta-VAE carries less information than the others that hold it",
        f"below {rest['MI min'].min():.2f} nats, the least of the others",
        "Hoffman & Johnson (2016): rate = information + marginal KL",
        f"{own['MI']:.2f} ({own['MI min']:.2f} to {own['MI max']:.2f}) nats",
        "none",
        "ranges over the seeds that do not meet",
        bool(own["MI max"] < rest["MI min"].min()),
    )
