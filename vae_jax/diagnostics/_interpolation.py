"""Between two codes: a path through latent space, and how evenly the decoder follows it.

A decoder that ignores z goes nowhere: its path has length 0, and no ratio of lengths is
defined. The numbers here are chosen so that this reads as the worst and not as the best.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.diagnostics._checks import rounding
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike

Kind = Literal["linear", "spherical"]

ROUNDING_STEPS = 8
"""A step of the decoder's output within this many roundings of its size is none."""


class InterpolationSmoothness(NamedTuple):
    """How the decoder's mean moves along a path, a pair of codes a row.

    Attributes:
        total_change: distance between the decoded ends, in units of the data; 0 at
            collapse. Read it first: of a tiny change, however smooth, nobody sees anything.
        path_length: sum of the steps; at least the total change.
        straightness: total change over path length, from 0 to 1, where 1 is a straight
            line. 0 where nothing moves.
        evenness: mean step over largest step, from 0 to 1, where 1 is a steady change and
            `1 / num_steps` a single jump. 0 where nothing moves.

    >>> InterpolationSmoothness._fields
    ('total_change', 'path_length', 'straightness', 'evenness')
    """

    total_change: Float[Array, " batch"]
    path_length: Float[Array, " batch"]
    straightness: Float[Array, " batch"]
    evenness: Float[Array, " batch"]


def interpolate(
    z_a: Float[ArrayLike, "batch latent"],
    z_b: Float[ArrayLike, "batch latent"],
    num_points: int,
    kind: Kind = "linear",
) -> Float[Array, "batch num_points latent"]:
    """Points from `z_a` to `z_b`, both included, at equal steps of t from 0 to 1.

    linear: `(1 - t) a + t b`. spherical: `[sin((1 - t) w) a + sin(t w) b] / sin w`, w the
    angle between a and b, which keeps a common norm; the middle of a straight line is
    shorter, where a Gaussian prior of many dimensions has no mass. For parallel codes, or
    one that is 0, it is the straight line. Opposite codes have no one shortest arc: NaN.

    Args:
        z_a: codes to start from.
        z_b: codes to end at.
        num_points: on each path, ends included.
        kind: of path.

    Raises:
        TypeError: `num_points` is no whole number.
        ValueError: an unknown kind, fewer than 2 points, or shapes that differ.

    White (2016), arXiv:1609.04468.

    >>> a, b = jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 2.0]])
    >>> interpolate(a, b, 3)[0].tolist()
    [[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]]
    >>> print(f"{interpolate(a, b, 3, 'spherical')[0, 1, 0]:.4f}")
    1.4142
    """
    start, end = check_pair(z_a, z_b, num_points, kind)
    t = jnp.linspace(0, 1, num_points, dtype=start.dtype)[None, :, None]
    of_a, of_b = (1 - t, t) if kind == "linear" else arc(start, end, t)
    path = of_a * start[:, None] + of_b * end[:, None]
    return path.at[:, 0].set(start).at[:, -1].set(end)


