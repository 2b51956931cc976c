"""Remedies that hold a rate or an error: where they end, and where theory has it."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

LOOKS = {  # remedy: (label, colour, marker)
    "geco": ("GECO, multiplier", "#000000", "o"),
    "minimum_rate": ("minimum rate, multiplier", "#0072B2", "s"),
    "capacity": ("capacity, rate", "#D55E00", "^"),
    "free_bits": ("free bits, rate", "#009E73", "D"),
    "lipschitz": ("fixed slope, rate", "#CC79A7", "v"),
    "batch_norm": ("BN-VAE, least rate", "#E69F00", "P"),
    "delta": ("delta-VAE, least rate", "#56B4E9", "X"),
}
CLOSE = 1e-3
"""Percent below which errors are drawn as linear, above as logarithms."""


def constraint_figure(table: pd.DataFrame) -> Figure:
    """Measured against theory, and the error of every run.

    Args:
        table: a row a run: `remedy`, `setting`, `measured`, `theory`, `error` (a share).

    >>> row = {"remedy": "capacity", "setting": 2.0, "measured": 2.0, "theory": 2.0}
    >>> len(constraint_figure(pd.DataFrame([row | {"error": 0.0}])).axes)
    2
    """
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    ends = table["theory"].min() / 1.5, table["theory"].max() * 1.5
    left.plot(ends, ends, color="0.6", lw=1, ls="--")
    for remedy, (label, colour, mark) in LOOKS.items():
        own = table[table["remedy"] == remedy]
        shape: dict[str, Any] = {"color": colour, "marker": mark, "ls": "", "ms": 6}
        left.plot(own["theory"], own["measured"], label=label, mfc="none", **shape)
        right.plot(100 * own["error"], own.index, **shape)
    left.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    tidy(left, "Dashed: as theory has it", "theory (rates: nats)", "measured")
    left.legend(fontsize=8, frameon=False)
    _draw_rows(right, table)
    return figure


def _draw_rows(axes: Axes, table: pd.DataFrame) -> None:
    """Names of the runs, and the band within which the claim holds."""
    axes.axvspan(-1, 1, color="0.92", lw=0, zorder=0)
    axes.axvline(0, color="0.6", lw=1, ls="--", zorder=0)
    names = [
        f"{LOOKS[row['remedy']][0].split(',')[0]} {row['setting']:.4g}"
        for _, row in table.iterrows()
    ]
    axes.set_yticks(table.index, names)
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=CLOSE)
    places = np.array([-1, -1e-2, 0, 1e-2, 1])
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()
    widest = max(3.0, 200 * float(table["error"].abs().max()))
    axes.set_xlim(-widest, widest)
    tidy(axes, "Error; grey: within 1 %", "percent, logarithmic", "")
