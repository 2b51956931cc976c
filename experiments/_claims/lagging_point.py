"""What `lagging_point` claims: who moves sideways, who moves up, and how far it gets."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from experiments._pages import read_rows
from experiments._parts.point_rows import (
    LIFTED,
    Means,
    loops_of,
    means_of,
    take_off,
    vertical_share,
)
from experiments._verdicts import Verdict, said

PAPER = "He et al. (2019)"
FIGURE = f"{PAPER}, Figure 3"
WHOLE = "the same as for the whole data set, page `lagging_inference`"
TRIAL = "set beforehand from a trial of seeds 100 to 102, two of which took off"
PAPER_LOOPS = 10
"""Its Figure 3 ends with the inner loop of the tenth step, off the axis."""


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    return judged(*read_rows(page, "path", "checks"))


def judged(path: pd.DataFrame, checks: pd.DataFrame) -> list[Verdict]:
    """Every seed counts; what is said of the diagonal is of those that take off."""
    basic, every = means_of(path, "basic"), means_of(path, "aggressive")
    off = {seed: means for seed, means in every.items() if take_off(means) is not None}
    return [
        begins(path),
        *lags(basic),
        returns(basic),
        takes_off(every),
        *(follows(off) if off else []),
        *([] if not off else [keeps(checks, off)]),
        on_the_grid(checks),
    ]


def begins(path: pd.DataFrame) -> Verdict:
    """Every path starts in the origin."""
    starts = path.loc[path["step"] == 0, ["model", "encoder"]]
    largest = float(np.abs(starts.to_numpy()).max())
    return Verdict(
        "Every path begins in the origin",
        "both means 0, in units of z",
        f"{PAPER}, Figure 2",
        f"{largest:.4f} at most",
        "0.05",
        WHOLE,
        bool(largest < 0.05),
    )


def lags(basic: Mapping[int, Means]) -> list[Verdict]:
    """Basic training moves the model and not the encoder."""
    model, encoder = (
        [getattr(one, name).std(axis=1).max() for one in basic.values()]
        for name in Means._fields
    )
    shares = [vertical_share(one) for one in basic.values()]
    return [
        Verdict(
            "Basic: the true posterior's mean moves with x",
            "largest spread over sentences above 0.2",
            f"{PAPER}, Figure 2",
            f"largest spread {said(model, 2)}",
            f"{LIFTED}",
            WHOLE,
            bool(min(model) > LIFTED),
        ),
        Verdict(
            "Basic: the encoder's never does",
            "largest spread near 0",
            f"{PAPER}, Figure 2",
            f"largest spread {said(encoder, 4)}",
            "0.02",
            WHOLE,
            bool(max(encoder) < 0.02),
        ),
        Verdict(
            "Basic: a path is along the horizontal axis only",
            "0 of its length is vertical",
            f"{PAPER}, Figure 2, basic training",
            f"{said(shares)} of it",
            "0.1",
            "the two spreads above: 0.02 of the encoder's for 0.2 of the model's",
            bool(max(shares) < 0.1),
        ),
    ]


def returns(basic: Mapping[int, Means]) -> Verdict:
    """Where basic training ends is nearer to the origin than where it has been."""
    spreads = [one.model.std(axis=1) for one in basic.values()]
    shares = [float(one[-1] / one.max()) for one in spreads]
    return Verdict(
        "Basic: in the end the true posterior's mean moves less with x than it did",
        "less than half as much as at its largest",
        f"{PAPER}, Figure 2",
        f"{said(shares, 2)} of it",
        "0.5",
        f"{WHOLE}, which compares with step 200",
        bool(max(shares) < 0.5),
    )


def takes_off(every: Mapping[int, Means]) -> Verdict:
    """When the encoder's mean begins to move with x."""
    loops = [take_off(one) for one in every.values()]
    shown = ", ".join("never" if one is None else str(one + 1) for one in loops)
    last = max(len(one.model) for one in every.values()) - 1
    return Verdict(
        "Aggressive: the encoder's mean moves with x by the tenth inner loop, every seed",
        f"spread above {LIFTED} in loop {PAPER_LOOPS} at the latest",
        FIGURE,
        f"first in loop {shown} of {last}",
        f"{LIFTED}",
        WHOLE,
        all(one is not None and one < PAPER_LOOPS for one in loops),
    )


