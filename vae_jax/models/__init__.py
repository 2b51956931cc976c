"""Ready-made VAEs: linear, MLP, of bounded slope, autoregressive, of sentences; sampling.

Every constructor returns the triple of `vae_jax.vae`. The only package that imports
flax.
"""

from vae_jax.models._assemble import LikelihoodName
from vae_jax.models._autoregressive import autoregressive
from vae_jax.models._compute import compute_in
from vae_jax.models._generate import Decoding, choose_token, generate
from vae_jax.models._linear import linear
from vae_jax.models._lipschitz import lipschitz
from vae_jax.models._lstm import lstm, lstm_decoding
from vae_jax.models._mlp import mlp
from vae_jax.models._sample import sample
from vae_jax.models._transformer import LatentUse, transformer
from vae_jax.models._transformer_decoding import transformer_decoding

__all__ = [
    "Decoding",
    "LatentUse",
    "LikelihoodName",
    "autoregressive",
    "choose_token",
    "compute_in",
    "generate",
    "linear",
    "lipschitz",
    "lstm",
    "lstm_decoding",
    "mlp",
    "sample",
    "transformer",
    "transformer_decoding",
]
