"""What `words_of_z` claims: where in a sentence z is of use."""

from pathlib import Path

import pandas as pd

from experiments._pages import read_rows
from experiments._verdicts import Verdict, said

PAPER = "Bosc & Vincent (2020)"
CODED = ("free bits 4", "pre-training, free bits")
COLLAPSED, LANGUAGE = "VAE", "language model"
FIRST, LATER = 3, 8
"""First words are the first three, later ones those from the eighth on."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved positions and sums."""
    return judged(*read_rows(page, "positions", "totals"))


def judged(table: pd.DataFrame, totals: pd.DataFrame) -> list[Verdict]:
    """The law of the sum, both arms with a code, and the control."""
    words = table[table["kind"] == "word"]
    found = [same_sum(totals)]
    for arm in CODED:
        own = table[table["arm"] == arm]
        found += [first_words(arm, own), length(arm, own)]
    return [*found, control(words)]


def gain(own: pd.DataFrame) -> pd.Series:
    """Nats a token that z saves, of each seed: mean over tokens."""
    saved = own.assign(nats=(own["language_model"] - own["nll"]) * own["count"])
    sums = saved.groupby("seed")[["nats", "count"]].sum()
    return sums["nats"] / sums["count"]


def same_sum(totals: pd.DataFrame) -> Verdict:
    """Positions add up to what the run itself was evaluated to."""
    off = 100 * (totals["sum"] / totals["distortion"] - 1).abs().max()
    return Verdict(
        "The positions add up to the distortion that each run was evaluated to",
        "equal, nats a sentence",
        "the chain rule",
        f"off by {off:.3f} % at most, {len(totals)} runs",
        "0.5 %",
        "other samples of z in both",
        bool(off <= 0.5),
    )


def first_words(arm: str, own: pd.DataFrame) -> Verdict:
    """What z saves there is more than what it saves later."""
    words = own[own["kind"] == "word"]
    first = gain(words[words["position"] <= FIRST])
    later = gain(words[words["position"] >= LATER])
    return Verdict(
        f"{arm}: z saves more in the first {FIRST} words than from word {LATER} on",
        "more nats a word, with every seed",
        PAPER,
        f"{said(first, 2)} against {said(later, 2)} nats a word",
        "none: seeds are compared one by one",
        "the same seed has the same sentences",
        bool((first > later).all()),
    )


def length(arm: str, own: pd.DataFrame) -> Verdict:
    """Where a sentence ends, z knew."""
    end = gain(own[own["kind"] == "end"])
    words = own[own["kind"] == "word"]
    later = gain(words[words["position"] >= LATER])
    return Verdict(
        f"{arm}: z saves more at the end of a sentence than in a word from {LATER} on",
        "more nats a token, with every seed",
        PAPER,
        f"{said(end, 2)} against {said(later, 2)} nats",
        "none: seeds are compared one by one",
        "the same seed has the same sentences",
        bool((end > later).all()),
    )


def control(words: pd.DataFrame) -> Verdict:
    """Without information z saves nothing: no more than language models differ by."""
    model = words[words["arm"] == LANGUAGE]
    spread = model.groupby("position")["nll"].agg(lambda nll: nll.max() - nll.min())
    kept = model.groupby("position")["count"].min()
    apart = float((spread * kept).sum() / kept.sum())
    found = gain(words[words["arm"] == COLLAPSED])
    return Verdict(
        "The collapsed VAE saves nothing, in any word",
        "0 nats a word",
        "theory: without information in z it is a language model",
        f"{said(found)} nats a word",
        f"{apart:.3f} nats",
        "the spread of the seeds of the language model, mean over positions",
        bool(found.abs().max() <= apart),
    )
