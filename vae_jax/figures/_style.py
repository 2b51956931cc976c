"""One look for every figure: colours that print and that colour-blind readers tell."""

from matplotlib.axes import Axes

SCHEDULE_COLOURS = {
    "constant": "#000000",
    "linear": "#0072B2",
    "sigmoid": "#D55E00",
    "cosine": "#009E73",
    "cyclical": "#CC79A7",
}
"""Okabe & Ito's colours, one a schedule."""


def tidy(axes: Axes, title: str, xlabel: str = "", ylabel: str = "") -> None:
    """Title on the left, labels with units, and no box."""
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
