"""The importance-weighted objective, with its gradient estimators."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import likelihoods, losses
from vae_jax.conditions import plain
from vae_jax.training._objective import (
    ENCODER,
    Objective,
    Terms,
    kl_to_prior,
    log_prior,
    sample_posterior,
)
from vae_jax.training._state import StepHyper, StepKeys
from vae_jax.types import Array, Params
from vae_jax.vae import VAE


def make_importance_objective(
    vae: VAE,
    likelihood: likelihoods.Likelihood,
    num_samples: int,
    *,
    gradient: losses.Gradient = "doubly_reparameterised",
) -> Objective:
    """Minus the bound of `num_samples` importance-weighted samples, in nats.

    `-log (1/K) sum_k p(x, z_k) / q(z_k | x)`. Burda et al. (2016), arXiv:1509.00519. A
    weight of the rate has no meaning inside of it, so `hyper.beta` is not read. The terms
    are those of the ELBO: distortion and rate sum to minus its mean over the K samples.

    Args:
        vae: the model.
        likelihood: of the data.
        num_samples: K.
        gradient: of the encoder; see `losses.importance_bound`.

    Returns:
        `objective(params, batch, hyper, keys) -> (loss per example, Terms)`.

    Needs a model and data to show; the README has both.
    """

    def objective(
        params: Params, batch: Any, hyper: StepHyper, keys: StepKeys
    ) -> tuple[Array, Terms]:
        own_keys = jax.vmap(jax.random.fold_in, (0, None))(keys.dropout, ENCODER)
        mean, logvar = vae.encode(params, batch, key=own_keys, knobs=hyper.knobs)

        def log_joint(z: Array) -> Array:
            output = vae.decode(params, z, batch, key=keys.dropout, knobs=hyper.knobs)
            return likelihood.log_prob(output, plain(batch)) + log_prior(vae, params, z)

        log_weights = losses.log_importance_weights(
            keys.noise, mean, logvar, log_joint, num_samples, gradient=gradient
        )
        first = jax.vmap(jax.random.fold_in, (0, None))(keys.noise, 0)
        z = sample_posterior(first, mean, logvar)
        kl = kl_to_prior(vae, params, mean, logvar, z)
        rate = jnp.sum(kl, axis=-1)
        distortion = -jnp.mean(log_weights, axis=0) - rate
        return losses.iwae_loss(log_weights), Terms(distortion, rate, rate, kl)

    return objective
