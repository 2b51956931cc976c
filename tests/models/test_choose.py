"""Tokens that are drawn without a sort, against laws that sort in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

from vae_jax import models
from vae_jax.models._choose import place_of

NUM = 20_000
DRAW = jax.jit(jax.vmap(models.choose_token, in_axes=(0, None, None, None)))


def exact_law(logits, temperature, top_p):
    """Of every token, with the likeliest first and of equals the first."""
    p = softmax(np.asarray(logits, np.float64) / temperature)
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    kept = np.zeros_like(p)
    kept[order[before < top_p]] = p[order[before < top_p]]
    return kept / kept.sum()


@pytest.mark.parametrize(
    ("size", "top_p"), [(300, 1.0), (300, 0.9), (301, 0.2), (2, 0.4)]
)
def test_frequencies_are_those_of_the_sorted_cut(size, top_p):
    rng = np.random.default_rng(size)
    logits = np.float32(2 * rng.normal(size=size))
    law = exact_law(logits, 0.8, top_p)
    drawn = DRAW(jax.random.split(jax.random.key(1), NUM), logits, 0.8, top_p)
    found = np.bincount(drawn, minlength=size)
    assert not found[law == 0].any()
    # classes of five draws or more, as the test wants them, and all others as one
    large = law * NUM >= 5
    one = [found[large], law[large] * NUM]
    rest = [counts[~large].sum() for counts in (found, law * NUM)]
    seen, expected = (np.append(*pair) for pair in zip(one, rest, strict=True))
    some = expected > 0
    if some.sum() > 1:
        # three seeds lie between 0.1 and 0.9; once in a thousand by chance
        assert stats.chisquare(seen[some], expected[some]).pvalue > 1e-3


def test_of_equals_the_first_stay():
    logits = np.zeros(10, np.float32)
    logits[4] = 1.0
    drawn = DRAW(jax.random.split(jax.random.key(2), 2000), logits, 1.0, 0.5)
    # e of 9 + e is 0.23; with three more of 0.085 each it is 0.49, and a fourth goes over
    assert sorted(set(drawn.tolist())) == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_the_least_likely_are_drawn_as_often_as_they_should_be():
    """40 000 classes that hold a hundred-thousandth together: 2.5e-10 each."""
    logits = np.full(40_000, np.log(1e-5 / 40_000), np.float32)
    logits[7] = 0.0
    num = 400_000
    draw = jax.jit(jax.vmap(models.choose_token, in_axes=(0, None)))
    keys = jax.random.split(jax.random.key(3), num).reshape(100, -1)
    others = sum(int((np.asarray(draw(own, logits)) != 7).sum()) for own in keys)
    # a Poisson law of mean 4: more than 15, or none, once in 50 by the latter
    assert 0 < others < 16


def test_a_vocabulary_of_one_word():
    drawn = DRAW(jax.random.split(jax.random.key(4), 3), jnp.zeros(1), 1.0, 0.5)
    assert drawn.tolist() == [0, 0, 0]


@pytest.mark.parametrize("chance", [0.0, 1 - 2.0**-24])
def test_what_weighs_nothing_is_never_drawn(chance):
    weights = jnp.array([0.0, 1e-30, 0.0, 1.0, 0.0], jnp.float32)
    assert weights[place_of(jnp.float32(chance), weights)] > 0


def test_settings_that_sentences_do_not_share():
    """Under `vmap` over the settings too, each gets its own."""
    logits = jnp.log(jnp.array([0.5, 0.3, 0.2]))
    keys = jax.random.split(jax.random.key(5), 900)
    each = jax.vmap(models.choose_token, in_axes=(0, None, 0, 0))
    temperature = jnp.tile(jnp.array([0.0, 1.0, 1.0]), 300)
    top_p = jnp.tile(jnp.array([1.0, 0.6, 1.0]), 300)
    drawn = np.asarray(each(keys, logits, temperature, top_p)).reshape(300, 3)
    assert [sorted(set(column)) for column in drawn.T] == [[0], [0, 1], [0, 1, 2]]
