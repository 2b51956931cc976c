"""Lucas et al. (2019): (eps, delta)-collapse of a deep VAE, and what it costs."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from vae_jax.figures._style import tidy

COLOURS = ("#000000", "#D55E00", "#E69F00", "#009E73", "#56B4E9", "#0072B2", "#CC79A7")
"""Okabe & Ito's, from the largest variance to the smallest; then from the first again."""
LINES = ("-", "--", "-.", ":")
PLAIN, WARM = "#0072B2", "#D55E00"


def collapse_figure(
    curves: pd.DataFrame, theory: pd.DataFrame, ends: pd.DataFrame
) -> Figure:
    """Collapse curves above; collapsed units, -ELBO and learned variances below.

    Args:
        curves: a row an arm and eps: `kind` (fixed or learned), `variance`, `warm_up`,
            `eps` (nats), and the collapsed `share` with its `low` and `high` over seeds.
        theory: the same of a linear VAE: `variance`, `eps`, `share`.
        ends: a row a run: `kind`, `variance`, `warm_up`, `seed`, `collapsed`, `final`
            (variance), `negative_elbo` and `tuned` (nats).

    >>> arm = {"kind": ["fixed", "learned"], "variance": 1.0, "warm_up": False}
    >>> curves = pd.DataFrame({**arm, "eps": 0.1, "share": 0.5, "low": 0.4, "high": 0.6})
    >>> theory = pd.DataFrame({"variance": [1.0], "eps": 0.1, "share": 0.5})
    >>> ends = pd.DataFrame({**arm, "seed": 0, "collapsed": 3, "final": 0.5})
    >>> ends = ends.assign(negative_elbo=2.0, tuned=1.0)
    >>> len(collapse_figure(curves, theory, ends).axes)
    6
    """
    figure = Figure(figsize=(13, 7.6), layout="constrained")
    above, below = figure.subplots(2, 3)
    plain = curves[~curves["warm_up"]]
    fixed = curves[curves["kind"] == "fixed"]
    _draw_curves(above[0], fixed[~fixed["warm_up"]], "Variance fixed")
    _draw_theory(above[0], theory)
    warm = fixed[fixed["warm_up"]]
    _draw_curves(above[1], warm, "Variance fixed, weight of the rate warmed up")
    learned = plain[plain["kind"] == "learned"]
    _draw_curves(above[2], learned, "Variance learned; named by its start")
    _draw_counts(below[0], ends)
    _draw_elbo(below[1], ends)
    _draw_learned(below[2], ends)
    return figure


def _looks(variances: list[float]) -> dict[float, tuple[str, str]]:
    """Colour and line of each variance, from the largest on."""
    return {
        variance: (COLOURS[i % len(COLOURS)], LINES[i % len(LINES)])
        for i, variance in enumerate(sorted(variances, reverse=True))
    }


def _draw_curves(axes: Axes, curves: pd.DataFrame, title: str) -> None:
    looks = _looks(curves["variance"].unique().tolist())
    for variance, (colour, line) in looks.items():
        own = curves[curves["variance"] == variance]
        axes.step(
            own["eps"],
            own["share"],
            where="post",
            color=colour,
            ls=line,
            label=f"{variance:g}",
        )
        axes.fill_between(
            own["eps"],
            own["low"],
            own["high"],
            step="post",
            color=colour,
            alpha=0.15,
            lw=0,
        )
    _finish_curves(axes, title)


def _finish_curves(axes: Axes, title: str) -> None:
    tidy(axes, title, "eps: a KL below it is collapsed (nats)", "collapsed units")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(ylim=(-0.02, 1.04), xlim=(0, None))
    if axes.lines:
        axes.legend(
            title="variance",
            fontsize=8,
            title_fontsize=8,
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
        )


def _draw_theory(axes: Axes, theory: pd.DataFrame) -> None:
    looks = _looks(theory["variance"].unique().tolist())
    groups: Any = theory.groupby("variance")
    for variance, own in groups:
        axes.step(
            own["eps"], own["share"], where="post", color=looks[variance][0], lw=0.6
        )
    axes.set_title("Variance fixed; thin: linear VAE, theory", loc="left", fontsize=10)


def _by_variance(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    return rows.groupby("variance")[column].agg(["mean", "min", "max"])


def _draw_range(axes: Axes, rows: pd.DataFrame, column: str, **look: Any) -> None:
    found = _by_variance(rows, column)
    axes.plot(found.index, found["mean"], **look)
    axes.fill_between(
        found.index, found["min"], found["max"], color=look["color"], alpha=0.15, lw=0
    )


def _draw_counts(axes: Axes, ends: pd.DataFrame) -> None:
    for kind, marker, line in (("fixed", "o", "-"), ("learned", "s", "--")):
        for warm, colour in ((False, PLAIN), (True, WARM)):
            rows = ends[(ends["kind"] == kind) & (ends["warm_up"] == warm)]
            label = f"{kind}{', warm-up' if warm else ''}"
            look = {"color": colour, "marker": marker, "ls": line, "label": label}
            _draw_range(axes, rows, "collapsed", **look)
    axes.set_xscale("log")
    tidy(
        axes,
        "Collapsed units at eps = 0.01",
        "variance, fixed or at the start",
        "collapsed units",
    )
    axes.legend(fontsize=8, frameon=False)


def _draw_elbo(axes: Axes, ends: pd.DataFrame) -> None:
    fixed = ends[ends["kind"] == "fixed"]
    for column, line, marker, words in (
        ("negative_elbo", "-", "o", ""),
        ("tuned", ":", "v", ", variance tuned"),
    ):
        for warm, colour in ((False, PLAIN), (True, WARM)):
            label = f"{'warm-up' if warm else 'no warm-up'}{words}"
            look = {"color": colour, "marker": marker, "ls": line, "label": label}
            _draw_range(axes, fixed[fixed["warm_up"] == warm], column, **look)
    axes.set_xscale("log")
    tidy(axes, "Cost at a fixed variance", "variance", "-ELBO (nats)")
    axes.legend(fontsize=8, frameon=False)


def _draw_learned(axes: Axes, ends: pd.DataFrame) -> None:
    learned = ends[ends["kind"] == "learned"]
    for warm, colour, marker in ((False, PLAIN, "o"), (True, WARM, "s")):
        rows = learned[learned["warm_up"] == warm]
        label = "warm-up" if warm else "no warm-up"
        look = {"color": colour, "marker": marker, "ls": "-", "label": label}
        _draw_range(axes, rows, "final", **look)
    costs: Any = (
        learned[~learned["warm_up"]].groupby("variance")["negative_elbo"].mean()
    )
    finals: Any = learned[~learned["warm_up"]].groupby("variance")["final"].mean()
    for variance, cost in costs.items():
        axes.annotate(
            f"{cost:.1f}",
            (variance, finals[variance]),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=PLAIN,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    values = np.asarray(learned["final"], np.float64)
    axes.set_ylim(values.min() / 1.6, values.max() * 1.8)
    title = "Learned; numbers: -ELBO (nats), no warm-up"
    tidy(axes, title, "variance at the start", "learned variance at the end")
    axes.legend(fontsize=8, frameon=False, loc="upper left")
