"""Results -> matplotlib figures; no JAX, no training."""

from vae_jax.figures._annealing import annealing_figure, decoder_label

__all__ = ["annealing_figure", "decoder_label"]
