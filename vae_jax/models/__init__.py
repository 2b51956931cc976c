"""Ready-made VAEs of vectors, images and sentences, and sampling from them.

Every constructor returns the triple of `vae_jax.vae`. The only package that imports
flax.
"""

from vae_jax.models._assemble import LikelihoodName, PixelLikelihoodName
from vae_jax.models._autoregressive import autoregressive
from vae_jax.models._choose import choose_token
from vae_jax.models._compute import compute_in
from vae_jax.models._conditional import Reading, conditional, decoder_code, given
from vae_jax.models._conditional_record import conditional_model, decoder_at
from vae_jax.models._convolution import ConvolutionMethod
from vae_jax.models._convolutional import convolutional
from vae_jax.models._counts import of_counts
from vae_jax.models._generate import Decoding, generate
from vae_jax.models._image_records import (
    MLP,
    Autoregressive,
    Convolutional,
    LinearModel,
    Lipschitz,
    PixelCNN,
)
from vae_jax.models._linear import linear
from vae_jax.models._lipschitz import lipschitz
from vae_jax.models._lstm import lstm, lstm_decoding
from vae_jax.models._mlp import mlp
from vae_jax.models._pixelcnn import pixelcnn
from vae_jax.models._pixelcnn_sample import pixelcnn_sample
from vae_jax.models._record import AnyModel, Model
from vae_jax.models._sample import sample
from vae_jax.models._text_records import LSTM, Transformer
from vae_jax.models._transformer import LatentUse, transformer
from vae_jax.models._transformer_decoding import transformer_decoding
from vae_jax.models._two_level import TwoLevelVAE, two_level

__all__ = [
    "of_counts",
    "AnyModel",
    "LSTM",
    "MLP",
    "Autoregressive",
    "Convolutional",
    "LinearModel",
    "Lipschitz",
    "Model",
    "PixelCNN",
    "Reading",
    "Transformer",
    "TwoLevelVAE",
    "ConvolutionMethod",
    "Decoding",
    "LatentUse",
    "LikelihoodName",
    "PixelLikelihoodName",
    "autoregressive",
    "choose_token",
    "compute_in",
    "conditional",
    "conditional_model",
    "convolutional",
    "decoder_at",
    "decoder_code",
    "generate",
    "given",
    "linear",
    "lipschitz",
    "lstm",
    "lstm_decoding",
    "mlp",
    "pixelcnn",
    "pixelcnn_sample",
    "sample",
    "transformer",
    "transformer_decoding",
    "two_level",
]
