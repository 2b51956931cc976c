"""Aggressive inference: many steps of the encoder before each of the decoder."""

from vae_jax.records import record
from vae_jax.remedies._contract import Parts, Remedy
from vae_jax.training import Program, make_aggressive_program


@record("inference", "aggressive")
class Aggressive(Remedy):
    """The encoder is trained until it has caught up, He et al. (2019)."""

    sets = "how a run is trained"

    def program(self, parts: Parts) -> Program:
        """See `training.make_aggressive_program`."""
        return make_aggressive_program(
            parts.vae,
            parts.loss,
            parts.optimizer,
            parts.prepare,
            parts.evaluate,
            parts.settings.batch_size,
            feedback=parts.feedback,
            calibrate=parts.calibrate,
        )
