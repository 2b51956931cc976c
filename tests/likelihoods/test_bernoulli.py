"""The Bernoulli likelihood: scipy in float64, its digits, its law."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from vae_jax import likelihoods

# a float32 sigmoid has no smaller normal number than that of -87
LOGITS = [0.0, 1e-6, 0.3, 2.0, 10.0, 17.0, 30.0, 87.0, 100.0, 1e4]
LOGITS = np.array(LOGITS + [-logit for logit in LOGITS], np.float32)
DIGITS = np.abs(LOGITS) <= 87


log_prob = jax.jit(likelihoods.bernoulli_log_prob, static_argnums=2)


@partial(jax.jit, static_argnums=2)
def with_slopes(logits, x, batch_ndim=1):
    """Value, slope in the logits, slope in x, and the slope's own slope."""

    value, pull = jax.vjp(lambda *args: log_prob(*args, batch_ndim), logits, x)

    def slope(logits):
        back = jax.vjp(lambda logits: log_prob(logits, x, batch_ndim), logits)[1]
        return back(jnp.ones_like(value))[0]

    second = jax.jvp(slope, (logits,), (jnp.ones_like(logits),))[1]
    return value, *pull(jnp.ones_like(value)), second


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_binary_data_keep_all_digits_at_any_logit(x):
    value, slope, in_x, second = with_slopes(LOGITS, np.full_like(LOGITS, x))
    sign = 2 * x - 1
    wide = np.float64(LOGITS) * sign
    # relative, although the numbers fall to 1e-38; below that float32 has no digits
    for found, truth in (
        (value, special.log_expit(wide)),
        (slope, sign * special.expit(-wide)),
        (second, -special.expit(wide) * special.expit(-wide)),
    ):
        np.testing.assert_allclose(found[DIGITS], truth[DIGITS], rtol=1e-5)
        np.testing.assert_allclose(found, truth, rtol=1e-5, atol=1e-37)
    np.testing.assert_array_equal(in_x, LOGITS)


@pytest.mark.parametrize("x", [0.25, 0.7])
def test_grey_data(x):
    x = np.full_like(LOGITS, x)
    value, slope, _, _ = with_slopes(LOGITS, x)
    wide, grey = np.float64(LOGITS), np.float64(x)
    truth = grey * special.log_expit(wide) + (1 - grey) * special.log_expit(-wide)
    # the promise for float32
    np.testing.assert_allclose(value, truth, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slope, grey - special.expit(wide), rtol=1e-5, atol=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(-1e4, 1e4, width=32), st.sampled_from([0.0, 1.0]))
def test_finite_and_signed_everywhere(logit, x):
    value, slope, _, second = with_slopes(np.float32([logit]), np.float32([x]))
    assert np.isfinite([value, slope, second]).all()
    assert value[0] <= 0
    assert slope[0] * (2 * x - 1) >= 0
    assert -0.25 <= second[0] <= 0


def test_half_precision_is_widened_before_the_sum():
    logits = jnp.array(np.random.default_rng(0).normal(size=(2, 500)), jnp.bfloat16)
    x = jnp.ones_like(logits)
    value, slope, _, _ = with_slopes(logits, x)
    truth = special.log_expit(np.float64(logits)).sum(axis=1)
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, truth, rtol=1e-5)
    # the gradient is rounded to the dtype of the logits: half a step is 2^-9
    assert slope.dtype == jnp.bfloat16
    truth = special.expit(-np.float64(logits))
    np.testing.assert_allclose(np.float64(slope), truth, rtol=2**-8)


def test_an_image_of_a_quarter_million_pixels():
    rng = np.random.default_rng(1)
    logits = np.float32(rng.normal(size=(1, 256, 256, 3)) * 3)
    x = np.float32(rng.random(logits.shape) < 0.5)
    truth = special.log_expit((2 * x - 1) * np.float64(logits)).sum()
    found = log_prob(logits, x)
    np.testing.assert_allclose(found, [truth], rtol=1e-5)


def test_density_is_normalised():
    events = np.array(list(itertools.product([0.0, 1.0], repeat=4)), np.float32)
    logits = np.broadcast_to(np.float32([-3.0, 0.0, 0.7, 20.0]), events.shape)
    total = np.exp(log_prob(logits, events)).sum()
    assert total == pytest.approx(1, abs=1e-6)


def test_batch_axes_are_kept_and_the_others_summed():
    rng = np.random.default_rng(2)
    logits = np.float32(rng.normal(size=(2, 3, 4)))
    x = np.float32(rng.random(logits.shape) < 0.5)
    pixels = special.log_expit((2 * x - 1) * np.float64(logits))
    for batch_ndim, axes in ((0, (0, 1, 2)), (1, (1, 2)), (2, 2), (3, ())):
        found = log_prob(logits, x, batch_ndim)
        np.testing.assert_allclose(found, pixels.sum(axis=axes), rtol=1e-5)


def test_samples_have_their_probabilities(key):
    family = likelihoods.bernoulli()
    logits = jnp.tile(jnp.array([-1e4, -3.0, 0.0, 1.0, 1e4]), (5000, 1))
    sample = family.sample(key, logits)
    truth = special.expit(np.float64(logits[0]))
    np.testing.assert_allclose(family.mean(logits)[0], truth, rtol=1e-6)
    assert set(np.unique(sample)) == {0.0, 1.0}
    assert sample.dtype == jnp.float32
    for count, p in zip(np.asarray(sample).sum(axis=0), truth, strict=True):
        assert stats.binomtest(int(count), 5000, p).pvalue > 1e-3


@pytest.mark.parametrize("wrong", [-0.1, 1.5, np.nan, np.inf])
def test_refuses_data_without_a_density(wrong):
    likelihoods.check_bernoulli_data(np.array([0.0, 0.5, 1.0]))
    with pytest.raises(ValueError, match=f"between 0 and 1 .*; got {wrong}. Scale or"):
        likelihoods.check_bernoulli_data(np.array([0.0, wrong, -7.0]))


def test_refuses_other_shapes_and_axes():
    logits = jnp.zeros((2, 3))
    with pytest.raises(
        ValueError, match=r"`x` must have the shape of `logits`, \(2, 3\); got \(2, 1\)"
    ):
        likelihoods.bernoulli_log_prob(logits, jnp.zeros((2, 1)))
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=f"between 0 and the 2 axes .* {wrong}"):
            log_prob(logits, logits, wrong)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    "name", ["bernoulli_log_prob", "continuous_bernoulli_log_prob"]
)
def test_pixels_of_bytes_are_refused_with_the_fix(name):
    log_prob = getattr(likelihoods, name)
    pixels, logits = np.array([[0, 17, 255]], np.uint8), np.zeros((1, 3), np.float32)
    said = "`x` must lie between 0 and 1 .*; got 17. .*data.scale.*check_.*_data"
    with pytest.raises(ValueError, match=said):
        log_prob(logits, pixels)
    # inside of a gradient too, where the data are known
    with pytest.raises(ValueError, match=said):
        jax.grad(lambda logits: log_prob(logits, pixels).sum())(logits)
    scaled = np.float32(pixels) / 255
    one = jax.vmap(lambda logits, x: log_prob(logits, x, batch_ndim=0))
    np.testing.assert_allclose(one(logits, scaled), log_prob(logits, scaled), rtol=1e-6)


@pytest.mark.usefixtures("users_view")
def test_too_many_batch_axes_are_named():
    with pytest.raises(ValueError, match="`batch_ndim` must be .*Inside `vmap`"):
        jax.vmap(likelihoods.bernoulli_log_prob)(np.zeros(3, "f"), np.zeros(3, "f"))
