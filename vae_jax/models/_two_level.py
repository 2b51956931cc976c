"""A VAE of two levels of latents, linear or with ReLU networks.

`x -> z1 -> z2` in the encoder, `z2 -> z1 -> x` in the decoder. It is no `VAE`, whose code
has one posterior and one KL: here the posterior of z2 depends on the z1 that was drawn, and
each level has a rate of its own. A training step takes the five functions as they are.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from vae_jax import checks
from vae_jax.models._assemble import (
    apply,
    check_arguments,
    compute_dtype,
    default_dtype,
    dense,
    flatten,
)
from vae_jax.models._mlp import MLP
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import DiagGaussian


class TwoLevelVAE(NamedTuple):
    """A model of two levels as five pure functions.

    Attributes:
        init: `init(key) -> params`.
        encode: `encode(params, x) -> (batch, latent)`, the mean of z1 given x; its variance
            is a setting of the objective.
        encode_two: `encode_two(params, z1) -> DiagGaussian` of z2 over its prior's standard
            deviation, so that its prior is N(0, I).
        decode_two: `decode_two(params, z2) -> (batch, latent)`, the mean of z1 given z2.
        decode: `decode(params, z1) -> (batch, *event)`, the mean of x.

    >>> TwoLevelVAE._fields
    ('init', 'encode', 'encode_two', 'decode_two', 'decode')
    """

    init: Callable[[Any], Params]
    encode: Callable[[Params, Any], Array]
    encode_two: Callable[[Params, Any], DiagGaussian]
    decode_two: Callable[[Params, Any], Array]
    decode: Callable[[Params, Any], Array]


def two_level(
    event_shape: tuple[int, ...],
    latent_dims: tuple[int, int],
    *,
    hidden: tuple[int, ...] = (),
) -> TwoLevelVAE:
    """Affine maps between x, z1 and z2, or ReLU networks where there are hidden layers.

    `E[z1|x] = W1 x + a1`, `q(z2|z1) = N(W2 z1 + a2, diag(d))` with a learned d that is
    constant in z1, `E[z1|z2] = U2 z2 + b2`, `E[x|z1] = U1 z1 + b1`. With hidden layers each
    of the four is a network of them, and d another output of its network.
    Dang et al. (2024), Section 4.2, arXiv:2306.05023.

    Args:
        event_shape: of one example.
        latent_dims: units of z1 and of z2.
        hidden: widths of the networks to z1 and to z2; those back have them reversed.

    Raises:
        ValueError: an empty event or level, or no two numbers of units.
        TypeError: a number of units that is no whole number.

    >>> vae = two_level((8, 8), (5, 3))
    >>> params = vae.init(jax.random.key(0))
    >>> z1 = vae.encode(params, jnp.zeros((2, 8, 8)))
    >>> z2 = vae.encode_two(params, z1).mean
    >>> z1.shape, z2.shape, vae.decode_two(params, z2).shape, vae.decode(params, z1).shape
    ((2, 5), (2, 3), (2, 5), (2, 8, 8))
    """
    latent, second = checks.two_sizes("latent_dims", latent_dims)
    check_arguments(event_shape, latent, "gaussian")
    pixels, back = math.prod(event_shape), tuple(reversed(hidden))
    parts = {
        "encoder": (_Mean(tuple(hidden), latent), pixels),
        "encoder_two": (_Posterior(tuple(hidden), second), latent),
        "decoder_two": (_Mean(back, latent), second),
        "decoder": (_Mean(back, pixels), latent),
    }

    def init(key: Key[Array, ""]) -> Params:
        keys = jax.random.split(key, len(parts))
        return {
            name: module.init(own, jnp.zeros((1, size), default_dtype()))["params"]
            for own, (name, (module, size)) in zip(keys, parts.items(), strict=True)
        }

    def call(name: str, params: Params, values: Any, shape: tuple[int, ...]) -> Any:
        own, label = params[name], "x" if name == "encoder" else "z"
        flat = flatten(values, shape, compute_dtype(own), label)
        return apply(parts[name][0], own, flat)

    def encode(params: Params, x: Float[ArrayLike, " batch *event"]) -> Array:
        mean: Array = call("encoder", params, x, event_shape)
        return mean

    def encode_two(params: Params, z: Float[ArrayLike, "batch latent"]) -> DiagGaussian:
        return DiagGaussian(*call("encoder_two", params, z, (latent,)))

    def decode_two(params: Params, z: Float[ArrayLike, "batch second"]) -> Array:
        mean: Array = call("decoder_two", params, z, (second,))
        return mean

    def decode(params: Params, z: Float[ArrayLike, "batch latent"]) -> Array:
        mean: Array = call("decoder", params, z, (latent,))
        return mean.reshape(-1, *event_shape)

    # outside of a program, one compilation in place of one an operation
    return TwoLevelVAE(jax.jit(init), encode, encode_two, decode_two, decode)


class _Mean(nn.Module):
    """A network of some hidden layers, or an affine map."""

    hidden: tuple[int, ...]
    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = MLP(self.hidden, name="mlp")(x) if self.hidden else x
        return dense(self.features, "mean")(x)


class _Posterior(nn.Module):
    """Mean and log-variance, which depends on x where there are hidden layers alone."""

    hidden: tuple[int, ...]
    features: int

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        if self.hidden:
            x = MLP(self.hidden, name="mlp")(x)
            mean, logvar = jnp.split(
                dense(2 * self.features, "posterior")(x), 2, axis=-1
            )
            return mean, logvar
        zeros = nn.initializers.zeros_init()
        logvar = self.param("logvar", zeros, (self.features,), default_dtype())
        mean = dense(self.features, "mean")(x)
        return mean, jnp.broadcast_to(logvar, mean.shape)
