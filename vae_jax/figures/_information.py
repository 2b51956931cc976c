"""The KL is not information: what the rate of each method is made of, over time."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

INFORMATION, MARGINAL = "#0072B2", "#E69F00"
"""Okabe & Ito's blue and orange; the marginal KL is hatched as well."""
COLUMNS = 5
PARTS = ["rate", "information", "marginal_kl"]


def information_figure(curves: pd.DataFrame) -> Figure:
    """A panel a method: the rate as information below and marginal KL on top of it.

    Filled areas are means over the seeds, thin lines the least and the largest rate. The
    strip under each panel has the number of active units.

    Args:
        curves: a row a run and moment: `method`, `seed`, `step`, `active_units`, and in
            nats `rate`, `information` and `marginal_kl`.

    >>> rows = {"method": "basic", "seed": 0, "step": [0, 10], "active_units": 1.0}
    >>> curves = pd.DataFrame({**rows, "rate": 1.0, "information": 0.7})
    >>> len(information_figure(curves.assign(marginal_kl=0.3)).axes)
    2
    """
    methods = list(dict.fromkeys(curves["method"]))
    columns = min(COLUMNS, len(methods))
    lines = math.ceil(len(methods) / columns)
    size = (0.6 + 2.5 * columns, 0.7 + 3.0 * lines)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(
        2 * lines, columns, squeeze=False, height_ratios=[4, 1] * lines
    )
    top = 1.08 * float(curves["rate"].max())
    units = max(1.0, float(curves["active_units"].max()))
    for number in range(lines * columns):
        line, column = divmod(number, columns)
        areas, strip = panels[2 * line, column], panels[2 * line + 1, column]
        if number >= len(methods):
            areas.remove()
            strip.remove()
            continue
        rows = curves[curves["method"] == methods[number]]
        _draw_areas(areas, rows, top)
        _draw_strip(strip, rows, units)
        tidy(areas, methods[number], ylabel="nats" if column == 0 else "")
        areas.set_xticklabels([])
        tidy(strip, "", "steps", "active" if column == 0 else "")
    _label(panels[0, 0])
    return figure


def _draw_areas(axes: Axes, rows: pd.DataFrame, top: float) -> None:
    by_step = rows.groupby("step")[PARTS]
    mean, low, high = by_step.mean(), by_step.min(), by_step.max()
    steps = mean.index.to_numpy()
    # an estimate of almost nothing can be below 0 by its noise
    information = np.clip(mean["information"], 0, mean["rate"])
    axes.fill_between(steps, 0, information, color=INFORMATION, lw=0)
    axes.fill_between(
        steps,
        information,
        mean["rate"],
        facecolor=MARGINAL,
        edgecolor="white",
        hatch="////",
        lw=0,
    )
    axes.plot(steps, mean["rate"], color="black", lw=1.2)
    for edge in (low, high):
        axes.plot(steps, edge["rate"], color="black", lw=0.5, ls=":")
    axes.set(ylim=(0, top), xlim=(0, steps[-1]))
    end = mean.iloc[-1]
    text = f"KL {end['rate']:.2f}, MI {max(end['information'], 0):.2f}"
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    axes.text(
        0.97,
        0.96,
        text,
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8.5,
        bbox=box,
    )


def _draw_strip(axes: Axes, rows: pd.DataFrame, units: float) -> None:
    active = rows.groupby("step")["active_units"].agg(["mean", "min", "max"])
    steps = active.index.to_numpy()
    axes.fill_between(steps, active["min"], active["max"], color="0.75", lw=0)
    axes.plot(steps, active["mean"], color="black", lw=1.2)
    axes.set(ylim=(-0.1 * units, 1.1 * units), xlim=(0, steps[-1]))
    axes.set_yticks([0, units])


def _label(axes: Axes) -> None:
    words = (
        (0.82, "black", "\N{EM DASH} KL (dotted: seeds)"),
        (0.70, MARGINAL, "\N{BLACK SQUARE} marginal KL"),
        (0.58, INFORMATION, "\N{BLACK SQUARE} information"),
    )
    for height, colour, text in words:
        axes.text(
            0.06,
            height,
            text,
            transform=axes.transAxes,
            va="top",
            color=colour,
            weight="bold",
            fontsize=8.5,
        )
