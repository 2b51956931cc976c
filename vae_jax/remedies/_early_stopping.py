"""A run stops where the validation loss has stopped falling."""

from typing import Any

from vae_jax.records import data, record
from vae_jax.remedies._contract import Parts, Remedy
from vae_jax.training import Program, make_validate, with_early_stopping


@record("remedy", "early_stopping")
class EarlyStopping(Remedy):
    """Stops where the validation loss stalls, and keeps the best, Prechelt (1998)."""

    sets = "which parameters are evaluated"
    rank = 2
    validates = True

    early_stopping: int = data(
        "Epochs without a lower validation loss after which a run stops; 0 for none.",
        low=0,
        high=2**31 - 1,
    )

    @property
    def is_off(self) -> bool:
        """No patience is no stopping."""
        return self.early_stopping == 0

    def conflict(self, run: Any) -> str | None:
        """Losses must be of one objective to be compared."""
        if run.likelihood.optimal_variance:
            return (
                "`early_stopping` compares validation losses at one variance; got "
                f"likelihood={run.likelihood.chosen_name!r}, which sets it batch by batch. "
                "Use 'gaussian_learned'."
            )
        others = [one.said for one in run.remedies if one.has_phases]
        if others:
            return (
                "`early_stopping` judges by the ELBO, which training without the "
                f"rate does not lower; got {others[0]}. Choose one."
            )
        if run.steers_beta:
            steering = [one.said for one in run.remedies if one.sets == "beta"]
            return (
                "`early_stopping` compares losses at one beta; got "
                f"{steering[0]}, which goes on moving it. Choose one."
            )
        return None

    def around(self, program: Program, parts: Parts) -> Program:
        """See `training.with_early_stopping`."""
        size = parts.settings.batch_size
        validate = make_validate(parts.vae, parts.density, parts.prepare, size)
        return with_early_stopping(program, validate, size, self.early_stopping)
