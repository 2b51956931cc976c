"""The density of each unit alone under the aggregate posterior, at every sample.

All pairs of examples meet in every unit: an exponential for each. Of a large set the
density of one unit is a smooth curve, so it is summed exactly at nodes and read between
them. Nodes tell how good that is: every second one is predicted by the others. Where they
disagree, as in gaps between posteriors or where those are narrower than nodes are apart,
all pairs are summed.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vae_jax import numerics
from vae_jax.diagnostics._log_ratios import scaled_error, unit_scale

NODES = 4096
"""Even. Of 60 000 examples between -5 and 5, it does for posteriors wider than 0.01."""

PAIRS_UP_TO = 2 * NODES
"""Examples of which all pairs are summed: nodes would save less than half of it."""

STENCIL = 6
"""Nodes that a value is read from, by the polynomial through them."""

FEW = 1024
"""Samples near nodes that disagree which are summed over all pairs; more, and all are."""

MIDWAY = np.array([3, -25, 150, 150, -25, 3]) / 256
"""The weights of that polynomial in the middle of its nodes."""

AGREEMENT = 1e-4
"""Nats by which a node may differ from what its neighbours two nodes apart predict. Of a
sixth-order rule the nodes themselves, twice as close, are 64 times as good."""


class Unit(NamedTuple):
    """One unit of the posterior of every example, and the noise of every sample."""

    noise: Float[Array, " examples"]
    mean: Float[Array, " examples"]
    logvar: Float[Array, " examples"]
    scale: Float[Array, ""]

    @property
    def offset(self) -> Float[Array, " examples"]:
        """Of each sample from its mean, over `exp(scale / 2)`."""
        return jnp.exp(0.5 * (self.logvar - self.scale)) * self.noise

    @property
    def own(self) -> Float[Array, " examples"]:
        """`log q(z|x)` of each sample, without the constant."""
        return -0.5 * (jnp.square(self.noise) + self.logvar)


def unit_log_ratios(
    noise: Float[Array, "examples latent"],
    mean: Float[Array, "examples latent"],
    logvar: Float[Array, "examples latent"],
    block_size: int,
) -> Float[Array, "examples latent"]:
    """`log q(z_j|x) - log q(z_j)` of the sample of every example, unit by unit."""
    units = Unit(noise.T, mean.T, logvar.T, unit_scale(logvar))
    few, every = len(noise) <= PAIRS_UP_TO, jnp.arange(len(noise))

    def one_unit(_: None, unit: Unit) -> tuple[None, Array]:
        if few:
            return None, of_pairs(unit, every, block_size)
        return None, of_nodes(unit, block_size)

    found: Array = jax.lax.scan(one_unit, None, units)[1]
    return found.T


def of_pairs(
    unit: Unit, index: Int[Array, " samples"], block_size: int
) -> Float[Array, " samples"]:
    """Of these samples, by the sum over all examples for each."""
    offset, own = unit.offset, unit.own

    def ratio(one: Array) -> Array:
        other = log_densities(unit, unit.mean[one], offset[one])
        return own[one] - numerics.log_mean_exp(other)

    return _in_blocks(ratio, index, block_size)


def log_densities(unit: Unit, mean: Array, offset: Array) -> Float[Array, " examples"]:
    """`log q(z|x)` under every example, of z = mean + exp(scale / 2) offset."""
    error = scaled_error(mean, offset, unit.mean, unit.logvar, unit.scale)
    found: Array = -0.5 * (unit.logvar + jnp.square(error))
    return found


def of_nodes(unit: Unit, block_size: int) -> Float[Array, " examples"]:
    """Read between nodes where those agree with one another, else by all pairs."""
    z = unit.mean + jnp.exp(0.5 * unit.scale) * unit.offset
    low, step = grid(z)
    table = tabulated(unit, low, step, block_size)
    known = jnp.isfinite(table).all() & (step > 0)
    table = jnp.where(known, table, 0.0)
    place = jnp.where(known, (z - low) / jnp.where(known, step, 1.0), 0.0)
    start = jnp.maximum(jnp.floor(place).astype(jnp.int32) - 2, 0)
    doubtful = ~known | (disagreement(table)[start] > AGREEMENT)
    every = jnp.arange(len(z))

    def mended() -> Array:
        some = jnp.nonzero(doubtful, size=FEW, fill_value=0)[0]
        found = unit.own - read(table, start, place)
        return found.at[some].set(of_pairs(unit, some, block_size))

    found: Array = jax.lax.cond(
        jnp.sum(doubtful) <= FEW, mended, lambda: of_pairs(unit, every, block_size)
    )
    return found


def grid(z: Float[Array, " examples"]) -> tuple[Array, Array]:
    """The first node and the step.

    No sample is read from the nodes at the ends, some of which have too few neighbours to
    be judged by.
    """
    step = (jnp.max(z) - jnp.min(z)) / (NODES - 1 - 2 * STENCIL)
    return jnp.min(z) - STENCIL * step, step


def tabulated(
    unit: Unit, low: Array, step: Array, block_size: int
) -> Float[Array, " nodes"]:
    """`log q(z)` at evenly spaced nodes, without the constant."""

    def at_node(index: Array) -> Array:
        node = low + step * index.astype(step.dtype)
        return numerics.log_mean_exp(log_densities(unit, node, jnp.zeros_like(node)))

    return _in_blocks(at_node, jnp.arange(NODES), block_size)


def disagreement(table: Float[Array, " nodes"]) -> Float[Array, " starts"]:
    """How far the nodes of each stencil are from what their neighbours predict, nats."""
    even, odd = table[::2], table[1::2]
    count = len(even) - STENCIL + 1
    predicted = jnp.zeros(count, table.dtype)
    for number, weight in enumerate(MIDWAY.astype(table.dtype)):
        predicted += weight * even[number : number + count]
    # of every node: of an even one, that of its neighbour; at the ends, of the nearest
    error = jnp.repeat(jnp.abs(odd[2 : 2 + count] - predicted), 2)
    error = jnp.pad(error, (5, NODES - 5 - len(error)), mode="edge")
    stencils = [error[k : k + NODES - STENCIL + 1] for k in range(STENCIL)]
    return jnp.max(jnp.stack(stencils), axis=0)


def read(
    table: Float[Array, " nodes"],
    start: Int[Array, " examples"],
    place: Float[Array, " examples"],
) -> Float[Array, " examples"]:
    """The polynomial through `STENCIL` nodes from the start on, at the place: Lagrange."""
    at = place - start.astype(place.dtype)
    total = jnp.zeros_like(at)
    for one in range(STENCIL):
        weight = jnp.ones_like(at)
        for other in range(STENCIL):
            if other != one:
                weight *= (at - other) / (one - other)
        total += weight * table[start + one]
    return total


def _in_blocks(
    function: Callable[[Array], Array], index: Int[Array, " some"], block_size: int
) -> Float[Array, " some"]:
    """The function of every index, so many at a time."""
    size = min(block_size, len(index))
    found: Array = jax.lax.map(function, index, batch_size=size)
    return found
