"""What `text_collapse` claims: Bowman's picture, remedies, and a language model."""

from pathlib import Path

import pandas as pd

from experiments._claims.annealing_schedules import RANGES, all_are
from experiments._pages import read_rows
from experiments._verdicts import Verdict, said

PLAIN, ANNEALED, LANGUAGE = "VAE", "annealed", "language model"
HELD = ("free bits 4", "pre-training, free bits")
BOWMAN = "Bowman et al. (2016)"
BIT = 0.693
"""Nats in a bit, above which a code is one: the library's verdict."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved runs, curves and sentences."""
    return judged(*read_rows(page, "runs", "history", "sentences"))


def judged(
    runs: pd.DataFrame, history: pd.DataFrame, sentences: pd.DataFrame
) -> list[Verdict]:
    """Collapse, annealing, remedies, sentences."""
    of = dict(tuple(runs.groupby("arm")))
    return [
        all_are("Plain training ignores z", BOWMAN, of[PLAIN], {"collapsed"}),
        like_language_model(of),
        *spike(history[history["arm"] == ANNEALED]),
        all_are("Annealing keeps a code", BOWMAN, of[ANNEALED], {"healthy"}),
        *(informs(arm, of[arm]) for arm in HELD),
        hides(of),
        *writes(sentences),
    ]


def like_language_model(of: dict[str, pd.DataFrame]) -> Verdict:
    """A collapsed VAE is a language model."""
    own, other = of[PLAIN]["perplexity"], of[LANGUAGE]["perplexity"]
    meet = own.min() <= other.max() and other.min() <= own.max()
    return Verdict(
        "The collapsed VAE predicts as well as a language model of the same decoder",
        f"perplexity {said(other, 1)}",
        f"{BOWMAN}; He et al. (2019), Table 1",
        f"perplexity {said(own, 1)}",
        "none",
        "ranges over the seeds that meet",
        bool(meet),
    )


def spike(history: pd.DataFrame) -> list[Verdict]:
    """The KL rises while it costs nothing, and is gone before it costs all."""
    mean = history.groupby("step")[["beta", "rate"]].mean()
    top = mean["rate"].idxmax()
    half = mean[mean["beta"] >= 0.5].iloc[0]
    share = half["rate"] / mean["rate"].max()
    return [
        Verdict(
            "Annealed: the KL has its spike while its weight is small",
            "at a weight below 0.5",
            f"{BOWMAN}, Figure 2",
            f"{mean['rate'].max():.1f} nats at step {top}, "
            f"weight {mean.loc[top, 'beta']:.3f}",
            "0.5",
            "half of the weight that it ends with",
            bool(mean.loc[top, "beta"] < 0.5),
        ),
        Verdict(
            "and is gone before the weight has come up",
            "less than a tenth of the spike at a weight of 0.5",
            "the hypothesis of this page",
            f"{half['rate']:.2f} nats, {share:.3f} of the spike",
            "0.1",
            "one order of magnitude",
            bool(share < 0.1),
        ),
    ]


def informs(arm: str, own: pd.DataFrame) -> Verdict:
    """A held rate is information here."""
    found = own["mutual_information"]
    return Verdict(
        f"{arm}: what is held is information, with every seed",
        "more than one bit",
        "Kingma et al. (2016)" if arm == HELD[0] else "Li et al. (2019)",
        f"{said(found, 2)} nats of a rate of {said(own['rate'], 2)}",
        f"{BIT} nats",
        "below it the library calls a code collapsed in part, fixed before",
        bool(found.min() > BIT),
    )


def hides(of: dict[str, pd.DataFrame]) -> Verdict:
    """Word dropout makes room for z."""
    own, other = (of[arm]["mutual_information"] for arm in ("word dropout 0.5", PLAIN))
    return Verdict(
        "Hiding half of the words leaves more to z than plain training",
        f"above {said(other, 2)} nats of information",
        BOWMAN,
        f"{said(own, 2)} nats",
        "none",
        RANGES,
        bool(own.min() > other.max()),
    )


def writes(sentences: pd.DataFrame) -> list[Verdict]:
    """Between two sentences a collapsed model says one thing, an informed one several."""
    path = sentences[sentences["kind"] == "between two sentences"]
    counts = path.fillna("").groupby("arm", sort=False)["sentence"].nunique()
    found = []
    for arm, count in counts.items():
        one = arm == PLAIN
        found.append(
            Verdict(
                f"{arm}: between two test sentences, under the same noise, it writes "
                + ("one sentence" if one else "more than one"),
                "1" if one else "more than 1",
                BOWMAN,
                f"{count} different of {len(path) // len(counts)}",
                "none",
                "a count",
                (count == 1) == one,
            )
        )
    return found
