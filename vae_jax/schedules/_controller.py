"""Feedback: a weight steered by what the run shows, with all of its memory in a state."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax import checks
from vae_jax.numerics import as_float
from vae_jax.types import Array, ArrayLike


class Controller(NamedTuple):
    """A feedback loop as three pure functions.

    Settings and states are arrays: numbers, or one entry a member. What is observed has
    the shape of the state. An observation that is not finite makes a state that is not a
    number: a run that has diverged is not steered any further.

    Attributes:
        init: `init() -> state`, a NamedTuple of float32 arrays.
        update: `update(state, observed) -> state`, once a training step, with the mean
            over the whole batch; no gradient passes. Evaluation never calls it.
        value: `value(state)`, the weight to train the next step with.

    >>> Controller._fields
    ('init', 'update', 'value')
    """

    init: Callable[[], Any]
    update: Callable[[Any, ArrayLike], Any]
    value: Callable[[Any], Array]


def settings(*values: ArrayLike, like: Array | None = None) -> list[Array]:
    """Settings in float32 and one shape: that of the state, once there is one.

    >>> [v.shape for v in settings(1.0, jnp.ones(3))]
    [(3,), (3,)]
    >>> [v.shape for v in settings(1.0, like=jnp.ones(3))]
    [(3,)]
    """
    arrays = [jnp.asarray(v, jnp.float32) for v in values]
    shape = jnp.broadcast_shapes(*(v.shape for v in arrays))
    return [jnp.broadcast_to(v, shape if like is None else like.shape) for v in arrays]


def as_observed(observed: ArrayLike, state: Array) -> Array:
    """What was observed, in float32, without its gradient; NaN where it is not finite.

    Raises:
        ValueError: it has not the shape of the state.

    >>> float(as_observed(2, jnp.zeros(())))
    2.0
    """
    observed = jax.lax.stop_gradient(as_float(observed).astype(jnp.float32))
    if observed.shape != state.shape:
        raise ValueError(
            f"`observed` must have the shape of the controller's state, {state.shape}; got "
            f"{observed.shape}. Take its mean over the batch."
        )
    # an infinite one would stay in an average, and drive the weight for ever unseen
    return jnp.where(jnp.isfinite(observed), observed, jnp.nan)


def log_ascent(
    log_value: Array,
    drive: Array,
    speed: Array,
    max_change: Array,
    minimum: Array,
    maximum: Array,
) -> Array:
    """`log_value + speed drive`, a bounded step that ends between the logs of two bounds.

    The bounds keep the loop from winding up: it leaves them with the first drive back.

    >>> one = jnp.ones(())
    >>> float(log_ascent(0.0 * one, 5.0 * one, one, 0.5 * one, one, 10.0 * one))
    0.5
    """
    change = jnp.clip(speed * drive, -max_change, max_change)
    return jnp.clip(log_value + change, jnp.log(minimum), jnp.log(maximum))


def check_logarithmic(
    speed: ArrayLike,
    max_change: ArrayLike,
    initial: ArrayLike,
    minimum: ArrayLike,
    maximum: ArrayLike,
) -> None:
    """The settings of a weight that is steered by its logarithm.

    Raises:
        ValueError: one outside its range.

    >>> check_logarithmic(1e-3, 1e-2, 1.0, 1e-6, 1e6)
    """
    checks.in_range("speed", speed, 0, low_open=True, high_open=True)
    checks.in_range("max_change", max_change, 0, low_open=True)
    checks.in_range("minimum", minimum, 0, low_open=True, high_open=True)
    checks.in_range("maximum", maximum, 0, low_open=True)
    checks.in_range("initial", initial, 0, low_open=True, high_open=True)
    checks.ordered("minimum", minimum, "maximum", maximum)
    checks.ordered("minimum", minimum, "initial", initial)
    checks.ordered("initial", initial, "maximum", maximum)
