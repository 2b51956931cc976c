"""Logistic distributions on a grid of grey levels in [-1, 1], bin by bin.

Level k of L lies at `2 k / (L - 1) - 1`. Its mass is that of the logistic between the
midpoints to its neighbours; the first and the last level take the tails.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from vae_jax import checks
from vae_jax.numerics import log1mexp

OFF_LEVEL = 0.3
"""Of a step: what is farther from every level is none. bfloat16 rounds by up to 0.25."""


def grid(levels: int) -> np.ndarray:
    """Where the levels lie, in float64.

    >>> grid(5).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    levels = checks.whole("levels", levels, 2)
    return 2.0 * np.arange(levels) / (levels - 1) - 1.0


def edges(levels: int) -> np.ndarray:
    """The midpoints between neighbours, in float64.

    >>> edges(5).tolist()
    [-0.75, -0.25, 0.25, 0.75]
    """
    return (2.0 * np.arange(levels - 1) + 1.0) / (levels - 1) - 1.0


def nearest_level(
    x: Float[Array, "..."], levels: int
) -> tuple[Int[Array, "..."], Bool[Array, "..."]]:
    """The number of the level nearest to `x`, and whether `x` is a level at all.

    >>> level, known = nearest_level(jnp.array([-1.0, 0.51, 0.75]), 5)
    >>> level.tolist(), known.tolist()
    ([0, 3, 0], [True, True, False])
    """
    position = (x + 1.0) * (0.5 * (levels - 1))
    nearest = jnp.round(position)
    known = jnp.abs(position - nearest) <= OFF_LEVEL
    known = known & (nearest >= 0) & (nearest <= levels - 1)
    return jnp.where(known, nearest, 0.0).astype(jnp.int32), known


def log_mass(
    level: Int[Array, "..."],
    means: Float[Array, "... components"],
    log_scales: Float[Array, "... components"],
    levels: int,
) -> Float[Array, "... components"]:
    """`log(sigmoid(b) - sigmoid(a))` nats, `a` and `b` the scaled edges of a level.

    As `log sigmoid(b) + log sigmoid(-a) + log(1 - exp(a - b))`, an identity: exact where
    the mass underflows, whatever the scale, so that no density times width is needed.

    >>> three = jnp.arange(3, dtype=jnp.int32)
    >>> mass = log_mass(three, jnp.zeros((3, 1)), jnp.full((3, 1), -3.0), 3)
    >>> round(float(jnp.exp(mass).sum()), 5)
    1.0
    """
    inverse = jnp.exp(-log_scales)
    first, last = (level == 0)[..., None], (level == levels - 1)[..., None]
    above = _beyond(levels, jnp.minimum(level, levels - 2), means) * inverse
    below = _beyond(levels, jnp.maximum(level - 1, 0), means) * inverse
    width = log1mexp(2.0 / (levels - 1) * inverse)
    return (
        jnp.where(last, 0.0, jax.nn.log_sigmoid(above))
        + jnp.where(first, 0.0, jax.nn.log_sigmoid(-below))
        + jnp.where(first | last, 0.0, width)
    )


def _beyond(levels: int, index: Array, means: Array) -> Array:
    """`edge - mean`, with the digits that an edge in float32 has lost added again."""
    exact = edges(levels)
    rounded = exact.astype(means.dtype)
    rest = (exact - rounded).astype(means.dtype)
    near = jnp.asarray(rounded)[index][..., None] - means
    return near + jnp.asarray(rest)[index][..., None]


def mean_on_grid(
    means: Float[Array, "..."], log_scales: Float[Array, "..."], levels: int
) -> Float[Array, "..."]:
    """`1 - step sum_edges P(x < edge)`: the exact mean of discretised logistics.

    >>> mean_on_grid(jnp.zeros(1), jnp.zeros(1), 5).round(4).tolist()
    [0.0]
    """
    between, inverse = jnp.asarray(edges(levels), means.dtype), jnp.exp(-log_scales)

    # a loop, not a sum over an axis: that would hold every edge of every pixel at once
    def add(i: Array, total: Array) -> Array:
        return total + jax.nn.sigmoid((between[i] - means) * inverse)

    total: Array = jax.lax.fori_loop(0, levels - 1, add, jnp.zeros_like(means))
    return 1.0 - 2.0 / (levels - 1) * total
