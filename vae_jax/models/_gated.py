"""Gated convolutions over the pixels above and to the left; how far they see is data."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from vae_jax.models._assemble import dense
from vae_jax.models._convolution import Convolution, ConvolutionMethod
from vae_jax.models._convolution_products import Padding
from vae_jax.models._dropout import OptionalKeys, dropout
from vae_jax.models._masks import shares
from vae_jax.types import ArrayLike


def reaches(
    window: Int[ArrayLike, ""], num_layers: int, half: int
) -> Int[Array, " layers"]:
    """How many pixels each layer looks back, together `window` or as many as it can.

    Layer l reaches `r_l = (w + L - 1 - l) // L` with `w = min(window, L half)`, where
    `half` is that of the kernel: at most `half` each, the earlier layers first.

    >>> reaches(2, 3, 1).tolist(), reaches(2**31 - 1, 3, 1).tolist()
    ([1, 1, 0], [1, 1, 1])
    """
    window = jnp.minimum(jnp.asarray(window, jnp.int32), num_layers * half)
    return shares(window, num_layers)


class GatedLayer(nn.Module):
    """One layer of the two stacks of Oord et al. (2016), arXiv:1606.05328, Section 2.3.

    The vertical stack sees the rows above, the horizontal one its own row to the left and,
    through 1x1 taps, the vertical stack: all that comes before, without a blind spot.

    `v' = gate(a + c_v)`, `a = conv(v)`; `g = gate(conv(h) + W a + c_h)`, `h' = h + W' g`,
    with `gate(a, b) = tanh(a) sigmoid(b)` and c linear in z and in the map decoded from z.
    The first layer reads the image itself: in the vertical stack without its own row, in
    the horizontal one without its own pixel, which is why it does not add h.
    """

    width: int
    half: int
    number: int
    method: ConvolutionMethod | None = None

    def setup(self) -> None:
        """The layer's weights."""
        wide, back = 2 * self.width, len(self._back())
        self.vertical = Convolution(wide, (back, 2 * self.half + 1), method=self.method)
        self.horizontal = Convolution(wide, (1, back), method=self.method)
        # convolutions of one tap
        self.across = dense(wide)
        self.of_code, self.of_map = dense(2 * wide), dense(2 * wide)
        self.onward, self.skip = dense(self.width), dense(self.width)

    def __call__(
        self,
        stacks: tuple[Array, Array],
        z: Array,
        place: Array,
        reach: ArrayLike,
        keys: OptionalKeys = None,
        rate: ArrayLike = 0.0,
    ) -> tuple[tuple[Array, Array], Array]:
        """Both stacks of whole images, and what goes to the output."""
        (v, h), half, drop = stacks, self.half, dropout(keys, rate)
        # the last tap is at the pixel itself, or at the one before
        last = 0 if self.number else -1
        conditions = self.conditions(z, place)
        v, side = self.rows(v, conditions, reach, ((half, last), (half, half)))
        gated = self.pixels(h, side, reach, ((0, 0), (half, last)))
        h, skip = self.outputs(drop(gated, 2 * self.number + 1), h)
        return (drop(v, 2 * self.number), h), skip

    def conditions(self, z: Array, place: Array) -> Array:
        """What z adds to the gates of either stack."""
        return self.of_code(z)[:, None, None] + self.of_map(place)

    def rows(
        self, v: Array, conditions: Array, reach: ArrayLike, padding: Padding
    ) -> tuple[Array, Array]:
        """The vertical stack, and what the horizontal one adds to its own taps."""
        back, aside = self._back(), np.arange(-self.half, self.half + 1)
        taps = within(back, reach)[:, None] & within(aside, reach)[None]
        above = self.vertical(v, padding, taps)
        of_rows, of_pixels = jnp.split(conditions, 2, axis=-1)
        return gate(above + of_rows), self.across(above) + of_pixels

    def pixels(
        self, h: Array, side: Array, reach: ArrayLike, padding: Padding
    ) -> Array:
        """The gates of the horizontal stack."""
        taps = within(self._back(), reach)[None]
        return gate(self.horizontal(h, padding, taps) + side)

    def outputs(self, gated: Array, h: Array) -> tuple[Array, Array]:
        """The horizontal stack, and what goes to the output."""
        onward = self.onward(gated)
        return onward + h if self.number else onward, self.skip(gated)

    def _back(self) -> np.ndarray:
        """Offsets of the taps; the first layer has none at the pixel itself."""
        return np.arange(-self.half, 1 if self.number else 0)


def within(offsets: np.ndarray, reach: Int[ArrayLike, ""]) -> Bool[Array, " taps"]:
    """Which taps are near enough.

    >>> within(np.array([-2, -1, 0]), 1).tolist()
    [False, True, True]
    """
    return jnp.asarray(np.abs(offsets), jnp.int32) <= jnp.asarray(reach, jnp.int32)


def gate(
    sums: Float[Array, "*batch double"],
) -> Float[Array, "*batch channels"]:
    """`tanh(a) sigmoid(b)` of the first and the second half of the channels.

    >>> gate(jnp.zeros((1, 4))).tolist()
    [[0.0, 0.0]]
    """
    values, shares = jnp.split(sums, 2, axis=-1)
    return jnp.tanh(values) * nn.sigmoid(shares)
