"""What `annealing_schedules` claims, of its default part and of its whole grid."""

from pathlib import Path

import pandas as pd

from experiments._pages import read_rows
from experiments._verdicts import Verdict, said

FULL, MLP = "autoregressive, full", "MLP"
BETA = 2.0
EVERY = "none: every run counts"
RULE = (
    "the library's verdict, fixed before: collapsed is below 0.1 nats of information, "
    "healthy at least one bit and half of the units in use"
)
RANGES = "ranges over the seeds that do not meet"


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows of the default part."""
    runs, history = read_rows(page, "runs", "history")
    return judged(runs, history)


def of_full_page(page: Path) -> list[Verdict]:
    """Of the whole grid: the same claims, and those that only it can test."""
    runs, history = read_rows(page, "runs", "history")
    return [*judged(runs, history), *of_grid(runs)]


def judged(runs: pd.DataFrame, history: pd.DataFrame) -> list[Verdict]:
    """Collapse, what the decoder sees, free bits, annealing."""
    strong, weak = part(runs, FULL), part(runs, MLP)
    return [
        all_are(
            "The decoder that sees all previous pixels collapses at beta = 2",
            "Chen et al. (2017)",
            strong,
            {"collapsed"},
        ),
        all_are(
            "The MLP keeps its code there", "Chen et al. (2017)", weak, {"healthy"}
        ),
        all_are(
            "At beta = 1 neither collapses",
            "Chen et al. (2017)",
            runs[
                (runs["beta"] == 1)
                & runs["decoder"].isin([FULL, MLP])
                & (runs["free_bits"] == 0)
                & (runs["schedule"] == "constant")
            ],
            {"healthy"},
        ),
        by_window(runs),
        all_are(
            "Free bits bring the code of the strong decoder back",
            "Kingma et al. (2016)",
            part(runs, FULL, free_bits=True),
            {"healthy"},
        ),
        *annealed(runs, history),
    ]


def part(
    runs: pd.DataFrame, decoder: str, beta: float = BETA, free_bits: bool = False
) -> pd.DataFrame:
    """The runs of a decoder with a constant beta."""
    at = (runs["decoder"] == decoder) & (runs["beta"] == beta)
    return runs[
        at & (runs["schedule"] == "constant") & ((runs["free_bits"] > 0) == free_bits)
    ]


def all_are(claim: str, source: str, own: pd.DataFrame, words: set[str]) -> Verdict:
    """Every one of some runs has one of the verdicts."""
    counts = own["verdict"].value_counts().items()
    told = ", ".join(f"{count} {word}" for word, count in counts)
    return Verdict(
        claim,
        f"{' or '.join(sorted(words))} with every seed",
        source,
        f"{told}; information {said(own['mutual_information'], 2)} nats",
        EVERY,
        RULE,
        bool(len(own) and set(own["verdict"]) <= words),
    )


def by_window(runs: pd.DataFrame) -> Verdict:
    """The less the decoder sees, the more is left to z."""
    names = [f"autoregressive, window {size}" for size in (2, 8)]
    own = [part(runs, name)["mutual_information"] for name in (*names, FULL)]
    apart = all(
        more.min() > less.max() for more, less in zip(own, own[1:], strict=False)
    )
    return Verdict(
        "A smaller receptive field leaves more to z: window 2, window 8, all pixels",
        "falling, in nats of information",
        "Chen et al. (2017)",
        "; ".join(said(values, 2) for values in own),
        "none",
        RANGES,
        apart,
    )


def annealed(runs: pd.DataFrame, history: pd.DataFrame) -> list[Verdict]:
    """It delays the collapse of the strong decoder, and does not prevent it."""
    own = runs[
        (runs["decoder"] == FULL) & (runs["beta"] == BETA) & (runs["free_bits"] == 0)
    ]
    others = own[own["schedule"] != "constant"]
    last = history[history["step"] == history["step"].max()]
    rates = last.merge(own, on="member").groupby("schedule")["rate"].mean()
    least = rates.drop("constant")
    return [
        Verdict(
            "Annealing delays the collapse: more rate is left in its last steps",
            f"above {rates['constant']:.3f} nats, that of a constant beta",
            "Bowman et al. (2016)",
            ", ".join(f"{name} {rate:.3f}" for name, rate in least.items()) + " nats",
            "none",
            "means over the seeds of each schedule",
            bool(least.min() > rates["constant"]),
        ),
        all_are(
            "It does not prevent it: no annealed run of that decoder is healthy",
            "the hypothesis of this page",
            others,
            {"collapsed", "partially collapsed"},
        ),
    ]


def of_grid(runs: pd.DataFrame) -> list[Verdict]:
    """What needs every schedule, beta, decoder and free bits."""
    plain, kept = runs[runs["free_bits"] == 0], runs[runs["free_bits"] > 0]
    partial = {"collapsed", "partially collapsed"}
    mine = "the hypothesis of this page"
    return [
        all_are(
            "At beta = 1 nothing collapses, whatever decoder and schedule",
            mine,
            plain[plain["beta"] == 1],
            {"healthy"},
        ),
        all_are(
            "At beta = 4 without free bits nothing is healthy, whatever the schedule",
            mine,
            plain[plain["beta"] == 4],
            partial,
        ),
        all_are(
            "With free bits everything is, at beta = 4",
            "Kingma et al. (2016)",
            kept[kept["beta"] == 4],
            {"healthy"},
        ),
        window_eight(plain),
    ]


def window_eight(plain: pd.DataFrame) -> Verdict:
    """Between collapse and none, annealing leaves more information."""
    at = (plain["decoder"] == "autoregressive, window 8") & (plain["beta"] == BETA)
    found = plain[at].groupby("schedule")["mutual_information"]
    constant, others = found.get_group("constant"), found.min().drop("constant")
    return Verdict(
        "Window 8 at beta = 2: every annealed schedule leaves more than a constant beta",
        f"above {said(constant, 2)} nats of information",
        "Bowman et al. (2016)",
        ", ".join(f"{name} at least {least:.2f}" for name, least in others.items()),
        "none",
        RANGES,
        bool(others.min() > constant.max()),
    )
