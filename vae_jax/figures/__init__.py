"""Results -> matplotlib figures; no JAX, no training."""

from vae_jax.figures._annealing import annealing_figure, decoder_label
from vae_jax.figures._cascade import cascade_figure, cascade_frame
from vae_jax.figures._collapse import collapse_figure
from vae_jax.figures._constraints import constraint_figure
from vae_jax.figures._cyclical import cyclical_figure
from vae_jax.figures._diagnosis import diagnosis_figure
from vae_jax.figures._dimensions import dimensions_figure
from vae_jax.figures._dynamics import dynamics_figure
from vae_jax.figures._images import images_figure
from vae_jax.figures._information import information_figure
from vae_jax.figures._landscape import landscape_figure
from vae_jax.figures._linear import linear_figure
from vae_jax.figures._lottery import lottery_figure
from vae_jax.figures._mean_space import mean_space_figure
from vae_jax.figures._point import point_figure
from vae_jax.figures._power import power_figure
from vae_jax.figures._rate_distortion import rate_distortion_figure
from vae_jax.figures._remedies import remedies_figure
from vae_jax.figures._small_theory import small_theory_figure
from vae_jax.figures._text import text_figure
from vae_jax.figures._thresholds import thresholds_figure
from vae_jax.figures._two_level import two_level_figure
from vae_jax.figures._words import words_figure

__all__ = [
    "annealing_figure",
    "constraint_figure",
    "cascade_figure",
    "cascade_frame",
    "collapse_figure",
    "cyclical_figure",
    "decoder_label",
    "diagnosis_figure",
    "dynamics_figure",
    "images_figure",
    "linear_figure",
    "dimensions_figure",
    "landscape_figure",
    "information_figure",
    "lottery_figure",
    "mean_space_figure",
    "point_figure",
    "power_figure",
    "remedies_figure",
    "rate_distortion_figure",
    "small_theory_figure",
    "text_figure",
    "thresholds_figure",
    "two_level_figure",
    "words_figure",
]
