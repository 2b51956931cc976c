"""A distance of the aggregate posterior from the prior, beside the rate."""

from vae_jax.records import Facts, data, record
from vae_jax.remedies._contract import Remedy
from vae_jax.training import Regulariser, mmd_regulariser


@record("regulariser", "mmd")
class MMD(Remedy):
    """The maximum mean discrepancy of q(z) to N(0, I), Zhao et al. (2019)."""

    sets = "what is charged beside the rate"
    needs_standard_prior = needs_elbo = True

    mmd_weight: float = data("Weight of the distance.", low=0, low_open=True)

    def regulariser(self, facts: Facts) -> Regulariser:
        """See `training.mmd_regulariser`."""
        del facts
        return mmd_regulariser(self.mmd_weight)
