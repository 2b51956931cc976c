"""Three splits of examples that came as one, by their contents; and what splits share."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from vae_jax.data import SPLITS
from vae_jax.views import Examples, blocks

FEWEST = 3
"""Unlike examples that can be split in three."""


def split_by_content(
    name: str, examples: Examples, shares: tuple[float, float], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places of the examples to train on, to validate by and to test on.

    An example's place is decided by SHA-256 of its bytes and the seed, so that equal
    examples fall into one split, and the order of a file decides nothing. Within a split
    examples keep their order. The shares are met to the nearest example, and further off
    only by equal ones.

    Args:
        name: of the data, for messages.
        examples: `(n, *event)`.
        shares: of validation and of test.
        seed: of the split.

    Raises:
        ValueError: too few examples, or a split would be empty.

    >>> parts = split_by_content("mine", np.arange(20)[:, None], (0.1, 0.2), 0)
    >>> [len(part) for part in parts]
    [14, 2, 4]
    """
    digests = example_digests(examples, str(seed))
    places = np.argsort(digests, kind="stable")
    # where a new example begins among the sorted ones
    starts = np.flatnonzero(np.r_[True, digests[places][1:] != digests[places][:-1]])
    count = len(examples)
    if len(starts) < FEWEST:
        raise ValueError(
            f"{name} must hold {FEWEST} unlike examples or more to be split; got "
            f"{len(starts)}. Give the splits yourself."
        )
    ends: list[int] = []
    for wanted in (shares[1], shares[0] + shares[1]):
        if wanted == (0 if not ends else shares[1]):  # a split that is not wanted
            ends.append(ends[-1] if ends else 0)
            continue
        later = starts[starts > (ends[-1] if ends else 0)]
        if not len(later):
            raise ValueError(
                f"{name} must hold more unlike examples for shares of {shares[0]:g} to "
                f"validate by and {shares[1]:g} to test on; got {len(starts)}."
            )
        ends.append(int(later[np.argmin(abs(later - wanted * count))]))
    test, validation, train = np.split(places, ends)
    return np.sort(train), np.sort(validation), np.sort(test)


def example_digests(examples: Examples, salt: str = "") -> np.ndarray:
    """SHA-256 of every example, of its bytes alone.

    >>> example_digests(np.zeros((2, 3))).shape
    (2,)
    """
    start = hashlib.sha256(salt.encode())

    def one(row: np.ndarray) -> bytes:
        whole = start.copy()
        whole.update(row.data)
        return whole.digest()

    digests = np.empty(len(examples), "S32")
    place = 0
    for block in blocks(examples):
        for row in np.ascontiguousarray(block).reshape(len(block), -1):
            digests[place] = one(row)
            place += 1
    return digests


def warn_of_shared(name: str, parts: Sequence[Examples]) -> None:
    """Say how many examples of a later split an earlier one has too, to the bit.

    Warns:
        UserWarning: some do.

    >>> warn_of_shared("mine", [np.zeros((1, 2)), np.ones((1, 2)), np.full((1, 2), 2.0)])
    """
    digests = [example_digests(part) for part in parts]
    found = [
        f"{shared} of {len(digests[later])} examples of {SPLITS[later]} are in "
        f"{SPLITS[early]} too"
        for early, later in ((0, 1), (0, 2), (1, 2))
        if (shared := int(np.isin(digests[later], digests[early]).sum()))
    ]
    if found:
        warnings.warn(
            f"{name}: {', '.join(found)}, to the bit. What is measured on them is in part "
            "memory.",
            stacklevel=2,
        )


def warn_of_labels(
    name: str, parts: Mapping[str, Examples], labels: Mapping[str, np.ndarray]
) -> None:
    """Say how many examples have an equal one, to the bit, under another label.

    Of examples that stay in a file nothing is said: they would be read once more.

    Warns:
        UserWarning: some do.

    >>> warn_of_labels("mine", {"all": np.eye(2)}, {"all": np.array([0, 1])})
    """
    held = [split for split in labels if isinstance(parts[split], np.ndarray)]
    if not held:
        return
    digests = np.concatenate([example_digests(parts[split]) for split in held])
    classes = np.concatenate([labels[split] for split in held])
    _, which, counts = np.unique(digests, return_inverse=True, return_counts=True)
    low = np.full(len(counts), np.iinfo(np.int64).max)
    high = np.full(len(counts), -1)
    np.minimum.at(low, which, classes)
    np.maximum.at(high, which, classes)
    unlike = int(counts[low != high].sum())
    if unlike:
        warnings.warn(
            f"{name}: {unlike} of {len(digests)} examples equal another one, to the bit, "
            "that has another label. No model can tell their classes apart.",
            stacklevel=3,
        )
