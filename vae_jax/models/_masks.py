"""Which pixels a unit of a masked network may see; the window is data.

Every unit has an interval of visible pixels `[low, high]` in raster order. A unit may
read another only when the other's interval lies inside its own, so that nothing outside
the window of an output can reach it through any number of layers. MADE (Germain et al.
2015, arXiv:1502.03509) is the case of an unlimited window: intervals begin at pixel 0.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from vae_jax.types import ArrayLike

GOLDEN = 0.6180339887498949
"""Its multiples, modulo 1, are spread evenly however many are taken."""


def shares(window: Int[Array, ""], num_layers: int) -> Int[Array, " layers"]:
    """A window split over layers, `(w + L - 1 - l) // L`, the earlier ones first.

    >>> shares(jnp.asarray(5, jnp.int32), 3).tolist()
    [2, 2, 1]
    """
    return (window + jnp.arange(num_layers - 1, -1, -1, dtype=jnp.int32)) // num_layers


class Intervals(NamedTuple):
    """First and last visible pixel of each unit; empty where `low > high`.

    >>> Intervals(jnp.array([0]), jnp.array([3])).high.tolist()
    [3]
    """

    low: Int[Array, " units"]
    high: Int[Array, " units"]


def pixels(num_pixels: int) -> Intervals:
    """Every pixel sees itself.

    >>> pixels(3).low.tolist()
    [0, 1, 2]
    """
    own = jnp.arange(num_pixels, dtype=jnp.int32)
    return Intervals(own, own)


def outputs(num_pixels: int, window: Int[ArrayLike, ""]) -> Intervals:
    """Output i sees the `window` pixels before pixel i: `[i - window, i - 1]`.

    >>> low, high = outputs(4, 2)
    >>> low.tolist(), high.tolist()
    ([0, 0, 0, 1], [-1, 0, 1, 2])
    """
    own = jnp.arange(num_pixels, dtype=jnp.int32)
    return Intervals(jnp.maximum(own - limited(window, num_pixels), 0), own - 1)


def hidden(num_units: int, num_pixels: int, window: Int[ArrayLike, ""]) -> Intervals:
    """Hidden units end at any pixel but the last and reach back by `ceil(u * window)`.

    The shares u in (0, 1] are fixed, so that a unit keeps its role when the window
    changes: a unit of u = 1 serves one output alone, one of small u serves several.
    From `window = num_pixels - 1` on, reach is unlimited.

    >>> low, high = hidden(4, 5, 2)
    >>> low.tolist(), high.tolist()
    ([0, 1, 1, 3], [0, 1, 2, 3])
    """
    index = np.arange(num_units)
    high = jnp.asarray(index * (num_pixels - 1) // num_units, jnp.int32)
    share = jnp.asarray(1 - index * GOLDEN % 1, jnp.float32)
    window = limited(window, num_pixels)
    reach = jnp.ceil(share * window.astype(jnp.float32)).astype(jnp.int32)
    reach = jnp.where(window == num_pixels - 1, num_pixels, reach)
    return Intervals(jnp.maximum(high - reach + 1, 0), high)


def limited(window: Int[ArrayLike, ""], num_pixels: int) -> Int[Array, ""]:
    """The window, at most as long as there are previous pixels.

    >>> limited(2**31 - 1, 64)
    Array(63, dtype=int32)
    """
    return jnp.minimum(jnp.asarray(window, jnp.int32), num_pixels - 1)


def feeds(source: Intervals, target: Intervals) -> Bool[Array, "sources targets"]:
    """Whether each source sees something, and only what the target may see.

    >>> feeds(pixels(3), outputs(3, 1)).astype(int).tolist()
    [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    """
    low, high = source.low[:, None], source.high[:, None]
    inside = (low >= target.low[None, :]) & (high <= target.high[None, :])
    return inside & (low <= high)
