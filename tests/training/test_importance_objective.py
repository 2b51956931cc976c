"""The importance-weighted objective and the charges beside the rate, against hand-work."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from small_models import keys

from vae_jax import gaussian, likelihoods, losses, training
from vae_jax.training import StepHyper

BATCH = 16
X = linear.examples(BATCH)
NOISE = keys(training.member_key(0), 0, BATCH)
PARAMS = linear.exact_params(inflation=2.0)
GRADIENTS = ["plain", "sticking_the_landing", "doubly_reparameterised"]


def hyper(**fields):
    return StepHyper(np.float32(1.0), np.float32(0.01), knobs=linear.KNOBS, **fields)


def log_weights(num_samples):
    """`log p(x, z_k) - log q(z_k | x)` by scipy's hand: float64 densities."""
    mean, logvar = linear.encode(PARAMS, X)
    rows = []
    for k in range(num_samples):
        own = jax.vmap(jax.random.fold_in, (0, None))(NOISE.noise, k)
        z = training.sample_posterior(own, mean, logvar)
        density = likelihoods.gaussian().log_prob(linear.decode(PARAMS, z), X)
        zero = jnp.zeros_like(z)
        ratio = gaussian.log_prob(z, zero, zero) - gaussian.log_prob(z, mean, logvar)
        rows.append(np.asarray(density + ratio.sum(-1), np.float64))
    return np.stack(rows)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("num_samples", [1, 8])
def test_the_loss_is_minus_the_bound(num_samples, gradient):
    objective = training.make_importance_objective(
        linear.vae(), likelihoods.gaussian(), num_samples, gradient=gradient
    )
    loss, terms = jax.jit(objective)(PARAMS, X, hyper(), NOISE)
    weights = log_weights(num_samples)
    expected = -np.log(np.mean(np.exp(weights - weights.max(0)), 0)) - weights.max(0)
    # densities of some ten nats in float32
    np.testing.assert_allclose(loss, expected, atol=2e-5)
    summed = np.asarray(terms.distortion + terms.rate)
    np.testing.assert_allclose(summed, -weights.mean(0), atol=2e-5)
    rate = gaussian.kl_standard(*linear.encode(PARAMS, X)).sum(-1)
    np.testing.assert_allclose(terms.rate, rate, rtol=1e-6)
    # Jensen: the bound is above the mean of its weights, and equal for one sample
    gap = summed - np.asarray(loss)
    assert (gap > -2e-5).all()
    assert (gap.max() > 1e-2) == (num_samples > 1)


def test_a_regulariser_is_charged_beside_the_penalised_rate():
    def twice(latent, hyper, keys):
        return jnp.full(len(latent.z), 7.0) * hyper.settings

    objective = training.make_objective(
        linear.vae(), likelihoods.gaussian(), regulariser=twice
    )
    _, plain = objective(PARAMS, X, hyper(settings=np.float32(0.0)), NOISE)
    loss, terms = objective(PARAMS, X, hyper(settings=np.float32(2.0)), NOISE)
    np.testing.assert_allclose(terms.penalised_rate, plain.rate + 14, rtol=1e-6)
    np.testing.assert_allclose(loss, terms.distortion + terms.rate + 14, rtol=1e-6)


def latent():
    mean, logvar = linear.encode(PARAMS, X)
    z = training.sample_posterior(NOISE.noise, mean, logvar)
    return training.Latent(mean, logvar, z, gaussian.kl_standard(mean, logvar))


@pytest.mark.slow
def test_total_correlation_is_that_of_the_decomposition():
    weighted = training.total_correlation_regulariser(np.float32(3.0), 100)
    found = weighted(latent(), hyper(), NOISE)
    own = latent()
    parts = losses.tc_decomposition(
        own.z, own.mean, own.logvar, 100, weighting="balanced"
    )
    np.testing.assert_allclose(found, 3 * parts.total_correlation, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_mmd_draws_its_prior_from_the_keys_of_the_examples():
    """Split over devices the same samples meet: the value does not change."""
    settings = hyper()
    whole = training.mmd_regulariser(2.0)(latent(), settings, NOISE)
    assert np.ptp(np.asarray(whole)) == 0
    split = jax.tree.map(lambda a: a.reshape(2, -1, *a.shape[1:]), (latent(), NOISE))
    parts = jax.vmap(
        lambda own: training.mmd_regulariser(2.0, axis_name="devices")(
            own[0], settings, own[1]
        ),
        axis_name="devices",
    )(split)
    # sums over pairs in another order
    np.testing.assert_allclose(parts, np.asarray(whole).reshape(2, -1), atol=1e-5)
    far = latent()._replace(z=latent().z + 5)
    assert training.mmd_regulariser(2.0)(far, settings, NOISE)[0] > whole[0] + 0.1
