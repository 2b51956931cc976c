"""He et al. (2019): the mean of the encoder against that of the true posterior."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

LIMITS = {"basic": 1.5, "aggressive": 3.0}
"""Half widths of the axes in the paper's figure; others take their own."""


def mean_space_figure(
    points: Mapping[str, np.ndarray], moments: Sequence[str], seed: int
) -> Figure:
    """A row of panels a way of training, a panel a moment of it.

    On the diagonal the encoder agrees with the model. On the horizontal axis it says
    nothing although the model would use z; in the origin both have given up.

    Args:
        points: way of training -> `(moments, 2, examples)`, the mean of the model's
            posterior and that of the encoder's.
        moments: what the panels are called.
        seed: of the one run of each way that is drawn.

    >>> figure = mean_space_figure({"basic": np.zeros((2, 2, 5))}, ["0", "200"], 0)
    >>> len(figure.axes)
    2
    """
    size = (2.9 * len(moments) + 0.4, 2.9 * len(points) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(points), len(moments), squeeze=False)
    for row, (name, means) in zip(panels, points.items(), strict=True):
        limit = LIMITS.get(name) or 1.05 * float(np.abs(means).max())
        for axes, moment, (model, encoder) in zip(row, moments, means, strict=True):
            axes.axhline(0, color="0.4", ls="--", lw=0.7)
            axes.axvline(0, color="0.4", ls="--", lw=0.7)
            axes.axline((0, 0), slope=1, color="#CC79A7", ls="--", lw=1.2)
            shape: dict[str, Any] = {
                "s": 14,
                "marker": "x",
                "lw": 0.7,
                "rasterized": True,
            }
            axes.scatter(model, encoder, color="#D55E00", **shape)
            axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
            tidy(axes, f"{name}: {moment}")
        label = f"encoder's mean of z (axes to {limit:.2g})"
        row[0].set_ylabel(label, fontsize=9)
    for axes in panels[-1]:
        axes.set_xlabel("true posterior's mean of z", fontsize=9)
    figure.suptitle(f"One run of each way of training (seed {seed})", fontsize=11)
    return figure
