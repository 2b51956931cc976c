"""Any schedule asked at other steps: later, in stairs, again and again.

The inner schedule is asked at float32 steps, which are exact up to 2**24.
"""

import jax
import jax.numpy as jnp

from vae_jax import checks
from vae_jax.schedules._ramps import as_step, check_positive, check_steps
from vae_jax.types import Array, ArrayLike, Schedule


def delay(schedule: Schedule, num_steps: ArrayLike) -> Schedule:
    """`schedule(max(0, t - num_steps))`: its first value is held, then all of it runs.

    Raises:
        ValueError: `num_steps` is not one finite number, or negative.

    >>> beta = delay(lambda t: 1.0 + t, num_steps=10)
    >>> [float(beta(t)) for t in (0, 10, 12)]
    [1.0, 1.0, 3.0]
    """
    check_steps(num_steps=num_steps)

    def delayed(step: ArrayLike) -> Array:
        late = as_step(step) - jnp.asarray(num_steps, jnp.float32)
        return schedule(jnp.maximum(late, 0.0))

    return delayed


def staircase(schedule: Schedule, period: ArrayLike) -> Schedule:
    """`schedule(period floor(t / period))`: every block holds the value it begins with.

    A ramp arrives with the first block that begins at its end or later.

    Args:
        schedule: what to hold.
        period: steps of a block, above 0; an epoch's, for a value that changes by the
            epoch.

    Raises:
        ValueError: `period` is not one number in its range.

    >>> beta = staircase(lambda t: t, period=10)
    >>> [float(beta(t)) for t in (0, 9, 10, 29)]
    [0.0, 0.0, 10.0, 20.0]
    """
    check_positive(period=period)

    def stairs(step: ArrayLike) -> Array:
        step = as_step(step)
        # exact, which a floor of a rounded quotient is not
        return schedule(step - jnp.mod(step, jnp.asarray(period, jnp.float32)))

    return stairs


def warm_restarts(
    schedule: Schedule, period: ArrayLike, growth: ArrayLike = 1.0
) -> Schedule:
    """The first steps of a schedule of any shape, again and again.

    `schedule(t - b_i)` with the cycles `b_0 = 0`, `b_(i+1) = b_i + period growth^i`:
    exactly periodic at growth 1. Where both are whole numbers, every cycle begins on its
    exact step. Loshchilov & Hutter (2017), arXiv:1608.03983, restart a learning rate so;
    for the cycles of Fu et al. see `cyclical`.

    Args:
        schedule: what to repeat.
        period: steps of the first cycle, above 0.
        growth: factor from one cycle's length to the next, at least 1; of a traced one
            below, the value is not a number. Neither it nor the period has a
            reverse-mode gradient.

    Raises:
        ValueError: a setting that is not one number in its range.

    >>> beta = warm_restarts(lambda t: t, period=10)
    >>> [float(beta(t)) for t in (9, 10, 25)]
    [9.0, 0.0, 5.0]
    >>> beta = warm_restarts(lambda t: t, period=10, growth=2.0)
    >>> [float(beta(t)) for t in (9, 10, 29, 30, 69, 70)]
    [9.0, 0.0, 19.0, 0.0, 39.0, 0.0]
    """
    check_positive(period=period)
    checks.number("growth", growth, 1, high_open=True)

    def restarted(step: ArrayLike) -> Array:
        step = as_step(step)
        length, factor = (
            jnp.broadcast_to(jnp.asarray(v, jnp.float32), step.shape)
            for v in (period, growth)
        )
        first = (step, factor, jnp.zeros_like(step), length)
        _, _, begin, _ = jax.lax.while_loop(_any_over, _next_cycle, first)
        # equal lengths need no counting
        since = jnp.where(factor > 1.0, step - begin, jnp.mod(step, length))
        return schedule(jnp.where(factor >= 1.0, since, jnp.nan))

    return restarted


Cycle = tuple[Array, Array, Array, Array]
"""Step, growth, beginning and length of the cycle that may hold the step."""


def _over(cycle: Cycle) -> Array:
    """Whether the step comes after this cycle, where cycles grow."""
    step, growth, begin, length = cycle
    return (growth > 1.0) & (length > 0.0) & (begin + length <= step)


def _any_over(cycle: Cycle) -> Array:
    return jnp.any(_over(cycle))


def _next_cycle(cycle: Cycle) -> Cycle:
    """Sums and products of whole numbers, where a power by logarithms would round."""
    step, growth, begin, length = cycle
    over = _over(cycle)
    later = jnp.where(over, begin + length, begin)
    return step, growth, later, jnp.where(over, length * growth, length)
