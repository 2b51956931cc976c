"""Three splits of sentences, and what keeps a sentence from standing in two of them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

from vae_jax.text._options import Shared, check_choice

Sentences = list[list[str]]

TENTHS = {"validation": 1, "test": 0}
"""Which tenth of the sentences, by their hash, a split takes."""


class SentenceSplits(NamedTuple):
    """Sentences as lists of words, in three splits.

    Attributes:
        train: to fit on, and to build a vocabulary from.
        validation: to choose by.
        test: to report.

    >>> SentenceSplits([["so", "it", "goes"]], [], []).train
    [['so', 'it', 'goes']]
    """

    train: Sentences
    validation: Sentences
    test: Sentences


def tenth(words: Sequence[str]) -> int:
    """Which tenth of all possible sentences this is in, from 0 to 9, by its hash.

    The first 8 bytes of the SHA-256 of its words, in UTF-8 with single spaces between,
    as a big-endian number modulo 10. The same words are always in the same tenth,
    whatever else a set holds.

    >>> tenth(["so", "it", "goes"])
    8
    """
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10


def split_sentences(
    source: str, parts: Mapping[str, Sentences], shared: Shared
) -> SentenceSplits:
    """Train, validation and test; what a set lacks is a tenth of train, by hash.

    Args:
        source: named in errors.
        parts: `train`, and `validation` and `test` where a set has its own.
        shared: of sentences in two splits, which only a set's own parts can have.

    Raises:
        ValueError: no train part, a split without a sentence, or shared sentences that
            are to be refused.

    >>> everything = [[str(n)] for n in range(1000)]
    >>> splits = split_sentences("numbers", {"train": everything}, "refuse")
    >>> [len(part) for part in splits]
    [788, 109, 103]
    """
    check_choice("shared", shared, get_args(Shared))
    if "train" not in parts:
        raise ValueError(
            f"{source} must have a split `train`; got {', '.join(parts) or 'none'}."
        )
    lacking = {TENTHS[name]: name for name in TENTHS if name not in parts}
    made: dict[str, Sentences] = {name: [] for name in ("train", *lacking.values())}
    for words in parts["train"]:
        made[lacking.get(tenth(words), "train")].append(words)
    splits = _apart(source, SentenceSplits(**{**parts, **made}), shared)
    _refuse_empty(source, splits)
    return splits


def _apart(source: str, splits: SentenceSplits, shared: Shared) -> SentenceSplits:
    """Without the sentences that later splits have too, as far as that is asked for.

    Test stays whole, so that numbers on it compare with those of others.
    """
    if shared == "keep":
        return splits
    of_test = _keys(splits.test)
    of_later = of_test | _keys(splits.validation)
    validation = [words for words in splits.validation if _key(words) not in of_test]
    train = [words for words in splits.train if _key(words) not in of_later]
    kept = SentenceSplits(train, validation, splits.test)
    count = sum(map(len, splits)) - sum(map(len, kept))
    if count and shared == "refuse":
        raise ValueError(
            f"A sentence of {source} must stand in one split; got {count} that a later "
            f'one has too, such as {_example(splits)!r:.80}. Pass shared="drop" to take '
            'them out of train and validation, or shared="keep" to leave all as it is; of '
            "a run it is `shared_sentences`."
        )
    return kept


def _example(splits: SentenceSplits) -> str:
    """The first shared sentence, as text."""
    train, validation, test = (_keys(part) for part in splits)
    both = (train & validation) | (train & test) | (validation & test)
    return " ".join(min(both))


def _key(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(words)


def _keys(sentences: Sentences) -> set[tuple[str, ...]]:
    return {_key(words) for words in sentences}


def _refuse_empty(source: str, splits: SentenceSplits) -> None:
    empty = [name for name, part in splits._asdict().items() if not part]
    if empty:
        raise ValueError(
            f"Every split of {source} must hold a sentence; got none in "
            f"{' and '.join(empty)} ({sum(map(len, splits))} in all). Splits by hash need "
            "some dozens; with fewer, give train, valid and test apart."
        )
