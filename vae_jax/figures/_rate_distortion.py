"""Alemi et al. (2018): models in the plane of rate and distortion, and an exact toy."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

MODELS = {"linear": ("#0072B2", "o"), "MLP": ("#D55E00", "s")}
SPLITS = {"train": "digits trained on", "test": "digits held out"}
"""The split and what it is called."""

TOY = {
    "ELBO": ("#000000", "o", "ELBO (beta = 1)"),
    "low": ("#0072B2", "^", "beta below 1"),
    "high": ("#D55E00", "v", "beta above 1"),
    "target": ("#009E73", "D", "target 0.5 nats"),
}


def rate_distortion_figure(
    plane: pd.DataFrame,
    curves: pd.DataFrame,
    bins: pd.DataFrame,
    encoders: Mapping[int, np.ndarray],
    entropy: float,
) -> Figure:
    """The plane of the digits on both splits and of the toy above; encoders below.

    Args:
        plane: a row a run and split: `model`, `split`, `beta`, `rate`, `squared_error`.
        curves: reverse water-filling: `split`, `rate`, `squared_error`.
        bins: a row a member of the toy: `arm`, `beta`, `penalty`, `rate`, `distortion`,
            `total`.
        encoders: member of the toy -> `e(z|x)`, a row a bin of x.
        entropy: of x in the toy, in nats.

    >>> plane = pd.DataFrame(
    ...     [["linear", "train", 1.0, 2.0, 3.0]],
    ...     columns=["model", "split", "beta", "rate", "squared_error"],
    ... )
    >>> bins = pd.DataFrame({"arm": ["ELBO"], "beta": 1.0, "penalty": 0.0, "rate": 0.1})
    >>> bins = bins.assign(distortion=2.6, total=2.7)
    >>> figure = rate_distortion_figure(plane, plane, bins, {0: np.eye(3)}, 2.7)
    >>> [len(part.axes) for part in figure.subfigs]
    [4, 2]
    """
    figure = Figure(figsize=(13.5, 7.4), layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(4, 3))
    above, below = np.ravel(parts)
    panels = above.subplots(1, 4)
    for axes, (split, title) in zip(panels, SPLITS.items(), strict=False):
        _draw_plane(axes, plane, curves, split)
        tidy(axes, f"Plane: {title}", "rate (nats)", "squared error (pixels²)")
    _draw_toy(panels[2], bins, entropy)
    _draw_jump(panels[3], bins)
    _draw_encoders(below, bins, encoders)
    return figure


def _draw_plane(
    axes: Axes, plane: pd.DataFrame, curves: pd.DataFrame, split: str
) -> None:
    curve = curves[curves["split"] == split]
    axes.plot(curve["rate"], curve["squared_error"], color="0.3", lw=1.4, zorder=1)
    axes.fill_between(
        curve["rate"], 0, curve["squared_error"], color="0.93", lw=0, zorder=0
    )
    mine = plane[plane["split"] == split]
    for model, (colour, marker) in MODELS.items():
        own = mine[mine["model"] == model]
        axes.scatter(
            own["rate"],
            own["squared_error"],
            s=22,
            marker=marker,
            facecolor="none",
            edgecolor=colour,
            label=model,
        )
    linear = mine[mine["model"] == "linear"]
    means = linear.groupby("beta")[["rate", "squared_error"]].mean()
    for beta, rate, error in means.itertuples():
        axes.annotate(
            f"{beta:g}",
            (rate, error),
            xytext=(5, 6),
            textcoords="offset points",
            fontsize=7,
            color=MODELS["linear"][0],
        )
    axes.set_ylim(0, None)
    line = axes.lines[0]
    line.set_label("reverse water-filling")
    axes.legend(fontsize=8, frameon=False, title="numbers: beta", title_fontsize=8)


def kind_of(row: pd.Series) -> str:
    """Which of the styles a member of the toy has.

    >>> kind_of(pd.Series({"arm": "beta", "beta": 0.5}))
    'low'
    """
    if row["arm"] == "beta":
        return "low" if row["beta"] < 1 else "high"
    return str(row["arm"])


def _draw_toy(axes: Axes, bins: pd.DataFrame, entropy: float) -> None:
    axes.plot([0, entropy], [entropy, 0], color="0.5", lw=1.2, zorder=1)
    axes.text(
        0.55 * entropy,
        0.48 * entropy,
        "D = H - R",
        fontsize=8,
        color="0.35",
        rotation=-45,
        rotation_mode="anchor",
        ha="center",
    )
    kinds = bins.apply(kind_of, axis=1)
    # a penalty of 1 does not hold the rate, and is told in the verdicts alone
    shown = (bins["arm"] != "target") | (bins["penalty"] > 1)
    for kind, (colour, marker, label) in TOY.items():
        own = bins[shown & (kinds == kind)]
        axes.scatter(
            own["rate"],
            own["distortion"],
            s=26,
            marker=marker,
            facecolor="none",
            edgecolor=colour,
            label=label,
            clip_on=False,
        )
    axes.legend(fontsize=8, frameon=False)
    axes.set(xlim=(0, 1.05 * entropy), ylim=(0, 1.05 * entropy), aspect="equal")
    tidy(axes, "Plane: 30 bins, exact", "rate (nats)", "distortion (nats)")


def _draw_jump(axes: Axes, bins: pd.DataFrame) -> None:
    own = bins[bins["arm"] != "target"]
    axes.axvline(1, color="0.6", lw=1, ls="--")
    for kind, (colour, marker, _) in TOY.items():
        some = own[own.apply(kind_of, axis=1) == kind]
        axes.scatter(
            some["beta"],
            some["rate"],
            s=24,
            marker=marker,
            facecolor="none",
            edgecolor=colour,
            clip_on=False,
        )
    axes.set_ylim(0, None)
    tidy(axes, "The rate jumps at beta = 1", "beta", "rate of 30 bins (nats)")


def _draw_encoders(
    figure: Figure, bins: pd.DataFrame, encoders: Mapping[int, np.ndarray]
) -> None:
    panels = figure.subplots(1, len(encoders), squeeze=False)[0]
    for axes, (member, encoder) in zip(panels, encoders.items(), strict=True):
        row = bins.loc[member]
        what = "ELBO" if row["arm"] == "ELBO" else "target rate"
        image = axes.imshow(encoder, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        title = f"{what}: D + R = {row['total']:.4f}, R = {row['rate']:.3f} nats"
        tidy(axes, title, "bin of z", "bin of x")
    bar = figure.colorbar(image, ax=panels, fraction=0.02, pad=0.01)
    bar.set_label("encoder e(z|x)", fontsize=9)
    bar.ax.tick_params(labelsize=8)
