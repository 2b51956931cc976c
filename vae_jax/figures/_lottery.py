"""Free bits are a lottery: what every seed pays, what it gets, and when."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

WON, LOST = "#0072B2", "#E69F00"
"""Okabe & Ito's blue and orange; runs that lost are hatched as well."""
LOOKS = {
    0.05: ("#000000", ":"),
    0.35: ("#009E73", "-."),
    1.0: ("#0072B2", "-"),
    2.0: ("#CC79A7", "--"),
}
"""Colour and line, by the threshold in nats; others are grey."""
WIDTH = 0.05
"""Nats of a bar of a histogram."""
ENTROPY = math.log(10)
GROUP = 250
"""Steps of a bar of events."""
EVENTS = {
    "births": ("first use of z", "#56B4E9", ""),
    "resurrections": ("use again", "#009E73", "///"),
    "deaths": ("use lost", "#D55E00", "xxx"),
}


def lottery_figure(
    ends: pd.DataFrame, shares: pd.DataFrame, events: pd.DataFrame
) -> Figure:
    """KL and information of every run on the left; shares and events on the right.

    Args:
        ends: a row a run: `threshold`, `num_steps`, `rate`, `information` (nats) and
            `informative`. The runs of the fewest steps are drawn.
        shares: a row a threshold and length: `threshold`, `num_steps`, `seeds`, `share`,
            and its interval, `low` and `high`.
        events: a row a threshold, length and moment: `step`, `seeds`, and the number of
            runs that are `used`, and of `births`, `resurrections` and `deaths`.

    >>> at = {"threshold": [1.0, 1.0], "num_steps": [100, 100]}
    >>> ends = pd.DataFrame({**at, "rate": [1.0, 1.1], "information": [0.0, 1.0]})
    >>> ends["informative"] = [False, True]
    >>> shares = pd.DataFrame({"threshold": [1.0], "num_steps": 100, "seeds": 2})
    >>> shares = shares.assign(share=0.5, low=0.1, high=0.9)
    >>> events = pd.DataFrame({**at, "step": [0, 100], "seeds": 2, "used": [0, 1]})
    >>> events = events.assign(births=[0, 1], resurrections=0, deaths=0)
    >>> len(lottery_figure(ends, shares, events).axes)
    6
    """
    figure = Figure(figsize=(13, 7.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    short = ends[ends["num_steps"] == ends["num_steps"].min()]
    free = sorted(short["threshold"].unique())
    rows = left.subplots(len(free), 2, sharex=True, sharey="row", squeeze=False)
    for pair, threshold in zip(rows, free, strict=True):
        _draw_histograms(pair, short[short["threshold"] == threshold], threshold)
    _finish_histograms(rows, int(short["num_steps"].iloc[0]))
    top, middle, bottom = right.subplots(3, 1)
    _draw_shares(top, shares)
    _draw_use(middle, events)
    _draw_events(bottom, events)
    return figure


def _draw_histograms(pair: np.ndarray, runs: pd.DataFrame, threshold: float) -> None:
    edges = np.arange(-0.1, ENTROPY + 0.2, WIDTH)
    sides = runs[~runs["informative"]], runs[runs["informative"]]
    for axes, column in zip(pair, ("rate", "information"), strict=True):
        _, _, bars = axes.hist(
            [side[column] for side in sides],
            bins=edges,
            stacked=True,
            color=[LOST, WON],
            edgecolor="white",
            linewidth=0.3,
        )
        for bar in bars[0]:
            bar.set(hatch="////")
        axes.axvline(threshold, color="0.25", ls="--", lw=1)
        tidy(axes, "")
    pair[0].set_ylabel(f"{len(runs)} seeds", fontsize=9)
    label = f"{threshold:g} nats free"
    pair[0].text(0.98, 0.9, label, transform=pair[0].transAxes, ha="right", va="top")


def _finish_histograms(rows: np.ndarray, steps: int) -> None:
    tidy(rows[0, 0], f"KL after {steps} steps: one hump", ylabel=rows[0, 0].get_ylabel())
    tidy(rows[0, 1], "Information in z: two")
    rows[-1, 0].set_xlabel("KL (nats); dashed: what is free", fontsize=9)
    rows[-1, 1].set_xlabel("information (nats), at most log 10", fontsize=9)
    axes = rows[0, 1]
    for height, colour, text in ((0.92, WON, "z used"), (0.74, LOST, "z not used")):
        axes.text(
            0.98,
            height,
            f"\N{BLACK SQUARE} {text}",
            transform=axes.transAxes,
            ha="right",
            va="top",
            color=colour,
            weight="bold",
            fontsize=9,
        )


def _draw_shares(axes: Axes, shares: pd.DataFrame) -> None:
    shortest = shares["num_steps"].min()
    rows = shares.sort_values("threshold")
    for at, row in enumerate(rows.itertuples()):
        colour, _ = LOOKS.get(row.threshold, ("0.5", "-"))
        longer = row.num_steps > shortest
        error = [[row.share - row.low], [row.high - row.share]]
        marker = "s" if longer else "o"
        face = "white" if longer else colour
        axes.errorbar(
            at, row.share, error, color=colour, marker=marker, mfc=face, capsize=4
        )
        axes.text(at + 0.08, row.share, f" {row.share:.2f}", fontsize=8, va="center")
    labels = [
        f"{row.threshold:g} nats\n{row.num_steps} steps, {row.seeds} seeds"
        for row in rows.itertuples()
    ]
    tidy(axes, "Share of the seeds that use z, 95 % interval", ylabel="share")
    axes.set_xticks(range(len(rows)), labels, fontsize=8)
    axes.set(ylim=(0, 1), xlim=(-0.4, len(rows) - 0.4))


def _draw_use(axes: Axes, events: pd.DataFrame) -> None:
    for (threshold, _), rows in events.groupby(["threshold", "num_steps"]):
        if rows["num_steps"].iloc[0] > events["num_steps"].min():
            continue
        colour, line = LOOKS.get(threshold, ("0.5", "-"))
        share = rows["used"] / rows["seeds"]
        axes.plot(rows["step"], share, color=colour, ls=line)
        axes.annotate(
            f"{threshold:g} nats",
            (rows["step"].iloc[-1], share.iloc[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            fontsize=8,
            va="center",
        )
    last = events["num_steps"].min()
    tidy(axes, "Use of z over time", "steps", "share")
    axes.set(ylim=(0, 1), xlim=(0, 1.12 * last))


def _draw_events(axes: Axes, events: pd.DataFrame) -> None:
    rows = events[events["num_steps"] == events["num_steps"].max()]
    rows = rows[rows["threshold"] == rows["threshold"].iloc[0]]
    # a moment says what has happened since the one before
    group = np.ceil(rows["step"] / GROUP) * GROUP
    counts = rows.groupby(group)[list(EVENTS)].sum()
    middle, base = counts.index.to_numpy() - GROUP / 2, np.zeros(len(counts))
    for name, (label, colour, hatch) in EVENTS.items():
        height = counts[name].to_numpy() * (-1 if name == "deaths" else 1)
        bottom = np.zeros(len(counts)) if name == "deaths" else base
        axes.bar(
            middle,
            height,
            0.85 * GROUP,
            bottom=bottom,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.3,
            label=label,
        )
        base = base + np.maximum(height, 0)
    axes.axhline(0, color="0.25", lw=0.8)
    share = rows["used"].to_numpy() / rows["seeds"].to_numpy()
    over = axes.twinx()
    over.plot(rows["step"], share, color="#0072B2", lw=1.5)
    over.set_ylim(-1, 1)
    over.set_yticks([0, 0.5, 1])
    over.set_ylabel("share that uses z", fontsize=9, color="#0072B2")
    over.tick_params(labelsize=8)
    over.spines["top"].set_visible(False)
    most = max(1.0, float(base.max()), float(counts["deaths"].max()))
    threshold, seeds = rows["threshold"].iloc[0], rows["seeds"].iloc[0]
    title = f"{seeds} seeds at {threshold:g} nats, for longer: first uses, losses, returns"
    tidy(axes, title, "steps", f"runs in {GROUP} steps")
    axes.set(ylim=(-1.15 * most, 1.15 * most), xlim=(0, rows["step"].max()))
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="lower right")
