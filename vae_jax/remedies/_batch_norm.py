"""BN-VAE: means of the posterior with a given spread over the data."""

from typing import Any

from vae_jax.records import Facts, data, record
from vae_jax.remedies._contract import Remedy
from vae_jax.training import batch_norm_posterior
from vae_jax.vae import VAE


@record("posterior", "batch_norm")
class BatchNorm(Remedy):
    """The means have a given standard deviation over the data, Zhu et al. (2020)."""

    sets = "the posterior"

    posterior_scale: float = data(
        "Standard deviation of the means over the data.",
        default=1.0,
        low=0,
        low_open=True,
    )

    def conflict(self, run: Any) -> str | None:
        """Normalising takes several examples, and the same for all that is encoded."""
        if run.batch_size < 2:
            return (
                "`batch_size` must be at least 2 with posterior='batch_norm', which takes "
                f"the mean over the batch from every mean; got {run.batch_size}, of which "
                "nothing would be left."
            )
        if run.prior.encodes:
            return (
                f"prior={run.prior.name!r} encodes its pseudo-inputs apart from the batch "
                "that posterior='batch_norm' normalises over; got both. Choose one."
            )
        return None

    def wrap(self, vae: VAE, run: Any, facts: Facts) -> VAE:
        """See `training.batch_norm_posterior`."""
        del facts
        return batch_norm_posterior(vae, run.model.latent_dim, self.posterior_scale)
