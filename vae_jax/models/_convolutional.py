"""A VAE of images: convolutions that halve the sides, and their mirror image."""

import math
from itertools import count
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from vae_jax.models._assemble import LikelihoodName, assemble, check_arguments, dense
from vae_jax.models._convolution import (
    BORDER,
    Convolution,
    ConvolutionMethod,
    GroupNorm,
)
from vae_jax.models._dropout import OptionalKeys, dropout
from vae_jax.models._images import check_layers, image_shape
from vae_jax.types import Array, ArrayLike
from vae_jax.vae import VAE, Knobs


def convolutional(
    event_shape: tuple[int, ...],
    latent_dim: int,
    *,
    hidden: tuple[int, ...] = (32, 64),
    blocks: int = 0,
    likelihood: LikelihoodName,
    method: ConvolutionMethod | None = None,
    remat: bool = False,
) -> VAE:
    """Convolutional networks on both sides; pixels are independent given z.

    `q(z|x) = N(mean(x), diag(exp(logvar(x))))`. For each width of `hidden` the encoder
    halves height and width by a convolution of 4x4 taps; its last features are mapped
    linearly. The decoder is its mirror image: it doubles the sides by repeating pixels and
    convolves by 3x3 taps, so that every pixel is made of equally many products, where a
    transposed convolution leaves a checkerboard (Odena et al. 2016,
    doi:10.23915/distill.00003).

    With `blocks` above 0 each size of the image has as many residual blocks of two
    convolutions after normalisation and ReLU, He et al. (2016), arXiv:1603.05027; groups
    of channels are normalised in each example by itself, Wu & He (2018), arXiv:1803.08494.

    Args:
        event_shape: (height, width), or (height, width, channels).
        latent_dim: units of z.
        hidden: channels after each halving, from the data on.
        blocks: residual blocks a size of the image; 0 for a plain network.
        likelihood: family of the data's density.
        method: how to convolve: slices or the backend's convolution, equal to rounding.
            None takes the faster. Slices have derivatives of reverse mode alone.
        remat: the gradient computes the features inside of each block again in place of
            keeping them, which with three blocks a size are three quarters of all.

    Raises:
        ValueError: an unknown likelihood or method, an empty event or latent space, an
            event that is no image, no hidden layer, or sides that cannot be halved as
            often as `hidden` says.

    >>> import jax
    >>> vae = convolutional((8, 8, 3), 4, hidden=(16,), likelihood="gaussian")
    >>> params = jax.eval_shape(vae.init, jax.random.key(0))
    >>> jax.eval_shape(vae.decode, params, jnp.zeros((2, 4))).mean.shape
    (2, 8, 8, 3)
    """
    check_arguments(event_shape, latent_dim, likelihood)
    shape, hidden = image_shape(event_shape), tuple(hidden)
    check_layers(hidden, method)
    if blocks < 0:
        raise ValueError(f"`blocks` must be at least 0; got {blocks}.")
    _check_sides(shape, hidden)
    options = Options(blocks, method, remat)
    return assemble(
        ImageEncoder(shape, hidden, latent_dim, options),
        ImageDecoder(shape, tuple(reversed(hidden)), options),
        event_shape,
        latent_dim,
        likelihood,
    )


class Options(NamedTuple):
    """What the networks of either side share.

    Attributes:
        blocks: residual ones at each size of the image.
        method: how to convolve.
        remat: compute the inside of a block again for its gradient.
        stride: between one size of the image and the next; 1 keeps the size.

    >>> Options().stride
    2
    """

    blocks: int = 0
    method: ConvolutionMethod | None = None
    remat: bool = False
    stride: int = 2


class ImageEncoder(nn.Module):
    """Mean and log-variance of the posterior, linear in the features of an image."""

    shape: tuple[int, int, int]
    hidden: tuple[int, ...]
    latent_dim: int
    options: Options

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """The posterior of flat images."""
        x = x.reshape(x.shape[0], *self.shape)
        down = remade(_Down, self.options)
        for level, width in enumerate(self.hidden):
            x = down(width, self.options, name=f"down_{level}")(x)
            x = _Blocks(self.options, name=f"blocks_{level}")(x, None, 0.0, count())
        x = _Ended(self.options, name="end")(x)
        posterior = dense(2 * self.latent_dim, "posterior")(x.reshape(x.shape[0], -1))
        mean, logvar = jnp.split(posterior, 2, axis=-1)
        return mean, logvar


