"""Encoded images as grey levels: by Pillow alone, mode by mode.

So no other library that happens to be installed changes a pixel.
"""

import io
from typing import Any

import numpy as np
from jaxtyping import UInt8

PNG = b"\x89PNG\r\n\x1a\n"
DEPTH_AT = 24
"""Where a PNG's header holds its bits a sample."""

TRANSPARENT = {"LA": 2, "RGBA": 4}
"""Modes with an opacity, and their channels."""


def open_image(encoded: bytes) -> Any:
    """The image of a file's bytes, decompressed.

    Raises:
        OSError: Pillow cannot read it.

    >>> open_image(b"no image")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    PIL.UnidentifiedImageError: cannot identify image file...
    """
    from PIL import Image

    image = Image.open(io.BytesIO(encoded))
    image.load()
    return image


def grey_levels(
    image: Any, encoded: bytes, channels: int | None = None
) -> UInt8[np.ndarray, "height width channels"]:
    """Levels of 8 bits: one channel where the file is grey, three where it has colours.

    - one bit a sample, and two and four: scaled to 0 ... 255, as PNG defines it
    - a palette: its colours are looked up
    - an opacity: kept where 2 or 4 `channels` are declared, else left out if everything
      is opaque

    Args:
        image: as `open_image` gives it.
        encoded: the file's bytes, which say how many bits a sample had.
        channels: as the set declares them; None if it does not say.

    Raises:
        ValueError: 16 bits, moving pictures, something transparent, colours where one
            channel is declared, or a mode such as CMYK that stands for no levels.

    >>> from PIL import Image
    >>> grey_levels(Image.new("1", (2, 1), 1), b"").tolist()
    [[[255], [255]]]
    """
    _refuse_unfit(image, encoded)
    image = _plain(image, channels)
    levels = np.asarray(image, np.uint8)
    levels = levels[..., None] if levels.ndim == 2 else levels
    if channels == 1 and levels.shape[-1] == 3:
        if (levels != levels[..., :1]).any():
            raise ValueError(
                "An image must be grey, as its set declares one channel; got colours."
            )
        levels = levels[..., :1]
    return levels


def _refuse_unfit(image: Any, encoded: bytes) -> None:
    deep = encoded.startswith(PNG) and encoded[DEPTH_AT] == 16
    if deep or image.mode[0] in "IF":
        raise ValueError(
            "An image must have 8 bits a sample or fewer; got 16 or more (mode "
            f"{image.mode}). Which 256 levels are meant is not known: prepare the set "
            "with its images scaled to 8 bits."
        )
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"An image must be one picture; got {image.n_frames} frames.")
    if image.mode not in ("1", "L", "P", "RGB", "LA", "PA", "RGBA"):
        raise ValueError(
            "An image must be grey, of a palette or RGB; got the mode "
            f"{image.mode}. Prepare the set with its images converted to RGB."
        )


def _plain(image: Any, channels: int | None) -> Any:
    """In the mode L or RGB; in LA or RGBA where the opacity is declared."""
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        grey = image.mode in ("1", "L", "LA")
        full = image.convert("LA" if grey else "RGBA")
        if channels == TRANSPARENT[full.mode]:
            return full
        if full.getchannel("A").getextrema() != (255, 255):
            raise ValueError(
                f"An image must be opaque where {channels or 'no'} channels are "
                "declared; got transparent pixels. What is behind them is not known: "
                "prepare the set with its images on a background."
            )
        return full.convert("L" if grey else "RGB")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))
