"""From which step on a run has the objective that it ends with."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vae_jax import records
from vae_jax.training._program import Hyper
from vae_jax.types import ArrayLike

ARRIVED = 0.01
"""Share of its last value within which a schedule that only approaches it has arrived; that
of `schedules.check_warmup`."""


def last_of(row: Float[ArrayLike, "..."]) -> Float[Array, ""]:
    """What a setting ends at: the last of its row, or the one number that it is.

    >>> float(last_of(3.0)), float(last_of(jnp.array([1.0, 2.0])))
    (3.0, 2.0)
    """
    row = jnp.asarray(row, jnp.float32)
    return row[-1] if row.ndim else row


def arrived(row: Float[ArrayLike, "..."], t: Int[ArrayLike, ""]) -> Bool[Array, ""]:
    """Whether a setting is what it ends at, from step t on.

    >>> ramp = jnp.array([0.0, 1.0, 2.0, 2.0])
    >>> [bool(arrived(ramp, t)) for t in range(4)]
    [False, False, True, True]
    """
    row, last = jnp.asarray(row, jnp.float32), last_of(row)
    near = jnp.abs(row - last) <= ARRIVED * jnp.abs(last)
    before = jnp.arange(row.size, dtype=jnp.int32).reshape(row.shape) < t
    return jnp.all(near | before)


def schedules_arrived(hyper: Hyper, t: Int[ArrayLike, ""]) -> Bool[Array, ""]:
    """Whether the objective of step t is that of all later ones.

    >>> hyper = Hyper(jnp.arange(3.0), jnp.ones(3))
    >>> bool(schedules_arrived(hyper, 0)), bool(schedules_arrived(hyper, 2))
    (False, True)
    """
    rows = [hyper.beta, *records.rows_of(hyper.settings).values()]
    return functools.reduce(jnp.logical_and, [arrived(row, t) for row in rows])
