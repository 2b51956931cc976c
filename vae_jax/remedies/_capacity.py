"""A capacity: the rate is held at a number of nats, which may rise."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from vae_jax import losses, schedules
from vae_jax.records import data, record
from vae_jax.remedies._contract import Remedy
from vae_jax.training import RatePenalty


@record("remedy", "capacity_weight")
class Capacity(Remedy):
    """The rate is held at a target that rises from 0, Burgess et al. (2018)."""

    sets = "the charge for the rate"
    needs_elbo = True

    capacity_weight: float = data(
        "Weight of the distance of the rate to its target; 0 for none.", low=0
    )
    capacity: float = data("Nats that the rate is held at.", low=0, is_row=True)
    capacity_warmup: int = data(
        "Steps over which the target rises from 0.",
        default=0,
        low=0,
        high=2**31 - 1,
        in_epochs=True,
    )
    allow_unfinished_warmup: bool = data(
        "Train although the run ends before the target has risen.", default=False
    )

    @property
    def is_off(self) -> bool:
        """Without a weight nothing is held."""
        return self.capacity_weight == 0

    def conflict(self, run: Any) -> str | None:
        """It takes the place of beta, and must arrive."""
        if not run.beta.is_constant or run.beta.beta != 1 or run.steers_beta:
            steering = [one.said for one in run.remedies if one.sets == "beta"]
            return (
                "`capacity_weight` takes the place of beta, which must then be a constant "
                "1 without feedback; got "
                + " and ".join(
                    [
                        f"beta={run.beta.beta:g} with schedule={run.beta.chosen_name!r}",
                        *steering,
                    ]
                )
                + ". Leave those out."
            )
        if self.capacity_warmup > run.num_steps and not self.allow_unfinished_warmup:
            return (
                "`capacity_warmup` must end within `num_steps`; got "
                f"{self.capacity_warmup} of {run.num_steps} steps. To train so all the "
                "same, set `allow_unfinished_warmup`."
            )
        return None

    def rows(self, num_steps: int) -> dict[str, Any]:
        """The target at every step: a linear ramp from 0, then the capacity."""
        ramp = schedules.linear(0.0, self.capacity, self.capacity_warmup)
        return {"capacity": np.asarray(schedules.tabulate(ramp, num_steps))}

    def penalty(self) -> RatePenalty:
        """See `losses.capacity`."""
        return lambda kl, hyper: losses.capacity(
            kl, self.capacity, jnp.asarray(self.capacity_weight, kl.dtype)
        )
