"""Rows of images as they are, each with its name: what a model draws."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

INCHES = 0.62
"""Side of an image of a row."""


def images_figure(rows: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """A grid of images, a row a name, without axes and with one scale of grey.

    Args:
        rows: name -> images from 0 (black) to 1, `(num, height, width)`, or with a last
            axis of three colours.
        title: above all of it.

    Raises:
        ValueError: no row, or a row that holds no images.

    >>> len(images_figure({"samples": np.zeros((3, 8, 8))}, "mlp").axes)
    3
    """
    if not rows:
        raise ValueError("`rows` must hold at least one row of images; got none.")
    for name, images in rows.items():
        if images.ndim not in (3, 4) or not len(images):
            raise ValueError(
                f"`rows` must hold arrays (num, height, width); got {images.shape} for "
                f"{name!r}."
            )
    longest = max(len(images) for images in rows.values())
    size = (
        INCHES * longest + 1.3,
        (INCHES + 0.06) * len(rows) + (0.4 if title else 0.1),
    )
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), longest, squeeze=False)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        for place, axes in enumerate(line):
            axes.set_xticks([])
            axes.set_yticks([])
            # white pixels end somewhere on white paper
            axes.spines[:].set(visible=place < len(images), color="0.6", lw=0.5)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    if title:
        figure.suptitle(title, fontsize=9)
    return figure
