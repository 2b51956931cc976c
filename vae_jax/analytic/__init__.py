"""Closed forms of probabilistic PCA and the linear VAE: the ground truth of collapse."""

from vae_jax.analytic._landscape import collapsed_hessian, escape_rate, is_saddle
from vae_jax.analytic._learning_dynamics import (
    OrderParameters,
    generalisation_error,
    learned_generalisation_error,
    order_parameter_flow,
)
from vae_jax.analytic._linear_cvae import (
    LinearCVAEOptimum,
    linear_cvae_objective,
    linear_cvae_optimum,
)
from vae_jax.analytic._linear_vae import (
    LinearObjective,
    LinearOptimum,
    linear_vae_objective,
    linear_vae_optimum,
)
from vae_jax.analytic._marginal import ppca_log_likelihood
from vae_jax.analytic._moments import (
    JointMoments,
    conditional_covariance,
    conditional_eigenvalues,
    joint_moments,
)
from vae_jax.analytic._ppca import PPCA, optimal_variance, ppca
from vae_jax.analytic._spectrum import eigenvalues, predicted_active_units
from vae_jax.analytic._threshold import collapse_threshold
from vae_jax.analytic._two_level import TwoLevelOptimum, two_level_optimum
from vae_jax.analytic._two_level_objective import (
    TwoLevelObjective,
    two_level_objective,
)
from vae_jax.analytic._water_filling import WaterFilling, water_filling

__all__ = [
    "JointMoments",
    "LinearCVAEOptimum",
    "LinearObjective",
    "LinearOptimum",
    "OrderParameters",
    "PPCA",
    "TwoLevelObjective",
    "TwoLevelOptimum",
    "WaterFilling",
    "collapse_threshold",
    "collapsed_hessian",
    "conditional_covariance",
    "conditional_eigenvalues",
    "eigenvalues",
    "escape_rate",
    "generalisation_error",
    "is_saddle",
    "joint_moments",
    "learned_generalisation_error",
    "linear_cvae_objective",
    "linear_cvae_optimum",
    "linear_vae_objective",
    "linear_vae_optimum",
    "optimal_variance",
    "order_parameter_flow",
    "ppca",
    "ppca_log_likelihood",
    "predicted_active_units",
    "two_level_objective",
    "two_level_optimum",
    "water_filling",
]
