"""He et al. (2019), Figure 3: the path of single sentences through posterior-mean space."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vae_jax.figures._style import draw_spread, tidy

DECODER, ENCODER = ("#D55E00", "-"), ("#0072B2", (0, (3, 1.5)))
"""Colour and line of a move that the decoder makes, and of one of the encoder."""
MODEL = "mean of the true p(z|x), units of z"
APPROXIMATE = "mean of q(z|x), units of z"


def point_figure(
    path: pd.DataFrame,
    spreads: pd.DataFrame,
    gaps: pd.DataFrame,
    points: Sequence[int],
    window: tuple[int, int],
    title: str,
) -> Figure:
    """Basic training above, aggressive below; a panel a sentence, and all seeds beside.

    A point goes right or left as the model's posterior moves, up or down as the encoder's
    does. Both axes of a panel of a sentence are in units of z, whose prior has a standard
    deviation of 1; all of a row are alike, so that they compare.

    Args:
        path: of one seed, a row a way of `training`, `point` and `step`: the means `model`
            and `encoder` before that update of the decoder, or its inner loop.
        spreads: basic, a row a `seed` and `step`: `model` and `encoder`, the standard
            deviation over the sentences of either mean.
        gaps: aggressive, a row a `seed` and `step`: distance of both means, averaged over
            the sentences, before (`opened`) and after (`left`) the inner loop.
        points: the sentences that are drawn.
        window: the aggressive steps that are drawn, the last not included.
        title: of the whole.

    >>> path = [{"point": 0, "step": s, "model": s, "encoder": 0.0} for s in (0, 1, 2)]
    >>> ways = [pd.DataFrame(path).assign(training=w) for w in ("basic", "aggressive")]
    >>> spreads = pd.DataFrame([{"seed": 0, "step": 0, "model": 1.0, "encoder": 0.0}])
    >>> gaps = pd.DataFrame([{"seed": 0, "step": 0, "opened": 1.0, "left": 0.1}])
    >>> figure = point_figure(pd.concat(ways), spreads, gaps, [0], (0, 2), "one seed")
    >>> len(figure.axes)
    4
    """
    columns = len(points) + 1
    figure = Figure(figsize=(3.4 * columns, 7.6), layout="constrained")
    above, below = figure.subplots(2, columns, squeeze=False)
    first, last = window
    loops = f"aggressive, loops {first + 1} to {last}"
    for way, row, words in (("basic", above, "basic"), ("aggressive", below, loops)):
        own = path[(path["training"] == way) & path["point"].isin(points)]
        if way == "aggressive":
            own = own[own["step"].between(first, last)]
        reach = 1.12 * max(
            float(np.abs(own[["model", "encoder"]].to_numpy()).max()), 1e-3
        )
        for axes, point in zip(row, points, strict=False):
            of_point = own[own["point"] == point].sort_values("step")
            _draw_space(axes, reach)
            draw = _draw_basic if way == "basic" else _draw_aggressive
            draw(axes, of_point)
            tidy(axes, f"{words}: sentence {point}", MODEL, APPROXIMATE)
    _tell_moves(below[0])
    _draw_spreads(above[-1], spreads)
    _draw_gaps(below[-1], gaps, window)
    figure.suptitle(title, fontsize=11)
    return figure


def corners(model: np.ndarray, encoder: np.ndarray) -> np.ndarray:
    """The stations of a path that the encoder and the decoder go on by turns.

    Before every step both means are known. The inner loop moves the encoder's alone, so
    that between it and the decoder's step the point is at the old mean of the model and the
    new one of the encoder.

    >>> corners(np.array([0.0, 2.0]), np.array([0.0, 1.0])).tolist()
    [[0.0, 0.0], [0.0, 1.0], [2.0, 1.0]]
    """
    x, y = np.repeat(model, 2), np.repeat(encoder, 2)
    return np.stack([x[:-1], y[1:]], axis=-1)


def _draw_space(axes: Axes, reach: float) -> None:
    """The axis of an encoder that says nothing, and the diagonal on which both agree."""
    axes.axhline(0, color="0.6", lw=0.7)
    axes.axvline(0, color="0.6", lw=0.7)
    axes.axline((0, 0), slope=1, color="0.45", ls=":", lw=1.4)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def _draw_ends(axes: Axes, start: Sequence[float], end: Sequence[float]) -> None:
    """A white circle where the path begins, a black star where it ends."""
    axes.plot(*start, marker="o", ms=9, mfc="white", mec="black", ls="none", zorder=5)
    axes.plot(*end, marker="*", ms=11, mfc="black", mec="white", ls="none", zorder=6)


def _draw_basic(axes: Axes, own: pd.DataFrame) -> None:
    """Both move at once: a line from moment to moment."""
    x, y = own["model"].to_numpy(), own["encoder"].to_numpy()
    axes.plot(x, y, color=DECODER[0], ls=DECODER[1], marker="|", ms=9, lw=1.3)
    _draw_ends(axes, (x[0], y[0]), (x[-1], y[-1]))
    farthest = int(np.argmax(np.abs(x)))
    words = f"step {own['step'].iloc[farthest]:.0f}"
    axes.annotate(
        words,
        (x[farthest], y[farthest]),
        (0, 9),
        textcoords="offset points",
        ha="left" if x[farthest] < 0 else "right",
        fontsize=8,
    )


def _draw_aggressive(axes: Axes, own: pd.DataFrame) -> None:
    """An arrow a move: up or down for an inner loop, right or left for the decoder."""
    stations = corners(own["model"].to_numpy(), own["encoder"].to_numpy())
    for number, (start, end) in enumerate(
        zip(stations[:-1], stations[1:], strict=True)
    ):
        colour, line = (ENCODER, DECODER)[number % 2]
        axes.annotate(
            "",
            end,
            start,
            arrowprops={
                "arrowstyle": "-|>",
                "color": colour,
                "ls": line,
                "lw": 1.6,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
    after = stations[1::2]
    axes.plot(*after.T, marker="o", ms=5, color=ENCODER[0], ls="none", zorder=4)
    _draw_ends(axes, stations[0], stations[-1])


def _tell_moves(axes: Axes) -> None:
    """Which arrow is whose."""
    marks = [
        Line2D([], [], color=ENCODER[0], ls=ENCODER[1], marker="o", ms=5),
        Line2D([], [], color=DECODER[0], ls=DECODER[1], marker=">", ms=5),
    ]
    names = ["inner loop of the encoder", "one step of the decoder"]
    axes.legend(marks, names, fontsize=7, frameon=False, loc="upper left")


def _draw_spreads(axes: Axes, spreads: pd.DataFrame) -> None:
    """How far the sentences are apart, by the model and by the encoder."""
    for name, (colour, style) in {"model": DECODER, "encoder": ENCODER}.items():
        draw_spread(axes, spreads, colour, name, style=style)
        by_step = spreads.groupby("step")[name].agg(["mean", "max"])
        words = "of true posteriors" if name == "model" else "of the encoder"
        axes.annotate(
            words,
            (by_step.index[-1], by_step["max"].iloc[len(by_step) // 2 :].max()),
            (0, 5),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=colour,
        )
    title = f"basic: {spreads['seed'].nunique()} seeds, mean and range"
    tidy(axes, title, "steps", "spread over sentences, units of z")


def _draw_gaps(axes: Axes, gaps: pd.DataFrame, window: tuple[int, int]) -> None:
    """What the decoder's steps open, and what the inner loops leave of it."""
    axes.axvspan(window[0] + 0.5, window[1] + 0.5, color="0.93", lw=0)
    looks = {
        "opened": (*DECODER, "s", "before the inner loop"),
        "left": (*ENCODER, "o", "after it"),
    }
    for name, (colour, style, marker, words) in looks.items():
        for number, (_, own) in enumerate(gaps.groupby("seed")):
            axes.plot(
                own["step"] + 1,
                own[name],
                color=colour,
                ls=style,
                marker=marker,
                ms=3.5,
                mfc="white" if name == "opened" else colour,
                lw=0.9,
                label=words if number == 0 else None,
            )
    axes.set_yscale("log")
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    title = f"aggressive: {gaps['seed'].nunique()} seeds (grey: drawn)"
    tidy(axes, title, "inner loop", "mean distance from the diagonal, units of z")
