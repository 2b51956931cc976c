"""One look for every figure: colours that print and that colour-blind readers tell."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

SCHEDULE_COLOURS = {
    "constant": "#000000",
    "linear": "#0072B2",
    "sigmoid": "#D55E00",
    "cosine": "#009E73",
    "cyclical": "#CC79A7",
}
"""Okabe & Ito's colours, one a schedule."""

LINE_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)))
"""One a line, in the order of the colours: what is printed in grey is told apart too."""


def tidy(axes: Axes, title: str, xlabel: str = "", ylabel: str = "") -> None:
    """Title on the left, labels with units, and no box."""
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def draw_spread(
    axes: Axes,
    history: pd.DataFrame,
    colour: str,
    column: str = "rate",
    steps_per_tick: int = 1,
    style: Any = "-",
) -> None:
    """Mean over members and the band from the smallest to the largest."""
    if history.empty:
        return
    by_step = history.groupby("step")[column].agg(["mean", "min", "max"])
    steps = by_step.index / steps_per_tick
    axes.plot(steps, by_step["mean"], color=colour, ls=style)
    axes.fill_between(
        steps, by_step["min"], by_step["max"], color=colour, alpha=0.15, lw=0
    )
