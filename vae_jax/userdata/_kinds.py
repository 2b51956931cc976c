"""What the numbers of a data set are, found out from the values or as the user says."""

from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import Kind, Origin, extremes, full_scale
from vae_jax.views import Change, Examples, Rows, blocks, changed

BYTE = 255
MOMENT_BYTES = 2**23
"""Of the numbers that are summed at once. Another value rounds another way."""

FAR_APART = 100.0
"""Ratio of the spreads of two features from which one noise variance fits neither."""


class Numbers(NamedTuple):
    """Examples as they will be stored.

    Attributes:
        parts: an array a split.
        max_value: see `data.Dataset`.
        kind: likewise.

    >>> Numbers([], 1, "unit").kind
    'unit'
    """

    parts: list[Examples]
    max_value: int
    kind: Kind


def as_stored(
    name: str,
    parts: list[Examples],
    *,
    values: Kind | None = None,
    value_range: tuple[float, ...] | None = None,
    max_value: int | None = None,
) -> Numbers:
    """Examples of all splits as levels of 8 bits, numbers of float32, or counts.

    Args:
        name: of the data, for messages.
        parts: numbers that `check_finite` has passed, an array a split.
        values: what they are; found out where it is not given, see `found_kind`.
        value_range: the numbers that stand for 0 and 1.
        max_value: the level that stands for 1.

    Raises:
        ValueError: other numbers than was said, or beyond float32.

    >>> as_stored("mine", [np.array([[0.0, 0.5]])])[1:]
    (1, 'unit')
    """
    if value_range is not None:
        parts = [_from_range(name, part, value_range) for part in parts]
        values = _agreed(name, values, "unit", "value_range")
    if max_value is not None:
        values = _agreed(name, values, "levels", "max_value")
    kind = found_kind(name, parts) if values is None else values
    low, high = _span(parts)
    if kind == "levels":
        return _levels(name, parts, low, high, max_value)
    if kind == "counts":
        return _counts(name, parts, low, high)
    if kind == "unit" and not (low >= 0 and high <= 1):
        raise ValueError(
            f"the numbers of {name} must be from 0 to 1; got {low:g} to {high:g}. Give "
            f"`value_range = [{low:g}, {high:g}]` to bring them there, or "
            "`data_values = 'real'`."
        )
    return Numbers([_float32(name, part) for part in parts], 1, kind)


def found_kind(name: str, parts: list[Examples]) -> Kind:
    """What numbers are, by their values.

    Booleans, 0 and 1, and bytes are levels; so are whole numbers from 0 to 255 in
    pictures (two axes or more an example). Other whole numbers of at least 0 are counts;
    numbers from 0 to 1 are that, and all others are real.

    >>> found_kind("mine", [np.array([[0, 7]])]), found_kind("mine", [np.zeros((1, 2))])
    ('counts', 'levels')
    """
    del name
    low, high = _span(parts)
    whole = all(part.dtype.kind in "biu" or _is_whole(part) for part in parts)
    if whole and low >= 0:
        bits = high <= 1 or all(part.dtype == np.uint8 for part in parts)
        pictures = parts[0].ndim > 2 and high <= BYTE
        return "levels" if bits or pictures else "counts"
    return "unit" if low >= 0 and high <= 1 else "real"


def check_finite(name: str, part: Examples) -> None:
    """Refuse what is no array of finite real numbers.

    Raises:
        ValueError: names the place of the first that is not.

    >>> check_finite("mine", np.zeros((2, 3)))
    """
    if part.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must hold real numbers; got {part.dtype}. Convert it, or leave such "
            "columns out."
        )
    if part.ndim < 2 or 0 in part.shape:
        raise ValueError(
            f"{name} must hold examples, an array of at least two axes, of which the first "
            f"counts them; got the shape {part.shape}."
        )
    if part.dtype.kind != "f":
        return
    start = 0
    for block in blocks(part):
        fine = np.isfinite(block)
        if not fine.all():
            number, *place = np.argwhere(~fine)[0].tolist()
            raise ValueError(
                f"{name} must be finite; got {block[(number, *place)]} in example "
                f"{start + number} at {tuple(place)}. Leave such examples out, or fill the "
                "gaps."
            )
        start += len(block)


def spreads_apart(part: Examples) -> tuple[float, float] | None:
    """The least and the largest standard deviation of features that no one scale fits.

    >>> spreads_apart(np.array([[0.0, 0.0], [1.0, 1.5]]))
    """
    spread = moments(part)[1]
    moving = spread[spread > 0]
    if len(moving) < 2 or moving.max() < FAR_APART * moving.min():
        return None
    return float(moving.min()), float(moving.max())


