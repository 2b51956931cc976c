"""The phase diagram of collapse: weight of the rate against power of the decoder."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vae_jax.figures._style import tidy

PANELS = {
    "collapsed": ("collapsed units, share", "Blues", 1.0),
    "mutual_information": ("information in z, nats", "Oranges", None),
}
LINE = "#009E73"


def power_figure(
    maps: Mapping[str, pd.DataFrame], labels: Mapping[str, str], num_seeds: int
) -> Figure:
    """A row a map: the share of collapsed units, and the information that is left.

    Args:
        maps: title -> a row a point: `power` (in the order of rows, the weakest decoder
            first), `beta`, `collapsed`, `mutual_information`, and `threshold`, the beta
            above which theory has the collapsed decoder as a minimum, NaN where unknown.
        labels: title -> what `power` is.
        num_seeds: how many runs every number is the mean of.

    >>> point = {"power": 0, "beta": 1.0, "collapsed": 0.5, "mutual_information": 1.0}
    >>> frame = pd.DataFrame([point | {"threshold": 1.0}])
    >>> len(power_figure({"digits": frame}, {"digits": "window"}, 3).axes)
    4
    """
    rows = [frame["power"].nunique() for frame in maps.values()]
    height = sum(1.5 + 0.42 * count for count in rows)
    figure = Figure(figsize=(11, max(height, 3) + 0.4), layout="constrained")
    grid = figure.subplots(
        len(maps), 2, squeeze=False, height_ratios=[2 + count for count in rows]
    )
    for axes_row, (title, frame) in zip(grid, maps.items(), strict=True):
        for axes, (column, panel) in zip(axes_row, PANELS.items(), strict=True):
            name, colours, top = panel
            table = frame.pivot(index="power", columns="beta", values=column)
            # above the middle, where there is a line with its markers
            lift = 0.2 if frame["threshold"].notna().any() else 0.0
            image = draw_table(axes, table, colours, top, lift)
            draw_threshold(axes, frame)
            tidy(axes, f"{title}: {name}", "beta", labels[title])
            bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
            bar.set_label(name, fontsize=9)
            bar.ax.tick_params(labelsize=8)
    lines = [line for axes in figure.axes for line in axes.lines]
    if lines:
        figure.legend(handles=lines[:1], loc="outside lower center", frameon=False)
    figure.suptitle(f"Every number is the mean of {num_seeds} seeds", fontsize=11)
    return figure


def draw_table(
    axes: Axes, table: pd.DataFrame, colours: str, top: float | None, lift: float
) -> AxesImage:
    """Every point as a cell with its number, `lift` rows above the middle."""
    values = table.to_numpy()
    top = top or max(float(np.nanmax(values)), 1e-3)
    image = axes.imshow(values, cmap=colours, vmin=0, vmax=top, aspect="auto")
    rims = image.to_rgba(values)
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        colour = "white" if value > 0.6 * top else "black"
        shown = axes.text(column, row - lift, number(value), fontsize=9, c=colour)
        shown.set(ha="center", va="center")
        if lift:  # a rim in the colour of the cell, where the line runs below
            behind = tuple(rims[row, column])
            rim = patheffects.withStroke(linewidth=3, foreground=behind)
            shown.set_path_effects([rim])
    axes.set_xticks(range(len(table.columns)), [f"{beta:g}" for beta in table.columns])
    axes.set_yticks(range(len(table.index)), [power_label(p) for p in table.index])
    return image


def number(value: float) -> str:
    """Two digits, and no sign on a zero.

    >>> number(-0.001), number(-0.01)
    ('0.00', '-0.01')
    """
    shown = f"{value:.2f}"
    return "0.00" if shown == "-0.00" else shown


def power_label(power: float) -> str:
    """A number without its sign; what is unlimited in words.

    A negative one is what weakens a decoder, such as the share of hidden words.

    >>> power_label(4.0), power_label(-0.5), power_label(float("inf"))
    ('4', '0.5', 'all')
    """
    return "all" if np.isinf(power) else f"{abs(power):g}"


def draw_threshold(axes: Axes, frame: pd.DataFrame) -> None:
    """A line through every row at the forecast of theory, where there is one."""
    known = frame.dropna(subset="threshold").drop_duplicates("power")
    if known.empty:
        return
    betas = np.sort(frame["beta"].unique())
    powers = sorted(frame["power"].unique())
    # cells are as far apart as their numbers, not as their betas
    places = np.arange(len(betas))
    at = [float(np.interp(beta, betas, places)) for beta in known["threshold"]]
    rows = [powers.index(power) for power in known["power"]]
    (line,) = axes.plot(at, rows, color=LINE, marker="o", ms=5, lw=1.5)
    line.set_label("forecast threshold: above this beta, ignoring z is a minimum")
    line.set_path_effects([patheffects.withStroke(linewidth=3.5, foreground="white")])
