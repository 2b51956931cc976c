"""A convolution that is as fast inside of `lax.scan` as outside, on every backend."""

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.models._assemble import default_dtype
from vae_jax.models._convolution_products import (
    Padding,
    convolve_by_products,
    padded,
)
from vae_jax.models._upsampling import convolve_doubled, repeated
from vae_jax.numerics import as_float

ConvolutionMethod = Literal["slices", "convolution"]
"""One matrix product of shifted slices, or the backend's own convolution."""

BORDER = ((1, 1), (1, 1))
"""Zeros around an image: a kernel of 3, or of 4 with stride 2, keeps all of it in view."""


def convolve(
    x: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "rows columns inputs outputs"],
    padding: Padding,
    stride: int = 1,
    method: ConvolutionMethod | None = None,
) -> Float[Array, "batch new_height new_width outputs"]:
    """`y_ij = sum_ab x_(si + a, sj + b) kernel_ab` over the padded image, s the stride.

    On CPU the backend's convolution is some 50 times slower inside of `lax.scan` and
    `lax.map` than outside; slices cost the same in both, and the values are equal to
    rounding. None takes slices on CPU and the backend's convolution elsewhere. Slices have
    derivatives of reverse mode alone: for `jax.jvp` and `jax.hessian` ask for
    `method="convolution"`; `jax.jacrev(jax.jacrev(f))` is a Hessian of both.

    >>> x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    >>> convolve(x, kernel, ((1, 1), (1, 1)))[0, :, :, 0].tolist()[0]
    [4.0, 6.0, 6.0, 4.0]
    """
    if chosen(method) == "convolution":
        # padded before: for 16 features of one tap with padding (1, -1), jax 0.10 on CPU
        # reads memory that nothing has written to, in the vmapped gradient by x
        return jax.lax.conv_general_dilated(
            padded(x, padding),
            kernel,
            (stride, stride),
            "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
    return convolve_by_products(x, kernel, padding, stride)


def chosen(method: ConvolutionMethod | None) -> ConvolutionMethod:
    """The method that is meant: where none is, the faster one of the platform."""
    if method is not None:
        return method
    return "slices" if jax.default_backend() == "cpu" else "convolution"


class Convolution(nn.Module):
    """`convolve` with a learned kernel, whose taps a mask may take out, and a bias."""

    features: int
    kernel: tuple[int, int]
    stride: int = 1
    method: ConvolutionMethod | None = None
    repeats: int = 1

    @nn.compact
    def __call__(
        self, x: Array, padding: Padding, mask: Array | None = None
    ) -> Float[Array, "batch new_height new_width outputs"]:
        """The image's features, of pixels that are repeated first if they are to be.

        `mask` has a number for each tap of the kernel.
        """
        shape = (*self.kernel, x.shape[-1], self.features)
        init = nn.initializers.lecun_normal()
        kernel = self.param("kernel", init, shape, default_dtype())
        zeros = nn.initializers.zeros_init()
        bias = self.param("bias", zeros, (self.features,), default_dtype())
        if mask is not None:
            kernel *= mask[:, :, None, None].astype(kernel.dtype)
        return self._product(x, kernel, padding) + bias[None, None, None]

    def _product(self, x: Array, kernel: Array, padding: Padding) -> Array:
        doubles = self.repeats == 2 and self.stride == 1 and self.kernel == (3, 3)
        if doubles and padding == BORDER and chosen(self.method) == "slices":
            return convolve_doubled(x, kernel)
        x = repeated(x, self.repeats)
        return convolve(x, kernel, padding, self.stride, self.method)


class GroupNorm(nn.Module):
    """Groups of channels at mean 0 and variance 1, in each example by itself.

    About 8 channels a group; Wu & He (2018), arXiv:1803.08494. The statistics are computed
    in float32 or wider.
    """

    @nn.compact
    def __call__(self, x: Array) -> Float[Array, "batch height width channels"]:
        """The normalised image."""
        channels = x.shape[-1]
        wide = as_float(x).reshape(x.shape[0], -1, channels)
        centred = wide - _of_groups(jnp.mean(wide, axis=1))[:, None]
        variance = _of_groups(jnp.mean(jnp.square(centred), axis=1))
        normal = centred * jax.lax.rsqrt(variance + 1e-5)[:, None]
        normal = normal.reshape(x.shape)
        ones, zeros = nn.initializers.ones_init(), nn.initializers.zeros_init()
        scale = self.param("scale", ones, (channels,), default_dtype())
        bias = self.param("bias", zeros, (channels,), default_dtype())
        normal = normal.astype(scale.dtype) * scale[None, None, None]
        return normal + bias[None, None, None]


def _of_groups(
    means: Float[Array, "batch channels"],
) -> Float[Array, "batch channels"]:
    """For each channel the mean of its group.

    Pixels are averaged channel by channel before: to average pixels and the few channels
    of a group at once takes XLA on CPU two and a half times as long.
    """
    size, channels = means.shape
    apart = means.reshape(size, _groups(channels), -1)
    mean = jnp.mean(apart, axis=-1, keepdims=True)
    return jnp.broadcast_to(mean, apart.shape).reshape(means.shape)


def _groups(channels: int) -> int:
    """The largest number of equal groups of at least 8 channels each, or one group."""
    return next(n for n in range(max(channels // 8, 1), 0, -1) if channels % n == 0)
