"""Lucas et al. (2019): the landscape of a collapsed unit, and where training ends."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

WAYS = {
    "samples of z": ("#D55E00", "--", "o"),
    "analytic": ("#0072B2", "-", "s"),
}
FREE, BEST, FROZEN = "#009E73", "#D55E00", "#0072B2"
LEAST_GAP = 1e-5
"""Nats: below is the rounding of float32."""


def landscape_figure(
    surfaces: Mapping[str, np.ndarray],
    reach: float,
    units: pd.DataFrame,
    curves: pd.DataFrame,
    corner: pd.DataFrame,
    fashion: pd.DataFrame | None = None,
) -> Figure:
    """Surfaces above; likelihoods over units, and gaps over steps, below.

    Args:
        surfaces: number of the eigenvalue that the noise variance is -> gain in nats over
            the plane, the first direction along the first axis.
        reach: half width of the plane.
        units: a row a number of `units`: `log_likelihood`, `elbo`,
            `frozen_log_likelihood`, `frozen_variance`, and `frozen_active` of them.
        curves: a row a run and moment: `training`, `seed`, `step`, `gap` in nats.
        corner: a row a surface: `level`, `variance`, and the signs of its corner as
            `curvature 5` and `curvature 7`.
        fashion: as `units`, of other images.

    >>> units = pd.DataFrame([{"units": 1, "log_likelihood": 1.0, "elbo": 1.0}])
    >>> units = units.assign(frozen_log_likelihood=0.5, frozen_variance=0.1)
    >>> units = units.assign(frozen_active=1)
    >>> curves = pd.DataFrame([{"training": "analytic", "seed": 0, "step": 1, "gap": 1.0}])
    >>> corner = pd.DataFrame([{"level": 8, "variance": 0.1}])
    >>> corner = corner.assign(**{"curvature 5": 1.0, "curvature 7": -1.0})
    >>> plane = {"8": np.arange(9.0).reshape(3, 3)}
    >>> figure = landscape_figure(plane, 0.6, units, curves, corner)
    >>> [len(part.axes) for part in figure.subfigs]
    [1, 2]
    """
    tables = {"digits": units} | ({} if fashion is None else {"Fashion-MNIST": fashion})
    figure = Figure(figsize=(12.5, 8.2), layout="constrained")
    above, below = np.ravel(
        figure.subfigures(2, 1, squeeze=False, height_ratios=(4.2, 4))
    )
    panels = np.ravel(above.subplots(1, len(surfaces), squeeze=False))
    for axes, (level, gain) in zip(panels, surfaces.items(), strict=True):
        row = corner[corner["level"] == int(level)].iloc[0]
        _draw_surface(axes, gain, reach, row)
    above.suptitle(
        "Gain of log marginal likelihood (nats) as a collapsed column of W leaves 0",
        fontsize=11,
    )
    panels = np.ravel(below.subplots(1, len(tables) + 1, squeeze=False))
    for axes, (name, table) in zip(panels, tables.items(), strict=False):
        _draw_units(axes, name, table)
    _draw_curves(panels[-1], curves)
    return figure


def _draw_surface(axes: Axes, gain: np.ndarray, reach: float, row: pd.Series) -> None:
    """Filled contours and lines with their numbers; the origin, and the best points."""
    steps = np.linspace(-reach, reach, len(gain))
    low, high = float(gain.min()), float(gain.max())
    levels = np.linspace(low, high, 13)
    axes.contourf(steps, steps, gain.T, levels=levels, cmap="cividis")
    signed = np.unique([*np.linspace(low, 0, 5), *np.linspace(0, high, 4)])
    if high > low:
        lines = axes.contour(
            steps, steps, gain.T, levels=signed, colors="white", linewidths=0.6
        )
        axes.clabel(lines, fontsize=6.5, fmt=lambda value: f"{value:.2g}")
    axes.plot(0, 0, marker="o", ms=7, mfc="white", mec="black", ls="none")
    for place in np.argwhere(gain >= high - 1e-7 * (high - low)):
        at = steps[place[0]], steps[place[1]]
        if np.hypot(*at) > reach / len(gain):
            axes.plot(*at, marker="*", ms=13, mfc="#F0E442", mec="black", ls="none")
    signs = [row["curvature 5"] > 0, row["curvature 7"] > 0]
    words = {2: "unstable both ways", 1: "unstable one way", 0: "stable: collapse"}
    title = rf"$\sigma^2 = \lambda_{{{row['level']:.0f}}}$ = {row['variance']:.3f}: "
    tidy(axes, title + words[sum(signs)], "along eigenvector 5", "along eigenvector 7")
    axes.set_aspect("equal")


def _draw_units(axes: Axes, name: str, table: pd.DataFrame) -> None:
    """The likelihood, the ELBO on top of it, and both with a frozen variance."""
    units, frozen = table["units"], table["frozen_log_likelihood"]
    axes.plot(units, table["log_likelihood"], color=FREE, lw=3.5, alpha=0.6)
    axes.plot(units, table["elbo"], color=BEST, lw=1.3, ls="--")
    axes.plot(units, frozen, color=FROZEN, lw=1.8, ls="-.")
    last = units.iloc[-1]
    low, high = frozen.min(), table["log_likelihood"].max()
    stop = int(table["frozen_active"].max())
    axes.axvline(stop, color="0.6", lw=0.9, ls=":")
    words = f" {stop} eigenvalues above\n the frozen variance"
    axes.text(stop, low, words, fontsize=8, color="0.35", va="bottom")
    # the corner that neither curve comes near, whatever the data
    axes.text(
        0.98,
        0.3,
        "likelihood (band) and\nbest ELBO (dashes)",
        transform=axes.transAxes,
        fontsize=9,
        color=FREE,
        ha="right",
    )
    axes.text(
        last,
        frozen.iloc[-1] - 0.03 * (high - low),
        f"variance frozen at {table['frozen_variance'].iloc[0]:.4f}",
        fontsize=9,
        color=FROZEN,
        ha="right",
        va="top",
    )
    tidy(axes, f"{name}: at the optimum", "units of z", "nats per example")


def _draw_curves(axes: Axes, curves: pd.DataFrame) -> None:
    """What is left to the likelihood: mean of the seeds and their band, on log axes."""
    for way, (colour, line, marker) in WAYS.items():
        own = curves[curves["training"] == way]
        if own.empty:
            continue
        shown = own.assign(gap=own["gap"].clip(lower=LEAST_GAP))
        by_step = shown.groupby("step")["gap"].agg(["mean", "min", "max"])
        steps = np.maximum(by_step.index, 1)
        axes.plot(
            steps, by_step["mean"], color=colour, ls=line, marker=marker, ms=4, lw=1.4
        )
        axes.fill_between(
            steps, by_step["min"], by_step["max"], color=colour, alpha=0.2, lw=0
        )
        place = len(by_step) // 2
        above = way != "analytic"
        axes.annotate(
            f"by {way}" if above else "by the analytic ELBO",
            (steps[place], by_step["mean"].iloc[place]),
            (8, 8) if above else (-8, -8),
            textcoords="offset points",
            fontsize=9,
            color=colour,
            ha="left" if above else "right",
            va="bottom" if above else "top",
        )
    axes.set(xscale="log", yscale="log")
    tidy(
        axes,
        "training: exact gap to the log marginal likelihood",
        "steps",
        "gap, nats per example",
    )
