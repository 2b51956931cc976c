"""The total correlation of the aggregate posterior, beside the rate."""

from vae_jax.records import Facts, data, record
from vae_jax.remedies._contract import Remedy
from vae_jax.training import Regulariser, total_correlation_regulariser


@record("regulariser", "total_correlation")
class TotalCorrelation(Remedy):
    """beta-TC-VAE with its beta at 1 + the weight, Chen et al. (2018)."""

    sets = "what is charged beside the rate"
    needs_standard_prior = needs_elbo = True

    tc_weight: float = data(
        "Weight of the total correlation, above the 1 in the rate.",
        low=0,
        low_open=True,
    )

    def regulariser(self, facts: Facts) -> Regulariser:
        """See `training.total_correlation_regulariser`."""
        return total_correlation_regulariser(self.tc_weight, facts.num_examples)
