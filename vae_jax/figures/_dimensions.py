"""Koehler et al. (2022): how many dimensions a VAE counts in its data."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_jax.figures._style import tidy

SOURCES = {
    "linear": ("#0072B2", "o", "linear"),
    "sigmoid": ("#D55E00", "s", "sigmoid"),
    "sphere": ("#009E73", "^", "sphere, from exp(-3)"),
    "sphere_narrow": ("#CC79A7", "v", "sphere, from exp(-6)"),
}
"""Kinds of data: colour, marker, and words, with where the decoder's variance begins."""
DIMENSIONS = {
    3: ("#0072B2", "-"),
    6: ("#D55E00", "--"),
    9: ("#009E73", "-."),
    12: ("#000000", ":"),
}
SMALLEST = 1e-9
"""What is less is drawn here."""


def dimensions_figure(table: pd.DataFrame, units: pd.DataFrame) -> Figure:
    """Posterior variances of the linear runs; counts; and where the decoder draws.

    Args:
        table: a row a run: `source`, `true_dim`, `features`, `units`, `seed`, `counted`,
            `decoder_variance`, `padding` and `manifold`.
        units: a row a unit of a run, in order: `source`, `true_dim`, `features`, `seed`,
            `unit`, `posterior_variance`.

    >>> run = {"source": "linear", "true_dim": 3, "features": 12, "units": 20, "seed": 0}
    >>> table = pd.DataFrame([run | {"counted": 3, "decoder_variance": 1e-7}])
    >>> table = table.assign(padding=1e-5, manifold=0.0)
    >>> units = pd.DataFrame([run | {"unit": 1, "posterior_variance": 1e-7}])
    >>> len(dimensions_figure(table, units).axes)
    3
    """
    figure = Figure(figsize=(13.5, 4.4), layout="constrained")
    panels = figure.subplots(1, 3)
    _draw_variances(panels[0], units[units["source"] == "linear"])
    _draw_counts(panels[1], table)
    _draw_support(panels[2], table)
    return figure


def _draw_variances(axes: Axes, units: pd.DataFrame) -> None:
    """A line a run, in order of the units; the number of dimensions at its step."""
    runs: Any = units.groupby(["true_dim", "features", "seed"])
    named = set()
    for (true_dim, _, _), own in runs:
        colour, line = DIMENSIONS.get(true_dim, ("0.5", "-"))
        values = own["posterior_variance"].clip(lower=SMALLEST)
        axes.plot(own["unit"], values, color=colour, ls=line, lw=1, alpha=0.75)
        if true_dim not in named:
            axes.axvline(true_dim + 0.5, color=colour, lw=0.6, alpha=0.5)
            axes.text(
                true_dim + 0.35,
                0.92,
                f"{true_dim}",
                transform=axes.get_xaxis_transform(),
                color=colour,
                fontsize=10,
                ha="right",
                va="top",
            )
        named.add(true_dim)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(
        axes,
        "linear: one step a run, at the dimension of its data",
        "unit, in order",
        "posterior variance (1: collapsed)",
    )


def _draw_counts(axes: Axes, table: pd.DataFrame) -> None:
    """Counted against true dimensions, runs of a place as a number beside it."""
    top = int(max(table["counted"].max(), table["true_dim"].max())) + 1
    axes.plot([0, top], [0, top], color="0.6", lw=1, ls="--")
    shift = {kind: (i - 1.5) * 0.28 for i, kind in enumerate(SOURCES)}
    for kind, (colour, marker, words) in SOURCES.items():
        own = table[table["source"] == kind]
        few = own["units"] < own["true_dim"]
        for rows, face in ((own[~few], colour), (own[few], "none")):
            places: Any = rows.groupby(["true_dim", "counted"]).size()
            for (true_dim, counted), number in places.items():
                at = true_dim + shift[kind]
                axes.plot(
                    at, counted, marker=marker, ms=8, mfc=face, mec=colour, ls="none"
                )
                axes.annotate(
                    f"{number}",
                    (at, counted),
                    (5, -3),
                    textcoords="offset points",
                    fontsize=7,
                    color="0.25",
                )
        if len(own):
            axes.plot([], [], marker=marker, color=colour, ls="none", label=words)
    if (table["units"] < table["true_dim"]).any():
        axes.plot(
            [], [], marker="o", mfc="none", mec="0.3", ls="none", label="too few units"
        )
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    # room for the half of a marker that stands at 0
    axes.set(xlim=(0, top), ylim=(-0.4, top))
    tidy(
        axes,
        "units in use; beside a point: runs there",
        "dimensions of the data",
        "posterior variances below 0.1",
    )


def _draw_support(axes: Axes, table: pd.DataFrame) -> None:
    """How far from the data's support a run draws, over its decoder's variance."""
    every = np.log(np.maximum(table["decoder_variance"], SMALLEST))
    middle = (every.min() + every.max()) / 2
    for kind, (colour, marker, words) in SOURCES.items():
        own = table[table["source"] == kind]
        few = own["units"] < own["true_dim"]
        apart = np.maximum(own["padding"] + own["manifold"], SMALLEST)
        for some, face in ((~few, colour), (few, "none")):
            axes.plot(
                np.maximum(own["decoder_variance"][some], SMALLEST),
                apart[some],
                marker=marker,
                ms=6,
                mfc=face,
                mec=colour,
                alpha=0.8,
                ls="none",
            )
        if len(own):
            place = every[own.index].mean()
            axes.annotate(
                words,
                (np.exp(place), apart.max()),
                (0, 8),
                textcoords="offset points",
                fontsize=9,
                color=colour,
                # towards the middle, so that it stays within the axes
                ha="right" if place > middle else "left",
            )
    axes.set(xscale="log", yscale="log")
    axes.margins(y=0.12)  # room for the name above the highest
    tidy(
        axes,
        "what the prior draws beside the data's support",
        "decoder's variance",
        "mean squared distance",
    )
