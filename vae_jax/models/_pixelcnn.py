"""A VAE whose decoder is a gated PixelCNN: each pixel from z and those before it."""

import flax.linen as nn
import jax.numpy as jnp

from vae_jax.models._assemble import (
    PixelLikelihoodName,
    assemble,
    check_arguments,
    dense,
    needed,
)
from vae_jax.models._convolution import ConvolutionMethod
from vae_jax.models._convolutional import (
    ImageDecoder,
    ImageEncoder,
    Options,
    remade,
)
from vae_jax.models._dropout import OptionalKeys, word_dropout
from vae_jax.models._gated import GatedLayer, reaches
from vae_jax.models._images import check_layers, image_shape
from vae_jax.types import Array
from vae_jax.vae import VAE, Knobs

SMALLEST = 4
"""Sides are halved for the encoder, and for the map decoded from z, down to this."""


def pixelcnn(
    event_shape: tuple[int, ...],
    latent_dim: int,
    *,
    hidden: tuple[int, ...] = (32, 32, 32, 32, 32),
    kernel: int = 3,
    likelihood: PixelLikelihoodName,
    components: int = 5,
    method: ConvolutionMethod | None = None,
    remat: bool = False,
) -> VAE:
    """A convolutional encoder with a gated PixelCNN over the raster order.

    `p(x|z) = prod_i p(x_i | x_j: j before i and near i, z)`. A pixel is near if it is at
    most `r = knobs.window` rows above and r columns to either side, or at most r to the
    left in the same row, with r at most `len(hidden) * (kernel // 2)`. The window is data:
    one compiled program serves all. At 0 no pixel is seen, and it is a decoder of z alone.

    The layers are those of Oord et al. (2016), arXiv:1606.05328: two stacks of gated
    convolutions, residual in the horizontal one, all of whose layers add to the output. z
    enters each gate linearly and through a map of the image's size that is decoded from it
    as by `convolutional`, like that of Gulrajani et al. (2017), arXiv:1611.05013. That map
    and the encoder have the width of the gated layers and halve the sides while both are
    even and above 4; where they cannot be halved, one layer keeps them.

    `decode` needs the teacher-forced `x`. The channels of a pixel are independent given
    what came before, but for the mixture of logistics, which couples them.

    Args:
        event_shape: (height, width), or (height, width, channels).
        latent_dim: units of z.
        hidden: channels of the gated layers, all the same.
        kernel: rows and columns of the taps before they are cut to the past; odd.
        likelihood: family of the data's density. "logistic_mixture" returns
            `likelihoods.MixtureParams`, for x in [-1, 1] with an axis of channels.
        components: of the mixture.
        method: how to convolve: slices or the backend's convolution, equal to rounding.
            None takes the faster. Slices have derivatives of reverse mode alone.
        remat: the gradient computes the features inside of each layer again in place of
            keeping them.

    Raises:
        ValueError: an unknown likelihood or method, an empty event or latent space, an
            event that is no image or, for a mixture, has no channels, no or unequal
            layers, an even kernel or one below 3, no component.

    >>> import jax
    >>> vae = pixelcnn((8, 8), 2, hidden=(16,), likelihood="bernoulli")
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> z, x = jnp.zeros((3, 2)), jnp.zeros((3, 8, 8))
    >>> jax.eval_shape(vae.decode, params, z, x, knobs=Knobs(window=1)).shape
    (3, 8, 8)
    """
    check_arguments(event_shape, latent_dim, likelihood, PixelLikelihoodName)
    shape, hidden = image_shape(event_shape), tuple(hidden)
    check_layers(hidden, method)
    _check_pixels(event_shape, hidden, kernel, likelihood, components)
    layers, stride = _resolutions(shape)
    options = Options(method=method, remat=remat, stride=stride)
    features = num_features(shape[2], likelihood, components)
    return assemble(
        ImageEncoder(shape, (hidden[0],) * layers, latent_dim, options),
        PixelDecoder(shape, hidden, kernel // 2, features, method, remat),
        event_shape,
        latent_dim,
        likelihood,
        PixelLikelihoodName,
    )


class PixelDecoder(nn.Module):
    """Features of every pixel, flat: what the likelihood is made of."""

    shape: tuple[int, int, int]
    hidden: tuple[int, ...]
    half: int
    features: int
    method: ConvolutionMethod | None = None
    remat: bool = False

    def setup(self) -> None:
        """The map of z, the gated layers, and two linear maps to the output."""
        width, space = self.hidden[0], self.shape[:2]
        number, stride = _resolutions(self.shape)
        options = Options(method=self.method, remat=self.remat, stride=stride)
        # its numbers of dropout follow those of the gated layers, two each
        self.decoded = ImageDecoder(
            (*space, width), (width,) * number, options, 2 * len(self.hidden)
        )
        layer = remade(GatedLayer, options)
        self.gated = [
            layer(width, self.half, number, self.method)
            for number in range(len(self.hidden))
        ]
        self.gathered, self.output = dense(width), dense(self.features)

    def __call__(
        self, z: Array, x: Array | None, keys: OptionalKeys, knobs: Knobs
    ) -> Array:
        """Of whole images, teacher-forced."""
        x = needed(x).reshape(z.shape[0], *self.shape)
        # a pixel is hidden with all of its channels
        seen = jnp.ones((*x.shape[:3], 1), x.dtype)
        x *= word_dropout(keys, knobs.word_dropout, seen)
        stacks, skips = (x, x), []
        reach = reaches(knobs.window, len(self.hidden), self.half)
        place = self.place(z, keys, knobs)
        for number, layer in enumerate(self.gated):
            stacks, skip = layer(stacks, z, place, reach[number], keys, knobs.dropout)
            skips.append(skip)
        output = self.head([*skips, stacks[1]])
        return output.reshape(x.shape[0], -1)

    def place(self, z: Array, keys: OptionalKeys, knobs: Knobs) -> Array:
        """The map decoded from z, of the image's size."""
        flat = self.decoded(z, None, keys, knobs)
        return nn.relu(flat.reshape(z.shape[0], *self.shape[:2], self.hidden[0]))

    def head(self, parts: list[Array]) -> Array:
        """From what all layers add up to, to the features of the likelihood."""
        return self.output(nn.relu(self.gathered(nn.relu(sum(parts)))))


def num_features(
    channels: int, likelihood: PixelLikelihoodName, components: int
) -> int:
    """Of a pixel, as many as `likelihoods.mixture_params` splits, or one a channel.

    >>> num_features(3, "logistic_mixture", 5), num_features(3, "gaussian", 5)
    (50, 3)
    """
    if likelihood != "logistic_mixture":
        return channels
    return components * (1 + 2 * channels + channels * (channels - 1) // 2)


def _resolutions(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Layers that halve the sides, and their stride of 2; or one layer of stride 1."""
    (height, width, _), layers = shape, 0
    while height % 2 == width % 2 == 0 and min(height, width) > SMALLEST:
        height, width, layers = height // 2, width // 2, layers + 1
    return (layers, 2) if layers else (1, 1)


def _check_pixels(
    event_shape: tuple[int, ...],
    hidden: tuple[int, ...],
    kernel: int,
    likelihood: PixelLikelihoodName,
    components: int,
) -> None:
    if len(set(hidden)) > 1:
        raise ValueError(
            f"`hidden` must name layers of one width, which are added up; got {hidden}. "
            f"Use ({', '.join([str(max(hidden))] * len(hidden))})."
        )
    if kernel < 3 or kernel % 2 == 0:
        raise ValueError(f"`kernel` must be odd and at least 3; got {kernel}.")
    if likelihood != "logistic_mixture":
        return
    if components < 1:
        raise ValueError(f"`components` must be at least 1; got {components}.")
    check_channels(event_shape, likelihood)


def check_channels(
    event_shape: tuple[int, ...], likelihood: PixelLikelihoodName
) -> None:
    """Refuse images without an axis of channels where the likelihood couples them.

    >>> check_channels((8, 8), "bernoulli")
    """
    if likelihood == "logistic_mixture" and len(event_shape) == 2:
        raise ValueError(
            "`event_shape` must be (height, width, channels) for a mixture of logistics; "
            f"got {event_shape}. Use {(*event_shape, 1)}, and x of that shape."
        )
