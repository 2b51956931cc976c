"""The learning rate is halved where the validation loss stops falling."""

from typing import Any

from vae_jax.records import record, static
from vae_jax.remedies._contract import Parts, Remedy
from vae_jax.training import Program, make_validate, with_plateau


@record("remedy", "halve_on_plateau")
class HalveOnPlateau(Remedy):
    """Halves the learning rate and goes on from the best parameters, He et al. (2019)."""

    sets = "which parameters are evaluated"
    rank = 2
    validates = True

    halve_on_plateau: bool = static(
        "Halve the learning rate where the validation loss has not fallen for two epochs."
    )

    @property
    def is_off(self) -> bool:
        """It may be said that there is none."""
        return not self.halve_on_plateau

    def conflict(self, run: Any) -> str | None:
        """Losses must be of one objective to be compared."""
        if run.likelihood.optimal_variance:
            return (
                "`halve_on_plateau` compares validation losses at one variance; got "
                f"likelihood={run.likelihood.chosen_name!r}, which sets it batch by batch. "
                "Use 'gaussian_learned'."
            )
        others = [one.said for one in run.remedies if one.has_phases]
        if others:
            return (
                "`halve_on_plateau` judges by the ELBO, which training without the rate "
                f"does not lower; got {others[0]}. Choose one."
            )
        return None

    def around(self, program: Program, parts: Parts) -> Program:
        """See `training.with_plateau`."""
        size = parts.settings.batch_size
        validate = make_validate(parts.vae, parts.density, parts.prepare, size)
        return with_plateau(program, validate, size)
