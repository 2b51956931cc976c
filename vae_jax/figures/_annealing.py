"""The page of the main job: schedules, the collapse map, and what collapse looks like."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure

from vae_jax.figures._style import LINE_STYLES, SCHEDULE_COLOURS, draw_spread, tidy

COMPARED = ("MLP", "autoregressive, full")
"""The decoders whose training is drawn: the weakest and the strongest."""


def decoder_label(run: Mapping[str, Any]) -> str:
    """What a run's decoder may see, in words.

    >>> decoder_label({"model": "autoregressive", "window": 2})
    'autoregressive, window 2'
    """
    if run["model"] != "autoregressive":
        return "MLP" if run["model"] == "mlp" else str(run["model"])
    if pd.isna(run["window"]):
        return "autoregressive, full"
    return f"autoregressive, window {int(run['window'])}"


def annealing_figure(
    runs: pd.DataFrame,
    history: pd.DataFrame,
    betas: Mapping[str, np.ndarray],
    pictures: Mapping[str, Mapping[str, np.ndarray]],
    final_beta: float,
) -> Figure:
    """Beta and KL against steps, the collapse map, and pictures of chosen members.

    Args:
        runs: a row a member, with a `decoder` column of labels.
        history: a row a member and window: `member`, `step`, `rate`.
        betas: schedule -> beta of every step.
        pictures: title -> {row name -> images (num, height, width)}.
        final_beta: the beta at which the schedules are compared.
    """
    num_rows = runs[["decoder", "free_bits"]].drop_duplicates().shape[0]
    heights = (3.2, 1.4 + 0.5 * num_rows, 2.9)
    figure = Figure(figsize=(13, sum(heights)), layout="constrained")
    top, middle, bottom = np.ravel(
        figure.subfigures(3, 1, squeeze=False, height_ratios=heights)
    )
    draw_schedules(top, runs, history, betas, final_beta)
    draw_map(middle, runs)
    draw_pictures(bottom, pictures)
    return figure


def draw_schedules(
    figure: SubFigure,
    runs: pd.DataFrame,
    history: pd.DataFrame,
    betas: Mapping[str, np.ndarray],
    final_beta: float,
) -> None:
    """Beta against steps, and the raw KL of the weakest and the strongest decoder."""
    plain = runs[(runs["beta"] == final_beta) & (runs["free_bits"] == 0)]
    decoders = [d for d in COMPARED if d in set(plain["decoder"])]
    panels = figure.subplots(1, 1 + len(decoders), squeeze=False)[0]
    for axes in panels[1:]:
        if axes is not panels[1]:
            axes.sharey(
                panels[1]
            )  # before anything is drawn, so that the limits fit all
        axes.set_yscale("log")
    looks = zip(SCHEDULE_COLOURS.items(), LINE_STYLES, strict=False)
    for (schedule, colour), style in looks:
        if schedule not in betas:
            continue
        panels[0].plot(betas[schedule], color=colour, ls=style, label=schedule)
        for axes, decoder in zip(panels[1:], decoders, strict=True):
            own = plain[(plain["decoder"] == decoder) & (plain["schedule"] == schedule)]
            shown = history[history["member"].isin(own["member"])]
            draw_spread(axes, shown, colour, style=style)
    tidy(panels[0], "Weight of the KL", "optimiser step", "beta")
    for axes, decoder in zip(panels[1:], decoders, strict=True):
        tidy(axes, f"KL in training: {decoder}", "optimiser step", "rate (nats)")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside right center",
        fontsize=9,
        frameon=False,
        title="schedule",
    )
    figure.suptitle(
        f"Five ways to beta = {final_beta:g} (line: mean over seeds, band: their range)",
        fontsize=11,
    )


def draw_map(figure: SubFigure, runs: pd.DataFrame) -> None:
    """Mutual information of every decoder (rows) at every beta and schedule (columns)."""
    axes = figure.subplots()
    values, words = map_cells(runs)
    colours = np.ma.masked_invalid(values.to_numpy(dtype=float))
    image = axes.imshow(colours, cmap="viridis", aspect="auto", vmin=0)
    middle = colours.max() / 2
    for (row, column), value in np.ndenumerate(colours):
        missing = np.ma.is_masked(colours[row, column])
        axes.text(
            column,
            row,
            "not run" if missing else cell_text(value, str(words.iat[row, column])),
            ha="center",
            va="center",
            fontsize=9,
            color="0.6" if missing else "white" if value < middle else "black",
        )
    axes.set_xticks(range(values.shape[1]), list(values.columns), fontsize=8)
    axes.set_yticks(range(values.shape[0]), list(values.index), fontsize=8)
    tidy(
        axes, "Collapse map: information that z carries about x (nats, mean over seeds)"
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("mutual information (nats)", fontsize=9)


def cell_text(value: float, verdict: str) -> str:
    """Number and verdict, a word a line, so that it fits into a narrow cell.

    >>> cell_text(-0.001, "partially collapsed").split()
    ['0.00', 'partially', 'collapsed']
    """
    # without the sign of a zero
    return f"{round(value, 2) + 0:.2f}\n" + verdict.replace(" ", "\n")


def map_cells(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean information, and the commonest verdict in a word, of every setting.

    A row a decoder and remedy in the order of `runs`, a column a beta and schedule.
    """
    labelled = runs.assign(
        decoder_rank=runs["decoder"].map(list(dict.fromkeys(runs["decoder"])).index),
        schedule_rank=runs["schedule"].map(list(SCHEDULE_COLOURS).index),
        row=runs["decoder"] + runs["free_bits"].map(remedy_label),
        column="beta " + runs["beta"].map("{:g}".format) + "\n" + runs["schedule"],
    )
    rows = labelled.sort_values(["decoder_rank", "free_bits"])["row"].unique()
    columns = labelled.sort_values(["beta", "schedule_rank"])["column"].unique()
    groups = labelled.groupby(["row", "column"])
    information = groups["mutual_information"].mean().unstack()
    verdict = groups["verdict"].agg(lambda words: words.mode()[0]).unstack()
    return information.loc[rows, columns], verdict.loc[rows, columns]


def remedy_label(free_bits: float) -> str:
    """What is written after a decoder.

    >>> remedy_label(0.2)
    ', free bits 0.2'
    """
    return f", free bits {free_bits:g}" if free_bits else ""


def draw_pictures(
    figure: SubFigure, pictures: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Beside one another: the same rows of images for each chosen member."""
    panels = figure.subplots(1, len(pictures), squeeze=False)[0]
    for axes, (title, rows) in zip(panels, pictures.items(), strict=True):
        strips = [join_images(images) for images in rows.values()]
        height = strips[0].shape[0]
        axes.imshow(np.concatenate(strips), cmap="gray_r", vmin=0, vmax=1)
        axes.set_yticks(
            [height * (i + 0.5) for i in range(len(strips))], list(rows), fontsize=8
        )
        tidy(axes, title)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if axes is not panels[0]:
            axes.set_yticklabels([])
    figure.suptitle(
        "What collapse looks like: under the same noise the decoder draws the same, "
        "whatever z says",
        fontsize=11,
    )


def join_images(images: np.ndarray) -> np.ndarray:
    """Images of equal size in a row, with a margin.

    >>> join_images(np.ones((3, 8, 8))).shape
    (10, 30)
    """
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return np.concatenate(list(framed), axis=1)
