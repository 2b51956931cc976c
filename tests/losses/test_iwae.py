"""The importance-weighted bound: its laws, and a model whose evidence is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from vae_jax import gaussian, likelihoods, losses

NOISE = 0.3  # variance of x given z; the evidence is N(0, 1 + NOISE)
X = np.float32(0.7)

bound = jax.jit(losses.iwae_bound, static_argnames="axis")
log_weights = st.lists(st.floats(-1e4, 1e4, width=32), min_size=6, max_size=6)
SETTINGS = {"max_examples": 40, "deadline": None, "derandomize": True}


@jax.jit
def weigh(z, mean, logvar):
    """log p(x, z) - log q(z | x) of every sample, with this package's densities."""
    zero = jnp.zeros_like(z)
    log_p = likelihoods.gaussian_log_prob(
        z, jnp.full_like(z, X), np.log(NOISE), batch_ndim=z.ndim
    )
    log_q = gaussian.log_prob(z, zero + mean, zero + logvar)
    return log_p + gaussian.log_prob(z, zero, zero) - log_q


def test_one_sample_is_the_elbo_of_that_sample():
    log_w = np.float32([[-3.0, 1e4, -1e4, 0.25]])
    np.testing.assert_array_equal(bound(log_w), log_w[0])
    slope = jax.grad(lambda log_w: bound(log_w).sum())(log_w)
    np.testing.assert_array_equal(slope, 1)


@settings(**SETTINGS)
@given(log_weights)
def test_more_samples_are_better_on_average(values):
    """Burda et al., Theorem 1, exactly: the mean over all subsets of one fewer."""
    log_w = np.float32(values)
    fewer = np.stack([np.delete(log_w, i) for i in range(6)], axis=1)
    full, mean = float(bound(log_w)), np.float64(bound(fewer)).mean()
    assert np.isfinite(full)
    # float32 of numbers up to 1e4
    assert mean <= full + 2.0**-22 * np.abs(log_w).max() + 1e-6
    assert full <= log_w.max()


@settings(**SETTINGS)
@given(log_weights, st.sampled_from([0.0, 2.0**14, -(2.0**14)]))
def test_value_and_gradient_at_any_size(values, shift):
    log_w = np.float32(values) + np.float32(shift)
    value, slope = value_and_slope(log_w)
    wide = np.float64(log_w)
    truth = special.logsumexp(wide) - np.log(6)
    # the promise for float32
    np.testing.assert_allclose(value, truth, rtol=1e-5, atol=1e-6)
    # the normalised weights: the best sample has the most
    np.testing.assert_allclose(slope, special.softmax(wide), rtol=1e-5, atol=1e-6)
    assert slope[log_w.argmax()] == slope.max()


value_and_slope = jax.jit(jax.value_and_grad(losses.iwae_bound))


def test_the_true_posterior_gives_the_evidence_for_every_sample(key):
    mean, logvar = X / (1 + NOISE), np.float32(np.log(NOISE / (1 + NOISE)))
    z = gaussian.reparameterize(key, jnp.full(50, mean), jnp.full(50, logvar))
    log_w = weigh(z, mean, logvar)
    evidence = stats.norm.logpdf(X, 0, np.sqrt(1 + NOISE))
    # three log-densities of size 1 to 10, a few roundings each
    np.testing.assert_allclose(log_w, evidence, atol=1e-5)
    assert float(bound(log_w)) == pytest.approx(evidence, abs=1e-5)


def test_the_prior_as_posterior_climbs_to_the_evidence(key):
    """The mean weight is unbiased; the mean log-weight is the ELBO."""
    z = jax.random.normal(key, (20_000,))
    log_w = np.asarray(weigh(z, 0.0, 0.0))
    evidence = stats.norm.logpdf(X, 0, np.sqrt(1 + NOISE))
    error = np.std(np.exp(log_w)) / np.sqrt(20_000) / np.exp(evidence)
    assert float(bound(log_w)) == pytest.approx(evidence, abs=4 * error)
    elbo = stats.norm.logpdf(X, 0, np.sqrt(NOISE)) - 1 / (2 * NOISE)
    error = np.std(log_w) / np.sqrt(20_000)
    assert float(log_w.mean()) == pytest.approx(elbo, abs=4 * error)
    # groups of groups: by concavity every step is up, whatever the samples
    bounds = [np.mean(bound(log_w.reshape(size, -1))) for size in (1, 10, 100, 20_000)]
    assert (np.diff(bounds) > 0).all()


def test_samples_on_any_axis_and_in_half_precision():
    log_w = jnp.array(np.random.default_rng(0).normal(size=(3, 4)) * 50, jnp.bfloat16)
    found = bound(log_w, axis=-1)
    assert found.dtype == jnp.float32
    truth = special.logsumexp(np.float64(log_w), axis=1) - np.log(4)
    np.testing.assert_allclose(found, truth, rtol=1e-5)
