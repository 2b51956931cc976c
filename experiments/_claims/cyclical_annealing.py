"""What `cyclical_annealing` claims: one sum for all schedules, unlike shares of it."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from experiments._verdicts import Verdict, said

ENTROPY = math.log(10)
SIGMAS = 4.5
"""Standard errors below log 10 that a mean of 100 iterations may be: the lowest of the 3600
of a normal error is lower one time in 80."""
APART = 0.4
TRIAL = "an independent implementation of the same setting, one seed, before these runs"
GAPS = "half of the least gap in independent trials at three rates, before these runs"
PAPER = "Fu et al. (2019), toy experiment"
READ_OFF = {"constant": 0.15, "monotonic": 0.95, "cyclical": 1.65}
"""KL at the end of the curves that the authors publish, read off in nats."""
LABELS = {
    "constant": "a constant beta",
    "monotonic": "one ramp",
    "cyclical": "four cycles",
}


def of_page(page: Path) -> list[Verdict]:
    """Of the saved curves."""
    return judged(pd.read_csv(page / "history.csv"))


def lowest(rows: pd.DataFrame) -> float:
    """The lowest sum of all windows: its standard errors over log 10, negative below."""
    return float(((rows["total"] - ENTROPY) / rows["error"]).min())


def judged(rows: pd.DataFrame) -> list[Verdict]:
    """The law, the claims, and the curves of the paper."""
    end = rows[rows["step"] == rows["step"].max()].pivot(
        index="seed", columns="schedule"
    )
    return [law(rows), *at_end(end), growing(rows), *published(end["rate"])]


def law(rows: pd.DataFrame) -> Verdict:
    """No code is shorter than the entropy."""
    found = lowest(rows)
    return Verdict(
        "Reconstruction + KL is never below the entropy of the data",
        f"log 10 = {ENTROPY:.4f} nats",
        "Shannon (1948)",
        f"the lowest of {len(rows)} windows: {found:+.1f} standard errors from it",
        f"{SIGMAS} standard errors",
        f"the lowest of {len(rows)} normal errors is lower one time in 80",
        found >= -SIGMAS,
    )


def at_end(end: pd.DataFrame) -> list[Verdict]:
    """Where the schedules end."""
    rate, distortion, total = end["rate"], end["distortion"], end["total"]
    pairs = [
        (
            "Four cycles end with more KL than one ramp, with every seed",
            rate["cyclical"] - rate["monotonic"],
        ),
        (
            "Four cycles reconstruct better than a constant beta, with every seed",
            distortion["constant"] - distortion["cyclical"],
        ),
    ]
    found = [
        Verdict(
            claim,
            f"by more than {APART} nats",
            PAPER,
            f"by {said(gap, 2)} nats",
            f"{APART} nats",
            GAPS,
            bool(gap.min() > APART),
        )
        for claim, gap in pairs
    ]
    return [*found, close(total.to_numpy()), constant(rate["constant"])]


def close(totals: np.ndarray) -> Verdict:
    """All end next to the entropy."""
    return Verdict(
        "Every schedule ends close to the entropy",
        f"{ENTROPY:.3f} nats",
        PAPER,
        f"{said(totals)} nats",
        "at most 2.42 nats",
        f"2.38 in {TRIAL}",
        bool(totals.max() <= 2.42),
    )


def constant(rates: pd.Series) -> Verdict:
    """Without annealing nothing is left."""
    return Verdict(
        "With a constant beta hardly any KL is left",
        f"{READ_OFF['constant']} nats",
        PAPER,
        f"{said(rates)} nats",
        "at most 0.3 nats",
        "twice the published value",
        bool(rates.max() <= 0.3),
    )


def growing(rows: pd.DataFrame) -> Verdict:
    """Progressive learning: every cycle ends with more KL than the one before."""
    cycle = rows["step"].max() // 4
    ends = rows[(rows["schedule"] == "cyclical") & (rows["step"] % cycle == 0)]
    rates = ends.groupby("step")["rate"].mean()
    return Verdict(
        "No cycle ends with less KL than the one before",
        "0.42, 1.35, 1.6, 1.65 nats",
        PAPER,
        ", ".join(f"{rate:.2f}" for rate in rates) + " nats",
        "falls of 0.05 nats",
        "the same as was set for an independent trial",
        bool(rates.diff().dropna().min() >= -0.05),
    )


def published(rates: pd.DataFrame) -> list[Verdict]:
    """The KL at which the published curves end; how they start is not published."""
    return [
        Verdict(
            f"The KL of {LABELS[name]} ends where the published curve does",
            f"{level} nats",
            f"{PAPER}, read off the figure",
            f"{said(rates[name], 2)} nats",
            f"{APART} nats",
            "what the schedules must differ by",
            bool(abs(rates[name].mean() - level) <= APART),
        )
        for name, level in READ_OFF.items()
    ]
