"""From examples as a file or the user holds them to a data set in three splits."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from vae_jax.data import SPLITS, Dataset, Kind, Origin, Split, check_dataset
from vae_jax.userdata._covariates import conditions_of, covariates_of, joined
from vae_jax.userdata._kinds import as_stored, check_finite, fitted, spreads_apart
from vae_jax.userdata._raw import NO_CLASS, WHOLE, Raw, as_classes
from vae_jax.userdata._splits import (
    split_by_content,
    warn_of_labels,
    warn_of_shared,
)
from vae_jax.views import Examples, changed, taken

SHARE = 0.1
"""Of the examples, to validate by and to test on, where nothing is said."""


class Reading(NamedTuple):
    """How numbers are taken; see the settings of `Files`.

    Attributes:
        values: what they are.
        value_range: the numbers that stand for 0 and 1.
        max_value: the level that stands for 1.
        standardize: features less their mean, over their spread.
        shape: of one example.
        validation_share: of the examples, where they are not split.
        test_share: likewise.
        seed: of the split.

    >>> Reading().standardize
    False
    """

    values: Kind | None = None
    value_range: tuple[float, ...] | None = None
    max_value: int | None = None
    standardize: bool = False
    shape: tuple[int, ...] | None = None
    validation_share: float | None = None
    test_share: float | None = None
    seed: int | None = None


def as_dataset(name: str, raw: Raw, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    """Three splits of examples, checked; what is missing is cut from training by content.

    Of examples in a file those to train on stay there; the others are read.

    Args:
        name: of the data.
        raw: as they were read.
        reading: how.

    Raises:
        ValueError: no finite numbers, other ones than was said, unlike shapes, splits that
            cannot be made, or a setting that changes nothing.

    Warns:
        UserWarning: splits share examples, or features that no one scale fits.

    >>> examples = {"all": np.arange(40.0).reshape(20, 2)}
    >>> made = as_dataset("mine", Raw(examples, {}), Reading(values="real"))
    >>> [len(split.images) for split in made[1:4]]
    [16, 2, 2]
    """
    own = next(iter(raw.parts.values())).shape[1:]
    raw = _shaped(name, raw, reading.shape)
    for part in raw.parts.values():  # where places are still those of the file
        check_finite(name, part)
    labels, label_names = as_classes(raw.labels) if raw.labels else ({}, [])
    filled = _filled(raw, labels)
    warn_of_labels(name, raw.parts, labels)
    told = conditions_of(name, raw)
    beside = joined(filled, told)
    examples, rows = _three(name, raw.parts, beside, reading)
    classes = [part["label"] for part in rows]
    if len(raw.parts) > 1:  # of one part equal examples are in one split
        warn_of_shared(name, examples)
    # those to train on are the ones that may be too many
    examples[1:] = [np.asarray(part) for part in examples[1:]]
    origin = Origin()
    if reading.standardize:
        if reading.values not in (None, "real"):
            raise ValueError(
                f"`standardize` makes real numbers; got data_values={reading.values!r}. "
                "Leave one out."
            )
        origin = fitted(examples[0], list(raw.features))
        examples = [changed(part, origin.taken) for part in examples]
    stored = as_stored(
        name,
        examples,
        values="real" if reading.standardize else reading.values,
        value_range=reading.value_range,
        max_value=reading.max_value,
    )
    if stored.kind == "real" and not reading.standardize:
        _warn_of_spreads(name, stored.parts[0])
    images: list[Any] = stored.parts
    splits = [Split(*pair) for pair in zip(images, classes, strict=True)]
    names = tuple(label_names)
    train, validation, test = splits
    if reading.value_range is not None:
        low, high = reading.value_range
        origin = Origin(None, np.float64(low), np.float64(high) - np.float64(low))
    if reading.shape is not None and own != tuple(reading.shape):
        origin = origin._replace(shape=own)
    made = Dataset(
        name,
        *(train, validation, test),
        stored.max_value,
        stored.kind,
        names,
        origin if origin.scales or origin.shape else None,
        covariates_of(raw, [part["told"] for part in rows]) if told else None,
    )
    check_dataset(made)
    return made


def _shaped(name: str, raw: Raw, shape: tuple[int, ...] | None) -> Raw:
    """Examples of one shape, that which is asked for."""
    shapes = {part.shape[1:] for part in raw.parts.values()}
    if len(shapes) > 1:
        raise ValueError(
            f"the examples of {name} must be of one shape in all splits; got "
            f"{', '.join(map(str, shapes))}."
        )
    if shape is None:
        return raw
    [own] = shapes
    if np.prod(own, dtype=int) != np.prod(shape, dtype=int):
        raise ValueError(
            f"`data_shape` must hold the {np.prod(own, dtype=int)} numbers of an example "
            f"of {name}; got {list(shape)}."
        )
    return raw._replace(
        parts={split: reshaped(part, shape) for split, part in raw.parts.items()}
    )


def reshaped(part: Examples, shape: tuple[int, ...]) -> Examples:
    """Examples of as many numbers in another shape.

    >>> reshaped(np.zeros((2, 6)), (2, 3)).shape
    (2, 2, 3)
    """
    return changed(part, lambda block: block.reshape(len(block), *shape))


def _filled(raw: Raw, labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Labels of every split, -1 where there are none."""
    made = {}
    for split, part in raw.parts.items():
        own = labels.get(split, np.full(len(part), NO_CLASS, np.int32))
        if len(own) != len(part):
            raise ValueError(
                f"the labels must be one an example, {len(part)} in {split!r}; got "
                f"{len(own)}."
            )
        made[split] = own
    return made


def _three(
    name: str,
    parts: Mapping[str, Examples],
    labels: dict[str, np.ndarray],
    reading: Reading,
) -> tuple[list[Examples], list[np.ndarray]]:
    """Train, validation and test: as they are given, or cut from training."""
    whole = parts.get(WHOLE, parts.get("train"))
    classes = labels.get(WHOLE, labels.get("train"))
    assert whole is not None
    assert classes is not None
    missing = [split for split in SPLITS[1:] if split not in parts]
    said = {"validation": reading.validation_share, "test": reading.test_share}
    for split, share in said.items():
        if share is not None and split not in missing:
            raise ValueError(
                f"`{split}_share` is for data without a split `{split}`; {name} has one. "
                "Leave it out."
            )
    if not missing:
        if reading.seed is not None:
            raise ValueError(
                f"`split_seed` is for data that are not split; {name} is. Leave it out."
            )
        pairs = [(parts[split], labels[split]) for split in SPLITS]
        return [p for p, _ in pairs], [c for _, c in pairs]
    shares = [
        (SHARE if said[split] is None else said[split]) if split in missing else 0.0
        for split in SPLITS[1:]
    ]
    places = split_by_content(
        name, whole, (float(shares[0] or 0), float(shares[1] or 0)), reading.seed or 0
    )
    cut = dict(zip(SPLITS, places, strict=True))
    examples, found = [], []
    for split in SPLITS:
        given = split in parts and split != "train"
        examples.append(parts[split] if given else taken(whole, cut[split]))
        found.append(labels[split] if given else classes[cut[split]])
    return examples, found


def _warn_of_spreads(name: str, train: Examples) -> None:
    apart = spreads_apart(train)
    if apart is not None:
        warnings.warn(
            f"the standard deviations of the features of {name} are {apart[0]:.3g} to "
            f"{apart[1]:.3g}: one noise variance fits the largest alone. Set "
            "`--standardize` (`standardize = true`), unless that is meant.",
            stacklevel=2,
        )
