"""The Laplace likelihood: scipy in float64, its kink, its law."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import likelihoods

RNG = np.random.default_rng(0)
MEAN = np.float32(RNG.normal(size=(4, 5)))
X = np.float32(MEAN + RNG.normal(size=(4, 5)))
# the promise for float32: 1e-5 of the truth plus 1e-6
PROMISE = {"rtol": 1e-5, "atol": 1e-6}


@jax.jit
def with_slopes(mean, x, log_scale):
    value, pull = jax.vjp(likelihoods.laplace_log_prob, mean, x, log_scale)
    return value, *pull(jnp.ones_like(value))


def log_pdf(error, log_scale):
    """In float64; scipy's takes the logarithm of a density that underflows."""
    return -np.log(2) - log_scale - error / np.exp(log_scale)


def test_the_reference_is_scipys():
    error = np.abs(np.float64(X) - MEAN)
    expected = stats.laplace.logpdf(np.float64(X), MEAN, np.exp(0.7))
    np.testing.assert_allclose(log_pdf(error, 0.7), expected, rtol=1e-12)


@pytest.mark.parametrize("log_scale", [0.0, -3.0, 5.0, 30.0, -30.0])
def test_one_scale_for_all_pixels(log_scale):
    value, in_mean, in_x, in_scale = with_slopes(MEAN, X, np.float32(log_scale))
    error, scale = np.float64(X) - MEAN, np.exp(log_scale)
    truth = log_pdf(np.abs(error), log_scale).sum(axis=1)
    np.testing.assert_allclose(value, truth, **PROMISE)
    np.testing.assert_allclose(in_mean, np.sign(error) / scale, **PROMISE)
    np.testing.assert_allclose(in_x, -np.sign(error) / scale, **PROMISE)
    truth = (np.abs(error) / scale - 1).sum()
    np.testing.assert_allclose(in_scale, truth, **PROMISE)


def test_a_scale_for_every_pixel():
    log_scale = np.float32(np.linspace(-30, 30, 20).reshape(4, 5))
    value, _, _, in_scale = with_slopes(MEAN, X, log_scale)
    error, scale = np.abs(np.float64(X) - MEAN), np.exp(np.float64(log_scale))
    truth = log_pdf(error, np.float64(log_scale)).sum(axis=1)
    np.testing.assert_allclose(value, truth, **PROMISE)
    np.testing.assert_allclose(in_scale, error / scale - 1, **PROMISE)


def test_the_kink_has_no_slope_and_is_no_nan():
    value, in_mean, in_x, in_scale = with_slopes(X, X, np.float32(-2.0))
    np.testing.assert_allclose(value, np.full(4, 5 * (2 - np.log(2))), rtol=1e-6)
    np.testing.assert_array_equal(in_mean, 0)
    np.testing.assert_array_equal(in_x, 0)
    assert float(in_scale) == -20


def test_with_scale_one_it_is_the_absolute_error():
    value, *_ = with_slopes(MEAN, X, np.float32(0.0))
    error = np.abs(np.float64(X) - MEAN).sum(axis=1)
    np.testing.assert_allclose(value, -error - 5 * np.log(2), **PROMISE)


def test_half_precision_is_widened_before_anything():
    half = [jnp.asarray(array, jnp.bfloat16) for array in (MEAN, X, X)]
    found, *_ = with_slopes(*half)
    wide = [np.float64(array) for array in half]
    truth = stats.laplace.logpdf(wide[1], wide[0], np.exp(wide[2])).sum(axis=1)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, truth, **PROMISE)


def test_batch_axes_are_kept_and_the_others_summed():
    pixels = stats.laplace.logpdf(np.float64(X), MEAN)
    for batch_ndim, axes in ((0, (0, 1)), (2, ())):
        found = likelihoods.laplace_log_prob(MEAN, X, 0.0, batch_ndim)
        np.testing.assert_allclose(found, pixels.sum(axis=axes), **PROMISE)


def test_samples_have_the_law_they_claim(key):
    family = likelihoods.laplace()
    output = jnp.full((4000, 1), -2.0), jnp.array(0.5)
    sample = np.ravel(family.sample(key, output))
    assert stats.kstest(sample, stats.laplace(-2, np.exp(0.5)).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(family.mean(output), output[0])
    np.testing.assert_array_equal(
        family.log_prob((MEAN, np.float32(0.3)), X),
        likelihoods.laplace_log_prob(MEAN, X, 0.3),
    )


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_would_broadcast():
    row = jnp.zeros((1, 5))
    said = r"`{}` must have the shape of `{}`, \(4, 5\); got \(1, 5\)"
    with pytest.raises(ValueError, match=said.format("x", "mean")):
        likelihoods.laplace_log_prob(MEAN, row, 0.0)
    with pytest.raises(ValueError, match=said.format("log_scale", "x")):
        likelihoods.laplace_log_prob(MEAN, X, row)
