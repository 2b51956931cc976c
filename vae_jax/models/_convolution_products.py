"""A convolution as products of two matrices, and so its gradients: the form for CPU.

What a kernel sees at a pixel is a row of a matrix, and the convolution is one product. Left
to itself the derivative scatters, and multiplies matrices that lie the wrong way; here each
gradient is such a product again, and each product is made of blocks that stay in the cache.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.models._products import dot_rows

Padding = tuple[tuple[int, int], tuple[int, int]]
"""Zeros above and below, left and right; negative ones cut rows and columns off."""

BLOCK_BYTES = 2**20
"""Of what the kernel sees, at a time: about the second cache of a core."""


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolve_by_products(
    x: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "rows columns inputs outputs"],
    padding: Padding,
    stride: int,
) -> Float[Array, "batch new_height new_width outputs"]:
    """See `convolve`; of its derivatives those of reverse mode are there.

    >>> x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    >>> convolve_by_products(x, kernel, ((1, 1), (1, 1)), 1)[0, 0, :, 0].tolist()
    [4.0, 6.0, 6.0, 4.0]
    """
    taps = kernel.reshape(-1, kernel.shape[-1])

    def product(x: Array) -> Array:
        return dot_rows(patches(x, kernel.shape[:2], padding, stride), taps)

    return in_blocks(product, seen_bytes(x, kernel.shape, stride), x)


def _forward(
    x: Array, kernel: Array, padding: Padding, stride: int
) -> tuple[Array, tuple[Array, Array]]:
    return convolve_by_products(x, kernel, padding, stride), (x, kernel)


def _backward(
    padding: Padding, stride: int, kept: tuple[Array, Array], slope: Array
) -> tuple[Array, Array]:
    x, kernel = kept
    by_x = gradient_by_input(slope, kernel, x.shape, padding, stride)
    return by_x, gradient_by_kernel(x, slope, kernel.shape, padding, stride)


convolve_by_products.defvjp(_forward, _backward)


def gradient_by_input(
    slope: Array,
    kernel: Float[Array, "rows columns inputs outputs"],
    shape: tuple[int, ...],
    padding: Padding,
    stride: int,
) -> Float[Array, "batch height width inputs"]:
    """The slope by each pixel: a convolution of `slope` with the kernel turned round.

    With a stride s the pixels at each of s x s places have a kernel of their own, of every
    s-th tap. All of them are one product, whose outputs are laid side by side.
    """
    rows, columns, inputs, outputs = kernel.shape
    up, across = -(-rows // stride), -(-columns // stride)
    whole = jnp.pad(
        kernel,
        (
            (0, up * stride - rows),
            (0, across * stride - columns),
            *((0, 0), (0, 0)),
        ),
    )
    # (up, place, across, place, inputs, outputs) with the taps from last to first
    apart = whole.reshape(up, stride, across, stride, inputs, outputs)[::-1, :, ::-1]
    turned = apart.transpose(0, 2, 5, 1, 3, 4).reshape(up, across, outputs, -1)
    around = ((up - 1, up - 1), (across - 1, across - 1))
    found = convolve_by_products(slope, turned, around, 1)
    placed = side_by_side(found, stride)
    cut = [
        (-before, size + before - have)
        for (before, _), size, have in zip(
            padding, shape[1:3], placed.shape[1:3], strict=True
        )
    ]
    return padded(placed, (cut[0], cut[1]))


def gradient_by_kernel(
    x: Array,
    slope: Array,
    shape: tuple[int, ...],
    padding: Padding,
    stride: int,
) -> Float[Array, "rows columns inputs outputs"]:
    """The slope by each tap: what it has seen times `slope`, added up block by block."""

    def product(x: Array, slope: Array) -> Array:
        seen = patches(x, shape[:2], padding, stride)
        rows = seen.reshape(-1, seen.shape[-1])
        return jax.lax.dot_general(
            rows, slope.reshape(-1, shape[-1]), (((0,), (0,)), ((), ()))
        )

    size = seen_bytes(x, shape, stride)
    return summed_over_blocks(product, size, x, slope).reshape(shape)


def side_by_side(
    x: Float[Array, "batch height width places"], stride: int
) -> Float[Array, "batch new_height new_width channels"]:
    """Channels of s x s places as an image of s times the sides.

    >>> side_by_side(jnp.arange(4.0).reshape(1, 1, 1, 4), 2)[0, :, :, 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    size, height, width, channels = x.shape
    own = channels // stride**2
    apart = x.reshape(size, height, width, stride, stride, own)
    turned = apart.transpose(0, 1, 3, 2, 4, 5)
    return turned.reshape(size, height * stride, width * stride, own)


def patches(
    x: Array, kernel: tuple[int, ...], padding: Padding, stride: int
) -> Float[Array, "batch new_height new_width taps"]:
    """What the kernel sees at each pixel, tap by tap, channels last."""
    x = padded(x, padding)
    rows, columns = (
        (side - taps) // stride for side, taps in zip(x.shape[1:3], kernel, strict=True)
    )
    slices = [
        x[
            :,
            row : row + rows * stride + 1 : stride,
            column : column + columns * stride + 1 : stride,
        ]
        for row in range(kernel[0])
        for column in range(kernel[1])
    ]
    return jnp.concatenate(slices, axis=-1)


def padded(x: Array, padding: Padding) -> Float[Array, "batch rows columns inputs"]:
    """With zeros around, and without what negative padding cuts off."""
    edges = ((0, 0, 0), (*padding[0], 0), (*padding[1], 0), (0, 0, 0))
    return jax.lax.pad(x, jnp.zeros((), x.dtype), edges)


def seen_bytes(x: Array, kernel: tuple[int, ...], stride: int) -> int:
    """Of what a kernel of this shape sees of all images, about."""
    taps = math.prod(kernel[:3])
    pixels = math.prod(x.shape[:3]) // stride**2
    return pixels * taps * x.dtype.itemsize


def num_blocks(size: int, num_bytes: int) -> int:
    """Equal blocks of the batch, the fewest whose bytes fit; 1 where all do.

    >>> num_blocks(12, 5 * BLOCK_BYTES), num_blocks(7, 2 * BLOCK_BYTES)
    (6, 7)
    """
    wanted = -(-num_bytes // BLOCK_BYTES)
    return next((n for n in range(wanted, size) if size % n == 0), max(size, 1))


def in_blocks(
    function: Callable[[Array], Array], num_bytes: int, x: Array
) -> Float[Array, "batch ..."]:
    """`function` of a few images at a time."""
    blocks = num_blocks(len(x), num_bytes)
    if blocks == 1:
        return function(x)
    found: Array = jax.lax.map(function, x.reshape(blocks, -1, *x.shape[1:]))
    return found.reshape(len(x), *found.shape[2:])


def summed_over_blocks(
    function: Callable[[Array, Array], Array], num_bytes: int, x: Array, slope: Array
) -> Array:
    """The sum of `function` of a few images at a time."""
    blocks = num_blocks(len(x), num_bytes)
    if blocks == 1:
        return function(x, slope)

    def apart(whole: Array) -> Array:
        return whole.reshape(blocks, -1, *whole.shape[1:])

    parts = apart(x), apart(slope)
    like = jax.eval_shape(function, *(part[0] for part in parts))

    def add(total: Array, block: tuple[Array, Array]) -> tuple[Array, None]:
        return total + function(*block), None

    total: Array = jax.lax.scan(add, jnp.zeros(like.shape, like.dtype), parts)[0]
    return total
