"""Which grey level stands for 1, and whether images fit what is said of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_jax.data._dataset import SPLITS, Dataset, Split
from vae_jax.data._facts import fact
from vae_jax.views import Examples, Rows, blocks, changed

COUNTED = (1, 3, 15, 16)
"""Largest levels of one, two and four bits, and of the 17 levels that count 16 pixels."""

BYTE = 255
SAMPLE = 100
"""Images that tell most colour sets from grey ones."""


def full_scale(largest: int, name: str = "the set") -> int:
    """The grey level that stands for 1, from the largest one that a set holds.

    `full_scale(l) = l` for l in {1, 3, 15, 16} (sets of 2, 4, 16 or 17 levels), and 255
    from 128 on: a set that needs all eight bits is one of bytes, whether or not a pixel is
    quite white. Between those, a dark set of bytes and a set of few levels look alike, and
    neither is guessed.

    Raises:
        ValueError: the largest level says neither.

    >>> [full_scale(largest) for largest in (1, 15, 16, 254, 255)]
    [1, 15, 16, 255, 255]
    """
    if largest in COUNTED:
        return largest
    if 2 * largest > BYTE:
        return BYTE
    raise ValueError(
        f"The largest grey level of {name} must be {', '.join(map(str, COUNTED))} or at "
        f"least {BYTE // 2 + 1} to say which level stands for 1; got {largest}. Say it: "
        f"data.load(..., max_value=255), or max_value={largest}."
    )


def largest_level(splits: Sequence[Split]) -> int:
    """The largest level of some splits.

    >>> part = Split(np.array([[0, 7]], np.uint8), np.zeros(1, np.int32))
    >>> largest_level((part, part))
    7
    """
    return max(_extremes(split.images)[1] for split in splits)


def alike(parts: dict[str, Split]) -> dict[str, Split]:
    """Parts with the same channels: grey where every image of all of them is.

    Three equal channels become the one that they repeat, and one channel is left out of
    the shape; where other images have colours, grey ones are repeated to three.

    >>> row = Split(np.full((2, 4, 4, 3), 7, np.uint8), np.zeros(2, np.int32))
    >>> alike({"train": row})["train"].images.shape
    (2, 4, 4)
    """
    images: dict[str, Any] = {name: part.images for name, part in parts.items()}
    if all(_is_grey(each) for each in images.values()):
        images = {name: changed(each, _first_channel) for name, each in images.items()}
    else:
        widest = max(each.shape[-1] for each in images.values())
        images = {name: _widened(each, widest) for name, each in images.items()}
    return {name: Split(each, parts[name].labels) for name, each in images.items()}


def same_channels(images: Sequence[np.ndarray]) -> np.ndarray:
    """Batches of images as one: grey ones have three channels where others have colours.

    >>> same_channels([np.ones((5, 2, 2, 1)), np.zeros((1, 2, 2, 3))]).shape
    (6, 2, 2, 3)
    """
    widest = max(each.shape[-1] for each in images)
    return np.concatenate([np.asarray(_widened(each, widest)) for each in images])


def _is_grey(images: Examples) -> bool:
    """One channel, or three that are equal."""
    if images.shape[-1] == 1:
        return True
    return images.shape[-1] == 3 and all(
        bool((block[part] == block[part][..., :1]).all())
        for block in blocks(images)
        for part in (slice(SAMPLE), slice(SAMPLE, None))
    )


def _first_channel(images: np.ndarray) -> np.ndarray:
    return images[..., 0]


def _widened(images: Examples, channels: int) -> Examples:
    if images.shape[-1] == 1 and channels == 3:
        return changed(images, lambda block: np.repeat(block, channels, axis=-1))
    return images


def check_dataset(dataset: Dataset) -> None:
    """Refuse a data set whose arrays are not what its fields say.

    Levels are uint8 from 0 to `max_value`; tokens and counts are wider integers from 0 to
    `max_value`; other numbers are float32, finite, and from 0 to 1 where they are said to
    be. Looks at every value, so it is not for traced arrays.

    Raises:
        TypeError: images that are not whole numbers, or a `max_value` that is none.
        ValueError: an empty split, images of several sizes, one grey level everywhere,
            labels of another number, a level above `max_value` or below 0, or levels 0
            and 1 with another `max_value` than 1.

    >>> part = Split(np.array([[0, 255]], np.uint8), np.zeros(1, np.int32))
    >>> check_dataset(Dataset("mine", part, part, part, 1))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: `max_value` of mine must be at least its largest level, 255; got 1...
    """
    name, splits = dataset.name, dataset[1:4]
    if dataset.holds in ("unit", "real"):
        check_numbers(dataset)
        return
    check_levels(name, splits)
    largest, held = _whole(dataset.max_value, name), largest_level(splits)
    if held > largest:
        raise ValueError(
            f"`max_value` of {name} must be at least its largest level, {held}; got "
            f"{largest}."
        )
    if dataset.train.images.dtype == np.uint8 and held == 1 < largest:
        raise ValueError(
            f"`max_value` of {name} must be 1, as its levels are 0 and 1; got {largest}, "
            "with which every image would be black."
        )


def check_levels(name: str, splits: Sequence[Split]) -> None:
    """Refuse splits that are empty, do not fit together, or show nothing.

    Raises:
        TypeError, ValueError: as `check_dataset` does.

    >>> part = Split(np.array([[0, 255]], np.uint8), np.zeros(1, np.int32))
    >>> check_levels("mine", (part, part, part))
    """
    for split, where in zip(splits, SPLITS, strict=True):
        _check_split(f"split {where!r} of {name}", split)
    check_shapes(name, splits)


def check_shapes(name: str, splits: Sequence[Split]) -> None:
    """Refuse splits whose examples have unlike shapes.

    >>> part = Split(np.zeros((1, 2), np.uint8), np.zeros(1, np.int32))
    >>> check_shapes("mine", (part, part))
    """
    shapes = {np.shape(split.images)[1:] for split in splits}
    if len(shapes) > 1:
        raise ValueError(
            f"The images of {name} must be of one size in all splits; got "
            f"{', '.join(map(str, sorted(shapes)))}."
        )


def check_numbers(dataset: Dataset) -> None:
    """Refuse numbers that are not float32, not finite, constant, or out of their range.

    Raises:
        TypeError: another dtype.
        ValueError: names the split and the value.

    >>> part = Split(np.array([[0.0, 0.5]], np.float32), np.zeros(1, np.int32))
    >>> check_numbers(Dataset("mine", part, part, part, 1, "unit"))
    """
    for where in SPLITS:
        split: Split = getattr(dataset, where)
        said = f"split {where!r} of {dataset.name}"
        if split.images.dtype != np.float32:
            raise TypeError(
                f"Numbers must be float32; got {split.images.dtype} in {said}."
            )
        _check_labels(said, split)
        low, high = extremes(split.images)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"Numbers must be finite; got {low} to {high} in {said}.")
        if low == high:
            raise ValueError(f"Numbers must vary; got {low} throughout {said}.")
        if dataset.kind == "unit" and not (low >= 0 and high <= 1):
            raise ValueError(
                f"Numbers must be from 0 to 1; got {low} to {high} in {said}."
            )
    check_shapes(dataset.name, dataset[1:4])


def _as_given(images: Any) -> Any:
    return images if isinstance(images, Rows) else np.asarray(images)


def _check_labels(where: str, split: Split) -> None:
    images, labels = _as_given(split.images), np.asarray(split.labels)
    if 0 in images.shape:
        raise ValueError(
            f"Every split must hold an image; got {images.shape} as {where}."
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"`labels` must be one per image, {images.shape[:1]}; got {labels.shape} in "
            f"{where}. Without classes they are -1."
        )


def _check_split(where: str, split: Split) -> None:
    images = _as_given(split.images)
    if images.dtype.kind not in "iu":
        raise TypeError(
            f"`images` must be uint8, as stored; got {images.dtype} in {where}. Of "
            "numbers from 0 to 1 they are np.round(255 * x).astype(np.uint8) with "
            "max_value=255, of booleans x.astype(np.uint8) with max_value=1."
        )
    _check_labels(where, split)
    low, high = _extremes(split.images)
    if low < 0:
        raise ValueError(f"Levels and tokens must be at least 0; got {low} in {where}.")
    if images.dtype == np.uint8 and low == high:
        raise ValueError(
            f"A split must hold more than one grey level; got {high} in every pixel of "
            f"{where}."
        )


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`max_value` of {name} must be a whole number; got {value!r}.")
    if value < 1:
        raise ValueError(f"`max_value` of {name} must be at least 1; got {value}.")
    return int(value)


def _extremes(images: Any) -> tuple[int, int]:
    """The smallest and the largest level."""
    low, high = extremes(images)
    return int(low), int(high)


def extremes(images: Any) -> tuple[Any, Any]:
    """The smallest and the largest number; NaN where one is.

    >>> extremes(np.array([3, 1]))
    (1, 3)
    """
    values = _as_given(images)

    def find() -> tuple[Any, Any]:
        ends = [(part.min(), part.max()) for part in blocks(values)]
        lows, highs = zip(*ends, strict=True)
        return np.min(lows).item(), np.max(highs).item()

    found: tuple[Any, Any] = fact(values, "extremes", find)
    return found
