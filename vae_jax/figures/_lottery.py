"""Free bits are a lottery: what every seed pays, what it gets, and when."""

import math
from typing import Any

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
EVENTS = {"lost": ("x", "#D55E00"), "used again": ("^", "#009E73")}
"""Marker and colour of what can happen to a run that uses z."""


def lottery_figure(
    ends: pd.DataFrame,
    shares: pd.DataFrame,
    events: pd.DataFrame,
    paths: pd.DataFrame,
) -> Figure:
    """KL and information of every run on the left; shares and paths on the right.

    Args:
        ends: a row a run and moment: `step`, `threshold`, `rate`, `information` (nats)
            and `informative`. The threshold with most runs is drawn.
        shares: a row a moment and threshold: `step`, `threshold`, `seeds`, `share`, and
            its interval, `low` and `high`.
        events: a row a threshold and moment: `step`, `seeds`, and the number of runs in
            which z is `used`.
        paths: a row a chosen run of 1 nat and moment: `seed`, `step`, `information` (nats),
            `used`.

    >>> at = {"threshold": [1.0, 1.0]}
    >>> ends = pd.DataFrame({**at, "rate": [1.0, 1.1], "information": [0.0, 1.0]})
    >>> ends["step"] = 100
    >>> ends["informative"] = [False, True]
    >>> shares = pd.DataFrame({"step": [100], "threshold": [1.0], "seeds": 2})
    >>> shares = shares.assign(share=0.5, low=0.1, high=0.9)
    >>> events = pd.DataFrame({**at, "step": [0, 100], "seeds": 2, "used": [0, 1]})
    >>> paths = pd.DataFrame({"seed": 0, "step": [0, 100], "information": [0.0, 1.0]})
    >>> paths["used"] = [False, True]
    >>> len(lottery_figure(ends, shares, events, paths).axes)
    5
    """
    figure = Figure(figsize=(13, 7.4), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    left, right = halves
    free: Any = ends["threshold"].value_counts().idxmax()
    moments = sorted(ends["step"].unique())
    rows = left.subplots(len(moments), 2, sharex=True, sharey="row", squeeze=False)
    for pair, step in zip(rows, moments, strict=True):
        here = (ends["threshold"] == free) & (ends["step"] == step)
        _draw_histograms(pair, ends[here], free)
    _finish_histograms(rows, free)
    top, middle, bottom = right.subplots(3, 1)
    _draw_shares(top, shares)
    _draw_use(middle, events)
    _draw_paths(bottom, paths)
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
    label = f"after {runs['step'].iloc[0]} steps"
    pair[0].text(0.02, 0.97, label, transform=pair[0].transAxes, va="top", fontsize=10)


def _finish_histograms(rows: np.ndarray, free: float) -> None:
    tidy(rows[0, 0], f"KL, {free:g} nat free", ylabel=rows[0, 0].get_ylabel())
    tidy(rows[0, 1], "Information in z")
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
    free, moments = (sorted(shares[name].unique()) for name in ("threshold", "step"))
    rows: Any = shares.itertuples()
    for row in rows:
        colour, _ = LOOKS.get(row.threshold, ("0.5", "-"))
        late = moments.index(row.step)
        at = free.index(row.threshold) + 0.3 * (late - (len(moments) - 1) / 2)
        # filled at the end, so that both are read in grey as well
        look: Any = {"marker": "s", "mfc": colour} if late else {"marker": "o"}
        error = [[row.share - row.low], [row.high - row.share]]
        axes.errorbar(
            at, row.share, error, **({"color": colour, "capsize": 4, "mfc": "w"} | look)
        )
        text = f" {row.share:.2f}\n after {row.step}"
        axes.text(at + 0.02, row.share, text, fontsize=7.5, va="center")
    seeds = shares.groupby("threshold")["seeds"].first()
    labels = [f"{one:g} free\n{seeds[one]} seeds" for one in free]
    title = "Share of the seeds that use z, 95 % interval, by the nats that are free"
    tidy(axes, title, ylabel="share")
    axes.set_xticks(range(len(free)), labels, fontsize=8)
    axes.set(ylim=(0, 1.08), xlim=(-0.4, len(free) - 0.4))


def _draw_use(axes: Axes, events: pd.DataFrame) -> None:
    groups: Any = events.groupby("threshold")
    for threshold, rows in groups:
        colour, line = LOOKS.get(threshold, ("0.5", "-"))
        share = rows["used"] / rows["seeds"]
        label = f"{threshold:g} free"
        axes.plot(rows["step"], share, color=colour, ls=line, label=label)
    tidy(axes, "Use of z over time", "steps", "share")
    axes.set(ylim=(0, 1.03), xlim=(0, events["step"].max()))
    # all of them may end at the same height, where no label has room
    axes.legend(fontsize=8, frameon=False, loc="lower right")


def _draw_paths(axes: Axes, paths: pd.DataFrame) -> None:
    counts = dict.fromkeys(EVENTS, 0)
    for _, run in paths.groupby("seed"):
        used = run["used"].to_numpy(bool)
        colour = WON if used[-1] else LOST
        line = "-" if used[-1] else "--"
        values = run["information"].to_numpy()
        axes.plot(run["step"], values, color=colour, ls=line, lw=0.8, alpha=0.7)
        before = np.concatenate([[False], used[:-1]])
        found = {"used again": used & ~before & (np.cumsum(used) > 1)}
        found |= {"lost": before & ~used}
        for name, at in found.items():
            counts[name] += int(at.sum())
            marker, face = EVENTS[name]
            axes.plot(
                run["step"][at], values[at], ls="", marker=marker, color=face, ms=6
            )
    seeds = paths["seed"].nunique()
    told = ", ".join(f"{name} {count} times" for name, count in counts.items())
    title = f"{seeds} seeds at 1 nat, with all that lose z: {told}"
    tidy(axes, title, "steps", "information (nats)")
    axes.set(xlim=(0, paths["step"].max()))
    for name, (marker, face) in EVENTS.items():
        axes.plot([], [], ls="", marker=marker, color=face, label=f"z {name}")
    axes.legend(fontsize=8, frameon=False, loc="lower right")
