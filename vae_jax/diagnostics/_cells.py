"""Continuous conditions as cells, for what compares examples of one condition."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

MOST = 64
ROUNDED = 2.0**-20
"""Of the largest number: eight roundings of float32, within which two are equal."""

ENOUGH = 30
"""Examples of a cell on average: within tens of them the information of z is compared."""


def condition_cells(
    conditions: Float[ArrayLike, "examples covariates"], num_cells: int | None = None
) -> Int[Array, " examples"]:
    """The cell of each vector of covariates, a whole number. Pure: under `jit` and `vmap`.

    A cell is split in two at the mean of the covariate that varies most in it, and all
    cells so again, until there are `num_cells`: one covariate falls into bins, one of two
    values into those. A cell whose vectors are equal stays whole, so that there may be
    fewer.

    `I(z; x, c | cell) = I(z; c | cell) + I(z; x | c)` nats: what is measured in cells is at
    least what z says beside c, and falls to it as they narrow. A k-d tree, Bentley (1975),
    "Multidimensional binary search trees used for associative searching", split at means.

    Args:
        conditions: scaled to be compared, as standardised.
        num_cells: a power of 2; by default the largest up to 64 that leaves 30 examples a
            cell on average.

    Raises:
        TypeError: a number of cells that is no whole number.
        ValueError: one that is no power of 2 from 2 on, or no vectors.

    >>> cells = condition_cells(jnp.array([[0.0], [0.1], [5.0], [5.2]]), 2)
    >>> cells.tolist()
    [0, 0, 1, 1]
    """
    known = as_float(conditions)
    if known.ndim != 2 or 0 in known.shape:
        raise ValueError(
            "`conditions` must have the shape (examples, covariates), a vector an example; "
            f"got {known.shape}."
        )
    if num_cells is None:
        found = 2
        while 2 * found <= MOST and 2 * found * ENOUGH <= len(known):
            found *= 2
        num_cells = found
    total = checks.whole("num_cells", num_cells, 2)
    if total & (total - 1):
        raise ValueError(f"`num_cells` must be a power of 2; got {total}.")
    cells = jnp.zeros(len(known), jnp.int32)
    for _ in range(total.bit_length() - 1):
        cells = 2 * cells + above_mean(known, cells, total)
    return cells


def above_mean(
    known: Float[Array, "examples covariates"],
    cells: Int[Array, " examples"],
    most: int,
) -> Int[Array, " examples"]:
    """1 where the covariate that varies most in an example's cell is above its mean.

    >>> above_mean(jnp.array([[0.0], [1.0]]), jnp.zeros(2, jnp.int32), 1).tolist()
    [0, 1]
    """

    def means(values: Array) -> Array:
        ones = jnp.ones((len(values), 1), values.dtype)
        sums = jax.ops.segment_sum(values, cells, most)
        counts = jax.ops.segment_sum(ones, cells, most)
        return (sums / jnp.maximum(counts, 1))[cells]

    apart = known - means(known)
    widest = jnp.argmax(means(jnp.square(apart)), axis=1)[:, None]
    own: Array = jnp.take_along_axis(apart, widest, axis=1)[:, 0]
    # a mean is rounded: what is equal must not be told apart
    scale = jnp.max(jnp.abs(known)) * ROUNDED
    above: Array = own > scale
    return above.astype(jnp.int32)
