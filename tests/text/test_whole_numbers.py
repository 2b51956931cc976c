"""Ids, lengths and sizes are what was given, or refused: never cut to fit a type."""

import numpy as np
import pytest

from vae_jax import text

pytestmark = pytest.mark.usefixtures("users_view")

HUGE = 2**32 + 7  # 7, as int32


def one(tokens, length=3):
    return text.TextSet(np.array([tokens]), np.array([length]))


def batch(rows, **options):
    return next(
        text.bucketed_batches(0, rows, **{"batch_size": 1, "edges": [4], **options})
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: text.pad_sentences([[2, HUGE, 3]]),
            "at most 2147483647; got 4294967303",
        ),
        (lambda: batch(one([2, HUGE, 3])), "from -2147483647 to .*; got 4294967303"),
        (
            lambda: batch(one([2, 7.5, 3])),
            "`tokens` must be whole numbers; got float64",
        ),
        (lambda: batch(one([2, 7, 3], 9)), "`lengths` must be at most 3, .*; got 9"),
        (
            lambda: batch(one([2, 7, 3], 3.0)),
            "`lengths` must be whole numbers; got float",
        ),
        (
            lambda: text.buckets(np.array([HUGE]), [4, 8]),
            "to 2147483647; got 4294967303",
        ),
        (lambda: text.buckets(np.array([-3]), [4, 8]), "from 0 to 2147483647; got -3"),
        (lambda: text.buckets(np.array([3.5]), [4, 8]), "whole numbers; got float64"),
        (lambda: text.inputs_and_targets(np.array([[2, HUGE]])), "got 4294967303"),
        (lambda: text.inputs_and_targets(np.array([[2, -4]])), "from 0 to .*; got -4"),
        (lambda: text.Vocabulary(("a",)).decode([HUGE]), "0 to 4; got 4294967303"),
        (lambda: text.Vocabulary(("a",)).encode(None), "list of words; got None"),
        (lambda: text.synthetic_language(-1), "`seed` must be at least 0; got -1"),
        (lambda: text.perplexity(1.0, np.inf), "`num_target_tokens` must be finite"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("batch_size", lambda n: batch(one([2, 7, 3]), batch_size=n)),
        ("edges", lambda n: batch(one([2, 7, 3]), edges=[n, 8])),
        ("length", lambda n: text.pad_sentences([[2, 7, 3]], n)),
        ("max_size", lambda n: text.build_vocabulary([["a"]], max_size=n)),
        ("min_count", lambda n: text.build_vocabulary([["a"]], min_count=n)),
        ("num_sentences", lambda n: text.synthetic_language(num_sentences=n)),
        ("vocab_size", lambda n: text.synthetic_language(vocab_size=n)),
    ],
)
@pytest.mark.parametrize("number", [5.5, True, np.nan, "8"])
def test_sizes_that_are_no_whole_numbers_are_refused_by_name(name, call, number):
    with pytest.raises(TypeError, match=f"`{name}` must be a whole number; got"):
        call(number)


def test_numbers_of_numpy_are_as_good():
    eight = np.int64(8)
    assert text.pad_sentences([[2, 7, 3]], eight).tokens.shape == (1, 8)
    assert batch(one([2, 7, 3]), batch_size=eight).tokens.shape == (8, 4)
    assert text.build_vocabulary([["a"]], max_size=eight).words == ("a",)


@pytest.mark.parametrize("kind", [">i4", "<i4", ">i8", ">u2", np.uint8])
def test_the_order_of_bytes_changes_nothing(kind):
    tokens = np.array([[2, 7, 3]], kind)
    row = batch(text.TextSet(tokens, np.array([3], kind)))
    assert row.tokens.tolist() == [[2, 7, 3, 0]]
    step = text.inputs_and_targets(tokens)
    assert step.targets.dtype == np.int32
    assert (step.inputs.tolist(), step.targets.tolist()) == ([[2, 7]], [[7, 3]])
    assert text.Vocabulary(("a", "b", "c", "d")).decode(tokens[0]) == "d"


def test_a_list_of_words_cannot_be_changed_behind_its_ids():
    words = ["so", "goes"]
    vocabulary = text.Vocabulary(words)
    words[0] = "it"
    assert vocabulary.encode(["so", "it"]) == [2, 4, 1, 3]
    assert vocabulary == text.Vocabulary(("so", "goes"))
