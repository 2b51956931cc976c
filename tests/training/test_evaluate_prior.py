"""Evaluation against the model's own prior."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest

from vae_jax import gaussian, priors
from vae_jax.training import Splits
from vae_jax.vae import with_prior

X = linear.examples(60)
SHIFT, LOGVAR = 1.5, 0.4


def evaluate(model, params):
    run = linear.run_state(params)
    evaluation = linear.make_evaluate(model, num_samples=16, batch_size=20)
    return jax.jit(evaluation)(run, linear.MEMBER, linear.HYPER, Splits(X, X))


@pytest.fixture(scope="module")
def plain():
    return evaluate(linear.vae(), linear.exact_params())


def moved(prior, own):
    model = with_prior(linear.vae(), prior)
    return evaluate(model, {"model": linear.exact_params(), "prior": own})


def test_a_learned_gaussian_has_its_closed_form():
    own = {"mean": jnp.full(2, SHIFT), "logvar": jnp.full(2, LOGVAR)}
    found = moved(priors.diagonal(2), own)
    mean, logvar = linear.encode(linear.exact_params(), X)
    kl = gaussian.kl_between(
        mean, logvar, jnp.full_like(mean, SHIFT), jnp.full_like(mean, LOGVAR)
    )
    np.testing.assert_allclose(found["rate"], kl.sum(-1).mean(), rtol=1e-5)
    np.testing.assert_allclose(found["kl_per_unit"], kl.mean(0), rtol=1e-5)
    residual, error = found["rate_residual"], found["rate_residual_error"]
    assert abs(float(residual)) < 5 * float(error)


@pytest.mark.slow
def test_a_mixture_that_is_the_standard_normal_changes_nothing(plain):
    zeros = jnp.zeros((3, 2))
    own = {"means": zeros, "logvars": zeros, "logits": jnp.zeros(3)}
    found = moved(priors.mixture(2, 3), own)
    for name in ("nll", "distortion", "mutual_information", "marginal_kl"):
        # the same samples; log-densities of some nats in another order of additions
        np.testing.assert_allclose(found[name], plain[name], atol=2e-5)
    # the rate is sampled, one z an example: 60 of them
    kl = gaussian.kl_standard(*linear.encode(linear.exact_params(), X)).sum(-1)
    spread = 5 * float(np.std(np.asarray(kl)) + 1) / 60**0.5
    assert abs(float(found["rate"] - plain["rate"])) < spread


@pytest.mark.slow
def test_a_prior_at_the_wrong_place_costs_rate_and_no_information(plain):
    own = {"mean": jnp.full(2, 10.0), "logvar": jnp.zeros(2)}
    found = moved(priors.diagonal(2), own)
    assert found["rate"] > plain["rate"] + 50
    assert found["marginal_kl"] > plain["marginal_kl"] + 50
    np.testing.assert_array_equal(
        found["mutual_information"], plain["mutual_information"]
    )
    assert found["nll"] > plain["nll"] + 10
