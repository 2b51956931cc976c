"""Objective terms in nats, per example; one topic of the literature a file.

A name that ends in `_loss` is minimised, a `_bound` is maximised.
"""

from vae_jax.losses._batch_norm import (
    MeanStatistics,
    NormalisedMean,
    batch_norm_mean,
    batch_norm_minimum_rate,
    normalise_mean,
)
from vae_jax.losses._capacity import capacity
from vae_jax.losses._conventions import codebase_weight, effective_beta
from vae_jax.losses._delta import delta_posterior
from vae_jax.losses._elbo import ElboTerms, beta_elbo_loss, elbo_terms, total_loss
from vae_jax.losses._free_bits import free_bits
from vae_jax.losses._iwae import (
    effective_sample_size,
    iwae_bound,
    iwae_loss,
    normalised_weights,
)
from vae_jax.losses._iwae_gradients import (
    Gradient,
    importance_bound,
    log_importance_weights,
)
from vae_jax.losses._minimum_rate import minimum_rate, minimum_rate_violation
from vae_jax.losses._mmd import Kernel, imq_kernel, infovae_loss, mmd, rbf_kernel
from vae_jax.losses._reconstruction import bce, bce_from_probs, mse
from vae_jax.losses._reductions import loss_beta
from vae_jax.losses._total_correlation import (
    AggregateLogDensity,
    RateParts,
    aggregate_log_density,
    beta_tc_loss,
    tc_decomposition,
)

__all__ = [
    "AggregateLogDensity",
    "ElboTerms",
    "Gradient",
    "Kernel",
    "MeanStatistics",
    "NormalisedMean",
    "RateParts",
    "aggregate_log_density",
    "batch_norm_mean",
    "batch_norm_minimum_rate",
    "bce",
    "bce_from_probs",
    "beta_elbo_loss",
    "beta_tc_loss",
    "capacity",
    "codebase_weight",
    "delta_posterior",
    "effective_beta",
    "effective_sample_size",
    "elbo_terms",
    "free_bits",
    "importance_bound",
    "imq_kernel",
    "infovae_loss",
    "iwae_bound",
    "iwae_loss",
    "log_importance_weights",
    "loss_beta",
    "minimum_rate",
    "minimum_rate_violation",
    "mmd",
    "mse",
    "normalise_mean",
    "normalised_weights",
    "rbf_kernel",
    "tc_decomposition",
    "total_loss",
]
