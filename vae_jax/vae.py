"""The framework-free contract between a model and everything above it.

A variational autoencoder is three pure functions. flax, equinox, haiku and plain
JAX models all fit; the README shows the five lines that wrap one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from vae_jax.types import Array, ArrayLike

FULL_WINDOW = 2**31 - 1
"""The receptive field of a decoder that may look at every previous pixel."""


class DiagGaussian(NamedTuple):
    """A Gaussian with diagonal covariance: `N(mean, diag(exp(logvar)))`.

    >>> import jax.numpy as jnp
    >>> DiagGaussian(jnp.zeros(2), jnp.zeros(2)).mean.shape
    (2,)
    """

    mean: Array
    logvar: Array


class Knobs(NamedTuple):
    """Model settings that a sweep varies inside one compiled program.

    Every field is data: a number, or an array under `vmap`.

    Attributes:
        window: how many previous pixels an autoregressive decoder may see; 0 is a
            decoder without teacher forcing, `FULL_WINDOW` sees all of them.
        dropout: probability of zeroing a hidden unit of the decoder in training.
        variance: noise variance of a Gaussian decoder whose variance is fixed.

    >>> Knobs(window=4).dropout
    0.0
    """

    window: ArrayLike = FULL_WINDOW
    dropout: ArrayLike = 0.0
    variance: ArrayLike = 1.0


class VAE(NamedTuple):
    """A model as three pure functions.

    Attributes:
        init: `init(key) -> params`.
        encode: `encode(params, x, *, key=None, knobs=Knobs()) -> DiagGaussian`, the
            posterior over `(batch, latent)`.
        decode: `decode(params, z, x=None, *, key=None, knobs=Knobs())`, the
            parameters of the likelihood of `x`. An autoregressive decoder reads the
            teacher-forced `x`; the others ignore it.

    `key=None` means deterministic: no dropout.
    """

    init: Callable[..., Any]
    encode: Callable[..., DiagGaussian]
    decode: Callable[..., Any]
