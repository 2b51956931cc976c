"""A small Transformer VAE of each kind, with sentences and codes."""

import jax.numpy as jnp
import transformer_numpy as plain

from vae_jax import models
from vae_jax.vae import FULL_WINDOW

LENGTH, VOCAB, LATENT, WIDTH, LAYERS, HEADS = 7, 11, 2, 6, 2, 2
PAD, UNK, BOS, EOS = 0, 1, 2, 3
USES = ("prefix", "memory", "add")
WINDOWS = [0, 1, 2, 3, LENGTH - 1, LENGTH, FULL_WINDOW]
X = jnp.array(
    [[4, 5, 6, 7, 8, 9, EOS], [10, 4, EOS, PAD, PAD, PAD, PAD], [EOS] + [PAD] * 6]
)
Z = jnp.array([[0.5, -1.0], [0.1, 2.0], [-1.5, 0.3]])


def make(use, length=LENGTH, **options):
    sizes = {"width": WIDTH, "num_layers": LAYERS, "num_heads": HEADS}
    return models.transformer(
        length, VOCAB, LATENT, latent_use=use, **{**sizes, **options}
    )


VAES = {use: make(use) for use in USES}
PARAMS = {use: plain.parameters(vae) for use, vae in VAES.items()}


def one_layer(params):
    """Of either side, which counts its layers by their names: less to compile."""
    return {
        side: {name: leaf for name, leaf in own.items() if name != "layer_1"}
        for side, own in params.items()
    }
