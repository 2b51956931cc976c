"""Semi-amortised inference: every posterior is refined by some gradient steps."""

from typing import Any

from vae_jax.records import Facts, data, record, static
from vae_jax.remedies._contract import Remedy
from vae_jax.training import semi_amortised_posterior
from vae_jax.vae import VAE


@record("remedy", "refine_steps")
class Refinement(Remedy):
    """Gradient steps on every posterior's own ELBO, Kim et al. (2018)."""

    sets = "the refinement"
    rank = 1
    needs_standard_prior = True

    refine_steps: int = static(
        "Steps of gradient ascent on every posterior; 0 for none.", low=0, high=10_000
    )
    refine_rate: float = data(
        "Length of those steps.", default=0.1, low=0, low_open=True
    )

    @property
    def is_off(self) -> bool:
        """No step is no refinement."""
        return self.refine_steps == 0

    def wrap(self, vae: VAE, run: Any, facts: Facts) -> VAE:
        """See `training.semi_amortised_posterior`."""
        return semi_amortised_posterior(
            vae,
            run.likelihood.density(facts),
            num_steps=self.refine_steps,
            learning_rate=self.refine_rate,
        )
