"""Small facts of theory, each beside what was measured: bounds, collapse, active units."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

COLOURS = ("#0072B2", "#D55E00", "#009E73")
LINES, MARKERS = ("-", "--", "-."), ("o", "s", "^")
ACTIVE = 0.01
"""Burda et al. (2016): the variance from which a unit counts as active."""

LEAST = 1e-6
"""Variances below are drawn here: a collapsed unit's is as small as rounding."""


def small_theory_figure(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Eight panels: delta-VAE, CVAE, pPCA twice and in KL, the one-bit VAE twice, units.

    Args:
        tables: `committed` (`steps`, `alpha`, `kl`: points) and `committed_lines` (the
            same, of theory); `cvae` (`correlation`, `rate`), a row a run, and
            `cvae_lines` (`correlation`, `theory`); `surfaces` (`model`, `z1`, `z2`,
            `log_likelihood`), two models on a square grid; `hidden` (`model`, `seed`,
            `sigma`, `kl`, `theory`); `one_bit` (`pixels`, `cost`, `rate`), a row a run,
            and `one_bit_lines` (the same, of theory); `units` (`beta`, `mean_variance`), a
            row a unit. All in nats.

    >>> from vae_jax.figures._small_theory import example
    >>> len(small_theory_figure(example()).axes)
    8
    """
    figure = Figure(figsize=(16, 7.6), layout="constrained")
    panels = np.ravel(figure.subplots(2, 4))
    _draw_committed(panels[0], tables["committed"], tables["committed_lines"])
    _draw_cvae(panels[1], tables["cvae"], tables["cvae_lines"])
    surfaces = tables["surfaces"]
    low = surfaces["log_likelihood"].min()
    for axes, (model, own) in zip(
        panels[2:4], surfaces.groupby("model", sort=False), strict=True
    ):
        _draw_surface(axes, str(model), own, low)
    _draw_hidden(panels[4], tables["hidden"])
    _draw_cost(panels[5], tables["one_bit"], tables["one_bit_lines"])
    _draw_rate(panels[6], tables["one_bit"], tables["one_bit_lines"])
    _draw_units(panels[7], tables["units"])
    return figure


def example() -> dict[str, pd.DataFrame]:
    """Tables with the columns that the figure reads, and hardly a row.

    >>> sorted(example())[:3]
    ['committed', 'committed_lines', 'cvae']
    """
    committed = pd.DataFrame({"steps": [2, 2], "alpha": [0.0, 0.5], "kl": [0.0, 0.14]})
    grid = pd.DataFrame({"z1": [0.0, 0.0, 1.0, 1.0], "z2": [0.0, 1.0, 0.0, 1.0]})
    grid = grid.assign(log_likelihood=[0.0, 0.0, -1.0, -1.0])
    hidden = pd.DataFrame({"model": ["w2 = 0", "w2 not 0"], "seed": [0, 0]})
    bit = pd.DataFrame({"pixels": [1, 2], "cost": [0.69, 0.91], "rate": [0.0, 0.69]})
    return {
        "committed": committed,
        "committed_lines": committed,
        "cvae": pd.DataFrame({"correlation": [0.0], "rate": [1.9]}),
        "cvae_lines": pd.DataFrame({"correlation": [0.0], "theory": [1.9]}),
        "surfaces": pd.concat([grid.assign(model=name) for name in hidden["model"]]),
        "hidden": hidden.assign(sigma=1.0, kl=[0.0, 1.0], theory=[0.0, 1.0]),
        "one_bit": bit,
        "one_bit_lines": bit,
        "units": pd.DataFrame({"beta": [1.0, 1.0], "mean_variance": [1e-4, 0.9]}),
    }


def _draw_points(
    axes: Axes, table: pd.DataFrame, by: str, value: str, **look: Any
) -> None:
    """The mean of the runs at every setting, and a bar from the least to the largest."""
    found = table.groupby(by)[value].agg(["mean", "min", "max"])
    # a mean of equal numbers may be beside them by rounding
    reach = np.maximum([found["mean"] - found["min"], found["max"] - found["mean"]], 0)
    axes.errorbar(
        found.index, found["mean"], yerr=reach, ls="none", ms=5, capsize=3, **look
    )


def _draw_committed(axes: Axes, points: pd.DataFrame, lines: pd.DataFrame) -> None:
    """The closed form for every number of steps, and what the optimiser found."""
    for number, (steps, own) in enumerate(lines.groupby("steps")):
        look: dict[str, Any] = {"color": COLOURS[number % 3]}
        axes.plot(own["alpha"], own["kl"], ls=LINES[number % 3], lw=1.6, **look)
        some = points[points["steps"] == steps]
        _draw_points(axes, some, "alpha", "kl", marker=MARKERS[number % 3], **look)
        last = own.iloc[-1]
        axes.annotate(
            f"T = {steps}",
            (last["alpha"], last["kl"]),
            (5, 0),
            textcoords="offset points",
            fontsize=9,
            va="center",
            **look,
        )
    _say(axes, "lines: closed form\npoints: an optimiser", (0.04, 0.96))
    axes.set_xlim(right=1.14)
    tidy(
        axes,
        "delta-VAE: the rate that cannot be undercut",
        r"correlation of the prior's steps, $\alpha$",
        "smallest KL, nats per dimension",
    )


def _draw_cvae(axes: Axes, table: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Rate of the optimum, and of the trained models."""
    axes.plot(lines["correlation"], lines["theory"], color=COLOURS[0], lw=1.6)
    _draw_points(
        axes, table, "correlation", "rate", color=COLOURS[1], marker="o", mfc="none"
    )
    _say(axes, "line: theory\npoints: trained,\nbar over seeds", (0.04, 0.3))
    tidy(
        axes,
        "linear CVAE: a telling condition collapses it",
        r"correlation of condition and data, $\rho$",
        "KL, nats",
    )


def _draw_surface(axes: Axes, model: str, table: pd.DataFrame, low: float) -> None:
    """Filled contours, with their numbers, over the two units of z."""
    plane = table.pivot(index="z2", columns="z1", values="log_likelihood")
    high = float(plane.to_numpy().max())
    if high > low:
        grid = plane.columns, plane.index, plane.to_numpy()
        axes.contourf(*grid, levels=np.linspace(low, high, 13), cmap="cividis")
        lines = axes.contour(
            *grid, levels=np.linspace(low, high, 7), colors="white", linewidths=0.7
        )
        axes.clabel(lines, fontsize=7, fmt=lambda value: f"{value:.0f}")
    flat = np.ptp(plane.to_numpy(), axis=0).max() == 0
    word = "flat along $z_2$" if flat else "not flat"
    title = f"pPCA, {_in_symbols(model)}: log p(x | z), {word}"
    tidy(axes, title, "$z_1$ (contours in nats)", "$z_2$")
    axes.set_aspect("equal")


def _in_symbols(model: str) -> str:
    """`w2` and `not` as they are printed."""
    return (
        model.replace("w2", "$w_2$").replace("not", r"$\neq$").replace(" = ", " $=$ ")
    )


def _draw_hidden(axes: Axes, table: pd.DataFrame) -> None:
    """KL of the second unit over sigma; lines of theory run through every seed."""
    for number, (model, own) in enumerate(table.groupby("model", sort=False)):
        look: dict[str, Any] = {"color": COLOURS[1 - number % 2]}
        for _, one in own.groupby("seed"):
            axes.plot(
                one["sigma"], one["theory"], ls=LINES[1 - number % 2], lw=1.2, **look
            )
        axes.plot(
            own["sigma"], own["kl"], ls="none", marker=MARKERS[number % 2], ms=5, **look
        )
        end = own[own["sigma"] == own["sigma"].min()]["kl"].max()
        axes.annotate(
            _in_symbols(str(model))
            + (": exactly 0" if end == 0 else f", {own['seed'].nunique()} draws"),
            (own["sigma"].min(), end),
            (8, 6),
            textcoords="offset points",
            fontsize=9,
            **look,
        )
    axes.set_xscale("log")
    axes.margins(y=0.12)
    ticks = sorted(set(table["sigma"]))
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()
    _say(
        axes,
        "lines: exact posterior\npoints: Bayes' rule on a grid",
        (0.97, 0.8),
        "right",
    )
    tidy(
        axes,
        "pPCA: a unit that x does not know is its prior",
        r"noise deviation of the model, $\sigma$",
        r"mean KL(p($z_2$|x) || p($z_2$)), nats",
    )


def _draw_cost(axes: Axes, points: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Negative ELBO over the number of pixels, above the entropy of one bit."""
    _draw_bit(axes, points, lines, "cost", "entropy of the data, log 2")
    _say(axes, "line: best Gaussian q\npoints: trained", (0.04, 0.96))
    title = "one-bit VAE: a Gaussian q leaves a gap"
    tidy(axes, title, "pixels d", "negative ELBO, nats")


def _draw_rate(axes: Axes, points: pd.DataFrame, lines: pd.DataFrame) -> None:
    """KL over the number of pixels."""
    _draw_bit(axes, points, lines, "rate", "log 2")
    first = points[points["pixels"] == points["pixels"].min()]
    axes.annotate(
        f"{first['rate'].mean():.2f} nats at d = {first['pixels'].iloc[0]}",
        (first["pixels"].iloc[0], first["rate"].mean()),
        (12, 4),
        textcoords="offset points",
        fontsize=9,
        color=COLOURS[1],
    )
    tidy(axes, "one-bit VAE: when z is used", "pixels d", "KL, nats")


def _draw_bit(
    axes: Axes, points: pd.DataFrame, lines: pd.DataFrame, name: str, words: str
) -> None:
    """Theory, what was trained, and the entropy; pixels at powers of two."""
    axes.plot(lines["pixels"], lines[name], color=COLOURS[0], lw=1.6)
    look = {"color": COLOURS[1], "marker": "o", "mfc": "none"}
    _draw_points(axes, points, "pixels", name, **look)
    axes.axhline(np.log(2), color="0.35", ls=":", lw=1.2)
    ticks = sorted(set(points["pixels"]))
    place: dict[str, Any] = {"ha": "right", "va": "bottom", "color": "0.35"}
    axes.text(ticks[-1], np.log(2), words, fontsize=9, **place)
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(one) for one in ticks])
    axes.minorticks_off()


def _draw_units(axes: Axes, table: pd.DataFrame) -> None:
    """A histogram a beta, one filled and one in outline, and the threshold."""
    values = table["mean_variance"].clip(lower=LEAST).map(math.log10)
    edges = np.arange(np.floor(values.min()), 0.51, 0.2).tolist()
    for number, (beta, own) in enumerate(values.groupby(table["beta"])):
        axes.hist(
            own,
            bins=edges,
            histtype="stepfilled" if number == 0 else "step",
            color=COLOURS[number % 3],
            alpha=0.45 if number == 0 else 1.0,
            lw=1.8,
            ls=LINES[number % 3],
        )
        style = "filled" if number == 0 else "outline"
        share = (own >= np.log10(ACTIVE)).mean()
        words = rf"$\beta$ = {beta:g} ({style}): {share:.0%} active"
        _say(axes, words, (0.03, 0.97 - 0.07 * number), color=COLOURS[number % 3])
    axes.axvline(np.log10(ACTIVE), ymax=0.78, color="0.2", ls=":", lw=1.4)
    axes.set_ylim(top=1.3 * axes.get_ylim()[1])
    axes.text(
        np.log10(ACTIVE) + 0.05,
        0.7,
        "active from 0.01",
        fontsize=9,
        transform=axes.get_xaxis_transform(),
    )
    tidy(
        axes,
        "MLP VAE, digits: variance of posterior means",
        r"$\log_{10}$ Var$_x\,\mu_j(x)$",
        "units, all seeds",
    )


def _say(
    axes: Axes,
    words: str,
    place: tuple[float, float],
    side: str = "left",
    color: str = "0.25",
) -> None:
    """Words in a panel, at a share of its width and height."""
    axes.text(
        *place,
        words,
        transform=axes.transAxes,
        fontsize=9,
        va="top",
        ha=side,
        color=color,
    )
