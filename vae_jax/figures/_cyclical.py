"""Fu et al. (2019): schedules on ten sequences, as learning curves and as codes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.figure import Figure

from vae_jax.figures._style import LINE_STYLES, SCHEDULE_COLOURS, draw_spread, tidy

COLOURS = {
    "constant": SCHEDULE_COLOURS["constant"],
    "monotonic": SCHEDULE_COLOURS["linear"],
    "cyclical": SCHEDULE_COLOURS["cyclical"],
}
LABELS = {"monotonic": "one ramp"}
"""What a schedule is called, where that is not its name."""

NUM_SHOWN = 40
"""Samples of every sequence that are drawn; their number stands at the mean of all."""

CURVES = {
    "beta": ("Weight of the KL", "beta"),
    "distortion": ("Reconstruction", "distortion (nats)"),
    "rate": ("KL", "rate (nats)"),
    "total": ("Sum; dashed: entropy of the data", "nats"),
}


def cyclical_figure(
    history: pd.DataFrame, codes: Mapping[str, np.ndarray], entropy: float
) -> Figure:
    """Four curves against steps above, the codes of every sequence below.

    Args:
        history: a row a member and window: `schedule`, `step`, `beta`, `distortion`,
            `rate`, `total`.
        codes: schedule -> samples of z, `(sequences, samples, 2)`.
        entropy: of the data, in nats, under which no sum can be.

    >>> rows = [[100, 1.0, 2.0, 0.5, 2.5], [200, 1.0, 1.0, 1.4, 2.4]]
    >>> columns = ["step", "beta", "distortion", "rate", "total"]
    >>> history = pd.DataFrame(rows, columns=columns).assign(schedule="cyclical")
    >>> figure = cyclical_figure(history, {"cyclical": np.zeros((10, 3, 2))}, 2.3)
    >>> [len(part.axes) for part in figure.subfigs]
    [4, 1]
    """
    figure = Figure(figsize=(13, 6.6), layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(3, 3.6))
    above, below = np.ravel(parts)
    panels = above.subplots(1, len(CURVES))
    present = [name for name in COLOURS if name in set(history["schedule"])]
    for axes, (column, (title, label)) in zip(panels, CURVES.items(), strict=True):
        for schedule, style in zip(present, LINE_STYLES, strict=False):
            own = history[history["schedule"] == schedule]
            draw_spread(axes, own, COLOURS[schedule], column, 1000, style)
        tidy(axes, title, "iterations, thousands", label)
    panels[-1].axhline(entropy, color="0.5", ls="--", lw=1)
    panels[-1].set_ylim(entropy - 0.15, entropy + 1)
    # what is above is over after a thousand iterations, and leaves room for the legend
    panels[1].set_ylim(0, 1.8 * entropy)
    panels[1].legend(
        panels[1].lines,
        [LABELS.get(name, name) for name in present],
        fontsize=8,
        frameon=False,
        loc="upper right",
    )
    clouds = below.subplots(1, len(codes), sharex=True, sharey=True, squeeze=False)[0]
    _draw_codes(clouds, codes)
    below.suptitle(
        "Codes of the ten sequences at the end (seed 0); numbers: the place of the 1",
        fontsize=11,
    )
    return figure


def _draw_codes(panels: np.ndarray, codes: Mapping[str, np.ndarray]) -> None:
    for axes, (schedule, z) in zip(panels, codes.items(), strict=True):
        # all clouds of a panel are one picture in an SVG, not thousands of circles
        axes.set_rasterization_zorder(1.5)
        for number, cloud in enumerate(z):
            shown = cloud[:NUM_SHOWN].T
            axes.scatter(*shown, s=6, lw=0, alpha=0.6, color=f"C{number}")
        for number, cloud in enumerate(z):
            label = axes.text(*cloud.mean(axis=0), str(number), fontsize=10)
            label.set(ha="center", va="center", weight="bold")
            rim = patheffects.withStroke(linewidth=2.5, foreground="white")
            label.set_path_effects([rim])
        tidy(axes, LABELS.get(schedule, schedule), "z, first unit", "second unit")
        axes.set_aspect("equal")
