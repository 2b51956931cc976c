"""Sentences as one padded array of ids, in three splits."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, get_args

import numpy as np
from jaxtyping import Int32

from vae_jax.text._options import TooLong, check_choice
from vae_jax.text._splits import SentenceSplits
from vae_jax.text._tokenizer import Tokenizer, whole_numbers
from vae_jax.text._whole import LARGEST, whole, whole_array
from vae_jax.tokens import BOS, PAD


class TextSet(NamedTuple):
    """Sentences, each BOS, its ids and EOS, filled up with PAD behind.

    Attributes:
        tokens: int32, `(sentences, length)`.
        lengths: int32, `(sentences,)`: ids of each sentence, BOS and EOS included, so
            that `lengths - 1` of them are predicted.

    >>> TextSet(np.array([[2, 7, 3, 0]], np.int32), np.array([3], np.int32)).lengths
    array([3], dtype=int32)
    """

    tokens: Int32[np.ndarray, "sentences length"]
    lengths: Int32[np.ndarray, " sentences"]


class TextSplits(NamedTuple):
    """Encoded sentences in three splits.

    Attributes:
        train: to fit on.
        validation: to choose by.
        test: to report.

    >>> TextSplits._fields
    ('train', 'validation', 'test')
    """

    train: TextSet
    validation: TextSet
    test: TextSet


def pad_sentences(
    sentences: Sequence[Sequence[int]],
    length: int | None = None,
    *,
    too_long: TooLong = "refuse",
) -> TextSet:
    """Encoded sentences of unlike lengths as one array, PAD at the ends.

    A sentence that is cut has no EOS: it does not end there.

    Args:
        sentences: ids as `encode` makes them, BOS first and nowhere else, no PAD.
        length: of the array; that of the longest sentence if None.
        too_long: `refuse` a sentence longer than `length`, or `cut` it to its first
            `length` ids.

    Raises:
        ValueError: a sentence is too long and not to be cut, or is not as above.

    >>> pad_sentences([[2, 7, 8, 3], [2, 9, 3]]).tokens
    array([[2, 7, 8, 3],
           [2, 9, 3, 0]], dtype=int32)
    """
    check_choice("too_long", too_long, get_args(TooLong))
    counts = np.array([len(ids) for ids in sentences], np.int32)
    if length is None:
        length = _longest(counts)
    length = _checked_length(length)
    refuse_too_long(counts, length, too_long)
    lengths = np.minimum(counts, np.int32(length))
    tokens = np.full((len(counts), length), PAD, np.int32)
    kept = chain.from_iterable(whole_numbers(ids)[:length] for ids in sentences)
    tokens[_inside(lengths, length)] = np.fromiter(map(_fitting, kept), np.int32)
    text = TextSet(tokens, lengths)
    check_text(text)
    return text


def encode_splits(
    tokenizer: Tokenizer,
    sentences: SentenceSplits,
    length: int | None = None,
    *,
    too_long: TooLong = "refuse",
) -> TextSplits:
    """Three splits of sentences as arrays of ids, all of the same length.

    Args:
        tokenizer: that of the training sentences.
        sentences: lists of words.
        length: as in `pad_sentences`; None is the longest of all three splits.
        too_long: as in `pad_sentences`.

    Raises:
        ValueError: as `encode` and `pad_sentences` do.

    >>> from vae_jax.text import ByteTokenizer
    >>> three = SentenceSplits([["so"]], [["it"]], [["goes"]])
    >>> encode_splits(ByteTokenizer(), three).train.tokens
    array([[  2, 119, 115,   3,   0,   0]], dtype=int32)
    """
    encoded = [[tokenizer.encode(words) for words in split] for split in sentences]
    if length is None:
        counts = [len(ids) for split in encoded for ids in split]
        length = _longest(np.array(counts, np.int32))
    train, validation, test = (
        pad_sentences(split, length, too_long=too_long) for split in encoded
    )
    return TextSplits(train, validation, test)


def check_text(text: TextSet) -> None:
    """Refuse a set whose arrays do not say the same: what is a sentence, what is PAD.

    Raises:
        ValueError: not whole numbers from 0 to 2^31 - 1, BOS is not first or occurs
            again, or PAD is not exactly what follows after `lengths`.

    >>> check_text(TextSet(np.array([[2, 7, 3, 0]], np.int32), np.array([3], np.int32)))
    """
    tokens, lengths = text
    if tokens.ndim != 2 or lengths.shape != tokens.shape[:1]:
        raise ValueError(
            "`tokens` must be (sentences, length) and `lengths` (sentences,); got "
            f"{tokens.shape} and {lengths.shape}."
        )
    tokens, lengths = (
        whole_array("tokens", tokens, -LARGEST),
        whole_array("lengths", lengths),
    )
    if (lengths > tokens.shape[1]).any():
        raise ValueError(
            f"`lengths` must be at most {tokens.shape[1]}, the width of `tokens`; got "
            f"{lengths.max()}."
        )
    inside = _inside(lengths, tokens.shape[1])
    begins = np.zeros(tokens.shape, bool)
    begins[:, :1] = True
    wrong = ((tokens == BOS) != begins) | ((tokens != PAD) != inside) | (tokens < 0)
    if wrong.any():
        row = int(wrong.any(axis=1).argmax())
        raise ValueError(
            f"A sentence must be BOS ({BOS}), ids that are neither BOS nor PAD ({PAD}), "
            f"and PAD only behind its length; got {tokens[row].tolist()!r:.80} of "
            f"length {lengths[row]}, sentence {row}."
        )


def refuse_too_long(
    lengths: Int32[np.ndarray, " sentences"], limit: int, too_long: TooLong
) -> None:
    """Refuse sentences over a limit, unless they are to be cut.

    Raises:
        ValueError: there is one, and `too_long` is `refuse`.

    >>> refuse_too_long(np.array([3, 9], np.int32), 8, "cut")
    """
    over = int((lengths > limit).sum())
    if over and too_long == "refuse":
        raise ValueError(
            f"A sentence must have at most {limit} ids; got {over} of {len(lengths)} "
            f'that are longer, up to {lengths.max()}. Allow more, or pass too_long="cut" '
            "to keep their beginnings."
        )


def _inside(lengths: Int32[np.ndarray, " sentences"], length: int) -> np.ndarray:
    """Which places of the padded array belong to a sentence."""
    inside: np.ndarray = np.arange(length) < lengths[:, None]
    return inside


def _fitting(token: int) -> int:
    if token > LARGEST:
        raise ValueError(f"`ids` must be at most {LARGEST}; got {token}.")
    return token


def _longest(counts: Int32[np.ndarray, " sentences"]) -> int:
    if not len(counts):
        raise ValueError(
            "`length` must be given where there are no sentences; got none."
        )
    return int(counts.max())


def _checked_length(length: int) -> int:
    if whole("length", length, 0) < 2:
        raise ValueError(
            f"`length` must be at least 2, room for BOS and one target; got {length}."
        )
    return int(length)