class ImageDecoder(nn.Module):
    """Flat images, a linear convolution of the last features."""

    shape: tuple[int, int, int]
    hidden: tuple[int, ...]
    options: Options
    first_layer: int = 0

    @nn.compact
    def __call__(
        self, z: Array, x: Array | None, keys: OptionalKeys, knobs: Knobs
    ) -> Array:
        """What is decoded from z alone."""
        del x
        options, layers = self.options, count(self.first_layer)
        drop, plain = dropout(keys, knobs.dropout), options.blocks == 0
        up = remade(_Up, options)
        shrunk = options.stride ** len(self.hidden)
        start = self.shape[0] // shrunk, self.shape[1] // shrunk, self.hidden[0]
        image = dense(math.prod(start), "start")(z).reshape(z.shape[0], *start)
        for level, width in enumerate(self.hidden):
            if level:
                image = up(width, options, name=f"up_{level}")(image)
            if plain:
                image = drop(nn.relu(image), next(layers))
            blocks = _Blocks(options, name=f"blocks_{level}")
            image = blocks(image, keys, knobs.dropout, layers)
        image = _Ended(options, name="end")(image)
        image = up(self.shape[2], options, name="output")(image)
        flat: Array = image.reshape(z.shape[0], -1)
        return flat


def remade(module: Any, options: Options) -> Any:
    """The same class, its inside made again for the gradient if `remat`.

    >>> remade(nn.Dense, Options()) is nn.Dense
    True
    """
    return nn.remat(module) if options.remat else module


class _Down(nn.Module):
    """A convolution to the next smaller size; with ReLU where no block follows."""

    width: int
    options: Options

    @nn.compact
    def __call__(self, x: Array) -> Array:
        stride = self.options.stride
        # 4 taps are symmetric about the 2 pixels that become one
        kernel = (4, 4) if stride == 2 else (3, 3)
        layer = Convolution(
            self.width, kernel, stride, self.options.method, name="layer"
        )
        x = layer(x, BORDER)
        return x if self.options.blocks else nn.relu(x)


class _Up(nn.Module):
    """Repeated pixels and a convolution, linear."""

    width: int
    options: Options

    @nn.compact
    def __call__(self, x: Array) -> Array:
        options = self.options
        layer = Convolution(
            self.width, (3, 3), 1, options.method, options.stride, name="layer"
        )
        return layer(x, BORDER)


class _Blocks(nn.Module):
    """The residual blocks of one size, whose hidden units are the next `layers`."""

    options: Options

    @nn.compact
    def __call__(
        self, x: Array, keys: OptionalKeys, rate: ArrayLike, layers: "count[int]"
    ) -> Array:
        block = remade(_Block, self.options)
        for number in range(self.options.blocks):
            own = block(self.options.method, next(layers), name=f"block_{number}")
            x = own(x, keys, rate)
        return x


class _Block(nn.Module):
    """`x + conv(relu(norm(conv(relu(norm(x))))))`."""

    method: ConvolutionMethod | None
    layer: int

    @nn.compact
    def __call__(self, x: Array, keys: OptionalKeys, rate: ArrayLike) -> Array:
        width, change = x.shape[-1], x
        for half in (0, 1):
            change = nn.relu(GroupNorm(name=f"norm_{half}")(change))
            if half:
                change = dropout(keys, rate)(change, self.layer)
            layer = Convolution(width, (3, 3), 1, self.method, name=f"layer_{half}")
            change = layer(change, BORDER)
        return x + change


class _Ended(nn.Module):
    """What residual blocks have added up, normalised; of a plain network as it is."""

    options: Options

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return nn.relu(GroupNorm(name="norm")(x)) if self.options.blocks else x


def _check_sides(shape: tuple[int, int, int], hidden: tuple[int, ...]) -> None:
    factor = 2 ** len(hidden)
    if shape[0] % factor or shape[1] % factor:
        raise ValueError(
            f"`event_shape` must have sides divisible by {factor}, which are halved for "
            f"each of the {len(hidden)} layers of `hidden`; got {shape[:2]}. Crop or pad "
            "the images, or use fewer layers."
        )
