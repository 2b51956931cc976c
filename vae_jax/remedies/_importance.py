"""The importance-weighted bound in the place of the ELBO."""

from typing import Any

from vae_jax.likelihoods import Likelihood
from vae_jax.losses import Gradient
from vae_jax.records import record, static
from vae_jax.remedies._contract import Remedy
from vae_jax.training import Objective, make_importance_objective
from vae_jax.vae import VAE


@record("remedy", "importance_samples")
class ImportanceWeighting(Remedy):
    """The bound of several weighted samples, Burda et al. (2016)."""

    sets = "the objective"

    importance_samples: int = static(
        "Samples of the bound; 0 for the ELBO.", low=0, high=10_000
    )
    importance_gradient: Gradient = static(
        "Estimator of the encoder's gradient.", default="doubly_reparameterised"
    )

    @property
    def is_off(self) -> bool:
        """No sample is the ELBO."""
        return self.importance_samples == 0

    def conflict(self, run: Any) -> str | None:
        """One bound has no rate of its own to weigh, to floor or to steer."""
        wrong = [one.said for one in run.remedies if one.needs_elbo]
        if not run.beta.is_constant:
            wrong.append(f"schedule={run.beta.chosen_name!r}")
        if run.beta.beta != 1:
            wrong.append(f"beta={run.beta.beta:g}")
        if run.likelihood.optimal_variance:
            wrong.append(f"likelihood={run.likelihood.chosen_name!r}")
        if not wrong:
            return None
        return (
            "`importance_samples` makes the loss one bound, in which the rate cannot be "
            f"weighed, floored or steered; got {' and '.join(wrong)}. Leave it out."
        )

    def objective(self, vae: VAE, density: Likelihood) -> Objective:
        """See `training.make_importance_objective`."""
        return make_importance_objective(
            vae, density, self.importance_samples, gradient=self.importance_gradient
        )
