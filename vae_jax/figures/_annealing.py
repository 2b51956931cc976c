"""The page of the main job: schedules, the collapse map, and what collapse looks like."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vae_jax.figures._style import SCHEDULE_COLOURS, tidy

COLLAPSED_MI = 0.1
"""Nats: below this, with no active unit, a member is called collapsed."""


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
    metrics: pd.DataFrame,
    pictures: Mapping[str, Mapping[str, np.ndarray]],
    final_beta: float,
) -> Figure:
    """Beta and KL against steps, the collapse map, and pictures of chosen members.

    Args:
        runs: a row a member, with a `decoder` column of labels.
        metrics: a row a member and window: `member`, `step`, `beta`, `rate`.
        pictures: title -> {row name -> images (num, height, width)}.
        final_beta: the beta at which the schedules are compared.
    """
    figure = Figure(figsize=(13, 12), layout="constrained")
    top, middle, bottom = np.ravel(
        figure.subfigures(3, 1, squeeze=False, height_ratios=(1.0, 1.15, 1.5))
    )
    draw_schedules(top, runs, metrics, final_beta)
    draw_map(middle, runs)
    draw_pictures(bottom, pictures)
    return figure


def draw_schedules(
    figure: SubFigure, runs: pd.DataFrame, metrics: pd.DataFrame, final_beta: float
) -> None:
    """Beta against steps, and the raw KL of the weakest and the strongest decoder."""
    plain = runs[(runs["beta"] == final_beta) & (runs["free_bits"] == 0)]
    decoders = [
        d for d in ("MLP", "autoregressive, full") if d in set(plain["decoder"])
    ]
    panels = figure.subplots(1, 1 + len(decoders), squeeze=False)[0]
    for schedule, colour in SCHEDULE_COLOURS.items():
        own = plain[plain["schedule"] == schedule]
        if own.empty:
            continue
        first = metrics[metrics["member"] == own["member"].iloc[0]]
        panels[0].plot(first["step"], first["beta"], color=colour, label=schedule)
        for axes, decoder in zip(panels[1:], decoders, strict=True):
            members = own[own["decoder"] == decoder]["member"]
            draw_spread(
                axes, metrics[metrics["member"].isin(members)], colour, schedule
            )
    tidy(panels[0], "weight of the KL", "optimiser step", "beta")
    for axes, decoder in zip(panels[1:], decoders, strict=True):
        tidy(axes, f"KL in training: {decoder}", "optimiser step", "rate (nats)")
        axes.set_yscale("log")
    panels[0].legend(fontsize=8, frameon=False)
    figure.suptitle(
        f"Schedules that end at beta = {final_beta:g} (line: mean over seeds, band: their "
        "range)",
        fontsize=11,
    )


def draw_spread(axes: Axes, history: pd.DataFrame, colour: str, label: str) -> None:
    """Mean over members and the band from the smallest to the largest."""
    if history.empty:
        return
    by_step = history.groupby("step")["rate"].agg(["mean", "min", "max"])
    axes.plot(by_step.index, by_step["mean"], color=colour, label=label)
    axes.fill_between(
        by_step.index, by_step["min"], by_step["max"], color=colour, alpha=0.15, lw=0
    )


def draw_map(figure: SubFigure, runs: pd.DataFrame) -> None:
    """Mutual information of every decoder (rows) at every beta and schedule (columns)."""
    axes = figure.subplots()
    cells = map_cells(runs)
    values = cells.to_numpy(dtype=float)
    image = axes.imshow(values, cmap="viridis", aspect="auto", vmin=0)
    middle = np.nanmax(values) / 2
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        word = "\ncollapsed" if value < COLLAPSED_MI else ""
        axes.text(
            column,
            row,
            f"{value:.2f}{word}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if value < middle else "black",
        )
    axes.set_xticks(range(cells.shape[1]), list(cells.columns), fontsize=8)
    axes.set_yticks(range(cells.shape[0]), list(cells.index), fontsize=8)
    tidy(
        axes, "Collapse map: mutual information between x and z (nats, mean over seeds)"
    )
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("MI (nats)", fontsize=9)


def map_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean MI with a row a decoder and remedy, a column a beta and schedule."""
    order = {label: i for i, label in enumerate(dict.fromkeys(runs["decoder"]))}
    labelled = runs.assign(
        row=[
            decoder + (f"\n+ free bits {bits:g}" if bits else "")
            for decoder, bits in zip(runs["decoder"], runs["free_bits"], strict=True)
        ],
        rank=[
            2 * order[decoder] + bool(bits)
            for decoder, bits in zip(runs["decoder"], runs["free_bits"], strict=True)
        ],
        column=[
            f"beta {beta:g}\n{schedule}"
            for beta, schedule in zip(runs["beta"], runs["schedule"], strict=True)
        ],
    )
    schedules = {name: i for i, name in enumerate(SCHEDULE_COLOURS)}
    labelled = labelled.sort_values(
        ["rank", "beta", "schedule"],
        key=lambda column: (
            column.map(schedules) if column.name == "schedule" else column
        ),
    )
    cells = labelled.pivot_table(
        index="row", columns="column", values="mutual_information", sort=False
    )
    rows = list(dict.fromkeys(labelled["row"]))
    by_beta = labelled.sort_values(
        ["beta", "schedule"],
        key=lambda column: (
            column.map(schedules) if column.name == "schedule" else column
        ),
    )
    return cells.reindex(index=rows, columns=list(dict.fromkeys(by_beta["column"])))


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
        axes.tick_params(left=False)
        axes.spines[:].set_visible(False)
    figure.suptitle(
        "What collapse looks like: with z ignored, every reconstruction and every point of "
        "an interpolation is the same draw",
        fontsize=11,
    )


def join_images(images: np.ndarray) -> np.ndarray:
    """Images of equal size in a row, with a margin.

    >>> join_images(np.ones((3, 8, 8))).shape
    (10, 30)
    """
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return np.concatenate(list(framed), axis=1)
