"""Objective terms in nats, per example; one topic of the literature a file.

A name that ends in `_loss` is minimised, a `_bound` is maximised.
"""

from vae_jax.losses._elbo import ElboTerms, beta_elbo_loss, elbo_terms, total_loss
from vae_jax.losses._free_bits import free_bits
from vae_jax.losses._iwae import iwae_bound
from vae_jax.losses._reconstruction import bce, bce_from_probs, mse

__all__ = [
    "ElboTerms",
    "bce",
    "bce_from_probs",
    "beta_elbo_loss",
    "elbo_terms",
    "free_bits",
    "iwae_bound",
    "mse",
    "total_loss",
]
