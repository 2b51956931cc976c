"""Schedules in sequence, as tables, in epochs; and the warm-up that is too long."""

from collections.abc import Sequence
from itertools import pairwise

import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import checks
from vae_jax.schedules._ramps import as_step, check_finite, check_steps
from vae_jax.types import ArrayLike, Schedule

ARRIVED = 0.99
"""A warm-up has arrived when the last update's beta is this share of its stop value."""


def join(schedules: Sequence[Schedule], boundaries: Sequence[ArrayLike]) -> Schedule:
    """One schedule after another; each counts its steps from its own boundary.

    The schedules are asked at float32 steps, which are exact up to 2**24. After a boundary
    of 33.5 the next one is first asked at step 34, for its value at 0.5.

    Args:
        schedules: in order.
        boundaries: the steps at which the second, third ... begin, in rising order.

    Raises:
        ValueError: there is not one boundary between each pair, or a boundary is not one
            number of steps, or lies before the last one.

    >>> beta = join([lambda t: 0.0 * t, lambda t: 1.0 + 0.0 * t], [10])
    >>> float(beta(jnp.array(9.0))), float(beta(jnp.array(10.0)))
    (0.0, 1.0)
    """
    if len(boundaries) != len(schedules) - 1:
        raise ValueError(
            f"`boundaries` must have one entry fewer than the {len(schedules)} schedules; "
            f"got {len(boundaries)}."
        )

    for boundary in boundaries:
        check_steps(boundary=boundary)
    for before, after in pairwise(boundaries):
        checks.ordered("boundary", before, "next boundary", after)

    def joined(step: ArrayLike) -> Array:
        step = as_step(step)
        value = schedules[0](step)
        for schedule, boundary in zip(schedules[1:], boundaries, strict=True):
            begin = jnp.asarray(boundary, jnp.float32)
            value = jnp.where(step >= begin, schedule(step - begin), value)
        return value

    return joined


def tabulate(schedule: Schedule, num_steps: int) -> Float[Array, " num_steps"]:
    """The value of every update, `schedule(t)` for t = 0 ... num_steps - 1.

    Unlike schedules become rows of one table, and one compiled program. A schedule that
    returns one number for all steps fills its row.

    Raises:
        ValueError: fewer than one step, or a schedule of another shape.
        TypeError: `num_steps` is no whole number.

    >>> tabulate(lambda t: 0.5 * t.astype(float), 3).tolist()
    [0.0, 0.5, 1.0]
    """
    num_steps = checks.whole("num_steps", num_steps, 1)
    values = jnp.asarray(schedule(jnp.arange(num_steps)), jnp.float32)
    if values.shape not in ((), (num_steps,)):
        raise ValueError(
            f"`schedule` must give a number for each of {num_steps} steps; got "
            f"{values.shape}."
        )
    return jnp.broadcast_to(values, (num_steps,))


def steps_from_epochs(epochs: float | int, num_examples: int, batch_size: int) -> int:
    """Optimiser steps of so many epochs, of `num_examples // batch_size` steps each.

    Raises:
        ValueError: the batch is larger than the data, or `epochs` is negative.
        TypeError: sizes that are no whole numbers.

    >>> steps_from_epochs(10, num_examples=60_000, batch_size=128)
    4680
    """
    check_steps(epochs=epochs)
    num_examples = checks.whole("num_examples", num_examples, 1)
    batch_size = checks.whole("batch_size", batch_size)
    if not 1 <= batch_size <= num_examples:
        raise ValueError(
            f"`batch_size` must be between 1 and the {num_examples} examples; got "
            f"{batch_size}."
        )
    return round(float(epochs) * (num_examples // batch_size))


def check_warmup(schedule: Schedule, num_steps: int, stop: float) -> None:
    """Refuse a run that ends before its beta has arrived: it trains another objective.

    A delay and a staircase arrive later. Of a schedule that restarts, check one cycle:
    what is repeated, and the steps of a period.

    Raises:
        ValueError: the last update's beta is under 99 % of `stop`, or not a number; fewer
            steps than one.
        TypeError: `num_steps` is no whole number.

    >>> check_warmup(lambda t: 1.0 + 0.0 * t, num_steps=10, stop=1.0)
    """
    num_steps = checks.whole("num_steps", num_steps, 1)
    check_finite(stop=stop)
    last = float(schedule(jnp.asarray(num_steps - 1, jnp.float32)))
    if not last >= ARRIVED * stop:
        raise ValueError(
            f"the warm-up must end within the run; got a last beta of {last:.4g} of "
            f"{float(stop):g} after {num_steps} steps. Shorten the warm-up or train longer."
        )
