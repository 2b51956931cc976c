"""Controllers that steer beta while a run trains."""

from collections.abc import Callable
from typing import ClassVar

from vae_jax.records import data, record
from vae_jax.remedies._contract import Remedy
from vae_jax.training import (
    Feedback,
    control_vae_feedback,
    geco_feedback,
    minimum_rate_feedback,
    target_rate_feedback,
)


@record()
class Steered(Remedy):
    """beta is steered until a target is met."""

    sets = "beta"
    needs_elbo = True
    make: ClassVar[Callable[..., Feedback]]

    target: float = data(
        "Nats to steer to: a distortion for geco, else a rate.", low=0, low_open=True
    )
    speed: float = data("Change per step and nat.", default=1e-3, low=0, low_open=True)

    def feedback(self) -> Feedback:
        """The controller."""
        return type(self).make(self.target, self.speed)


@record("feedback", "geco")
class Geco(Steered):
    """The least rate at a distortion, Rezende & Viola (2018)."""

    make = staticmethod(geco_feedback)


@record("feedback", "minimum_rate")
class MinimumRate(Steered):
    """The least rate that is allowed, Pelsmaeker & Aziz (2020)."""

    make = staticmethod(minimum_rate_feedback)


@record("feedback", "target_rate")
class TargetRate(Steered):
    """Moves beta up and down until the rate is the target."""

    make = staticmethod(target_rate_feedback)


@record("feedback", "control_vae")
class ControlVAE(Steered):
    """A PI controller with beta between 0 and 1, Shao et al. (2020)."""

    make = staticmethod(control_vae_feedback)
