"""Results -> matplotlib figures; no JAX, no training."""

from vae_jax.figures._annealing import annealing_figure, decoder_label
from vae_jax.figures._collapse import collapse_figure
from vae_jax.figures._cyclical import cyclical_figure
from vae_jax.figures._diagnosis import diagnosis_figure
from vae_jax.figures._images import images_figure
from vae_jax.figures._information import information_figure
from vae_jax.figures._lottery import lottery_figure
from vae_jax.figures._mean_space import mean_space_figure
from vae_jax.figures._power import power_figure
from vae_jax.figures._text import text_figure

__all__ = [
    "annealing_figure",
    "collapse_figure",
    "cyclical_figure",
    "decoder_label",
    "diagnosis_figure",
    "images_figure",
    "information_figure",
    "lottery_figure",
    "mean_space_figure",
    "power_figure",
    "text_figure",
]