def fitted(train: Examples, names: list[str]) -> Origin:
    """The mean and the spread of every feature of the examples to train on.

    Raises:
        ValueError: a feature is the same in all of its examples.

    >>> made = fitted(np.array([[1.0], [3.0]], np.float32), [])
    >>> made.offset.tolist(), made.factor.tolist()
    ([2.0], [1.0])
    """
    mean, spread = moments(train)
    if not (spread > 0).all():
        places = np.argwhere(spread == 0)
        place = tuple(places[0].tolist())
        said = names[place[0]] if names and len(place) == 1 else place
        raise ValueError(
            f"`standardize` needs features that vary; got {len(places)} that are constant "
            f"in training, the first of them {said!r}. Leave them out."
        )
    return Origin(None, mean, spread)


def moments(part: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every feature, the same in memory and in a file.

    Both are summed by blocks of as many examples, in one order in memory.

    >>> [each.tolist() for each in moments(np.array([[1.0], [3.0]]))]
    [[2.0], [1.0]]
    """
    size = max(1, MOMENT_BYTES // max(8 * int(np.prod(part.shape[1:])), 1))
    parts = [slice(start, start + size) for start in range(0, len(part), size)]

    def total(change: Change) -> np.ndarray:
        sums = (change(np.ascontiguousarray(part[own], np.float64)) for own in parts)
        found: np.ndarray = sum(one.sum(axis=0) for one in sums)
        return found

    mean = total(lambda block: block) / len(part)
    return mean, np.sqrt(total(lambda block: (block - mean) ** 2) / len(part))


def _agreed(name: str, values: Kind | None, kind: Kind, setting: str) -> Kind:
    if values not in (None, kind):
        raise ValueError(
            f"`{setting}` is for data_values={kind!r}; got data_values={values!r} for "
            f"{name}. Leave one out."
        )
    return kind


def _levels(
    name: str,
    parts: list[Examples],
    low: float | int,
    high: float | int,
    max_value: int | None,
) -> Numbers:
    whole = all(_is_whole(part) for part in parts)
    largest = BYTE if max_value is None else max_value
    if not whole or low < 0 or high > largest:
        raise ValueError(
            f"the grey levels of {name} must be whole numbers from 0 to {largest}; got "
            f"{'' if whole else 'broken ones, '}{low:g} to {high:g}. Numbers from 0 to 1 "
            "are data_values='unit', others 'real' or 'counts'."
        )
    if max_value is None:
        try:
            max_value = full_scale(int(high), name)
        except ValueError as error:
            raise ValueError(
                f"the largest grey level of {name} must say which level stands for 1; got "
                f"{high:g}. Say it by `max_value`, such as 255 or {high:g}."
            ) from error
    return Numbers([_cast(part, np.uint8) for part in parts], max_value, "levels")


def _counts(
    name: str, parts: list[Examples], low: float | int, high: float | int
) -> Numbers:
    whole = all(_is_whole(part) for part in parts)
    if not whole or low < 0 or high > 2**24:
        raise ValueError(
            f"the counts of {name} must be whole numbers from 0 to 2^24; got "
            f"{'' if whole else 'broken ones, '}{low:g} to {high:g}. Were they normalised, "
            "or is it their logarithm? Give the counts themselves, or data_values='real'."
        )
    dtype = np.uint16 if high < 2**16 else np.int32
    stored = [_cast(part, dtype) for part in parts]
    return Numbers(stored, max(int(high), 1), "counts")


def _from_range(name: str, part: Examples, ends: tuple[float, ...]) -> Examples:
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(
            f"`value_range` must be two numbers, the lower first; got {list(ends)}."
        )
    low, high = _span([part])
    if low < ends[0] or high > ends[1]:
        raise ValueError(
            f"`value_range` must hold all numbers of {name}, {low:g} to {high:g}; got "
            f"{list(ends)}."
        )
    return changed(
        part,
        lambda block: (block.astype(np.float64) - ends[0]) / (ends[1] - ends[0]),
    )


def _float32(name: str, part: Examples) -> Examples:
    with np.errstate(over="ignore"):
        made = _cast(part, np.float32)
    low, high = extremes(part)
    # what rounds to a number keeps its order: the others lie between these two
    with np.errstate(over="ignore"):
        ends = np.array([low, high]).astype(np.float32)
    if not np.isfinite(ends).all():
        raise ValueError(
            f"{name} must fit into float32; got numbers up to {max(-low, high):g}. "
            "Scale them, or set `standardize`."
        )
    return made


def _cast(part: Examples, dtype: Any) -> Examples:
    if part.dtype == dtype and isinstance(part, Rows):
        return part
    return changed(part, lambda block: block.astype(dtype))


def _is_whole(part: Examples) -> bool:
    if part.dtype.kind in "biu":
        return True
    return all(bool((block == np.rint(block)).all()) for block in blocks(part))


def _span(parts: list[Examples]) -> tuple[Any, Any]:
    ends = [extremes(part) for part in parts]
    return min(low for low, _ in ends), max(high for _, high in ends)
