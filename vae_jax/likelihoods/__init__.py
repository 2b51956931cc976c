"""Normalised log-densities of the data given what a decoder returns, in nats."""

from vae_jax.likelihoods._bernoulli import (
    bernoulli,
    bernoulli_log_prob,
    check_bernoulli_data,
)
from vae_jax.likelihoods._event import Likelihood, sum_event
from vae_jax.likelihoods._gaussian import (
    check_gaussian_data,
    gaussian,
    gaussian_log_prob,
    gaussian_optimal_variance,
)

__all__ = [
    "Likelihood",
    "bernoulli",
    "bernoulli_log_prob",
    "check_bernoulli_data",
    "check_gaussian_data",
    "gaussian",
    "gaussian_log_prob",
    "gaussian_optimal_variance",
    "sum_event",
]
