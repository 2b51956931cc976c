"""An image of twice the sides: pixels repeated, then a convolution of 3x3 taps.

Of the 3x3 taps on repeated pixels those that fall on one small pixel can be added first:
each of the four places in a doubled pixel then has a kernel of 2x2 taps on the small image.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae_jax.models._convolution_products import convolve_by_products, side_by_side

FALLS_ON = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
"""Which taps fall on which of two small pixels: by place, small pixel and tap."""


def convolve_doubled(
    x: Float[Array, "batch height width inputs"],
    kernel: Float[Array, "3 3 inputs outputs"],
) -> Float[Array, "batch new_height new_width outputs"]:
    """The convolution of repeated pixels with zeros around, without repeating any.

    >>> x, kernel = jnp.ones((1, 2, 2, 1)), jnp.ones((3, 3, 1, 1))
    >>> convolve_doubled(x, kernel)[0, 0, :, 0].tolist()
    [4.0, 6.0, 6.0, 4.0]
    """
    _, height, width, _ = x.shape
    found = convolve_by_products(x, of_places(kernel), ((1, 1), (1, 1)), 1)
    apart = found.reshape(*found.shape[:3], 2, 2, kernel.shape[-1])
    # a window that begins a pixel earlier is that of the first place
    rows = [apart[:, place : place + height, :, place] for place in (0, 1)]
    places = [
        row[:, :, place : place + width, place] for row in rows for place in (0, 1)
    ]
    return side_by_side(jnp.concatenate(places, axis=-1), 2)


def of_places(
    kernel: Float[Array, "3 3 inputs outputs"],
) -> Float[Array, "2 2 inputs places"]:
    """The kernels of the four places, whose outputs lie one after another."""
    falls = jnp.asarray(FALLS_ON, kernel.dtype)
    rows = jnp.tensordot(falls, kernel, ((2,), (0,)), precision="highest")
    both = jnp.tensordot(falls, rows, ((2,), (2,)), precision="highest")
    # (column place, column, row place, row, inputs, outputs)
    turned: Array = both.transpose(3, 1, 4, 2, 0, 5)
    return turned.reshape(2, 2, kernel.shape[2], -1)


def repeated(x: Array, times: int) -> Float[Array, "batch rows columns inputs"]:
    """Each pixel so many times both ways.

    >>> repeated(jnp.array([[[[1.0], [2.0]]]]), 2)[0, :, :, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """
    for axis in (1, 2):
        x = jnp.repeat(x, times, axis=axis)
    return x
