"""An epoch holds every sentence once, in few shapes, and counts every target once."""

import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import text_sets
from hypothesis import given
from hypothesis import strategies as st

from vae_jax import likelihoods, text
from vae_jax.text import BOS, EOS, PAD

EDGES = [3, 6, 12]
SIZE = 4
refused = pytest.mark.usefixtures("users_view")


def random_text(seed=0, num=41):
    sentences = text_sets.random_sentences(np.random.default_rng(seed), num)
    return sentences, text.pad_sentences(sentences)


def without_padding(batch):
    """The sentences of a batch, as tuples; rows that are all PAD are none."""
    rows = [tuple(int(i) for i in row if i != PAD) for row in batch.tokens]
    return [row for row in rows if row]


def test_a_bucket_takes_what_its_edge_just_holds():
    lengths = np.array([2, 3, 4, 6, 7, 12])
    assert text.buckets(lengths, EDGES).tolist() == [0, 0, 1, 1, 2, 2]


@given(st.lists(st.integers(2, 30)), st.sets(st.integers(2, 30), min_size=1))
def test_the_bucket_is_the_first_that_is_long_enough(lengths, edges):
    edges = sorted(edges)
    found = text.buckets(np.array(lengths, np.int32), edges, too_long="cut")
    last = len(edges) - 1
    expected = [
        next((j for j, edge in enumerate(edges) if length <= edge), last)
        for length in lengths
    ]
    assert found.tolist() == expected


def test_a_sentence_beyond_the_last_edge_is_refused_or_cut_as_asked():
    lengths = np.array([3, 13, 20])
    with pytest.raises(ValueError, match="at most 12 ids; got 2 of 3.*up to 20"):
        text.buckets(lengths, EDGES)
    assert text.buckets(lengths, EDGES, too_long="cut").tolist() == [0, 2, 2]
    ids = [BOS, *range(4, 16), EOS]
    long = text.pad_sentences([ids, [BOS, EOS]])
    with pytest.raises(ValueError, match="at most 12 ids; got 1 of 2"):
        text.bucketed_batches(0, long, 1, EDGES)
    batches = list(text.bucketed_batches(0, long, 1, EDGES, too_long="cut"))
    (cut,) = (batch for batch in batches if batch.tokens.shape == (1, 12))
    np.testing.assert_array_equal(cut.tokens, [ids[:12]])
    assert cut.mask.sum() == 11


@given(st.integers(0, 10**6), st.integers(0, 60), st.integers(1, 9))
def test_an_epoch_holds_every_sentence_once(seed, num, size):
    sentences = text_sets.random_sentences(np.random.default_rng(seed), num)
    padded = text.pad_sentences(sentences, 15)
    batches = list(text.bucketed_batches(seed, padded, size, EDGES))
    seen = [row for batch in batches for row in without_padding(batch)]
    assert collections.Counter(seen) == collections.Counter(map(tuple, sentences))
    for batch in batches:
        edge = batch.tokens.shape[1]
        assert batch.tokens.shape == batch.mask.shape == (size, edge)
        assert edge in EDGES
        assert without_padding(batch)
        shorter = [0, *EDGES][EDGES.index(edge)]
        assert all(shorter < len(row) <= edge for row in without_padding(batch))
    # as few as can be: only the last batch of a bucket is filled up
    counts = np.bincount(text.buckets(padded.lengths, EDGES), minlength=len(EDGES))
    assert len(batches) == sum(-(-count // size) for count in counts)


def test_the_mask_counts_every_word_and_eos_and_nothing_else():
    sentences, padded = random_text()
    total = 0
    for batch in text.bucketed_batches(1, padded, SIZE, EDGES):
        assert batch.tokens.dtype == np.int32
        assert batch.mask.dtype == np.float32
        for row, mask in zip(batch.tokens, batch.mask, strict=True):
            expected = [float(i >= 4 or i in (text.UNK, EOS)) for i in row]
            assert mask.tolist() == expected
            assert mask[0] == 0
            total += mask.sum()
    assert total == sum(len(ids) - 1 for ids in sentences)


def test_the_last_batch_of_a_bucket_is_filled_by_rows_that_count_for_nothing():
    padded = text.pad_sentences([[BOS, 7, EOS]] * 5)
    first, last = text.bucketed_batches(0, padded, SIZE, [3])
    np.testing.assert_array_equal(first.tokens, [[BOS, 7, EOS]] * 4)
    np.testing.assert_array_equal(last.tokens, [[BOS, 7, EOS]] + [[PAD] * 3] * 3)
    np.testing.assert_array_equal(last.mask, [[0, 1, 1]] + [[0, 0, 0]] * 3)


def test_an_unknown_word_is_a_target():
    (batch,) = text.bucketed_batches(0, text.pad_sentences([[BOS, 1, EOS]]), 1, [4])
    np.testing.assert_array_equal(batch.mask, [[0, 1, 1, 0]])


def epoch(seed):
    _, padded = random_text()
    return [
        batch.tokens.tolist() for batch in text.bucketed_batches(seed, padded, 4, EDGES)
    ]


@pytest.mark.parametrize("seed", [3, (3, 0), (3, 1)], ids=str)
def test_the_seed_makes_the_order(seed):
    assert epoch(seed) == epoch(seed)


def test_another_seed_or_epoch_is_another_order():
    orders = [epoch(seed) for seed in (3, 4, (3, 1), (3, 2), (4, 1))]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])


