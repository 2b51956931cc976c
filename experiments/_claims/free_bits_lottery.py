"""What the page of the free-bits lottery claims of its runs."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from experiments._binomial import wilson_interval
from experiments._pages import read_rows
from experiments._verdicts import Verdict, said

ENTROPY = math.log(10)
FREE = 1.0
"""Nats, of the threshold that is judged."""
TRIAL = 7, 12
"""Of the seeds of an earlier trial, those that were informative: the seeds 0 to 11."""
Z99 = 2.576
SIGMAS = 4.0
"""Standard errors: of 400 normal errors one is larger in 40 trials."""
LEAST_SHARE = 0.05
"""Of the runs on each side of a gap: fewer are outliers, not a second mode."""
SOURCE = "earlier trial of 12 other seeds"


def shares_of(ends: pd.DataFrame) -> pd.DataFrame:
    """A row a moment and threshold: how many runs use z, and what they are, in nats."""
    rows = []
    for (step, free), runs in ends.groupby(["step", "threshold"]):
        low, high = wilson_interval(int(runs["informative"].sum()), len(runs))
        rows.append(
            {"step": step, "threshold": free, "seeds": len(runs)}
            | {"informative": int(runs["informative"].sum())}
            | {"share": runs["informative"].mean(), "low": low, "high": high}
            | {"kl_min": runs["rate"].min(), "kl_max": runs["rate"].max()}
            | {"mi_min": runs["information"].min(), "mi_max": runs["information"].max()}
        )
    return pd.DataFrame(rows)


def widest_gap(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The widest empty interval with a share of the values on each of its sides."""
    ordered = np.sort(np.asarray(values, np.float64))
    least = max(1, math.ceil(LEAST_SHARE * len(ordered)))
    below, above = (
        ordered[least - 1 : -least],
        ordered[least : len(ordered) - least + 1],
    )
    at = int(np.argmax(above - below))
    return float(below[at]), float(above[at])


