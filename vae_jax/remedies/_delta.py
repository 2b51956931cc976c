"""delta-VAE: a posterior that cannot come closer to the prior than some nats."""

from typing import Any

from vae_jax.records import Facts, data, record
from vae_jax.remedies._contract import Remedy
from vae_jax.training import delta_posterior
from vae_jax.vae import VAE

HIGHEST = 40.0
"""Nats; above it the range of sigma leaves float32. See `losses.delta_posterior`."""


@record("posterior", "delta")
class Delta(Remedy):
    """No unit's KL falls below a committed rate, Razavi et al. (2019)."""

    sets = "the posterior"
    needs_standard_prior = True

    committed_rate: float = data(
        "Nats that every unit keeps.", default=0.1, low=1e-6, high=HIGHEST, unit="nats"
    )

    @property
    def least_rate(self) -> float:
        """The committed rate."""
        return self.committed_rate

    def wrap(self, vae: VAE, run: Any, facts: Facts) -> VAE:
        """See `training.delta_posterior`."""
        del run, facts
        return delta_posterior(vae, self.committed_rate)