def follows(off: Mapping[int, Means]) -> list[Verdict]:
    """From the take-off on inner loops bring the points to the diagonal."""
    return [catches_up(off), leaves_little(off), *agrees(off), halves(off)]


def catches_up(off: Mapping[int, Means]) -> Verdict:
    """The regression of vertical moves on the gaps before them, all loops of a seed."""
    slopes = []
    for one in off.values():
        opened, move, _ = loops_of(one)
        slopes.append(float(np.polyfit(opened.ravel(), move.ravel(), 1)[0]))
    return Verdict(
        "Aggressive, from the take-off on: an inner loop moves the encoder's mean by the "
        "gap to the true one",
        "slope 1 of moves over gaps",
        f"{FIGURE}; the best Gaussian of a Gaussian posterior has its mean",
        said(slopes, 2),
        "0.75 to 1.3",
        WHOLE,
        all(0.75 <= slope <= 1.3 for slope in slopes),
    )


def leaves_little(off: Mapping[int, Means]) -> Verdict:
    """What inner loops leave of the distance from the diagonal."""
    shares = []
    for one in off.values():
        opened, _, left = loops_of(one)
        shares.append(float(np.abs(left).sum() / np.abs(opened).sum()))
    return Verdict(
        "Aggressive, from the take-off on: inner loops end near the diagonal",
        "none of the distance is left",
        FIGURE,
        f"{said(shares, 2)} of it",
        "0.5",
        f"{TRIAL}: twice its largest, 0.26",
        bool(max(shares) < 0.5),
    )


def agrees(off: Mapping[int, Means]) -> list[Verdict]:
    """The encoder's mean against the true one after inner loops, over the sentences."""
    correlations, slopes = [], []
    for one in off.values():
        start = take_off(one) or 0
        pairs = list(zip(one.model[start:-1], one.encoder[start + 1 :], strict=True))
        correlations.append(float(np.median([np.corrcoef(*p)[0, 1] for p in pairs])))
        slopes.append(float(np.median([np.polyfit(*p, 1)[0] for p in pairs])))
    when = "Aggressive, after inner loops from the take-off on:"
    return [
        Verdict(
            f"{when} both means agree over the sentences, median correlation",
            "above 0.9",
            f"{PAPER}, Figure 2",
            said(correlations),
            "0.9",
            WHOLE,
            bool(min(correlations) > 0.9),
        ),
        Verdict(
            f"{when} median slope of one over the other",
            "1",
            f"{PAPER}, Figure 2",
            said(slopes, 2),
            "0.75 to 1.3",
            WHOLE,
            all(0.75 <= slope <= 1.3 for slope in slopes),
        ),
    ]


def halves(off: Mapping[int, Means]) -> Verdict:
    """Down by as much as it went sideways: the vertical part of the path."""
    shares = [vertical_share(one, take_off(one) or 0) for one in off.values()]
    return Verdict(
        "Aggressive, from the take-off on: half of a path is vertical",
        "0.5 of its length: each loop makes up for the decoder's step before it",
        f"{FIGURE}; exact where every loop ends on the diagonal",
        said(shares, 2),
        "0.1",
        f"{TRIAL}: 0.48 and 0.57",
        all(abs(share - 0.5) < 0.1 for share in shares),
    )


def keeps(checks: pd.DataFrame, off: Mapping[int, Means]) -> Verdict:
    """The KL at the end of aggressive runs that took off."""
    own = checks[(checks["training"] == "aggressive") & checks["seed"].isin(list(off))]
    rates = own.loc[own["step"] == own["step"].max(), "rate"]
    return Verdict(
        "Aggressive: runs that took off end with a KL",
        "above 0.8 nats",
        f"{PAPER}, Figure 2",
        f"{said(rates.to_numpy(), 2)} nats",
        "0.8 nats",
        WHOLE,
        bool(rates.min() > 0.8),
    )


def on_the_grid(checks: pd.DataFrame) -> Verdict:
    """The true posterior is where it is looked for."""
    edge = checks["edge"].max()
    return Verdict(
        "The grid of z from -10 to 9.9 holds the true posteriors",
        "no mass on its outermost points",
        "the trapezoid rule",
        f"{edge:.1e} of it at most",
        "1e-6",
        "rounding of float32",
        bool(edge < 1e-6),
    )
