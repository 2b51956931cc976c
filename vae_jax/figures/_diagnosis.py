"""One posterior in a picture: its parts, its units, and where the rate goes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_jax.figures._style import tidy

VERDICT_COLOURS = {
    "healthy": "#009E73",
    "partially collapsed": "#E69F00",
    "collapsed": "#D55E00",
    "in use": "#009E73",
    "not in use": "#D55E00",
    "unreliable": "#999999",
}
"""Okabe & Ito's colours, one a verdict; those of a unit are the ends of the scale."""

DEAD = ("collapsed", "not in use")
"""Words of parts that may have no rate, hence no bar."""

LEAST = 0.2
"""Nats: the least height of an axis, so that the rounding of a dead latent does not fill
it."""

LABELLED = 10
"""Parts that the axis names where there are too many to name all."""

MOST_BARS = 64
"""Parts that are drawn one by one and in order; of more, the largest rates come first."""

SMALLEST = 1e-6
"""A variance of 0 has no place on an axis of powers, and is drawn here."""


def diagnosis_figure(
    title: str,
    what: str,
    parts: pd.DataFrame,
    units: pd.DataFrame,
    totals: Mapping[str, float],
    by_position: np.ndarray | None = None,
) -> Figure:
    """Parts, units and the sum, and a map of positions where there are any.

    Args:
        title: the verdict, and whose it is.
        what: what a part is: unit, channel or position.
        parts: a row a part: `rate`, `information` (nats) and `verdict`; its name, `part`,
            where it is not its number.
        units: a row a unit: `mean_variance`, `noise_variance` and `kl` (nats).
        totals: `rate`, `information`, `marginal KL`, `ceiling`, and the `threshold` of
            information below which a part is collapsed, in nats; `at_ceiling`, whether the
            information may be more than is seen.
        by_position: rate of every position, one or two axes; None of a plain latent.

    >>> parts = pd.DataFrame({"rate": [2.0], "information": [1.5], "verdict": ["healthy"]})
    >>> units = pd.DataFrame({"mean_variance": [1.0], "noise_variance": [0.1], "kl": [2.0]})
    >>> totals = {"rate": 2.0, "information": 1.5, "marginal KL": 0.5}
    >>> totals |= {"ceiling": 6.9, "threshold": 0.1, "at_ceiling": False}
    >>> len(diagnosis_figure("healthy", "unit", parts, units, totals).axes)
    4
    """
    panels = 3 if by_position is None else 4
    figure = Figure(figsize=(4.2 * panels, 3.8), layout="constrained")
    axes = figure.subplots(1, panels)
    _draw_parts(axes[0], what, parts, totals["threshold"])
    _draw_units(axes[1], units)
    _draw_totals(axes[2], totals)
    if by_position is not None:
        _draw_positions(axes[3], by_position)
    figure.suptitle(title, fontsize=11)
    return figure


def _draw_parts(axes: Axes, what: str, parts: pd.DataFrame, threshold: float) -> None:
    """A bar a part: its rate, pale, and in it the information."""
    many = len(parts) > MOST_BARS
    rows = parts.sort_values("rate", ascending=False) if many else parts
    place, width = np.arange(len(rows)), 1.0 if many else 0.85
    colours = [VERDICT_COLOURS[word] for word in rows["verdict"]]
    axes.bar(place, rows["rate"], width=width, color=colours, alpha=0.3, lw=0)
    axes.bar(place, rows["information"], width=width, color=colours, lw=0)
    for word, colour in VERDICT_COLOURS.items():
        count = int((rows["verdict"] == word).sum())
        if count:
            axes.bar([0], [0], color=colour, label=f"{word}: {count}")
    label = f"{threshold:g} nats"
    axes.axhline(threshold, color="0.4", ls=":", lw=0.7, label=label, zorder=0)
    idle = place[rows["verdict"].isin(DEAD).to_numpy()]
    # without a rate it has no bar to be seen
    if len(idle) and not many:
        word = rows["verdict"].iloc[idle[0]]
        axes.plot(
            idle,
            0 * idle,
            "x",
            color=VERDICT_COLOURS[word],
            clip_on=False,
            label=f"where it is {word}",
        )
    axes.legend(fontsize=8, frameon=False)
    axes.margins(x=0.01, y=0.35)  # room for the legend
    axes.autoscale_view()
    axes.set_ylim(0, max(LEAST, axes.get_ylim()[1]))
    order = what if not many else _name_places(axes, what, rows)
    if not many:
        _tick_places(axes, rows)
    tidy(axes, "Rate (pale) and information (full)", order, "nats per example")


