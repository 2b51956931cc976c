"""Ichikawa & Hukushima (2024): learning of a linear VAE, its equation and SGD."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

COLOURS = ("#000000", "#0072B2", "#009E73", "#D55E00", "#CC79A7")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
"""One a setting, so that it is told without colour, too."""

ERROR = "generalisation error"


def dynamics_figure(
    paths: pd.DataFrame,
    ends: pd.DataFrame,
    spare: pd.DataFrame,
    speeds: pd.DataFrame,
    curves: pd.DataFrame,
    noise: float,
    edge: float,
) -> Figure:
    """Error over time by SGD and equation, its end over beta, and what annealing does.

    Args:
        paths: a row a run, seed and time: `beta`, `speed`, `seed`, `time`, `sgd`, `ode`.
        ends: a row a beta: `beta`, `ode`, `theory`.
        spare: the same with a unit to spare.
        speeds: a row a speed of annealing, 0 for none: `speed`, `time`.
        curves: a row a speed and time: `speed`, `time`, `ode`.
        noise: the beta of the least error.
        edge: the beta of collapse.

    >>> run = {"beta": 1.0, "speed": 0.0, "seed": 0, "time": 0, "sgd": 1.0, "ode": 1.0}
    >>> paths = pd.DataFrame([run])
    >>> ends = paths.assign(theory=0.0)
    >>> len(dynamics_figure(paths, ends, ends, paths, paths, 1.0, 2.0).axes)
    4
    """
    figure = Figure(figsize=(13.5, 3.7), layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=(1.35, 1, 1, 1))
    _draw_paths(panels[0], paths)
    _draw_ends(panels[1], {"1 unit": ends, "2 units": spare}, noise, edge)
    _draw_curves(panels[2], curves)
    _draw_speeds(panels[3], speeds)
    return figure


def setting_label(beta: float, speed: float) -> str:
    """The weight of the rate over time t.

    >>> setting_label(1.0, 0.001)
    'tanh(0.001 t)'
    """
    if speed == 0:
        return f"beta {beta:g}"
    factor = "" if beta == 1 else f"{beta:g} "
    return f"{factor}tanh({speed:g} t)"


def _draw_paths(axes: Axes, paths: pd.DataFrame) -> None:
    """Every seed's SGD, wide and pale, below the equation from its own start."""
    settings = paths[["beta", "speed"]].drop_duplicates().itertuples(index=False)
    for (beta, speed), colour, style in zip(settings, COLOURS, STYLES, strict=False):
        own = paths[(paths["beta"] == beta) & (paths["speed"] == speed)]
        label = setting_label(beta, speed)
        for _, run in own.groupby("seed"):
            axes.plot(run["time"], run["sgd"], color=colour, lw=4, alpha=0.18)
            axes.plot(
                run["time"], run["ode"], color=colour, ls=style, lw=1, label=label
            )
            label = "_nolegend_"
    axes.set_ylim(0, None)
    axes.legend(fontsize=8, frameon=False, loc="upper right", handlelength=3)
    title = f"Wide: SGD, {paths['seed'].nunique()} seeds; thin: equation"
    tidy(axes, title, "time (examples / features)", ERROR)


def _draw_ends(
    axes: Axes, ends: dict[str, pd.DataFrame], noise: float, edge: float
) -> None:
    """Points of the equation on the lines of theory, each line with its name."""
    for at, words in ((noise, "noise"), (edge, "signal + noise")):
        axes.axvline(at, color="0.75", lw=1)
        axes.text(at, 1.12, f" {words}", fontsize=8, color="0.35", va="bottom")
    forms = zip(ends.items(), ("o", "s"), ("#0072B2", "#D55E00"), strict=True)
    for (name, own), marker, colour in forms:
        axes.plot(own["beta"], own["theory"], color="0.3", lw=1.2)
        axes.plot(
            own["beta"],
            own["ode"],
            marker,
            ms=3.5,
            mfc="none",
            color=colour,
        )
        # a few points in, where the two are apart
        place = own.iloc[min(2, len(own) - 1)]
        axes.annotate(
            name,
            (place["beta"], place["ode"]),
            (6, 3),
            textcoords="offset points",
            fontsize=8,
            color=colour,
        )
    axes.set_ylim(-0.03, 1.25)
    tidy(axes, "End, by the equation; lines: theory", "beta", ERROR)


def _draw_curves(axes: Axes, curves: pd.DataFrame) -> None:
    for speed, colour, style in zip(
        curves["speed"].unique(), COLOURS, STYLES, strict=False
    ):
        own = curves[curves["speed"] == speed]
        axes.plot(
            own["time"],
            own["ode"],
            color=colour,
            ls=style,
            lw=1.4,
            label=setting_label(1.0, speed),
        )
    axes.set_ylim(0, None)
    axes.legend(fontsize=8, frameon=False, loc="upper right", handlelength=3)
    tidy(axes, "Annealing, by the equation", "time", ERROR)


def _draw_speeds(axes: Axes, speeds: pd.DataFrame) -> None:
    speeds = speeds[speeds["time"].notna()]  # a short run may not learn at all
    annealed = speeds[speeds["speed"] > 0]
    axes.plot(annealed["speed"], annealed["time"], "o-", ms=4, color="#0072B2", lw=1.2)
    plain = speeds[speeds["speed"] == 0]["time"]
    if len(plain):
        axes.axhline(plain.iloc[0], color="0.3", ls="--", lw=1)
        axes.annotate(
            "no annealing",
            (0.02, plain.iloc[0]),
            xycoords=("axes fraction", "data"),
            xytext=(0, -10),
            textcoords="offset points",
            fontsize=8,
            color="0.3",
        )
    if len(annealed):
        axes.set_xscale("log")
    tidy(axes, "Time to an error of 0.1", "speed of annealing", "time")
