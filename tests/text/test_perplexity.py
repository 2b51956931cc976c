"""Perplexity by hand, in nats, over targets alone."""

import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import text


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_uniform_guess_has_the_size_of_the_vocabulary(size):
    assert text.perplexity(30 * np.log(size), 30) == pytest.approx(size, rel=1e-14)


def test_it_is_the_inverse_geometric_mean_of_the_probabilities():
    nll = -np.log(1 / 2) - np.log(1 / 8)
    assert text.perplexity(nll, 2) == pytest.approx(4.0, rel=1e-15)


def test_eos_counts_and_bos_and_padding_do_not():
    """Sentences of 2 and 0 words have 3 + 1 targets among the 8 ids of their array."""
    padded = text.pad_sentences([[2, 4, 5, 3], [2, 3]])
    (batch,) = text.bucketed_batches(0, padded, 2, [4])
    assert text.perplexity(4 * np.log(7), batch.mask.sum()) == pytest.approx(7.0)


@pytest.mark.parametrize("number", [int, float, np.float32, np.float64, jnp.float32])
def test_any_number_will_do(number):
    assert text.perplexity(number(0), number(3)) == 1.0


def test_a_value_out_of_range_is_infinite_and_nan_stays_nan():
    assert text.perplexity(709.0, 1) < np.inf
    assert text.perplexity(710.0, 1) == np.inf
    assert np.isnan(text.perplexity(np.nan, 1))


@pytest.mark.parametrize("count", [0, -1, np.nan])
def test_no_targets_are_refused(count):
    with pytest.raises(ValueError, match="`num_target_tokens` must be positive; got"):
        text.perplexity(1.0, count)


def test_a_log_likelihood_is_refused():
    with pytest.raises(ValueError, match=r"got -2\.5.*Change its sign"):
        text.perplexity(-2.5, 3)
