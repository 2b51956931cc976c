"""What every remedy makes of one strong decoder: information, likelihood, cost."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

CODE, RATE, REST = "#0072B2", "#D55E00", "#000000"


def remedies_figure(table: pd.DataFrame) -> Figure:
    """A row a remedy: rate and information of z, test NLL, seconds a member.

    Where the open marker of the rate is right of the information, the rate is none. A
    shaded row is one of which not every seed is healthy.

    Args:
        table: a row a remedy: `remedy`, `rate`, `MI`, `MI min`, `MI max`, `NLL`,
            `seconds`, `verdict`.

    >>> row = {"remedy": "none", "rate": 0.1, "MI": 0.0, "MI min": 0.0, "MI max": 0.1}
    >>> row |= {"NLL": 18.0, "seconds": 5.0, "verdict": "3 collapsed"}
    >>> len(remedies_figure(pd.DataFrame([row])).axes)
    3
    """
    rows = np.arange(len(table))
    height = 1.2 + 0.24 * len(table)
    figure = Figure(figsize=(11, height), layout="constrained")
    code, likelihood, cost = figure.subplots(1, 3, width_ratios=(2, 1.4, 1))
    _draw_code(code, table, rows)
    likelihood.plot(table["NLL"], rows, "s", color=REST, ms=4)
    cost.plot(table["seconds"], rows, "D", color=REST, ms=4)
    cost.set_xscale("log")
    cost.set_xticks([3, 10, 30], ["3", "10", "30"])
    cost.minorticks_off()
    for axes in (code, likelihood, cost):
        _draw_rows(axes, table, rows)
    code.set_yticks(rows, list(table["remedy"]))
    likelihood.set_yticks(rows, [])
    cost.set_yticks(rows, [])
    tidy(code, "What z carries (shaded: some seed is collapsed)", "nats, test split")
    tidy(likelihood, "Negative log-likelihood", "nats, test split")
    tidy(cost, "Cost", "seconds a member")
    return figure


def _draw_code(axes: Axes, table: pd.DataFrame, rows: np.ndarray) -> None:
    ends = np.abs(table[["MI min", "MI max"]].to_numpy().T - table["MI"].to_numpy())
    axes.errorbar(
        table["MI"],
        rows,
        xerr=ends,
        fmt="o",
        color=CODE,
        ms=4,
        lw=1.5,
        label="information (range of the seeds)",
    )
    axes.plot(table["rate"], rows, "o", color=RATE, mfc="none", ms=8, label="rate")
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
    axes.legend(fontsize=8, frameon=False, loc="upper center")


def _draw_rows(axes: Axes, table: pd.DataFrame, rows: np.ndarray) -> None:
    for row, verdict in zip(rows, table["verdict"], strict=True):
        if "collapsed" in verdict:
            axes.axhspan(row - 0.5, row + 0.5, color="0.93", lw=0, zorder=0)
    axes.set_ylim(len(table) - 0.5, -0.5)
