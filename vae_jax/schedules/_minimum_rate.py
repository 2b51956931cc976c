"""The minimum desired rate: a multiplier that keeps the rate from falling below it."""

from typing import NamedTuple

import jax.numpy as jnp

from vae_jax import checks
from vae_jax.schedules._controller import Controller, as_observed, settings
from vae_jax.types import Array, ArrayLike


class DualState(NamedTuple):
    """Memory of `dual_ascent`: the multiplier.

    >>> DualState._fields
    ('multiplier',)
    """

    multiplier: Array


def dual_ascent(
    minimum: ArrayLike,
    *,
    speed: ArrayLike = 1e-3,
    initial: ArrayLike = 0.0,
    maximum: ArrayLike = jnp.inf,
) -> Controller:
    """The multiplier u of the constraint that an observed quantity is at least `minimum`.

    `u = max(0, u + speed (minimum - observed))`, no more than `maximum`. It is exactly 0
    while the constraint costs nothing. Observed is the batch mean of the raw rate, in
    nats.

    With the rate it is the minimum desired rate of Pelsmaeker & Aziz (2020),
    arXiv:1904.08194: the loss is `distortion + rate + u (minimum - rate)`, which weighs
    the rate by `1 - u`. A linear VAE of noise variance v settles at `u = 1 - s / v`, s
    being the water level whose rate is the minimum.

    Args:
        minimum: of the observed quantity; data, as all here.
        speed: of u, per step and nat; above 0.
        initial: u of the first step, from 0 to `maximum`.
        maximum: of u; above 1 a rate is rewarded, be it informative or not.

    Raises:
        ValueError: a setting outside its range.

    >>> controller = dual_ascent(minimum=5.0, speed=0.1)
    >>> state = controller.update(controller.init(), 3.0)
    >>> round(float(controller.value(state)), 4)
    0.2
    >>> float(controller.value(controller.update(state, 50.0)))
    0.0
    """
    checks.in_range("minimum", minimum, low_open=True, high_open=True)
    checks.in_range("speed", speed, 0, low_open=True, high_open=True)
    checks.in_range("initial", initial, 0, high_open=True)
    checks.in_range("maximum", maximum, 0)
    checks.ordered("initial", initial, "maximum", maximum)

    def init() -> DualState:
        first, *_ = settings(initial, minimum, speed, maximum)
        return DualState(first)

    def update(state: DualState, observed: ArrayLike) -> DualState:
        least, pace, most = settings(minimum, speed, maximum, like=state.multiplier)
        seen = as_observed(observed, state.multiplier)
        ascended = state.multiplier + pace * (least - seen)
        return DualState(jnp.clip(ascended, 0.0, most))

    return Controller(init, update, lambda state: state.multiplier)
