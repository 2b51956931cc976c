"""Dang et al. (2024): a VAE of two levels against its closed form, level by level."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vae_jax.figures._style import tidy

# Okabe & Ito's, from light to dark in grey too, beside which a marker and a line style go
LOOKS = (
    ("#56B4E9", "o", "-"),
    ("#E69F00", "s", "--"),
    ("#009E73", "^", "-."),
    ("#D55E00", "D", ":"),
    ("#0072B2", "v", (0, (4, 1, 1, 1, 1, 1))),
    ("#000000", "P", (0, (1, 1))),
)
WEIGHT = r"$\beta_1$, weight of level 1"
STATES = {
    "neither": ("#FFFFFF", ""),
    "level 1": ("#E69F00", "\\\\\\"),
    "level 2": ("#56B4E9", "///"),
    "both": ("#999999", "xxx"),
}
"""Which levels have no active unit: colour and hatch."""


def two_level_figure(
    runs: pd.DataFrame, units: pd.DataFrame, theory: pd.DataFrame
) -> Figure:
    """Singular values and KL of both levels, found and predicted, and which is collapsed.

    Args:
        runs: a row a member: `model` (`linear` or `mlp`), `beta`, `beta_two`, `seed`,
            `rate_two`, and of the linear ones `kl_one`, `active_one`, `active_two`, their
            `_theory`, and `left_out`.
        units: a row a member, `level` and unit of the linear ones: `found`, `theory`.
        theory: of the linear model, on a fine grid: `beta`, `beta_two`, `kl_one`,
            `rate_two`, in nats.

    >>> known = {"kl_one": 1.0, "rate_two": 2.0, "active_one": 2, "active_two": 0}
    >>> stated = {f"{name}_theory": value for name, value in known.items()}
    >>> row = {"member": 0, "model": "linear", "beta": 1.0, "beta_two": 2.0, "seed": 0}
    >>> runs = pd.DataFrame([{**row, **known, **stated, "left_out": False}])
    >>> units = pd.DataFrame([{"member": 0, "level": 1, "found": 1.0, "theory": 1.0}])
    >>> theory = pd.DataFrame([{**row, **known}])
    >>> len(two_level_figure(runs, units, theory).axes)
    6
    """
    figure = Figure(figsize=(12.5, 7.6), layout="constrained")
    panels = figure.subplots(2, 3)
    linear = runs[runs["model"] == "linear"]
    looks = dict(zip(sorted(set(runs["beta_two"])), LOOKS, strict=False))
    for level, axes in zip((1, 2), panels[0, :2], strict=True):
        _draw_singular_values(axes, units[units["level"] == level], linear, level)
    _draw_states(panels[0, 2], linear)
    titles = {
        "rate_two": "d  KL of level 2, linear; lines: theory",
        "kl_one": "e  KL of level 1, linear; lines: theory",
    }
    for axes, (column, title) in zip(panels[1], titles.items(), strict=False):
        _draw_lines(axes, linear, theory, column, looks)
        tidy(axes, title, WEIGHT, "nats")
    _draw_lines(panels[1, 2], runs[runs["model"] == "mlp"], theory, "rate_two", looks)
    title = "f  KL of level 2, ReLU; lines: linear theory"
    tidy(panels[1, 2], title, WEIGHT, "nats")
    return figure


def _draw_singular_values(
    axes: Axes, units: pd.DataFrame, runs: pd.DataFrame, level: int
) -> None:
    """Found against theory, hollow where a threshold is near."""
    near = set(runs.loc[runs["left_out"].astype(bool), "member"])
    is_near = units["member"].isin(near)
    top = 1.08 * float(units[["found", "theory"]].to_numpy().max(initial=1e-3))
    axes.plot([0, top], [0, top], color="0.6", lw=1, zorder=0)
    style: dict[str, Any] = {"s": 22, "lw": 0.8, "edgecolor": "#0072B2"}
    kept, rest = units[~is_near], units[is_near]
    axes.scatter(kept["theory"], kept["found"], facecolor="#0072B2", **style)
    axes.scatter(rest["theory"], rest["found"], facecolor="none", **style)
    axes.set(xlim=(-0.04 * top, top), ylim=(-0.04 * top, top), aspect="equal")
    axes.text(
        *(0.04, 0.96),
        "filled: compared\nhollow: near a threshold",
        transform=axes.transAxes,
        va="top",
        fontsize=8,
    )
    of = r"$W_1 S^{1/2}$" if level == 1 else r"$U_2$"
    label = "a" if level == 1 else "b"
    tidy(axes, f"{label}  Level {level}: singular values of {of}", "theory", "found")


def _draw_states(axes: Axes, linear: pd.DataFrame) -> None:
    """Active units of both levels in every setting; colour and hatch are of theory."""
    ones, twos = (sorted(set(linear[name])) for name in ("beta", "beta_two"))
    for (one, two), cell in linear.groupby(["beta", "beta_two"]):
        place = ones.index(one), twos.index(two)
        first, second = (
            cell["active_one_theory"].iloc[0],
            cell["active_two_theory"].iloc[0],
        )
        colour, hatch = STATES[state_of(first, second)]
        box = Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1)
        box.set(facecolor=(*to_rgb(colour), 0.45), hatch=hatch, edgecolor="0.6", lw=0.8)
        axes.add_patch(box)
        counts = cell[["active_one", "active_two"]].astype(int).to_numpy()
        found = sorted({(int(one), int(two)) for one, two in counts})
        said = " or ".join(f"{a} | {b}" for a, b in found)
        star = "*" if bool(cell["left_out"].iloc[0]) else ""
        label = axes.text(*place, said + star, ha="center", va="center", fontsize=9)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.2})
    axes.set(xlim=(-0.5, len(ones) - 0.5), ylim=(-0.5, len(twos) - 0.5))
    axes.set_xticks(range(len(ones)), [f"{one:g}" for one in ones])
    axes.set_yticks(range(len(twos)), [f"{two:g}" for two in twos])
    handles = [
        Rectangle((0, 0), 1, 1, facecolor=(*to_rgb(c), 0.45), hatch=h, edgecolor="0.6")
        for c, h in STATES.values()
    ]
    axes.legend(
        handles,
        [f"{name} collapsed" for name in STATES],
        fontsize=7.5,
        frameon=False,
        ncols=2,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
    )
    title = "c  Active units, level 1 | level 2 (*: near)"
    tidy(axes, title, WEIGHT, r"$\beta_2$, weight of level 2")


def state_of(first: int, second: int) -> str:
    """Which levels have no active unit.

    >>> state_of(3, 0), state_of(0, 0)
    ('level 2', 'both')
    """
    dead = [level for level, count in ((1, first), (2, second)) if count == 0]
    return {0: "neither", 1: f"level {dead[0] if dead else 0}", 2: "both"}[len(dead)]


def _draw_lines(
    axes: Axes,
    runs: pd.DataFrame,
    theory: pd.DataFrame,
    column: str,
    looks: dict[float, tuple[str, str, object]],
) -> None:
    """A curve of theory and the runs on it for every beta2, named at the curve's end."""
    lines = runs.groupby("beta_two")["beta"].nunique()
    shown = sorted(lines[lines == lines.max()].index) if len(lines) else []
    ends = {}
    for two in shown:
        colour, marker, dashes = looks[two]
        curve = theory[np.isclose(theory["beta_two"], two)].sort_values("beta")
        axes.plot(curve["beta"], curve[column], color=colour, ls=dashes, lw=1.4)
        own = runs[runs["beta_two"] == two]
        style: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "s": 20,
            "lw": 0,
            "zorder": 3,
        }
        axes.scatter(own["beta"], own[column], **style)
        if len(curve):
            ends[two] = float(curve[column].iloc[-1])
    axes.set_xscale("log")
    _name_ends(axes, ends, float(theory["beta"].max()))


def _name_ends(axes: Axes, ends: dict[float, float], right: float) -> None:
    """Names of curves at their right ends, moved apart where those are close."""
    low, high = axes.get_ylim()
    gap, last = 0.055 * (high - low), -np.inf
    for two, height in sorted(ends.items(), key=lambda pair: (pair[1], -pair[0])):
        last = max(height, last + gap)
        axes.text(right * 1.08, last, rf"$\beta_2$ = {two:g}", fontsize=8, va="center")
    axes.set_xlim(axes.get_xlim()[0], right * 3.2)
    axes.set_xticks([0.1, 1.0], ["0.1", "1"])
