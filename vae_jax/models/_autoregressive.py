"""A VAE whose decoder predicts each pixel from z and the previous pixels."""

import math

import flax.linen as nn

from vae_jax.models import _masks
from vae_jax.models._assemble import (
    LikelihoodName,
    assemble,
    default_dtype,
    dense,
    needed,
)
from vae_jax.models._dropout import OptionalKeys, dropout, word_dropout
from vae_jax.models._mlp import MLP, MLPEncoder
from vae_jax.types import Array
from vae_jax.vae import VAE, Knobs


def autoregressive(
    event_shape: tuple[int, ...],
    latent_dim: int,
    *,
    hidden: tuple[int, ...] = (512, 512),
    likelihood: LikelihoodName,
) -> VAE:
    """An MLP encoder with a masked decoder over the raster order.

    `p(x|z) = prod_i p(x_i | x_(i-w) ... x_(i-1), z)`, with `w = knobs.window`. The
    window is data: one compiled program serves all. At `w = 0` the decoder is that of
    `mlp`, exactly; from `w = num_pixels - 1` on it is a MADE conditioned on z (Germain
    et al. 2015, arXiv:1502.03509), with residual layers.

    `decode` needs the teacher-forced `x`.

    Args:
        event_shape: of one example.
        latent_dim: units of z.
        hidden: widths of the encoder, from the data on. The decoder has them reversed
            for z, and as many masked residual layers of the largest width.
        likelihood: family of the data's density.

    Raises:
        ValueError: an unknown likelihood, an empty event or latent space, or no hidden
            layer.

    >>> import jax, jax.numpy as jnp
    >>> vae = autoregressive((4, 4), 2, hidden=(32, 32), likelihood="bernoulli")
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> z, x = jnp.zeros((3, 2)), jnp.zeros((3, 4, 4))
    >>> jax.eval_shape(vae.decode, params, z, x, knobs=Knobs(window=2)).shape
    (3, 4, 4)
    """
    if not hidden:
        raise ValueError("`hidden` must name at least one layer; got ().")
    return assemble(
        MLPEncoder(tuple(hidden), latent_dim),
        _MaskedDecoder(tuple(reversed(hidden)), math.prod(event_shape)),
        event_shape,
        latent_dim,
        likelihood,
    )


class _MaskedDense(nn.Module):
    """`x @ (kernel * mask)`."""

    features: int

    @nn.compact
    def __call__(self, x: Array, mask: Array) -> Array:
        shape = (x.shape[-1], self.features)
        init = nn.initializers.lecun_normal()
        kernel = self.param("kernel", init, shape, default_dtype())
        return x @ (kernel * mask.astype(kernel.dtype))


class _MaskedDecoder(nn.Module):
    hidden: tuple[int, ...]
    num_pixels: int

    @nn.compact
    def __call__(
        self, z: Array, x: Array | None, keys: OptionalKeys, knobs: Knobs
    ) -> Array:
        x = word_dropout(keys, knobs.word_dropout, needed(x))
        width, depth = max(self.hidden), len(self.hidden)
        pixels = _masks.pixels(self.num_pixels)
        units = _masks.hidden(width, self.num_pixels, knobs.window)
        outputs = _masks.outputs(self.num_pixels, knobs.window)
        drop = dropout(keys, knobs.dropout)

        features = MLP(self.hidden, name="mlp")(z, drop)
        logits = dense(self.num_pixels, "output")(features)
        stream = dense(width, "condition")(z)
        stream += _MaskedDense(width, name="input")(x, _masks.feeds(pixels, units))
        for layer in range(depth):
            active = drop(nn.relu(stream), depth + layer)
            masked = _MaskedDense(width, name=f"masked_{layer}")
            stream += masked(active, _masks.feeds(units, units))
            stream += dense(width, f"condition_{layer}")(z)
        active = drop(nn.relu(stream), 2 * depth)
        masked = _MaskedDense(self.num_pixels, name="masked_output")
        logits += masked(active, _masks.feeds(units, outputs))
        direct = _MaskedDense(self.num_pixels, name="direct")
        return logits + direct(x, _masks.feeds(pixels, outputs))
