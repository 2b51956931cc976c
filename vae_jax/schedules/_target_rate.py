"""A beta that is steered until the rate is what was asked for."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax import checks
from vae_jax.schedules._controller import (
    Controller,
    as_observed,
    check_logarithmic,
    log_ascent,
    settings,
)
from vae_jax.types import Array, ArrayLike


class TargetRateState(NamedTuple):
    """Memory of `target_rate`: the logarithm of beta.

    >>> TargetRateState._fields
    ('log_beta',)
    """

    log_beta: Array


class ControlVAEState(NamedTuple):
    """Memory of `control_vae`.

    Attributes:
        integral: what the errors have summed up to.
        unclamped: beta before it is held in its range.

    >>> ControlVAEState._fields
    ('integral', 'unclamped')
    """

    integral: Array
    unclamped: Array


def target_rate(
    target: ArrayLike,
    *,
    speed: ArrayLike = 1e-3,
    max_change: ArrayLike = 1e-2,
    initial: ArrayLike = 1.0,
    minimum: ArrayLike = 1e-6,
    maximum: ArrayLike = 1e6,
) -> Controller:
    """The beta that brings the rate to a target, by integral control of its logarithm.

    `beta *= exp(clip(speed (observed - target), -max_change, max_change))`: a rate above
    the target raises beta. Observed is the batch mean of the raw rate, in nats.

    Args:
        target: the rate in nats, not negative; data, as all here.
        speed: of log beta, per step and nat; above 0.
        max_change: of log beta in one step; above 0.
        initial: beta of the first step, from `minimum` to `maximum`.
        minimum: beta never falls below; above 0.
        maximum: nor rises above, although the target be out of reach.

    Raises:
        ValueError: a setting outside its range.

    >>> controller = target_rate(5.0, speed=0.1, max_change=1.0)
    >>> state = controller.update(controller.init(), 15.0)
    >>> round(float(controller.value(state)), 4)
    2.7183
    """
    checks.in_range("target", target, 0, high_open=True)
    check_logarithmic(speed, max_change, initial, minimum, maximum)

    def init() -> TargetRateState:
        first, *_ = settings(initial, target, speed, max_change, minimum, maximum)
        return TargetRateState(jnp.log(first))

    def update(state: TargetRateState, observed: ArrayLike) -> TargetRateState:
        aim, *bounds = settings(
            target, speed, max_change, minimum, maximum, like=state.log_beta
        )
        excess = as_observed(observed, state.log_beta) - aim
        return TargetRateState(log_ascent(state.log_beta, excess, *bounds))

    return Controller(init, update, lambda state: jnp.exp(state.log_beta))


def control_vae(
    target: ArrayLike,
    *,
    proportional: ArrayLike = 0.01,
    integral: ArrayLike = 1e-4,
    minimum: ArrayLike = 0.0,
    maximum: ArrayLike = 1.0,
) -> Controller:
    """The beta of ControlVAE, a proportional and integral controller of the rate.

    With the error `e = target - observed`, both in nats:
    `beta = proportional / (1 + exp(e)) - integral sum_j e_j + minimum`, held between
    `minimum`, where it starts, and `maximum`. Shao et al. (2020), arXiv:2004.05988.

    Against windup, an error is left out of the sum while beta, before it is held, is out
    of its range and the error would drive it further out. The paper's rule, which leaves
    out every error there, can hold beta at a bound for good.

    Args:
        target: the set point of the rate, not negative; data, as all here.
        proportional: K_p of the paper, not negative.
        integral: K_i of the paper, not negative.
        minimum: beta_min of the paper, not negative.
        maximum: beta_max of the paper, not below `minimum`.

    Raises:
        ValueError: a setting outside its range.

    >>> controller = control_vae(5.0, proportional=0.2, integral=0.01, minimum=0.5)
    >>> state = controller.update(controller.init(), 25.0)
    >>> round(float(controller.value(state)), 4)  # 0.2 + 0.01 * 20 + 0.5
    0.9
    """
    for name, setting in (
        ("target", target),
        ("proportional", proportional),
        ("integral", integral),
        ("minimum", minimum),
    ):
        checks.in_range(name, setting, 0, high_open=True)
    checks.ordered("minimum", minimum, "maximum", maximum)

    def init() -> ControlVAEState:
        low, *_ = settings(minimum, target, proportional, integral, maximum)
        return ControlVAEState(integral=jnp.zeros_like(low), unclamped=low)

    def update(state: ControlVAEState, observed: ArrayLike) -> ControlVAEState:
        aim, low, high, k_p, k_i = settings(
            target, minimum, maximum, proportional, integral, like=state.integral
        )
        error = aim - as_observed(observed, state.integral)
        outward = (state.unclamped < low) & (error > 0.0)
        outward |= (state.unclamped > high) & (error < 0.0)
        total = jnp.where(outward, state.integral, state.integral - k_i * error)
        return ControlVAEState(total, k_p * jax.nn.sigmoid(-error) + total + low)

    def value(state: ControlVAEState) -> Array:
        low, high = settings(minimum, maximum, like=state.unclamped)
        return jnp.clip(state.unclamped, low, high)

    return Controller(init, update, value)