def test_sentences_and_batches_are_shuffled():
    """Over 200 seeds each sentence, and each bucket, comes first as often as others."""
    sentences = [[BOS, 4 + i, EOS] for i in range(4)]
    sentences += [[BOS, 9, 9, 9, 4 + i, EOS] for i in range(4)]
    padded = text.pad_sentences(sentences)
    firsts, widths = collections.Counter(), collections.Counter()
    for seed in range(200):
        batches = list(text.bucketed_batches(seed, padded, 2, [3, 6]))
        widths[batches[0].tokens.shape[1]] += 1
        short = next(batch for batch in batches if batch.tokens.shape[1] == 3)
        firsts[int(short.tokens[0, 1])] += 1
    # binomial: 100 +- 7.1 and 50 +- 6.1, within four standard deviations
    assert all(abs(widths[width] - 100) < 29 for width in (3, 6))
    assert all(abs(firsts[i] - 50) < 25 for i in (4, 5, 6, 7))


WITHOUT_BOS = text.TextSet(np.ones((2, 3), np.int32), np.ones(2, np.int32))
WRONG = {
    "no rows": ({"batch_size": 0}, "`batch_size` must be at least 1; got 0"),
    "no edges": ({"edges": []}, "`edges` must be lengths that rise"),
    "an edge twice": ({"edges": [6, 6, 12]}, "rise.*got .6, 6, 12"),
    "falling edges": ({"edges": [12, 6]}, "rise.*got .12, 6"),
    "an edge of 1": ({"edges": [1, 12]}, "first at least 2"),
    "another way": ({"too_long": "drop"}, "must be refuse or cut; got 'drop'"),
    "no sentences": ({"text": WITHOUT_BOS}, "A sentence must be BOS"),
}


@refused
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_refused_before_the_first_batch(name):
    change, message = WRONG[name]
    arguments = {"seed": 0, "text": random_text()[1], "batch_size": 2, "edges": EDGES}
    with pytest.raises(ValueError, match=message):
        text.bucketed_batches(**(arguments | change))


def test_inputs_lack_the_last_id_and_targets_the_first():
    tokens = np.array([[BOS, 7, 8, EOS], [BOS, 9, EOS, PAD]], np.int32)
    step = text.inputs_and_targets(tokens)
    np.testing.assert_array_equal(step.inputs, [[BOS, 7, 8], [BOS, 9, EOS]])
    np.testing.assert_array_equal(step.targets, [[7, 8, EOS], [9, EOS, PAD]])
    np.testing.assert_array_equal(step.mask, [[1, 1, 1], [1, 1, 0]])
    assert step.mask.dtype == np.float32
    assert step.inputs.dtype == step.targets.dtype == np.int32
    one = text.inputs_and_targets(tokens[0])
    np.testing.assert_array_equal(one.targets, step.targets[0])


def test_bos_is_never_a_target():
    step = text.inputs_and_targets(np.array([[BOS, 7, EOS, BOS, 8, EOS]]))
    np.testing.assert_array_equal(step.mask, [[1, 1, 0, 1, 1]])


def test_the_mask_of_a_batch_is_that_of_its_targets():
    for batch in text.bucketed_batches(0, random_text()[1], SIZE, EDGES):
        step = text.inputs_and_targets(batch.tokens)
        np.testing.assert_array_equal(step.mask, batch.mask[:, 1:])


def test_inputs_and_targets_are_the_same_inside_jit():
    tokens = random_text()[1].tokens
    traced = jax.jit(text.inputs_and_targets)(jnp.asarray(tokens))
    for ours, expected in zip(traced, text.inputs_and_targets(tokens), strict=True):
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours, expected)


@refused
@pytest.mark.parametrize(
    "tokens",
    [np.array([[BOS]]), np.array(BOS), np.zeros((2, 3)), np.ones((2, 3), bool)],
)
def test_what_has_no_targets_is_refused(tokens):
    with pytest.raises(ValueError, match="`tokens` must be integers"):
        text.inputs_and_targets(tokens)


@pytest.mark.slow
def test_batches_weigh_every_sentence_as_if_it_were_alone():
    """A fixed bigram model: the NLL of an epoch is the sum over sentences, by hand."""
    logits = np.random.default_rng(5).normal(size=(20, 20)).astype(np.float32)
    table = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    sentences, padded = random_text()
    expected = -sum(
        table[left, right]
        for ids in sentences
        for left, right in zip(ids, ids[1:], strict=False)
    )
    nll, count = 0.0, 0
    for batch in text.bucketed_batches(0, padded, SIZE, EDGES):
        step = text.inputs_and_targets(batch.tokens)
        log_prob = likelihoods.categorical_log_prob(
            logits[step.inputs], step.targets, step.mask
        )
        nll -= float(log_prob.sum())
        count += int(step.mask.sum())
    # float32 sums of about 270 terms of size 3
    assert nll == pytest.approx(expected, rel=1e-5)
    assert count == sum(len(ids) - 1 for ids in sentences)
    assert text.perplexity(nll, count) == pytest.approx(
        np.exp(expected / count), rel=1e-4
    )
