"""GECO: the least rate that reconstructs within a tolerance."""

from typing import NamedTuple

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


class GecoState(NamedTuple):
    """Memory of `geco`.

    Attributes:
        log_multiplier: logarithm of the multiplier.
        average: moving average of the constraint.
        started: 0 until the first update, then 1.

    >>> GecoState._fields
    ('log_multiplier', 'average', 'started')
    """

    log_multiplier: Array
    average: Array
    started: Array


def geco(
    tolerance: ArrayLike,
    *,
    speed: ArrayLike = 1e-3,
    decay: ArrayLike = 0.99,
    max_change: ArrayLike = 1e-2,
    initial: ArrayLike = 1.0,
    minimum: ArrayLike = 1e-6,
    maximum: ArrayLike = 1e6,
) -> Controller:
    """The multiplier of a reconstruction error that may not exceed a tolerance.

    Observed is the batch mean of the squared error summed over the event,
    `mean ||x - x_hat||^2`. With `C = observed - tolerance`,
    `C_ma = decay C_ma + (1 - decay) C`, at first C itself, and
    `multiplier *= exp(clip(speed C_ma, -max_change, max_change))`.
    Rezende & Viola (2018), Algorithm 1, arXiv:1810.00597.

    The loss is `rate + multiplier (squared error - tolerance)`. A Gaussian likelihood of
    variance v and weight beta is the multiplier `1 / (2 beta v)`. The paper's constraint
    shows the moving average and has the gradient of C: that changes what the loss says,
    not how the model trains. A public replication multiplies by `exp(C_ma)`, clipped to
    0.9 and 1.1, every 100 steps.

    Args:
        tolerance: of the squared error: the paper's kappa squared; data, as all here.
        speed: of the log-multiplier, per step and unit of squared error; above 0.
        decay: of the moving average; at least 0 and below 1.
        max_change: of the log-multiplier in one step; above 0.
        initial: multiplier of the first step, from `minimum` to `maximum`.
        minimum: the multiplier never falls below; above 0.
        maximum: nor rises above, although the tolerance be out of reach.

    Raises:
        ValueError: a setting outside its range.

    >>> controller = geco(tolerance=2.0, speed=0.1, max_change=1.0)
    >>> state = controller.update(controller.init(), 12.0)
    >>> float(state.average), round(float(controller.value(state)), 4)
    (10.0, 2.7183)
    """
    checks.in_range("tolerance", tolerance, low_open=True, high_open=True)
    checks.in_range("decay", decay, 0, 1, high_open=True)
    check_logarithmic(speed, max_change, initial, minimum, maximum)

    def init() -> GecoState:
        first, *_ = settings(
            initial, tolerance, speed, decay, max_change, minimum, maximum
        )
        none = jnp.zeros_like(first)
        return GecoState(jnp.log(first), average=none, started=none)

    def update(state: GecoState, observed: ArrayLike) -> GecoState:
        aim, kept, *bounds = settings(
            tolerance, decay, speed, max_change, minimum, maximum, like=state.average
        )
        constraint = as_observed(observed, state.average) - aim
        mixed = kept * state.average + (1.0 - kept) * constraint
        average = jnp.where(state.started > 0.0, mixed, constraint)
        log_multiplier = log_ascent(state.log_multiplier, average, *bounds)
        return GecoState(log_multiplier, average, jnp.ones_like(average))

    return Controller(init, update, lambda state: jnp.exp(state.log_multiplier))
