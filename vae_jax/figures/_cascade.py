"""Li (2026): units collapse one by one as the decoder's noise rises over the spectrum."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_jax.figures._style import tidy

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
MARKERS = ("o", "s", "^", "D", "v")
"""One a unit, the one of the largest eigenvalue first."""

VARIANCE = "noise variance of the decoder"
WATER = "#56B4E9"


def cascade_figure(stages: pd.DataFrame, spectrum: np.ndarray) -> Figure:
    """Active units, KL and posterior variance of each, and the law of stability.

    Args:
        stages: a row a `seed`, `variance` and `unit`: `kl`, `posterior_variance`, both with
            a theory beside them, `active`, `active_theory`, `residual`, `residual_theory`.
        spectrum: eigenvalues of the data, the largest first.

    >>> row = dict(seed=0, variance=0.7, unit=0, kl=0.1, posterior_variance=0.7, active=1)
    >>> row |= dict(kl_theory=0.1, posterior_theory=0.7, active_theory=1)
    >>> stages = pd.DataFrame([row | dict(residual=0.6, residual_theory=0.6)])
    >>> len(cascade_figure(stages, np.array([1.0, 0.6])).axes)
    4
    """
    figure = Figure(figsize=(13.5, 3.7), layout="constrained")
    panels = figure.subplots(1, 4)
    _draw_steps(panels[0], stages, spectrum)
    _draw_units(panels[1], stages, "kl", "kl_theory")
    tidy(panels[1], "KL; lines: linear theory, points: seeds", VARIANCE, "KL (nats)")
    _draw_units(panels[2], stages, "posterior_variance", "posterior_theory")
    tidy(panels[2], "Posterior variance, mean over x", VARIANCE, "posterior variance")
    _draw_stability(panels[3], stages)
    return figure


def _draw_steps(axes: Axes, stages: pd.DataFrame, spectrum: np.ndarray) -> None:
    one = stages[stages["unit"] == 0]
    units = int(stages["unit"].max()) + 1
    grid = np.linspace(stages["variance"].min(), stages["variance"].max(), 500)
    theory = (spectrum[:units] > grid[:, None]).sum(axis=1)
    axes.plot(grid, theory, color="0.3", lw=1.4)
    for seed, marker in zip(sorted(set(one["seed"])), MARKERS, strict=False):
        own = one[one["seed"] == seed]
        axes.plot(
            own["variance"],
            own["active"],
            marker,
            ms=4,
            mfc="none",
            color=COLOURS[0],
            label=f"seed {seed}",
        )
    for k, value in enumerate(spectrum[:units]):
        axes.annotate(
            f"eigenvalue {k + 1}",
            (value, k + 0.5),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=7,
            color="0.35",
            va="center",
        )
    axes.set_yticks(range(units + 1))
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    tidy(axes, "Active units; line: eigenvalues above", VARIANCE, "active units")


def _draw_units(axes: Axes, stages: pd.DataFrame, column: str, theory: str) -> None:
    for unit, colour, marker in zip(
        sorted(set(stages["unit"])), COLOURS, MARKERS, strict=False
    ):
        own = stages[stages["unit"] == unit].sort_values("variance")
        line = own.groupby("variance")[theory].mean()
        axes.plot(line.index, line, color=colour, lw=1.2)
        axes.plot(
            own["variance"],
            own[column],
            marker,
            ms=3,
            mfc="none",
            mew=0.7,
            color=colour,
        )
        axes.annotate(
            f"{unit + 1}",
            (line.index[0], line.iloc[0]),
            xytext=(-4, 0),
            textcoords="offset points",
            fontsize=8,
            color=colour,
            ha="right",
            va="center",
        )


def _draw_stability(axes: Axes, stages: pd.DataFrame) -> None:
    one = stages[stages["unit"] == 0].sort_values("variance")
    low, high = one["variance"].min(), one["variance"].max()
    axes.plot([low, high], [low, high], color="0.3", lw=1, ls="--")
    theory = one.groupby("variance")["residual_theory"].mean()
    axes.plot(theory.index, theory, color="0.3", lw=1.2, label="linear theory")
    axes.plot(
        one["variance"],
        one["residual"],
        "o",
        ms=3.5,
        mfc="none",
        color=COLOURS[0],
        label="measured",
    )
    axes.text(
        0.05,
        0.72,
        "above the dashed line\na collapsed unit wakes",
        transform=axes.transAxes,
        fontsize=8,
        color="0.35",
    )
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    label = "largest residual eigenvalue"
    tidy(axes, "What units leave out (points: seeds)", VARIANCE, label)


def cascade_frame(
    stages: pd.DataFrame, spectrum: np.ndarray, variance: float
) -> Figure:
    """One moment of the cascade: the spectrum under water up to the noise, and the KLs.

    Args:
        stages: as for `cascade_figure`.
        spectrum: likewise.
        variance: the moment, one of those of `stages`.

    >>> row = dict(seed=0, variance=0.7, unit=0, kl=0.1, kl_theory=0.1, active=1)
    >>> frame = cascade_frame(pd.DataFrame([row]), np.array([1.0, 0.6]), 0.7)
    >>> frame.axes[0].get_title("left")
    'Noise variance 0.70: 1 unit active'
    """
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    now = stages[stages["variance"] == variance]
    units = int(stages["unit"].max()) + 1
    places = np.arange(1, len(spectrum) + 1)
    shades = [*COLOURS[:units], *["0.75"] * len(spectrum)][: len(spectrum)]
    left.bar(places, spectrum, color=shades, width=0.7)
    left.axhspan(0, variance, color=WATER, alpha=0.45, lw=0)
    left.axhline(variance, color=WATER, lw=1.5)
    left.set_ylim(0, 1.15 * max(float(spectrum.max()), stages["variance"].max()))
    counts = now["active"].astype(int)
    few, many = counts.min(), counts.max()
    number = f"{few}" if few == many else f"{few} to {many}"
    noun = "unit" if few == many == 1 else "units"
    title = f"Noise variance {variance:.2f}: {number} {noun} active"
    tidy(left, title, "direction of the data", "eigenvalue")
    for unit, colour, marker in zip(range(units), COLOURS, MARKERS, strict=False):
        own = now[now["unit"] == unit]
        right.plot(
            [unit + 0.7, unit + 1.3], [own["kl_theory"].mean()] * 2, color="0.3", lw=1.6
        )
        right.plot(
            [unit + 1] * len(own), own["kl"], marker, mfc="none", ms=6, color=colour
        )
    right.set_xlim(0.5, units + 0.5)
    right.set_xticks(range(1, units + 1))
    right.set_ylim(-0.01, 1.1 * max(float(stages["kl"].max()), 0.05))
    tidy(right, "Bars: linear theory; points: seeds", "unit of z", "KL (nats)")
    return figure
