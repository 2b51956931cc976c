"""Which words z writes: what a VAE saves, position by position, over a language model."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_jax.figures._style import LINE_STYLES, draw_spread, tidy

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7")
LANGUAGE = "language model"


def words_figure(table: pd.DataFrame) -> Figure:
    """Nats saved by z in every word, the same in percent, and at the end of a sentence.

    Args:
        table: a row a run and position: `arm`, `seed`, `kind` ("word" or "end"),
            `position` from 1, `nll` and `language_model` in nats.

    >>> row = {"arm": "VAE", "seed": 0, "kind": "word", "position": 1, "nll": 5.0}
    >>> end = row | {"kind": "end", "position": 2}
    >>> rows = pd.DataFrame([row, end]).assign(language_model=6.0)
    >>> words_figure(rows).axes[0].lines[1].get_ydata().tolist()
    [1.0]
    """
    figure = Figure(figsize=(13, 4), layout="constrained")
    panels = figure.subplots(1, 3)
    saved = table["language_model"] - table["nll"]
    table = table.assign(
        step=table["position"], nats=saved, share=100 * saved / table["language_model"]
    )
    words, ends = (table[table["kind"] == kind] for kind in ("word", "end"))
    _draw_arms(panels[0], words, "nats")
    _draw_arms(panels[1], words, "share")
    _draw_arms(panels[2], ends, "nats")
    tidy(panels[0], "Saved by z, a word", "position of the word", "nats")
    tidy(panels[1], "The same, relative", "position of the word", "percent")
    tidy(panels[2], "Saved at the end of a sentence", "where it ends", "nats")
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].legend(fontsize=8, frameon=False)
    return figure


def _draw_arms(axes: Axes, table: pd.DataFrame, column: str) -> None:
    """Mean and range of the seeds, above the line of the language model."""
    axes.axhline(0, color="0.6", lw=1)
    arms = [arm for arm in dict.fromkeys(table["arm"]) if arm != LANGUAGE]
    for arm, colour, style in zip(arms, COLOURS, LINE_STYLES, strict=False):
        draw_spread(axes, table[table["arm"] == arm], colour, column, style=style)
        axes.lines[-1].set_label(arm)
