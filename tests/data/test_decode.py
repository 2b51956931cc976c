"""Pictures become grey levels by their own mode, or are refused with the reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vae_jax.data._decode import grey_levels, open_image

SQUARE = np.array([[0, 1], [2, 3]], np.uint8)
BITS = Image.fromarray(np.array([[False, True], [True, False]]))
GREY = Image.fromarray(SQUARE)
COLOURS = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
PALETTE = GREY.copy()
PALETTE.putpalette([9, 9, 9, 10, 20, 30, 1, 1, 1, 255, 0, 0])
LOOKED_UP = [[[9, 9, 9], [10, 20, 30]], [[1, 1, 1], [255, 0, 0]]]


def png(image, **options):
    return saved(image, "PNG", **options)


def saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


def by_hand(width, depth, colour, row):
    """A PNG of one row, of any bits a sample: Pillow writes only some of them."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def decoded(content, channels=None):
    levels = grey_levels(open_image(content), content, channels)
    assert levels.dtype == np.uint8
    return levels


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(BITS), [[[0], [255]], [[255], [0]]]),
        (by_hand(4, 2, 0, bytes([0b00011011])), [[[0], [85], [170], [255]]]),
        (by_hand(2, 4, 0, bytes([0x1F])), [[[17], [255]]]),
        (png(GREY), SQUARE[..., None]),
        (png(COLOURS), np.asarray(COLOURS)),
        (saved(COLOURS, "BMP"), np.asarray(COLOURS)),
        (png(PALETTE), LOOKED_UP),
        (png(PALETTE, bits=2), LOOKED_UP),
        (saved(PALETTE, "GIF"), LOOKED_UP),
        # opaque everywhere: there is nothing behind it
        (png(COLOURS.convert("RGBA")), np.asarray(COLOURS)),
        (png(GREY.convert("LA")), SQUARE[..., None]),
        (png(GREY, transparency=9), SQUARE[..., None]),
    ],
)
def test_every_mode_gives_the_levels_that_it_stands_for(content, expected):
    np.testing.assert_array_equal(decoded(content), expected)


def test_an_opacity_that_is_declared_is_kept():
    seen = decoded(png(PALETTE, transparency=0), 4)
    np.testing.assert_array_equal(seen[..., :3], LOOKED_UP)
    np.testing.assert_array_equal(seen[..., 3], [[0, 255], [255, 255]])
    np.testing.assert_array_equal(
        decoded(png(BITS, transparency=0), 2)[..., 1], [[0, 255], [255, 0]]
    )


def test_equal_channels_are_grey_where_one_is_declared():
    repeated = Image.fromarray(np.repeat(SQUARE[..., None], 3, axis=-1))
    np.testing.assert_array_equal(decoded(png(repeated), 1), SQUARE[..., None])
    with pytest.raises(ValueError, match="must be grey, .* one channel; got colours"):
        decoded(png(COLOURS), 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (png(Image.fromarray(SQUARE.astype(np.uint16))), "8 bits .*mode I"),
        # Pillow would cut these two to 8 bits without a word
        (by_hand(1, 16, 2, b"\1\2" * 3), "8 bits a sample or fewer; got 16 or more"),
        (by_hand(1, 16, 4, b"\1\2" * 2), "8 bits a sample or fewer; got 16 or more"),
        (saved(COLOURS.convert("CMYK"), "JPEG"), "the mode CMYK.*converted to RGB"),
        (png(PALETTE, transparency=0), "must be opaque.*transparent pixels"),
        (png(BITS, transparency=0), "must be opaque.*transparent pixels"),
        (
            saved(COLOURS, "GIF", save_all=True, append_images=[COLOURS.rotate(90)]),
            "must be one picture; got 2 frames",
        ),
    ],
)
def test_what_stands_for_no_levels_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        decoded(content)
