"""The exact posterior of every example, on a grid of z with one or two dimensions.

The truth beside which an encoder is judged: where its mean stays at 0 while that of the
exact posterior moves, it is the encoder that lags. He et al. (2019), arXiv:1901.05534.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike

GRID_AXIS = np.arange(-200, 200) / 10
"""z = -20, -19.9, ..., 19.9: the grid of He et al. (2019), in their public code."""

BLOCK_SIZE = 64
"""Grid points at a time; memory grows with it times the cost of one `log_joint`."""


class GridPosterior(NamedTuple):
    """What the grid says of `p(z|x)`, an example a row.

    Attributes:
        mean: of the posterior.
        covariance: of the posterior.
        log_evidence: `log p(x)` in nats.
        edge_mass: share of the mass on the outermost points. Anything but a tiny share says
            that the grid is too small: mass beyond it is missing from all the rest.
        peak_mass: largest share of one point. Near 1 the grid is too coarse; a Gaussian as
            narrow as the step has 0.4 of an axis and is still exact to 1e-8.
        weights: share of every point, which sum to 1. Under `jit` the table, examples times
            points, is made only if it is used.

    >>> GridPosterior._fields
    ('mean', 'covariance', 'log_evidence', 'edge_mass', 'peak_mass', 'weights')
    """

    mean: Float[Array, "examples latent"]
    covariance: Float[Array, "examples latent latent"]
    log_evidence: Float[Array, " examples"]
    edge_mass: Float[Array, " examples"]
    peak_mass: Float[Array, " examples"]
    weights: Float[Array, " examples *grid"]


def grid_posterior(
    log_joint: Callable[[Array], Array],
    grid_axes: Sequence[ArrayLike] = (GRID_AXIS,),
    *,
    block_size: int = BLOCK_SIZE,
) -> GridPosterior:
    """Posterior and evidence of every example by the trapezoid rule, a block at a time.

    `p(x) = sum_g w_g p(x, z_g)` and `p(z_g|x) = w_g p(x, z_g) / p(x)`, with w_g the product
    of the trapezoid weights of the axes. Only running moments are kept between the blocks.
    Where the evidence is zero on the whole grid, `log p(x)` is -inf and the rest is NaN.

    Args:
        log_joint: `log_joint(z) -> (examples,)`, `log p(x, z)` of all examples at one z of
            shape (latent,), in nats. It is vmapped over a block of z.
        grid_axes: one or two axes, whose values increase; traced ones that do not make the
            results NaN.
        block_size: grid points at a time.

    Raises:
        TypeError: `block_size` is no whole number.
        ValueError: not one or two axes of at least 2 points that increase, or `log_joint`
            does not give one number an example.

    >>> def log_joint(z):
    ...     log_prior = -jnp.sum(z**2) / 2 - jnp.log(2 * jnp.pi) / 2
    ...     return log_prior - (jnp.array([1.0, 2.0]) - z[0]) ** 2 / 2
    >>> found = grid_posterior(log_joint)
    >>> [f"{mean:.3f}" for mean in found.mean[:, 0]]
    ['0.500', '1.000']
    >>> [f"{variance:.3f}" for variance in found.covariance[:, 0, 0]]
    ['0.500', '0.500']
    """
    axes = tuple(as_float(axis) for axis in grid_axes)
    if len(axes) not in (1, 2) or any(a.ndim != 1 or len(a) < 2 for a in axes):
        raise ValueError(
            "`grid_axes` must be one or two axes of shape (points,) with at least 2 points "
            f"each; got shapes {[a.shape for a in axes]}."
        )
    for axis in grid_axes:
        known = checks.concrete("grid_axes", axis)
        if known is not None and not (np.diff(known) > 0).all():
            raise ValueError(f"`grid_axes` must increase; got {known.tolist()}.")
    block_size = checks.whole("block_size", block_size, 1)
    grid = lay_out(axes)
    size = len(grid.log_width)
    shape = jax.eval_shape(log_joint, grid.z[0]).shape
    if len(shape) != 1:
        raise ValueError(
            "`log_joint` must return one number an example, (examples,), for a z of shape "
            f"({len(axes)},); got {shape}."
        )
    step = max(1, min(block_size, size))
    blocks = jax.tree.map(lambda a: a.reshape(-1, step, *a.shape[1:]), pad(grid, step))

    def add(total: Moments, block: Grid) -> tuple[Moments, Array]:
        log_mass = block.log_width[:, None] + as_float(jax.vmap(log_joint)(block.z))
        return merge(total, moments(log_mass, block)), log_mass

    total, log_mass = jax.lax.scan(add, nothing(shape[0], grid.z), blocks)
    weights = jax.nn.softmax(log_mass.reshape(-1, shape[0])[:size], axis=0)
    undefined = jnp.where(total.log_mass == -jnp.inf, jnp.nan, 0)
    return GridPosterior(
        mean=total.mean + undefined[:, None],
        covariance=total.covariance + undefined[:, None, None],
        log_evidence=total.log_mass,
        edge_mass=total.edge_mass + undefined,
        peak_mass=total.peak_mass + undefined,
        weights=weights.T.reshape(-1, *(len(a) for a in axes)),
    )


class Grid(NamedTuple):
    """The points, a row each, with the logarithm of their trapezoid weight."""

    z: Float[Array, "points latent"]
    log_width: Float[Array, " points"]
    on_edge: Bool[Array, " points"]


class Moments(NamedTuple):
    """Of the mass seen so far; mean, covariance and shares are normalised by it."""

    log_mass: Float[Array, " examples"]
    mean: Float[Array, "examples latent"]
    covariance: Float[Array, "examples latent latent"]
    edge_mass: Float[Array, " examples"]
    peak_mass: Float[Array, " examples"]


def lay_out(axes: tuple[Array, ...]) -> Grid:
    """All points of the product of the axes, the last axis fastest."""
    widths = []
    for axis in axes:
        half = jnp.diff(axis) / 2
        widths.append(jnp.pad(half, (0, 1)) + jnp.pad(half, (1, 0)))
    edges = [jnp.zeros(len(a), bool).at[jnp.array([0, -1])].set(True) for a in axes]

    def spread(parts: Sequence[Array]) -> list[Array]:
        return [part.ravel() for part in jnp.meshgrid(*parts, indexing="ij")]

    return Grid(
        jnp.stack(spread(axes), axis=-1),
        sum(spread([jnp.log(width) for width in widths]), jnp.zeros((), axes[0].dtype)),
        jnp.stack(spread(edges)).any(axis=0),
    )


def pad(grid: Grid, step: int) -> Grid:
    """Whole blocks: copies of the last point, of no weight."""
    missing = -len(grid.log_width) % step
    return Grid(
        jnp.pad(grid.z, ((0, missing), (0, 0)), mode="edge"),
        jnp.pad(grid.log_width, (0, missing), constant_values=-jnp.inf),
        jnp.pad(grid.on_edge, (0, missing)),
    )


def nothing(num_examples: int, z: Array) -> Moments:
    """No mass at all."""
    latent = z.shape[-1]
    zeros = jnp.zeros(num_examples, z.dtype)
    return Moments(
        zeros - jnp.inf,
        jnp.zeros((num_examples, latent), z.dtype),
        jnp.zeros((num_examples, latent, latent), z.dtype),
        zeros,
        zeros,
    )


def moments(log_mass: Float[Array, "points examples"], block: Grid) -> Moments:
    """Of one block."""
    top = jnp.max(log_mass, axis=0)
    top = jax.lax.stop_gradient(jnp.where(top == -jnp.inf, 0, top))
    mass = jnp.exp(log_mass - top[None])
    sums = jnp.sum(mass, axis=0)
    total = jnp.where(sums == 0, 1, sums)
    # they sum to 1 to rounding, which exp(log_mass - log_total) do not if it is large
    share = mass / total[None]
    # about the block's own mean: squares of far-away z would lose the digits of the width
    with jax.default_matmul_precision("highest"):
        mean = share.T @ block.z
        off = block.z[:, None, :] - mean[None]
        covariance = jnp.einsum("pe,pej,pek->ejk", share, off, off)
    edge = jnp.sum(jnp.where(block.on_edge[:, None], share, 0), axis=0)
    log_total = jnp.where(sums == 0, -jnp.inf, top + jnp.log(total))
    return Moments(log_total, mean, covariance, edge, jnp.max(share, axis=0))


def merge(a: Moments, b: Moments) -> Moments:
    """Of both masses together, as of a mixture of two."""
    empty = b.log_mass == -jnp.inf
    of_b = jax.nn.sigmoid(b.log_mass - jnp.where(empty, 0, a.log_mass))
    of_a = 1 - of_b
    off = b.mean - a.mean
    spread = (of_a * of_b)[:, None, None] * off[:, :, None] * off[:, None, :]
    covariance = of_a[:, None, None] * a.covariance + of_b[:, None, None] * b.covariance
    return Moments(
        jnp.logaddexp(a.log_mass, b.log_mass),
        a.mean + of_b[:, None] * off,
        covariance + spread,
        of_a * a.edge_mass + of_b * b.edge_mass,
        jnp.maximum(of_a * a.peak_mass, of_b * b.peak_mass),
    )