def ranked_above(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """How often a value of the first is above one of the second, and its error by chance.

    Mann & Whitney (1947): 1/2, with the standard error `sqrt((n + m + 1) / 12 n m)`,
    where both are of the same law; NaN where there is none of one.
    """
    above = (first[:, None] > second[None]) + 0.5 * (first[:, None] == second[None])
    n, m = len(first), len(second)
    if not n * m:
        return math.nan, math.nan
    return float(above.mean()), math.sqrt((n + m + 1) / (12 * n * m))


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    return verdicts_of(*read_rows(page, "ends", "events"))


def verdicts_of(ends: pd.DataFrame, events: pd.DataFrame) -> list[Verdict]:
    """Every claim, beside what was found; `ends` and `events` as the page saves them."""
    judged = ends[ends["threshold"] == FREE]
    early = judged[judged["step"] == judged["step"].min()]
    last = judged[judged["step"] == judged["step"].max()]
    return [
        kl_is_alike(early),
        information_is_bimodal(early),
        share_is_that_of_the_trial(early),
        kl_does_not_rank(early),
        distortion_tells(early),
        information_is_below_kl(ends),
        some_stay_losers(last, events),
        *it_goes_on(events),
    ]


def when(judged: pd.DataFrame) -> str:
    """What a claim is made of."""
    return f"after {judged['step'].iloc[0]} steps at {FREE:g} free nat"


def kl_is_alike(judged: pd.DataFrame) -> Verdict:
    """The KL of all seeds is the same, about."""
    spread = float(np.ptp(judged["rate"]))
    middle = judged["rate"].quantile([0.025, 0.975]).tolist()
    found = f"{spread:.3f}; 95 % of the seeds within {middle[1] - middle[0]:.3f}"
    return Verdict(
        f"{when(judged)} the KL of all {len(judged)} seeds is alike",
        "0.3 nats from the least to the largest",
        SOURCE,
        f"{found}; mean (range) {said(judged['rate'])}",
        "0.3 nats",
        "0.26 nats between the 12 seeds of that trial",
        spread < 0.3,
    )


def information_is_bimodal(judged: pd.DataFrame) -> Verdict:
    """The information has two modes with nothing between them."""
    information = judged["information"].to_numpy()
    low, high = widest_gap(information)
    middle = np.mean((information > FREE / 4) & (information < 3 * FREE / 4))
    return Verdict(
        f"{when(judged)} the information is almost none or most of the KL",
        "a gap above 0.5 nats",
        SOURCE,
        f"none from {low:.3f} to {high:.3f}, {high - low:.3f} nats; {middle:.1%} of the "
        f"seeds are on their way, from {FREE / 4:g} to {3 * FREE / 4:g}",
        f"0.5 nats; {LEAST_SHARE:.0%} of the seeds on each side",
        "0.88 nats between the two groups of that trial",
        high - low > 0.5,
    )


def share_is_that_of_the_trial(judged: pd.DataFrame) -> Verdict:
    """As many seeds win as did before."""
    hits, total = int(judged["informative"].sum()), len(judged)
    low, high = wilson_interval(hits, total)
    pooled = (hits + TRIAL[0]) / (total + TRIAL[1])
    error = math.sqrt(pooled * (1 - pooled) * (1 / total + 1 / TRIAL[1]))
    off = abs(hits / total - TRIAL[0] / TRIAL[1])
    return Verdict(
        f"{when(judged)} about as many seeds are informative as before",
        f"{TRIAL[0]} of {TRIAL[1]}",
        SOURCE,
        f"{hits} of {total}: {hits / total:.3f} (95 % {low:.3f} to {high:.3f})",
        f"{Z99 * error:.3f}",
        "99 % of the differences of two samples of one share",
        off < Z99 * error,
    )


def sides_of(judged: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs that use z, and those that do not."""
    return judged[judged["informative"]], judged[~judged["informative"]]


def kl_does_not_rank(judged: pd.DataFrame) -> Verdict:
    """From its rank by KL nobody can tell whether a seed has won."""
    won, lost = sides_of(judged)
    area, error = ranked_above(won["rate"].to_numpy(), lost["rate"].to_numpy())
    means = f"means {won['rate'].mean():.3f} and {lost['rate'].mean():.3f} nats"
    over = (won["rate"] > FREE).mean(), (lost["rate"] > FREE).mean()
    return Verdict(
        f"{when(judged)} the KL of an informative seed is no larger than of another",
        "0.5 of all pairs",
        "the title of the page; Mann & Whitney (1947)",
        f"{area:.3f} of all pairs; {means}; above the threshold {over[0]:.1%} and "
        f"{over[1]:.1%}",
        f"{Z99 * error:.3f}",
        "99 % of what chance makes of equal laws",
        abs(area - 0.5) < Z99 * error,
    )


def on_the_wrong_side(judged: pd.DataFrame) -> pd.Series:
    """Runs whose distortion tells another story than their information."""
    return (judged["distortion"] < ENTROPY - FREE / 2) != judged["informative"]


def distortion_tells(judged: pd.DataFrame) -> Verdict:
    """The distortion is what tells: `D >= H(x) - I(x; z)`."""
    wrong = int(on_the_wrong_side(judged).sum())
    parts = [
        said(side["distortion"]) if len(side) else "none" for side in sides_of(judged)
    ]
    return Verdict(
        f"{when(judged)} the distortion tells the seeds apart, at log 10 - {FREE / 2:g}",
        "0 seeds on the wrong side",
        "H(x) - D <= I(x; z), Alemi et al. (2018), of the lost ones",
        f"{wrong} of {len(judged)}; informative {parts[0]}, others {parts[1]}",
        "0",
        "the bound leaves none of the lost ones below",
        wrong == 0,
    )


def information_is_below_kl(ends: pd.DataFrame) -> Verdict:
    """The information is a part of the KL, whatever the threshold."""
    over = (ends["information"] - ends["rate"]) / ends["error"]
    return Verdict(
        f"no run has more information than KL, of {len(ends)} runs and moments",
        "I(x; z) <= KL, the rest being the marginal KL",
        "Hoffman & Johnson (2016)",
        f"information less KL is at most {over.max():.2f} standard errors",
        f"{SIGMAS:g} standard errors",
        "the largest of as many normal errors",
        bool(over.max() < SIGMAS),
    )


def some_stay_losers(last: pd.DataFrame, events: pd.DataFrame) -> Verdict:
    """Who has not found z by then never does."""
    lost, total = int((~last["informative"]).sum()), len(last)
    rows = events[events["threshold"] == FREE]
    half = rows.loc[rows["births"].cumsum() >= total / 2, "step"]
    latest = rows.loc[rows["births"] > 0, "step"]
    found = f"{lost} of {total}"
    if len(half):
        found += f"; half of the seeds use z from step {half.iloc[0]} on"
        found += f", the last from step {latest.iloc[-1]}"
    return Verdict(
        f"{when(last)} some seeds do not use z still",
        f"{TRIAL[1] - TRIAL[0]} of {TRIAL[1]} after a quarter of the steps",
        SOURCE,
        found,
        "at least one",
        "a lottery has losers, however long they wait",
        lost > 0,
    )


def it_goes_on(events: pd.DataFrame) -> list[Verdict]:
    """Runs die and come back."""
    rows = events[events["threshold"] == FREE]
    seeds, steps = int(rows["seeds"].iloc[0]), int(rows["step"].max())
    source = "a public replication of six seeds"
    named = {"deaths": ("lose z again", "2"), "resurrections": ("find it again", "1")}
    return [
        Verdict(
            f"of {seeds} seeds at {FREE:g} free nat some {words} within {steps} steps",
            f"{before} of 6 seeds",
            f"{source} of Fleuret (2025), arXiv:2510.17558",
            f"{int(rows[column].sum())} times",
            "at least once",
            "the claim is that it happens",
            bool(rows[column].sum() >= 1),
        )
        for column, (words, before) in named.items()
    ]
