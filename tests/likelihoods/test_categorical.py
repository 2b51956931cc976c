"""The categorical likelihood: scipy in float64, and what a mask hides or does not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from vae_jax import likelihoods

RNG = np.random.default_rng(0)
LOGITS = np.float32(RNG.normal(size=(3, 4, 5)) * 3)
TOKENS = RNG.integers(0, 5, (3, 4)).astype(np.int32)
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]])
# the promise for float32: 1e-5 of the truth plus 1e-6
PROMISE = {"rtol": 1e-5, "atol": 1e-6}


@partial(jax.jit, static_argnums=3)
def with_slope(logits, tokens, mask=None, batch_ndim=1):
    value, pull = jax.vjp(
        lambda logits: likelihoods.categorical_log_prob(
            logits, tokens, mask, batch_ndim
        ),
        logits,
    )
    return value, *pull(jnp.ones_like(value))


def by_scipy(logits, tokens, mask):
    """Per token, and the slope in the logits: one-hot minus probabilities."""
    wide, keep = np.float64(logits), np.asarray(mask) != 0
    picked = np.take_along_axis(
        special.log_softmax(wide, axis=-1), tokens[..., None], axis=-1
    )
    slope = np.eye(wide.shape[-1])[tokens] - special.softmax(wide, axis=-1)
    return picked[..., 0] * keep, slope * keep[..., None]


@pytest.mark.parametrize("scale", [1e-4, 1.0, 3e3])
@pytest.mark.parametrize("mask", [None, MASK, MASK > 0, MASK * 0.25])
def test_against_scipy(scale, mask):
    logits = LOGITS * np.float32(scale)
    value, slope = with_slope(logits, TOKENS, mask)
    expected = by_scipy(logits, TOKENS, np.ones((3, 4)) if mask is None else mask)
    np.testing.assert_allclose(value, expected[0].sum(axis=1), **PROMISE)
    np.testing.assert_allclose(slope, expected[1], **PROMISE)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int32"])
def test_tokens_of_any_integer_type(dtype):
    expected, _ = with_slope(LOGITS, TOKENS)
    found, _ = with_slope(LOGITS, TOKENS.astype(dtype))
    np.testing.assert_array_equal(found, expected)


def test_more_classes_than_a_byte_holds():
    logits = np.float32(RNG.normal(size=(2, 3, 300)))
    tokens = np.uint8([[0, 255, 7], [100, 200, 1]])
    found, _ = with_slope(logits, tokens)
    expected, _ = by_scipy(logits, tokens, np.ones((2, 3)))
    np.testing.assert_allclose(found, expected.sum(axis=1), **PROMISE)


@pytest.mark.parametrize("token", [-1, 5, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("garbage", [1e30, np.inf, -np.inf, np.nan])
def test_what_is_masked_counts_for_nothing(token, garbage):
    logits, tokens = LOGITS.copy(), TOKENS.copy()
    logits[MASK == 0] = garbage
    tokens[MASK == 0] = token
    value, slope = with_slope(logits, tokens, MASK)
    clean, clean_slope = with_slope(LOGITS, TOKENS, MASK)
    np.testing.assert_array_equal(value, clean)
    np.testing.assert_array_equal(slope, clean_slope)
    np.testing.assert_array_equal(slope[MASK == 0], 0)


def test_all_of_an_example_masked_is_zero():
    value, slope = with_slope(LOGITS, TOKENS, np.zeros((3, 4)))
    assert value.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("token", [-1, -5, 5, 2**31 - 1])
def test_a_token_out_of_range_is_never_clamped(token):
    """Neither to the last class nor, counted from the end, to another one."""
    tokens = TOKENS.copy()
    tokens[1, 1] = token
    value, slope = with_slope(LOGITS, tokens, MASK)
    assert np.isnan(value).tolist() == [False, True, False]
    # an optimiser that only sees the gradient must see it too
    assert np.isnan(slope[1, 1]).all()
    assert np.isfinite(np.delete(slope, 1, axis=0)).all()


def test_impossible_classes_have_no_slope():
    logits = LOGITS.copy()
    logits[..., 4] = -np.inf
    tokens = np.minimum(TOKENS, 3)
    value, slope = with_slope(logits, tokens)
    expected, _ = by_scipy(logits[..., :4], tokens, np.ones((3, 4)))
    np.testing.assert_allclose(value, expected.sum(axis=1), **PROMISE)
    assert np.isfinite(slope).all()
    np.testing.assert_array_equal(slope[..., 4], 0)
    value, _ = with_slope(logits, np.full_like(tokens, 4))
    assert value.tolist() == [-np.inf] * 3


def test_two_classes_are_a_bernoulli():
    logits = np.float32(RNG.normal(size=(4, 6)) * 5)
    x = RNG.integers(0, 2, (4, 6))
    pair = np.stack([np.zeros_like(logits), logits], axis=-1)
    found, _ = with_slope(pair, x)
    expected = likelihoods.bernoulli_log_prob(logits, np.float32(x))
    np.testing.assert_allclose(found, expected, **PROMISE)


def test_half_precision_is_widened_before_the_sum():
    logits = jnp.zeros((1, 301, 3), jnp.bfloat16)
    value, slope = with_slope(logits, np.zeros((1, 301), np.int32))
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, [-301 * np.log(3)], rtol=1e-5)
    assert slope.dtype == jnp.bfloat16


def test_batch_axes_are_kept_and_the_others_summed():
    expected, _ = by_scipy(LOGITS, TOKENS, MASK)
    for batch_ndim, axes in ((0, (0, 1)), (1, 1), (2, ())):
        found, _ = with_slope(LOGITS, TOKENS, MASK, batch_ndim)
        np.testing.assert_allclose(found, expected.sum(axis=axes), **PROMISE)


def test_samples_have_their_probabilities(key):
    family = likelihoods.categorical()
    logits = jnp.tile(jnp.array([-1e4, -1.0, 0.0, 2.0]), (4000, 1))
    sample = family.sample(key, logits)
    assert sample.dtype == jnp.int32
    probabilities = special.softmax(np.float64(logits[0]))
    np.testing.assert_allclose(family.mean(logits)[0], probabilities, **PROMISE)
    counts = np.bincount(sample, minlength=4)
    assert counts[0] == 0
    test = stats.chisquare(counts[1:], 4000 * probabilities[1:])
    assert test.pvalue > 1e-3


@pytest.mark.parametrize("wrong", [-1, 5])
def test_check_names_a_token_out_of_range(wrong):
    tokens = np.array([[0, 4], [wrong, 3]])
    likelihoods.check_categorical_data(tokens, 5, mask=np.array([[1, 1], [0, 1]]))
    likelihoods.check_categorical_data(np.array(4), 5)
    with pytest.raises(ValueError, match=f"0 to 4, for 5 classes; got {wrong}. Mask"):
        likelihoods.check_categorical_data(tokens, 5)
    with pytest.raises(ValueError, match=f"0 to 4, for 5 classes; got {wrong}. Mask"):
        likelihoods.check_categorical_data(tokens, 5, mask=np.ones((2, 2)))


@pytest.mark.usefixtures("users_view")
def test_refuses_what_has_no_meaning():
    with pytest.raises(ValueError, match=r"\(3, 4, classes\); got \(3, 5\)"):
        likelihoods.categorical_log_prob(LOGITS[:, 0], TOKENS)
    with pytest.raises(ValueError, match=r"\(classes\); got \(\)"):
        likelihoods.categorical_log_prob(np.float32(1), np.int32(0))
    with pytest.raises(ValueError, match=r"`mask` .* `tokens`, \(3, 4\); got \(3, 1\)"):
        likelihoods.categorical_log_prob(LOGITS, TOKENS, MASK[:, :1])
    with pytest.raises(ValueError, match=r"`mask` .* `tokens`, \(3, 4\); got \(3, 1\)"):
        likelihoods.check_categorical_data(TOKENS, 5, MASK[:, :1])
    for tokens in (np.float32(TOKENS), TOKENS > 0):
        with pytest.raises(
            ValueError, match=f"integers, .*; got {tokens.dtype}. Round"
        ):
            likelihoods.categorical_log_prob(LOGITS, tokens)
        with pytest.raises(
            ValueError, match=f"integers, .*; got {tokens.dtype}. Round"
        ):
            likelihoods.check_categorical_data(tokens, 5)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("token", [2**32, 2**32 + 1, -(2**32), 2**31, 2**62])
def test_tokens_that_32_bits_do_not_hold_are_no_class(token):
    tokens, logits = np.array([[0, token]]), np.zeros((1, 2, 3), np.float32)
    assert np.isnan(likelihoods.categorical_log_prob(logits, tokens)).all()
    mask = np.array([[1, 0]])
    found = likelihoods.categorical_log_prob(logits, tokens, mask)
    np.testing.assert_allclose(found, [-np.log(3)], rtol=1e-6)
    with pytest.raises(ValueError, match=f"`tokens` must be 0 to 2.*got {token}"):
        likelihoods.check_categorical_data(tokens, 3)
