"""Closed forms of probabilistic PCA and the linear VAE: the ground truth of collapse."""

from vae_jax.analytic._landscape import collapsed_hessian, escape_rate, is_saddle
from vae_jax.analytic._linear_vae import (
    LinearObjective,
    LinearOptimum,
    linear_vae_objective,
    linear_vae_optimum,
)
from vae_jax.analytic._ppca import PPCA, optimal_variance, ppca
from vae_jax.analytic._spectrum import eigenvalues, predicted_active_units
from vae_jax.analytic._threshold import collapse_threshold
from vae_jax.analytic._water_filling import WaterFilling, water_filling

__all__ = [
    "LinearObjective",
    "LinearOptimum",
    "PPCA",
    "WaterFilling",
    "collapse_threshold",
    "collapsed_hessian",
    "eigenvalues",
    "escape_rate",
    "is_saddle",
    "linear_vae_objective",
    "linear_vae_optimum",
    "optimal_variance",
    "ppca",
    "predicted_active_units",
    "water_filling",
]
