"""The sentence model of He et al. (2019), and its true posterior on a grid."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import diagnostics, gaussian, likelihoods
from vae_jax.vae import VAE

MODEL: dict[str, Any] = {
    "dataset": "synthetic_language",
    "model": "lstm",
    "likelihood": "categorical",
    "latent_dim": 1,
    "hidden": [50],
    "embedding": 50,
    "init_bound": 0.01,
    "dropout": 0.5,
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "clip_norm": 5.0,
}
"""What pages about it share, of a configuration."""
GRID_BLOCK = 4
"""Points of the grid at a time: 500 sentences of 11 times 1004 logits are 22 MB each."""


def true_posterior(
    vae: VAE,
    density: likelihoods.Likelihood,
    params: Any,
    x: jax.Array,
    grid: np.ndarray,
) -> diagnostics.GridPosterior:
    """`p(z|x)` of every sentence, for the one unit of z."""

    def log_joint(z: jax.Array) -> jax.Array:
        codes = jnp.broadcast_to(z, (len(x), 1))
        log_prior = jnp.sum(gaussian.log_prob(z, 0 * z, 0 * z))
        return density.log_prob(vae.decode(params, codes, x), x) + log_prior

    return diagnostics.grid_posterior(log_joint, (grid,), block_size=GRID_BLOCK)
