"""Linear VAEs of many water levels, beside the optimum that the eigenvalues predict."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import SCHEDULE_COLOURS, tidy

MARKS = ("o", "s", "^", "D", "v", "P")
LEVEL = "water level: beta x variance"


def linear_figure(table: pd.DataFrame) -> Figure:
    """Rate, error of the distortion and active units against the water level.

    Lines are theory, a marker is a trained model; all betas share the line of theory.
    Points within 10 % of a threshold, which the claim leaves out, are grey.

    Args:
        table: a row a run: `beta`, `variance`, `rate`, `rate_theory`, `distortion`,
            `distortion_theory`, `active`, `active_theory`, `left_out`.

    >>> row = {"beta": 1.0, "variance": 0.5, "left_out": False, "rate": 1.0}
    >>> row |= {"distortion": 2.0, "active": 2, "rate_theory": 1.0}
    >>> row |= {"distortion_theory": 2.0, "active_theory": 2}
    >>> len(linear_figure(pd.DataFrame([row])).axes)
    3
    """
    figure = Figure(figsize=(12, 3.7), layout="constrained")
    rates, errors, units = figure.subplots(1, 3)
    table = table.assign(
        level=table["beta"] * table["variance"],
        off=table["distortion"] - table["distortion_theory"],
    ).sort_values("level")
    theory = table.drop_duplicates("rate_theory")
    rates.plot(theory["level"], theory["rate_theory"], color="0.4", label="theory")
    units.step(
        theory["level"], theory["active_theory"], color="0.4", where="mid", lw=1.2
    )
    errors.axhline(0, color="0.4", lw=1.2)
    for axes, column in ((rates, "rate"), (errors, "off"), (units, "active")):
        _draw_betas(axes, table, column)
    tidy(rates, "Rate; grey: next to a threshold", LEVEL, "rate (nats)")
    tidy(errors, "Distortion: measured - theory", LEVEL, "nats")
    tidy(units, "Active units", LEVEL, "units of 16; line: theory")
    rates.legend(fontsize=8, frameon=False)
    return figure


def _draw_betas(axes: Axes, table: pd.DataFrame, column: str) -> None:
    colours = list(SCHEDULE_COLOURS.values())
    for number, (beta, own) in enumerate(table.groupby("beta")):
        kept, apart = own[~own["left_out"]], own[own["left_out"]]
        mark, colour = MARKS[number % len(MARKS)], colours[number % len(colours)]
        # betas of one level lie upon one another: each is a little larger than the last
        size = 4 + 1.5 * number
        shape: dict[str, Any] = {"marker": mark, "ls": "", "ms": size, "mfc": "none"}
        axes.plot(
            kept["level"], kept[column], color=colour, label=f"beta {beta:g}", **shape
        )
        axes.plot(apart["level"], apart[column], color="0.7", **shape)
    axes.set_xscale("log")
