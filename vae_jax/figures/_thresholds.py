"""Wang & Ziyin (2022): losses and posterior deviations over beta, with exact thresholds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vae_jax.figures._style import tidy

TERMS = {
    "total": ("total", "#000000", "-", "o", (6.0, 2.2, "right")),
    "reconstruction": ("reconstruction", "#0072B2", "--", "s", (13.0, -3.2, "left")),
    "weighted_rate": (r"$\beta$ KL", "#D55E00", "-.", "^", (13.5, 1.2, "left")),
}
"""Column: its name, colour, line, marker, and where its label stands: beta, nats above the
line, side."""

UNITS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#000000", "v"),
)
"""Colour and marker of each unit, the one with the largest eigenvalue first."""

AUTHORS = "the authors' runs"


def thresholds_figure(
    table: pd.DataFrame,
    authors: pd.DataFrame,
    thresholds: Sequence[float] | np.ndarray,
    images: Mapping[str, np.ndarray] | None = None,
    modes: pd.DataFrame | None = None,
) -> Figure:
    """A column a model: losses above, standard deviations below; then images, if any.

    Lines are theory, points are runs, whose range over seeds is a bar.

    Args:
        table: a row a run: `arm`, `beta`, the losses `total`, `reconstruction` and
            `weighted_rate` in nats and `std 1` ... `std 5`, each with its ` theory`.
        authors: a row a beta: `beta` and the three losses; drawn with the first model.
        thresholds: the eigenvalues of the data.
        images: beta as text -> `(images, height, width)`, drawn from the prior.
        modes: a row a run on images: `beta`, `active_units`.

    >>> losses = {name: 1.0 for term in TERMS for name in (term, f"{term} theory")}
    >>> stds = {f"std {i}{end}": 0.5 for i in range(1, 6) for end in ("", " theory")}
    >>> row = {"arm": "linear", "beta": 1.0} | losses | stds
    >>> figure = thresholds_figure(pd.DataFrame([row]), pd.DataFrame([row]), [4.0, 1.0])
    >>> len(figure.subfigs[0].axes)
    2
    """
    arms = list(dict.fromkeys(table["arm"]))
    rows = [6.4, 2.6] if images else [6.4]
    figure = Figure(figsize=(4.6 * len(arms), sum(rows)), layout="constrained")
    parts = np.ravel(figure.subfigures(len(rows), 1, squeeze=False, height_ratios=rows))
    panels = parts[0].subplots(2, len(arms), squeeze=False, sharex=True, sharey="row")
    for column, arm in enumerate(arms):
        above, below = panels[:, column]
        own = table[table["arm"] == arm]
        _draw_losses(above, own, authors if column == 0 else None)
        _draw_deviations(below, own)
        for axes in (above, below):
            _mark(axes, thresholds)
        tidy(above, arm, "", "nats per example" if column == 0 else "")
        label = "standard deviation of q(z|x)" if column == 0 else ""
        tidy(below, "each unit's posterior", r"$\beta$", label)
    _name_thresholds(panels[1, 0], thresholds)
    if images:
        _draw_images(parts[1], images, modes)
    return figure


def _points(
    axes: Axes, own: pd.DataFrame, column: str, colour: str, marker: str
) -> None:
    """Mean over seeds, and a bar from the smallest to the largest."""
    by_beta = own.groupby("beta")[column].agg(["mean", "min", "max"])
    ends = [by_beta["mean"] - by_beta["min"], by_beta["max"] - by_beta["mean"]]
    axes.errorbar(
        by_beta.index,
        by_beta["mean"],
        yerr=np.maximum(np.stack(ends), 0),  # rounding of the mean
        fmt=marker,
        color=colour,
        ms=3.5,
        lw=1,
    )


def _draw_losses(axes: Axes, own: pd.DataFrame, authors: pd.DataFrame | None) -> None:
    for name, (label, colour, line, marker, (at, lift, side)) in TERMS.items():
        theory = own.groupby("beta")[f"{name} theory"].first()
        axes.plot(theory.index, theory, color=colour, ls=line, lw=1.2)
        _points(axes, own, name, colour, marker)
        if authors is not None:
            axes.plot(
                authors["beta"],
                authors[name],
                ls="none",
                marker=marker,
                ms=7,
                mfc="none",
                mec="0.5",
                mew=0.7,
                label=AUTHORS if name == "total" else None,
            )
            height = np.interp(at, theory.index, theory) + lift
            axes.text(at, height, label, color=colour, fontsize=9, ha=side, va="center")
    if authors is not None:
        axes.legend(fontsize=8, frameon=False, loc="center right")


def _draw_deviations(axes: Axes, own: pd.DataFrame) -> None:
    for unit, (colour, marker) in enumerate(UNITS, start=1):
        name = f"std {unit}"
        if own[name].isna().all():
            continue
        theory = own.groupby("beta")[f"{name} theory"].first()
        axes.plot(theory.index, theory, color=colour, lw=1.2)
        _points(axes, own, name, colour, marker)
    axes.set_ylim(-0.03, 1.14)


def _mark(axes: Axes, thresholds: Sequence[float] | np.ndarray) -> None:
    for threshold in thresholds:
        axes.axvline(threshold, color="0.75", lw=0.8, zorder=0)


def _name_thresholds(axes: Axes, thresholds: Sequence[float] | np.ndarray) -> None:
    """The number of each above its line."""
    for number, threshold in enumerate(sorted(thresholds, reverse=True), start=1):
        text = rf"$\lambda_{number}$={threshold:g}"
        axes.text(threshold, 1.055, text, fontsize=7, ha="center", va="bottom")


def _draw_images(
    part: SubFigure, images: Mapping[str, np.ndarray], modes: pd.DataFrame | None
) -> None:
    """A mosaic of two rows a beta."""
    panels = part.subplots(1, len(images), squeeze=False)[0]
    for axes, (beta, drawn) in zip(panels, images.items(), strict=True):
        half = len(drawn) // 2
        grid = np.concatenate(
            [np.concatenate(list(row), axis=1) for row in (drawn[:half], drawn[half:])]
        )
        # the pixels as they are, which a vector format need not draw larger
        axes.imshow(grid, cmap="gray", vmin=0, vmax=255, interpolation="none")
        axes.set_axis_off()
        title = rf"$\beta$ = {beta}"
        if modes is not None:
            counts = modes.loc[modes["beta"] == float(beta), "active_units"]
            title += f": {'/'.join(f'{one:g}' for one in sorted(set(counts)))} units"
        axes.set_title(title, fontsize=9)
    part.suptitle("Images drawn from the prior, with the units in use", fontsize=10)
