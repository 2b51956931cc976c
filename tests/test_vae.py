"""A model with another prior than N(0, I)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from slow_cases import slow_but

from vae_jax import gaussian, models, priors, training
from vae_jax.vae import with_prior

LATENT = 3


def wrapped(prior):
    vae = models.mlp((4, 4), LATENT, hidden=(8,), likelihood="bernoulli")
    return vae, with_prior(vae, prior(vae))


PRIORS = {
    "diagonal": lambda vae: priors.diagonal(LATENT),
    "mixture": lambda vae: priors.mixture(LATENT, 4),
    "vampprior": lambda vae: priors.vampprior(vae.encode, jnp.full((5, 4, 4), 0.5)),
    "autoregressive": lambda vae: priors.autoregressive(LATENT, LATENT, 0.5),
}


@pytest.mark.parametrize("name", PRIORS)
def test_encoder_and_decoder_are_those_of_the_model(name):
    vae, whole = wrapped(PRIORS[name])
    params = whole.init(jax.random.key(0))
    assert set(params) == {"model", "prior"}
    x, z = jnp.ones((2, 4, 4)), jnp.ones((2, LATENT))
    own = params["model"]
    np.testing.assert_array_equal(whole.encode(params, x).mean, vae.encode(own, x).mean)
    np.testing.assert_array_equal(whole.decode(params, z), vae.decode(own, z))


@pytest.mark.parametrize("name", PRIORS)
def test_its_kl_is_closed_or_sampled(name):
    vae, whole = wrapped(PRIORS[name])
    params = whole.init(jax.random.key(1))
    mean, logvar = jnp.full((5, LATENT), 0.7), jnp.full((5, LATENT), -1.0)
    z = gaussian.reparameterize(jax.random.key(2), mean, logvar)
    kl = training.kl_to_prior(whole, params, mean, logvar, z)
    own = {**params["prior"], "model": params["model"]}
    prior = PRIORS[name](vae)
    if prior.kl is not None:
        np.testing.assert_array_equal(kl, prior.kl(own, mean, logvar))
        return
    density = gaussian.log_prob(z, mean, logvar).sum(-1)
    assert kl.shape == (5, 1)
    np.testing.assert_allclose(
        kl[:, 0], density - prior.log_prob(own, z), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("name", slow_but(["vampprior"], PRIORS))
def test_what_it_learns_is_trained_along(name):
    """By the rate alone: the gradient of a mean KL in the prior's own parameters."""
    _, whole = wrapped(PRIORS[name])
    params = whole.init(jax.random.key(3))
    mean, logvar = jnp.full((5, LATENT), 0.7), jnp.full((5, LATENT), -1.0)
    z = gaussian.reparameterize(jax.random.key(2), mean, logvar)

    def rate(params):
        return training.kl_to_prior(whole, params, mean, logvar, z).sum(-1).mean()

    slopes = jax.tree.leaves(jax.grad(rate)(params)["prior"])
    assert all(np.isfinite(slope).all() for slope in slopes)
    learns = name != "autoregressive"
    assert any(np.abs(slope).max() > 1e-6 for slope in slopes) == learns