def interpolation_smoothness(
    decode_mean: Callable[[Array], Array],
    z_a: Float[ArrayLike, "batch latent"],
    z_b: Float[ArrayLike, "batch latent"],
    *,
    num_points: int = 17,
    kind: Kind = "linear",
) -> InterpolationSmoothness:
    """How straight and how even the decoder's path is between two codes.

    With the steps `|f(z_t+1) - f(z_t)|` of the decoded mean: straightness is
    `|f(z_b) - f(z_a)| / sum`, evenness is `mean / max`. Steps within rounding of the
    output's own size count as 0, and where all are 0 (a collapsed decoder) both ratios are
    0 by convention, their worst value: finite, so that a mean over pairs still counts them.

    Args:
        decode_mean: `decode_mean(z) -> (codes, *event)`, for z of shape (codes, latent).
        z_a: codes to start from.
        z_b: codes to end at.
        num_points: on each path, ends included.
        kind: of path, as of `interpolate`.

    Raises:
        TypeError: `num_points` is no whole number.
        ValueError: an unknown kind, fewer than 2 points, shapes that differ, or a decoder
            that does not give one row a code.

    >>> a, b = jnp.array([[0.0]]), jnp.array([[1.0]])
    >>> [float(part[0]) for part in interpolation_smoothness(lambda z: 3 * z, a, b)]
    [3.0, 3.0, 1.0, 1.0]
    >>> [float(part[0]) for part in interpolation_smoothness(lambda z: 0 * z, a, b)]
    [0.0, 0.0, 0.0, 0.0]
    """
    path = interpolate(z_a, z_b, num_points, kind)
    codes = path.reshape(-1, path.shape[-1])
    decoded = as_float(decode_mean(codes))
    if decoded.ndim < 1 or len(decoded) != len(codes):
        raise ValueError(
            f"`decode_mean` must return one row a code, ({len(codes)}, ...); "
            f"got {decoded.shape}."
        )
    output = decoded.reshape(*path.shape[:2], -1)
    floor = ROUNDING_STEPS * rounding(output) * jnp.max(length(output), axis=1)
    steps = above(length(jnp.diff(output, axis=1)), floor[:, None])
    change = above(length(output[:, -1] - output[:, 0]), floor)
    total, largest = jnp.sum(steps, axis=1), jnp.max(steps, axis=1)
    still = largest == 0
    return InterpolationSmoothness(
        change,
        total,
        jnp.where(still, 0, jnp.minimum(change / jnp.where(still, 1, total), 1)),
        jnp.where(still, 0, jnp.mean(steps, axis=1) / jnp.where(still, 1, largest)),
    )


def check_pair(
    z_a: ArrayLike, z_b: ArrayLike, num_points: int, kind: str
) -> tuple[Array, Array]:
    """Codes of one shape, and options that exist."""
    checks.option("kind", kind, get_args(Kind))
    checks.whole("num_points", num_points, 2)
    start, end = as_float(z_a), as_float(z_b)
    if start.ndim != 2 or 0 in start.shape:
        raise ValueError(
            f"`z_a` must have the shape (batch, latent); got {start.shape}."
        )
    check_same_shape("z_b", end, "z_a", start)
    return start, end


def arc(start: Array, end: Array, t: Array) -> tuple[Array, Array]:
    """Weights of the two ends on the arc between them."""
    unit_a, unit_b = (direction(z)[:, None] for z in (start, end))
    # from chords: the arc cosine has no digits for small angles
    angle = 2 * jnp.arctan2(
        length(unit_a - unit_b)[..., None], length(unit_a + unit_b)[..., None]
    )
    no_end = (length(start) == 0) | (length(end) == 0)
    sine = jnp.sin(angle)
    limit = math.sqrt(rounding(t))  # below it a sine is its angle
    small = (angle < limit) | no_end[:, None, None]
    safe = jnp.where(small, 1, sine)
    opposite = ~small & (sine < limit)
    undefined = jnp.where(opposite, jnp.nan, 0)
    of_a = jnp.where(small, 1 - t, jnp.sin((1 - t) * angle) / safe)
    of_b = jnp.where(small, t, jnp.sin(t * angle) / safe)
    return of_a + undefined, of_b + undefined


def direction(z: Array) -> Array:
    """Of norm 1; 0 stays 0."""
    norm = length(z)[..., None]
    return z / jnp.where(norm == 0, 1, norm)


def length(vectors: Array) -> Array:
    """Euclidean norm of the last axis; no overflow, and no infinite slope at 0."""
    largest = jnp.max(jnp.abs(vectors), axis=-1, keepdims=True)
    scale = jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1)
    scale = jax.lax.stop_gradient(scale)  # the norm does not depend on it
    squares = jnp.sum(jnp.square(vectors / scale), axis=-1)
    zero = squares == 0
    return scale[..., 0] * jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, squares)))


def above(distance: Array, floor: Array) -> Array:
    """0 within rounding; NaN stays NaN."""
    return jnp.where(distance <= floor, 0, distance)
