"""Gaussian pixels whose one variance is given, or learned from a given start."""

from typing import Any

import jax.numpy as jnp

from vae_jax import likelihoods
from vae_jax.records import Facts, data, record


@record("likelihood", "started_gaussian")
class StartedGaussian(likelihoods.Density):
    """`logvar = log(variance) + learned * l`, where the model's l starts at 0.

    Adam sees the gradient alone, so that l moves as a log-variance does which starts at
    `log(variance)`. Both kinds of runs and all starts share one program.
    """

    head = "gaussian_learned"

    variance: float = data("At the start.", default=1.0, low=0, low_open=True)
    learned: float = data(
        "1 where it is learned, 0 where it is fixed.", default=1.0, low=0, high=1
    )

    def density(self, facts: Facts) -> likelihoods.Likelihood:
        """See `likelihoods.gaussian`."""
        del facts
        family = likelihoods.gaussian()

        def moved(output: Any) -> Any:
            mean, own = output
            start = jnp.log(jnp.asarray(self.variance, mean.dtype))
            return mean, start + jnp.asarray(self.learned, mean.dtype) * own

        return likelihoods.Likelihood(
            lambda output, x, batch_ndim=1: family.log_prob(
                moved(output), x, batch_ndim
            ),
            lambda output: family.mean(moved(output)),
            lambda key, output: family.sample(key, moved(output)),
        )
