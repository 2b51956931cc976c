"""Bowman et al. (2016): weight and KL against steps, and what remedies do to a text VAE."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import LINE_STYLES, draw_spread, tidy

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
ANNEALED = "annealed"


def text_figure(history: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Bowman's picture, the KL of every way of training, and their perplexities.

    Args:
        history: a row a member and window: `arm`, `step`, `beta`, `rate`.
        runs: a row a member: `arm`, `mutual_information`, `perplexity`.

    >>> rows = [("annealed", 1, 0.0, 9.0), ("annealed", 2, 1.0, 1.0)]
    >>> history = pd.DataFrame(rows, columns=["arm", "step", "beta", "rate"])
    >>> columns = ["arm", "mutual_information", "perplexity"]
    >>> runs = pd.DataFrame([("annealed", 1.0, 90.0)], columns=columns)
    >>> len(text_figure(history, runs).axes)
    5
    """
    figure = Figure(figsize=(14, 3.9))
    # the first panel has an axis on its right
    figure.set_layout_engine("constrained", wspace=0.05)
    panels = figure.subplots(1, 4, width_ratios=(3, 3, 2.4, 2.4))
    arms = list(dict.fromkeys(runs["arm"]))
    colours = dict(zip(arms, COLOURS, strict=False))
    draw_bowman(panels[0], history[history["arm"] == ANNEALED])
    for arm, style in zip(arms, LINE_STYLES, strict=False):
        own = history[history["arm"] == arm]
        if own["rate"].max() > 0:
            draw_spread(panels[1], own, colours[arm], "rate", style=style)
            panels[1].lines[-1].set_label(arm)
    tidy(
        panels[1],
        "KL while training",
        "steps",
        "nats a sentence (log above 1)",
    )
    panels[1].set_yscale("symlog", linthresh=1)
    panels[1].set_ylim(bottom=0)
    panels[1].legend(fontsize=8, frameon=False)
    draw_dots(panels[2], runs, "mutual_information", colours)
    tidy(panels[2], "Information in z", "nats, test split")
    draw_dots(panels[3], runs, "perplexity", colours)
    tidy(panels[3], "Perplexity", "test split; less is better")
    panels[3].set_yticklabels([])
    return figure


def draw_bowman(axes: Axes, history: pd.DataFrame) -> None:
    """The weight on the right axis, the KL on the left one."""
    draw_spread(axes, history, COLOURS[1], "rate")
    tidy(axes, "Annealed: weight and KL", "steps", "KL, nats a sentence")
    axes.yaxis.label.set_color(COLOURS[1])
    axes.set_ylim(bottom=0)
    other = axes.twinx()
    weights = history.groupby("step")["beta"].mean()
    other.plot(weights.index, weights, color="0.5", ls="--")
    other.set_ylim(0, 1.05)
    other.set_ylabel("weight of the KL", fontsize=9, color="0.4")
    other.tick_params(labelsize=8)
    other.spines["top"].set_visible(False)


def draw_dots(
    axes: Axes, runs: pd.DataFrame, column: str, colours: dict[str, str]
) -> None:
    """A dot a seed, a row an arm, the mean as a line."""
    for row, (arm, colour) in enumerate(colours.items()):
        values = runs.loc[runs["arm"] == arm, column]
        axes.scatter(values, np.full(len(values), row), color=colour, s=16, zorder=3)
        axes.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=colour, lw=1.5)
    axes.set_yticks(range(len(colours)), list(colours), fontsize=8)
    axes.invert_yaxis()
