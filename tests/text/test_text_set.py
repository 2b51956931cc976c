"""Padding by hand, and what is no sentence is refused."""

import numpy as np
import pytest
import text_sets
from hypothesis import given
from hypothesis import strategies as st

from vae_jax import text
from vae_jax.text import BOS, EOS, PAD
from vae_jax.text._text_set import check_text

SENTENCES = [[BOS, 7, 8, EOS], [BOS, EOS], [BOS, 9, EOS]]
PADDED = [[2, 7, 8, 3], [2, 3, 0, 0], [2, 9, 3, 0]]
refused = pytest.mark.usefixtures("users_view")


def test_sentences_are_filled_up_behind():
    padded = text.pad_sentences(SENTENCES)
    assert padded.tokens.dtype == padded.lengths.dtype == np.int32
    np.testing.assert_array_equal(padded.tokens, PADDED)
    np.testing.assert_array_equal(padded.lengths, [4, 2, 3])


def test_the_array_may_be_longer():
    padded = text.pad_sentences(SENTENCES, 6)
    np.testing.assert_array_equal(padded.tokens, np.pad(PADDED, ((0, 0), (0, 2))))
    np.testing.assert_array_equal(padded.lengths, [4, 2, 3])


def test_a_sentence_that_is_too_long_is_refused_or_cut_as_asked():
    with pytest.raises(ValueError, match='at most 3 ids; got 1 of 3.*up to 4.*"cut"'):
        text.pad_sentences(SENTENCES, 3)
    cut = text.pad_sentences(SENTENCES, 3, too_long="cut")
    np.testing.assert_array_equal(cut.tokens, [[2, 7, 8], [2, 3, 0], [2, 9, 3]])
    np.testing.assert_array_equal(cut.lengths, [3, 2, 3])
    # what just fits does
    np.testing.assert_array_equal(text.pad_sentences(SENTENCES, 4).tokens, PADDED)


@given(st.integers(0, 10**6), st.integers(2, 15))
def test_rows_are_the_sentences(seed, length):
    sentences = text_sets.random_sentences(np.random.default_rng(seed), 7)
    padded = text.pad_sentences(sentences, length, too_long="cut")
    for row, count, ids in zip(*padded, sentences, strict=True):
        assert count == min(len(ids), length)
        assert row[:count].tolist() == ids[:length]
        assert (row[count:] == PAD).all()


@refused
@pytest.mark.parametrize(
    ("sentences", "length", "message"),
    [
        ([[BOS, 7, EOS], [7, EOS]], None, r"must be BOS.*got \[7, 3, 0\].*sentence 1"),
        ([[BOS, 7, EOS], []], None, "must be BOS"),
        ([[BOS, 7, PAD, EOS]], None, "must be BOS"),
        ([[BOS, 7, BOS, EOS]], None, "must be BOS"),
        ([[BOS, -7, EOS]], None, "must be BOS"),
        ([[BOS, 7.5, EOS]], None, "whole numbers"),
        ([[BOS]], None, "at least 2, room for BOS and one target; got 1"),
        ([[BOS, EOS]], 1, "at least 2"),
        ([], None, "`length` must be given"),
    ],
)
def test_what_is_no_sentence_is_refused(sentences, length, message):
    with pytest.raises(ValueError, match=message):
        text.pad_sentences(sentences, length)


@refused
def test_an_unknown_way_with_long_sentences_is_refused():
    with pytest.raises(
        ValueError, match="`too_long` must be refuse or cut; got 'drop'"
    ):
        text.pad_sentences(SENTENCES, too_long="drop")


def test_no_sentences_have_a_length_if_it_is_given():
    assert text.pad_sentences([], 5).tokens.shape == (0, 5)


@refused
@pytest.mark.parametrize(
    ("tokens", "lengths"),
    [
        ([[2, 7, 3, 0]], [4]),
        ([[2, 7, 3, 0]], [2]),
        ([[2, 0, 3, 0]], [3]),
        ([[7, 7, 3, 0]], [3]),
        ([[2, 2, 3, 0]], [3]),
        ([[2, 7, 3, 0]], [3, 3]),
        ([2, 7, 3, 0], [3]),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(tokens, lengths):
    wrong = text.TextSet(np.array(tokens, np.int32), np.array(lengths, np.int32))
    with pytest.raises(ValueError, match="must be"):
        check_text(wrong)


def test_splits_are_encoded_to_one_length():
    sentences = text.SentenceSplits([["a"], ["b", "a"]], [["a", "a", "c"]], [[]])
    splits = text.encode_splits(text.Vocabulary(("a", "b")), sentences)
    np.testing.assert_array_equal(
        splits.train.tokens, [[2, 4, 3, 0, 0], [2, 5, 4, 3, 0]]
    )
    np.testing.assert_array_equal(splits.validation.tokens, [[2, 4, 4, 1, 3]])
    np.testing.assert_array_equal(splits.test.tokens, [[2, 3, 0, 0, 0]])
    assert [split.lengths.tolist() for split in splits] == [[3, 4], [5], [2]]
    wider = text.encode_splits(text.ByteTokenizer(), sentences, 9)
    assert {split.tokens.shape[1] for split in wider} == {9}


def test_splits_are_cut_only_where_that_is_asked_for():
    sentences = text.SentenceSplits([["a"]], [["a", "a", "a"]], [["a"]])
    with pytest.raises(ValueError, match="at most 4 ids; got 1 of 1"):
        text.encode_splits(text.Vocabulary(("a",)), sentences, 4)
    cut = text.encode_splits(text.Vocabulary(("a",)), sentences, 4, too_long="cut")
    np.testing.assert_array_equal(cut.validation.tokens, [[2, 4, 4, 4]])
