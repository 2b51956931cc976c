"""An autoencoder first: its encoder meets a new decoder."""

from typing import Any

import jax.numpy as jnp

from vae_jax.records import record, static
from vae_jax.remedies._contract import Parts, Remedy
from vae_jax.schedules import delay
from vae_jax.training import Program, with_decoder_reset
from vae_jax.types import Schedule


@record("remedy", "pretraining_steps")
class Pretraining(Remedy):
    """Steps without a charge for the rate, then a new decoder, Li et al. (2019)."""

    sets = "the pre-training"
    rank = 1
    needs_elbo = True
    has_phases = True

    pretraining_steps: int = static(
        "Steps at beta 0, after which the decoder starts anew; 0 for none.",
        low=0,
        high=10_000_000,
        in_epochs=True,
    )

    @property
    def is_off(self) -> bool:
        """No step is no pre-training."""
        return self.pretraining_steps == 0

    def conflict(self, run: Any) -> str | None:
        """Something must be left to train, and the decoder be drawn anew."""
        if run.init_from is not None:
            return (
                "`pretraining_steps` draws the decoder anew, which would not be what "
                f"`init_from` gives; got init_from={run.init_from!r}. Choose one."
            )
        if self.pretraining_steps < run.num_steps:
            return None
        return (
            "`pretraining_steps` must be fewer than `num_steps`; got "
            f"{self.pretraining_steps} of {run.num_steps}."
        )

    def betas(self, made: Schedule) -> Schedule:
        """0, and then the schedule from its beginning."""
        later = delay(made, self.pretraining_steps)
        return lambda t: jnp.where(
            jnp.asarray(t) < self.pretraining_steps, 0.0, later(t)
        )

    def around(self, program: Program, parts: Parts) -> Program:
        """See `training.with_decoder_reset`."""
        del parts
        return with_decoder_reset(program, self.pretraining_steps)
