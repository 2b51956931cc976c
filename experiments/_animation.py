"""Moving pictures of a page, by matplotlib and Pillow alone: GIF, APNG or WebP."""

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

LARGEST = 1_000_000
"""Bytes that a committed animation may have."""

SUFFIXES = (".gif", ".png", ".webp")


def save_animation(
    path: Path,
    frames: Iterable[Any],
    draw: Callable[[Any], Figure],
    *,
    seconds: float = 0.4,
    last_seconds: float = 2.0,
    dpi: int = 80,
) -> None:
    """Draw every frame and save them as one picture that repeats for ever.

    Equal frames give equal bytes. Players show the last frame longer, so that one sees
    where it ends; the same frame twice in a row is one that is shown for longer.

    Args:
        path: whose suffix says the format: `.gif`, `.png` (animated) or `.webp`.
        frames: whatever `draw` is given, at least one.
        draw: the figure of a frame; all are of one size.
        seconds: how long a frame is shown.
        last_seconds: how long the last one is.
        dpi: dots an inch.

    Raises:
        ValueError: another suffix, no frame, figures of several sizes, or more bytes than
            `LARGEST`; nothing is written.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"`path` must end in one of {SUFFIXES}; got {path.name!r}.")
    images = [rendered(draw(frame), dpi) for frame in frames]
    if not images:
        raise ValueError("`frames` must hold at least one; got none.")
    sizes = {image.size for image in images}
    if len(sizes) > 1:
        raise ValueError(f"figures must be of one size; got {sorted(sizes)}.")
    if path.suffix == ".gif":
        images = in_one_palette(images)
    spent = [round(1000 * seconds)] * (len(images) - 1) + [round(1000 * last_seconds)]
    stream = BytesIO()
    images[0].save(
        stream,
        format={".gif": "GIF", ".png": "PNG", ".webp": "WEBP"}[path.suffix],
        save_all=True,
        append_images=images[1:],
        duration=spent,
        loop=0,
    )
    if stream.tell() > LARGEST:
        raise ValueError(
            f"{path.name} would have {stream.tell()} bytes, of {LARGEST} at most. Draw "
            "fewer frames, or at a lower `dpi`."
        )
    path.write_bytes(stream.getvalue())
    print(f"Animation: {path}")


def rendered(figure: Figure, dpi: int) -> Image.Image:
    """The figure as an image without transparency."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=dpi)
    stream.seek(0)
    return Image.open(stream).convert("RGB")


def in_one_palette(images: list[Image.Image]) -> list[Image.Image]:
    """256 colours for all frames, so that none flickers.

    They are those of the first and the last frame beside each other.
    """
    width, height = images[0].size
    both = Image.new("RGB", (2 * width, height))
    both.paste(images[0], (0, 0))
    both.paste(images[-1], (width, 0))
    palette = both.quantize(256, dither=Image.Dither.NONE)
    return [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in images]