def _names(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows.get("part", rows.index)]


def _tick_places(axes: Axes, rows: pd.DataFrame) -> None:
    """At most sixteen names below the bars, on end where they are long."""
    names, step = _names(rows), -(-len(rows) // 16)
    long = max(map(len, names)) > 2
    places = np.arange(len(rows))[::step]
    axes.set_xticks(places, names[::step], rotation=90 if long else 0)


def _name_places(axes: Axes, what: str, rows: pd.DataFrame) -> str:
    """A label with the names of the first bars, which are too narrow for one each."""
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    named = [f"({n})" if "," in n else n for n in _names(rows)[:LABELLED]]
    half = LABELLED // 2
    lines = ", ".join(named[:half]) + ",\n" + ", ".join(named[half:])
    return f"rank of the {what} by rate; the first are\n{lines}"


def _draw_units(axes: Axes, units: pd.DataFrame) -> None:
    """A dot a unit: how far its means spread, and how wide its posteriors are."""
    spread = np.maximum(units["mean_variance"], SMALLEST)
    noise = np.maximum(units["noise_variance"], SMALLEST)
    few = len(units) <= 1000
    dots = axes.scatter(
        spread,
        noise,
        c=units["kl"],
        cmap="viridis",
        s=24 if few else 3,
        vmin=0,
        vmax=max(LEAST, float(units["kl"].max())),
        lw=0,
        alpha=0.8,
        rasterized=not few,
        zorder=3,
    )
    axes.set(xscale="log", yscale="log")
    # the line of active units in view, and room for its word
    low, high = min(0.001, float(spread.min()) / 2), max(3.0, 2 * float(spread.max()))
    axes.set_xlim(low, high)
    axes.set_ylim(min(0.005, float(noise.min()) / 2), max(3.0, 2 * float(noise.max())))
    axes.axvline(0.01, color="0.4", ls="--", lw=0.8)
    axes.axhline(1.0, color="0.4", ls=":", lw=0.8)
    axes.annotate(
        "active", (0.013, 0.02), xycoords=("data", "axes fraction"), fontsize=8
    )
    axes.annotate(
        "the prior's variance, 1",
        (0.98, 1.08),
        xycoords=("axes fraction", "data"),
        fontsize=8,
        ha="right",
    )
    assert axes.figure is not None
    bar = axes.figure.colorbar(dots, ax=axes)
    bar.set_label("rate, nats", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    tidy(axes, "Units", "variance of the mean over examples", "mean posterior variance")


def _draw_totals(axes: Axes, totals: Mapping[str, float]) -> None:
    """The rate, and below it what it consists of."""
    information, marginal = totals["information"], totals["marginal KL"]
    ceiling, at_ceiling = totals["ceiling"], totals["at_ceiling"]
    axes.barh([0], [totals["rate"]], color="0.6", height=0.55)
    axes.barh([1], [information], color="#0072B2", height=0.55, label="information")
    axes.barh(
        [1],
        [marginal],
        left=[information],
        color="#CC79A7",
        height=0.55,
        label="information or marginal KL" if at_ceiling else "marginal KL",
        # what lies beyond the ceiling may be either
        hatch="//" if at_ceiling else None,
        edgecolor="w",
    )
    label = f"ceiling, log N{': more cannot be seen' if at_ceiling else ''}"
    axes.axvline(ceiling, color="0.2", ls="--", lw=0.9, label=label)
    axes.set_yticks([0, 1], ["rate", "its parts"], fontsize=9)
    axes.set_ylim(2.6, -0.6)
    legend = axes.legend(fontsize=8, edgecolor="none", loc="lower right")
    legend.get_frame().set_alpha(1)  # the ceiling may lie behind it
    tidy(axes, "Where the rate goes", "nats per example")


def _draw_positions(axes: Axes, rates: np.ndarray) -> None:
    """The rate of every position, as a line or as a picture."""
    if rates.ndim == 1:
        axes.plot(np.arange(len(rates)), rates, color="#0072B2", marker="o", ms=3)
        axes.set_ylim(0, max(LEAST, 1.1 * float(rates.max())))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        tidy(axes, "Rate of each position", "position", "nats per example")
        return
    image = axes.imshow(rates, cmap="viridis", vmin=0, vmax=max(LEAST, rates.max()))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    assert axes.figure is not None
    bar = axes.figure.colorbar(image, ax=axes)
    bar.set_label("nats per example", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    tidy(axes, "Rate of each position", "width", "height")
