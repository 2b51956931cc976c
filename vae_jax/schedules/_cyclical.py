"""Cyclical annealing: rise, hold, start again."""

from typing import Literal, get_args

import jax
import jax.numpy as jnp

from vae_jax import checks
from vae_jax.schedules._ramps import (
    as_step,
    between,
    check_finite,
    check_positive,
    cosine_share,
)
from vae_jax.types import Array, ArrayLike, Schedule

Shape = Literal["linear", "sigmoid", "cosine"]

SIGMOID_SPAN = 12.0
"""The sigmoid rises over logits -6 to 6, as in the public code of Fu et al."""

RISEN = 1.0 - 1e-6
"""The share of the rise that is all of it: `ratio * period` rounds, by up to 2.5e-7."""


def cyclical(
    start: ArrayLike,
    stop: ArrayLike,
    period: ArrayLike,
    ratio: ArrayLike = 0.5,
    shape: Shape = "linear",
) -> Schedule:
    """Rise from `start` to `stop` in the first part of every period, then hold `stop`.

    `tau = mod(t, period) / period`, `v = tau / ratio`, value `f(v)` for `v < 1`, `stop`
    from there on. Exactly `stop` while it holds and exactly periodic. Fu et al. (2019),
    Eq. 6 and 7, arXiv:1903.10145.

    Args:
        start: at the beginning of every period; the sigmoid starts 0.25 % above it.
        stop: held at the end of every period.
        period: in steps, above 0.
        ratio: share of a period spent rising, above 0 and at most 1.
        shape: of the rise.

    Raises:
        ValueError: an unknown shape, or a setting that is not one number in its range.

    >>> beta = cyclical(0.0, 1.0, period=100)
    >>> [float(beta(t)) for t in (0, 25, 50, 99, 100)]
    [0.0, 0.5, 1.0, 1.0, 0.0]
    """
    checks.option("shape", shape, get_args(Shape))
    check_finite(start=start, stop=stop)
    check_positive(period=period)
    checks.number("ratio", ratio, 0, 1, low_open=True)

    def schedule(step: ArrayLike) -> Array:
        length = jnp.asarray(period, jnp.float32)
        rise = jnp.asarray(ratio, jnp.float32) * length
        share = jnp.mod(as_step(step), length) / rise
        bent = jnp.where(share >= RISEN, 1.0, bend(share))
        return between(start, stop, bent)

    def bend(share: Array) -> Array:
        if shape == "linear":
            return share
        if shape == "cosine":
            return cosine_share(share)
        return jax.nn.sigmoid(SIGMOID_SPAN * (share - 0.5))

    return schedule
