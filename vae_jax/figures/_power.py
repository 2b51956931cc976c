"""The phase diagram of collapse: weight of the rate against power of the decoder."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vae_jax.figures._style import tidy

PANELS = {
    "collapsed": ("collapsed units, share", "Blues", 1.0),
    "mutual_information": ("information in z, nats", "Oranges", None),
}


def power_figure(maps: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> Figure:
    """A row a map: the share of collapsed units, and the information that is left.

    Args:
        maps: title -> a row a point: `power` (in the order of rows, the weakest decoder
            first), `beta`, `collapsed`, `mutual_information`, and `threshold`, the beta
            above which theory has the collapsed decoder as a minimum, NaN where unknown.
        labels: title -> what `power` is.

    >>> point = {"power": 0, "beta": 1.0, "collapsed": 0.5, "mutual_information": 1.0}
    >>> frame = pd.DataFrame([point | {"threshold": 1.0}])
    >>> len(power_figure({"digits": frame}, {"digits": "window"}).axes)
    4
    """
    rows = [frame["power"].nunique() for frame in maps.values()]
    height = sum(1.5 + 0.42 * count for count in rows)
    figure = Figure(figsize=(11, max(height, 3)), layout="constrained")
    grid = figure.subplots(
        len(maps), 2, squeeze=False, height_ratios=[2 + count for count in rows]
    )
    for axes_row, (title, frame) in zip(grid, maps.items(), strict=True):
        for axes, (column, panel) in zip(axes_row, PANELS.items(), strict=True):
            name, colours, top = panel
            table = frame.pivot(index="power", columns="beta", values=column)
            image = draw_table(axes, table, colours, top)
            line = draw_threshold(axes, frame)
            forecast = "; line: theory, none to its right" if line else ""
            tidy(axes, f"{title}: {name}{forecast}", "beta", labels[title])
            figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
    return figure


def draw_table(
    axes: Axes, table: pd.DataFrame, colours: str, top: float | None
) -> AxesImage:
    """Every point as a cell with its number."""
    values = table.to_numpy()
    top = top or max(float(np.nanmax(values)), 1e-3)
    image = axes.imshow(values, cmap=colours, vmin=0, vmax=top, aspect="auto")
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        colour = "white" if value > 0.6 * top else "black"
        axes.text(
            column, row, number(value), ha="center", va="center", fontsize=8, c=colour
        )
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


def draw_threshold(axes: Axes, frame: pd.DataFrame) -> bool:
    """A line through every row at the forecast of theory; whether there is one."""
    known = frame.dropna(subset="threshold").drop_duplicates("power")
    if known.empty:
        return False
    betas = np.sort(frame["beta"].unique())
    powers = sorted(frame["power"].unique())
    # cells are as far apart as their numbers, not as their betas
    places = np.arange(len(betas))
    at = [float(np.interp(beta, betas, places)) for beta in known["threshold"]]
    rows = [powers.index(power) for power in known["power"]]
    axes.plot(at, rows, color="#D55E00", marker="o", ms=4, lw=1.5)
    return True
