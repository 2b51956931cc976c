"""What trained members draw, as PNG in a page: small, with its pixels as they are."""

import base64
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

LARGEST_SIDE = 96
"""Pixels of an image in a page; a larger one is made smaller."""

GREY = 128
"""Between two images."""

PICTURE_BYTES = 2_000_000
"""That all pictures of a page have, as text: a page has at most 6 MB."""


class Images(NamedTuple):
    """A row of images.

    Attributes:
        name: what they are.
        images: from 0 (black) to 1, `(num, height, width)` or with three colours.

    >>> Images("samples", np.zeros((2, 8, 8))).name
    'samples'
    """

    name: str
    images: np.ndarray


class Lines(NamedTuple):
    """A row of sentences.

    >>> Lines("samples", ("a b",)).lines
    ('a b',)
    """

    name: str
    lines: tuple[str, ...]


class Drawn(NamedTuple):
    """What one member draws.

    Attributes:
        number: of the member.
        title: what it is.
        parts: rows of images or sentences.
        notes: what could not be drawn, and why.

    >>> Drawn(0, "mlp", ()).notes
    ()
    """

    number: int
    title: str
    parts: tuple[Images | Lines, ...]
    notes: tuple[str, ...] = ()


def data_uri(images: np.ndarray, largest: int = LARGEST_SIDE) -> str:
    """A row of images side by side as a `data:` address of a PNG.

    Args:
        images: from 0 to 1, `(num, height, width)` or `(num, height, width, 3)`.
        largest: pixels of a side of one image.

    Raises:
        ValueError: another shape.

    >>> data_uri(np.zeros((2, 4, 4))).partition(",")[0]
    'data:image/png;base64'
    """
    if (
        images.ndim not in (3, 4)
        or images.shape[3:] not in ((), (3,))
        or not images.size
    ):
        raise ValueError(
            "`images` must have the shape (num, height, width) or (num, height, width, 3); "
            f"got {images.shape}."
        )
    levels = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
    row = Image.fromarray(np.concatenate(_apart(levels), axis=1))
    side = max(images.shape[1:3])
    if side > largest:
        factor = largest / side
        size = (max(1, round(n * factor)) for n in row.size)
        row = row.resize(tuple(size), Image.Resampling.BOX)
    buffer = io.BytesIO()
    row.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _apart(levels: np.ndarray) -> list[np.ndarray]:
    """Images with a strip of grey between them."""
    strip = np.full_like(levels[0][:, : max(1, levels.shape[2] // 16)], GREY)
    parts = [part for image in levels for part in (image, strip)]
    return parts[:-1]


def fitting_uris(drawn: Sequence[Drawn]) -> list[list[str]]:
    """The addresses of all rows of images, as large as all together may be.

    Sides are halved until they fit; a list a member, empty texts for sentences.
    """
    side = LARGEST_SIDE
    while True:
        found = [
            [
                data_uri(part.images, side) if isinstance(part, Images) else ""
                for part in one.parts
            ]
            for one in drawn
        ]
        if sum(len(uri) for own in found for uri in own) <= PICTURE_BYTES or side <= 8:
            return found
        side //= 2
