"""Examples of one condition belong together: their numbers, their means, who is alone.

Labels are compared and nothing else: any whole numbers will do, no count of classes is
needed, and a label that was never trained on is a condition like any other. An example
alone in its condition has no other to be compared with: averages leave it out.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from vae_jax.types import ArrayLike


class Groups(NamedTuple):
    """Of every example.

    Attributes:
        labels: its condition.
        start: how many examples have a smaller label: a name from 0 to N - 1.
        first: an example of the same condition, the same for all of them.
        sizes: examples of the same condition, itself included.
        kept: 1 with others of its condition, 0 alone.
    """

    labels: Int[Array, " examples"]
    start: Int[Array, " examples"]
    first: Int[Array, " examples"]
    sizes: Float[Array, " examples"]
    kept: Float[Array, " examples"]


def as_conditions(labels: ArrayLike, size: int) -> Int[Array, " examples"]:
    """Labels of `size` examples, in 32 bits.

    Raises:
        TypeError: no whole numbers.
        ValueError: not one label an example.

    >>> as_conditions(np.array([7, 2**40, 7]), 3).tolist()
    [0, 1, 0]
    """
    known = labels if isinstance(labels, jax.Array) else np.asarray(labels)
    if not jnp.issubdtype(known.dtype, jnp.integer):
        raise TypeError(
            "`labels` must be whole numbers that name the condition of each example; got "
            f"{known.dtype}. Number words by `np.unique(labels, return_inverse=True)[1]`; "
            "bin a continuous condition first, `np.digitize(c, np.quantile(c, [0.25, 0.5, "
            "0.75]))`, as narrow as leaves tens of examples in a bin."
        )
    if known.shape != (size,):
        raise ValueError(
            f"`labels` must have one label an example, ({size},); got {known.shape}. "
            "Number combinations by `np.unique(rows, axis=0, return_inverse=True)[1]`."
        )
    if isinstance(known, np.ndarray):  # any width of integers, none of which wraps
        known = np.unique(known, return_inverse=True)[1].astype(np.int32)
    return jnp.asarray(known)


def as_groups(labels: ArrayLike, values: Float[Array, "examples latent"]) -> Groups:
    """The groups of the rows of `values`, refused where every example is known to be alone.

    Raises:
        TypeError: labels that are no whole numbers.
        ValueError: not one label an example, or no two examples of one condition.

    >>> as_groups(np.array([5, 3, 5]), jnp.zeros((3, 1))).sizes.tolist()
    [2.0, 1.0, 2.0]
    """
    known = as_conditions(labels, len(values))
    order = jnp.argsort(known, stable=True)
    ascending = known[order]
    start = jnp.searchsorted(ascending, known, side="left")
    end = jnp.searchsorted(ascending, known, side="right")
    sizes = (end - start).astype(values.dtype)
    kept = (sizes > 1).astype(values.dtype)
    if not isinstance(kept, jax.core.Tracer) and not np.asarray(kept).any():
        raise ValueError(
            f"`labels` must name two examples of one condition at least; got {len(known)} "
            "examples, each alone in its condition. Merge conditions, or give more "
            "examples."
        )
    return Groups(known, start, order[start], sizes, kept)


def is_first(groups: Groups) -> Bool[Array, " examples"]:
    """Whether an example is the one that stands for its condition."""
    return groups.first == jnp.arange(len(groups.first), dtype=groups.first.dtype)


def alone(groups: Groups) -> Float[Array, ""]:
    """How many examples averages leave out."""
    return jnp.sum(1 - groups.kept)


def average(values: Float[Array, "..."], groups: Groups) -> Float[Array, "..."]:
    """Over the examples that are not alone; NaN where all are.

    It is NaN, too, where a value that is left out is not finite: none is hidden.
    """
    kept = groups.kept.reshape((-1,) + (1,) * (values.ndim - 1))
    count = jnp.sum(groups.kept)
    mean = jnp.sum(values * kept, axis=0) / jnp.maximum(count, 1)
    known = (count > 0) & jnp.isfinite(values).all(axis=0)
    return jnp.where(known, mean, jnp.nan)


def average_error(
    values: Float[Array, " examples"], groups: Groups
) -> Float[Array, ""]:
    """Standard error of the average of independent values."""
    count = jnp.sum(groups.kept)
    squares = jnp.square(values - average(values, groups)) * groups.kept
    variance = jnp.sum(squares) / jnp.maximum(count - 1, 1)
    return jnp.sqrt(variance / jnp.maximum(count, 1))


def group_mean(
    values: Float[Array, "examples latent"], groups: Groups
) -> Float[Array, "examples latent"]:
    """Mean over the examples of the same condition, in the place of each of them.

    A constant far from zero is exact only if it is taken off first.
    """
    origin = values[groups.first]
    total = jax.ops.segment_sum(
        values - origin, groups.start, num_segments=len(groups.start)
    )
    return origin + total[groups.start] / groups.sizes[:, None]


def group_log_mean_exp(
    values: Float[Array, "examples latent"], groups: Groups
) -> Float[Array, "examples latent"]:
    """`log mean exp` over the examples of the same condition."""
    segments = len(groups.start)
    top = jax.ops.segment_max(values, groups.start, num_segments=segments)
    top = top[groups.start]
    total = jax.ops.segment_sum(
        jnp.exp(values - top), groups.start, num_segments=segments
    )
    return top + jnp.log(total[groups.start] / groups.sizes[:, None])


def variance_within(
    values: Float[Array, "examples latent"], groups: Groups
) -> Float[Array, " latent"]:
    """Variance around the mean of the condition, divided by N less the conditions."""
    apart = values - group_mean(values, groups)
    means = jnp.sum(jnp.where(is_first(groups), groups.kept, 0))
    freedom = jnp.sum(groups.kept) - means
    variance = jnp.sum(jnp.square(apart), axis=0) / jnp.maximum(freedom, 1)
    return jnp.where(freedom > 0, variance, jnp.nan)
