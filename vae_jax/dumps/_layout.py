"""Which axis is what: letters, one an axis, as `nchw`.

`n` is the examples, `c` or `d` the channels (units of a position, or all there are), and
`t`, `h` and `w` are positions. Channels come last here, as JAX has them. Capital letters
are the same, and so is `b`, of the batch, for `n`.
"""

from typing import NamedTuple

import numpy as np

USUAL = {2: "nd", 3: "ntd", 4: "nhwc", 5: "nthwc"}
"""Taken for granted, by the number of axes, unless the shape speaks against it."""

POSITIONS = "thw"
CHANNELS = "cd"


class Layout(NamedTuple):
    """The axes of a posterior that was read: examples, then positions, then channels.

    Attributes:
        given: letters of the file.
        positions: letters of the axes that are positions; none of a plain latent.

    >>> Layout("nchw", "hw")
    Layout(given='nchw', positions='hw')
    """

    given: str
    positions: str

    @property
    def named(self) -> str:
        """The letters as the arrays lie now.

        >>> Layout("nchw", "hw").named
        'nhwc'
        """
        return "n" + self.positions + next(c for c in self.given if c in CHANNELS)


def as_letters(given: str | None) -> str | None:
    """The letters as they are read here, however they are written.

    >>> as_letters("NCHW"), as_letters("bchw"), as_letters(None)
    ('nchw', 'nchw', None)
    """
    return None if given is None else given.lower().replace("b", "n")


def as_layout(letters: str | None, shape: tuple[int, ...], name: str) -> Layout:
    """What the letters say, or what is usual for so many axes.

    Raises:
        ValueError: letters that are no layout or not of this array, or a shape that looks
            like another layout than the usual one.

    >>> as_layout("nchw", (100, 4, 8, 8), "means").named
    'nhwc'
    """
    if letters is None:
        letters = USUAL.get(len(shape))
        if letters is None:
            raise ValueError(
                f"`{name}` must have 2 to 5 axes; got the shape {shape}. Write (examples, "
                "units), (examples, positions, width) or (examples, height, width, "
                "channels)."
            )
        _check_usual(shape, name)
    known = set(letters) <= set("n" + POSITIONS + CHANNELS)
    once = len(set(letters)) == len(letters) and "n" in letters
    if not (known and once and len(set(letters) & set(CHANNELS)) == 1):
        raise ValueError(
            "`layout` must be letters, one an axis and each once: n for the examples, c or "
            "d for channels or units, t, h and w for positions, as nd, ntd, nhwc or nchw; "
            f"got {letters!r}."
        )
    if len(letters) != len(shape):
        raise ValueError(
            f"`layout` must have a letter an axis of `{name}`, {shape}; got {letters!r}."
        )
    return Layout(letters, "".join(c for c in letters if c in POSITIONS))


def _check_usual(shape: tuple[int, ...], name: str) -> None:
    """Refuse what is more likely to lie otherwise."""
    if len(shape) == 2 and shape[0] < shape[1]:
        raise ValueError(
            f"`{name}` has the shape {shape}: {shape[0]} examples of {shape[1]} units, or "
            "it is transposed. Say --layout dn if it is, --layout nd if it is not; more "
            "examples than units are better."
        )
    if len(shape) in (4, 5) and not _channels_surely_last(shape):
        last, first = USUAL[len(shape)], {4: "nchw", 5: "ncthw"}[len(shape)]
        raise ValueError(
            f"`{name}` has the shape {shape}, which does not tell where the channels are. "
            f"Say --layout {first} if they come first, as PyTorch has them, --layout "
            f"{last} if last."
        )


def _channels_surely_last(shape: tuple[int, ...]) -> bool:
    """Whether height and width are alike where channels are last, and channels differ.

    Images are mostly square; of others, and of cubes, a shape says nothing.

    >>> _channels_surely_last((200, 8, 8, 16)), _channels_surely_last((200, 16, 8, 8))
    (True, False)
    """
    *_, height, width, channels = shape
    return height == width != channels


def arranged(array: np.ndarray, layout: Layout) -> np.ndarray:
    """The array with examples first and channels last.

    >>> arranged(np.zeros((5, 4, 8, 8)), Layout("nchw", "hw")).shape
    (5, 8, 8, 4)
    """
    order = [layout.given.index(letter) for letter in layout.named]
    return np.ascontiguousarray(np.transpose(array, order))
