"""Controllers that steer the weight of the rate by what the run shows.

The state of a controller is part of the train state: saved with it, and untouched by
evaluation. It sees the batch means over all devices, so that every wrapping of the step
agrees on it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Float

from vae_jax import schedules
from vae_jax.training._state import StepHyper, StepInfo
from vae_jax.types import ArrayLike


class Feedback(NamedTuple):
    """What a step asks of a controller; `hyper` holds its settings, which are data.

    Attributes:
        init: `init(hyper) -> state`.
        update: `update(state, info, hyper) -> state`, once a step.
        beta: `beta(state, hyper)`, what the scheduled beta is multiplied by.

    >>> Feedback._fields
    ('init', 'update', 'beta')
    """

    init: Callable[[StepHyper], Any]
    update: Callable[[Any, StepInfo, StepHyper], Any]
    beta: Callable[[Any, StepHyper], Float[Array, ""]]


def from_controller(
    controller: schedules.Controller,
    observe: Callable[[StepInfo], Array],
    beta: Callable[[Array], Array],
) -> Feedback:
    """A controller of `schedules` as the feedback of a step.

    Args:
        controller: its settings may be data.
        observe: what the controller sees of a step.
        beta: from the controller's value.

    >>> import jax.numpy as jnp
    >>> steady = schedules.Controller(
    ...     lambda: jnp.array(2.0), lambda state, seen: seen, lambda state: state
    ... )
    >>> made = from_controller(steady, lambda info: info.rate, lambda value: 1 / value)
    >>> hyper, info = StepHyper(1.0, 1e-3), StepInfo(*jnp.full(6, 4.0))
    >>> float(made.beta(made.update(made.init(hyper), info, hyper), hyper))
    0.25
    """
    return Feedback(
        lambda hyper: controller.init(),
        lambda state, info, hyper: controller.update(state, observe(info)),
        lambda state, hyper: beta(controller.value(state)),
    )


def geco_feedback(target: ArrayLike, speed: ArrayLike) -> Feedback:
    """GECO: the least rate whose distortion is at most `target` nats.

    beta is `1 / multiplier` of `schedules.geco`, which sees the distortion: the loss of
    Rezende & Viola (2018), arXiv:1810.00597, over its multiplier. For a Gaussian decoder of
    variance 1/2 that is the multiplier of the squared error.

    >>> made, hyper = geco_feedback(20.0, 0.01), StepHyper(1.0)
    >>> float(made.beta(made.init(hyper), hyper))
    1.0
    """
    return from_controller(
        schedules.geco(target, speed=speed),
        lambda info: info.distortion,
        lambda multiplier: 1.0 / multiplier,
    )


def minimum_rate_feedback(target: ArrayLike, speed: ArrayLike) -> Feedback:
    """The least rate allowed is `target`: beta is `1 - u`, u of `dual_ascent`.

    Pelsmaeker & Aziz (2020), arXiv:1904.08194. u is held at 1 at most: beyond it a rate
    would be rewarded, informative or not, and at beta = 0 nothing keeps it from rising.

    >>> made, hyper = minimum_rate_feedback(5.0, 0.01), StepHyper(1.0)
    >>> float(made.beta(made.init(hyper), hyper))
    1.0
    """
    return from_controller(
        schedules.dual_ascent(target, speed=speed, maximum=1.0),
        lambda info: info.rate,
        lambda multiplier: 1.0 - multiplier,
    )


def target_rate_feedback(target: ArrayLike, speed: ArrayLike) -> Feedback:
    """Steer beta until the rate is `target`; see `schedules.target_rate`.

    >>> made, hyper = target_rate_feedback(5.0, 0.01), StepHyper(1.0)
    >>> float(made.beta(made.init(hyper), hyper))
    1.0
    """
    return from_controller(
        schedules.target_rate(target, speed=speed),
        lambda info: info.rate,
        lambda beta: beta,
    )


def control_vae_feedback(target: ArrayLike, speed: ArrayLike) -> Feedback:
    """ControlVAE with the set point `target`; `speed` is its K_i.

    beta starts at 0 and stays within 0 and 1. Shao et al. (2020), arXiv:2004.05988.

    >>> made, hyper = control_vae_feedback(5.0, 1e-4), StepHyper(1.0)
    >>> float(made.beta(made.init(hyper), hyper))
    0.0
    """
    return from_controller(
        schedules.control_vae(target, integral=speed),
        lambda info: info.rate,
        lambda beta: beta,
    )
