"""One rise from start to stop, or a fall.

Settings are single numbers: finite, with lengths and speeds above 0.
"""

import jax
import jax.numpy as jnp

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import Array, ArrayLike, Schedule


def constant(value: ArrayLike) -> Schedule:
    """The same value at every step.

    Raises:
        ValueError: not one finite number.

    >>> float(constant(2.0)(7))
    2.0
    """
    check_finite(value=value)
    return lambda step: jnp.broadcast_to(
        jnp.asarray(value, jnp.float32), jnp.shape(as_step(step))
    )


def linear(start: ArrayLike, stop: ArrayLike, num_steps: ArrayLike) -> Schedule:
    """`start + (stop - start) t / num_steps`, and exactly `stop` from `num_steps` on.

    Sonderby et al. (2016), Section 2.2 (warm-up), arXiv:1602.02282.

    Raises:
        ValueError: a setting that is not one finite number, or a negative `num_steps`.

    >>> float(linear(0.0, 2.0, 100)(50)), float(linear(0.0, 2.0, 100)(100))
    (1.0, 2.0)
    """
    check_finite(start=start, stop=stop)
    check_steps(num_steps=num_steps)
    return lambda step: between(start, stop, share_of(step, num_steps))


def cosine(start: ArrayLike, stop: ArrayLike, num_steps: ArrayLike) -> Schedule:
    """`start + (stop - start) (1 - cos(pi t / num_steps)) / 2`, then exactly `stop`.

    Raises:
        ValueError: a setting that is not one finite number, or a negative `num_steps`.

    >>> round(float(cosine(0.0, 2.0, 100)(50)), 6), float(cosine(0.0, 2.0, 100)(200))
    (1.0, 2.0)
    """
    check_finite(start=start, stop=stop)
    check_steps(num_steps=num_steps)
    return lambda step: between(start, stop, cosine_share(share_of(step, num_steps)))


def sigmoid(
    start: ArrayLike, stop: ArrayLike, midpoint: ArrayLike, steepness: ArrayLike
) -> Schedule:
    """`start + (stop - start) / (1 + exp(-steepness (t - midpoint)))`.

    The logistic of Bowman et al. (2016), Section 3.1, arXiv:1511.06349. It approaches
    `stop` and holds it only once float32 rounds it there, 17 logits past the midpoint.

    Raises:
        ValueError: a setting that is not one finite number, or a `steepness` not above 0.

    >>> float(sigmoid(0.0, 2.0, midpoint=100, steepness=0.1)(100))
    1.0
    """
    check_finite(start=start, stop=stop, midpoint=midpoint)
    check_positive(steepness=steepness)

    def schedule(step: ArrayLike) -> Array:
        distance = as_step(step) - jnp.asarray(midpoint, jnp.float32)
        share = jax.nn.sigmoid(jnp.asarray(steepness, jnp.float32) * distance)
        return between(start, stop, share)

    return schedule


def tanh(start: ArrayLike, stop: ArrayLike, rate: ArrayLike) -> Schedule:
    """Steepest at the start: `start + (stop - start)` times the tanh of `rate t`.

    The annealing of Ichikawa & Hukushima (2024), arXiv:2310.15440, `tanh(gamma t)`, whose
    time is steps over features: their gamma is `rate` times the number of features. It
    approaches `stop` and holds it only once float32 rounds it there, at `rate t` = 9.

    Raises:
        ValueError: a setting that is not one finite number, or a `rate` not above 0.

    >>> round(float(tanh(0.0, 2.0, rate=0.01)(100)), 4)  # 2 tanh(1)
    1.5232
    """
    check_finite(start=start, stop=stop)
    check_positive(rate=rate)
    return lambda step: between(
        start, stop, jnp.tanh(jnp.asarray(rate, jnp.float32) * as_step(step))
    )


def as_step(step: ArrayLike) -> Array:
    """A step count in float32, exact up to 2**24."""
    return as_float(step).astype(jnp.float32)


def share_of(step: ArrayLike, num_steps: ArrayLike) -> Array:
    """How far along, from 0 to 1; exactly 1 from `num_steps` on, be that 0."""
    step, last = as_step(step), jnp.asarray(num_steps, jnp.float32)
    # a compiled division by a constant is a product with its rounded reciprocal; one by
    # a length of 0 is never taken, and must not be 0 / 0 in value or gradient either
    length = jnp.where(last > 0, last, 1.0)
    return jnp.where(step >= last, 1.0, jnp.clip(step / length, 0.0, 1.0))


def cosine_share(share: Array) -> Array:
    """The share bent to a half-wave."""
    return 0.5 - 0.5 * jnp.cos(jnp.pi * share)


def between(start: ArrayLike, stop: ArrayLike, share: Array) -> Array:
    """`start` at 0, `stop` at 1; exactly so, although the sum would round."""
    start, stop = (jnp.asarray(v, jnp.float32) for v in (start, stop))
    return jnp.where(share >= 1.0, stop, start + (stop - start) * share)


def check_finite(**settings: ArrayLike) -> None:
    """Each is one finite number.

    >>> check_finite(start=0, stop=-1.5)
    """
    for name, value in settings.items():
        checks.number(name, value, low_open=True, high_open=True)


def check_steps(**settings: ArrayLike) -> None:
    """Each is one finite number of steps, which may be a fraction or 0.

    >>> check_steps(num_steps=0)
    """
    for name, value in settings.items():
        checks.number(name, value, 0, high_open=True)


def check_positive(**settings: ArrayLike) -> None:
    """Each is one finite number above 0.

    >>> check_positive(period=0.5)
    """
    for name, value in settings.items():
        checks.number(name, value, 0, low_open=True, high_open=True)
