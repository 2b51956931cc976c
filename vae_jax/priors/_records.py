"""Laws of z as records of a run."""

from abc import abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp

from vae_jax.priors._autoregressive import autoregressive
from vae_jax.priors._diagonal import diagonal
from vae_jax.priors._mixture import mixture
from vae_jax.priors._vamp import vampprior
from vae_jax.records import Facts, Record, record, static
from vae_jax.vae import VAE, Prior


def components() -> Any:
    """The setting `prior_components`."""
    return static("Components of the mixture.", default=16, low=1, high=100_000)


@record()
class PriorChoice(Record):
    """The law of z.

    Attributes:
        is_standard: it is N(0, I), against which some remedies are defined.
        has_units: its KL is known unit by unit, and not sampled as a whole.
        encodes: it encodes inputs of its own, which are images from 0 to 1.
    """

    is_standard: ClassVar[bool] = False
    has_units: ClassVar[bool] = True
    encodes: ClassVar[bool] = False

    @abstractmethod
    def prior(self, vae: VAE, latent_dim: int, facts: Facts) -> Prior | None:
        """The law of the codes of a model; None for N(0, I), which needs no model."""


@record("prior", "standard")
class StandardPrior(PriorChoice):
    """N(0, I)."""

    is_standard = True

    def prior(self, vae: VAE, latent_dim: int, facts: Facts) -> None:
        """A model without a prior of its own has this one."""
        del vae, latent_dim, facts


@record("prior", "diagonal")
class DiagonalPrior(PriorChoice):
    """A Gaussian whose mean and variances are learned."""

    def prior(self, vae: VAE, latent_dim: int, facts: Facts) -> Prior:
        """See `priors.diagonal`."""
        del vae, facts
        return diagonal(latent_dim)


@record("prior", "mixture")
class MixturePrior(PriorChoice):
    """Gaussians and their weights, all learned."""

    has_units = False

    prior_components: int = components()

    def prior(self, vae: VAE, latent_dim: int, facts: Facts) -> Prior:
        """See `priors.mixture`."""
        del vae, facts
        return mixture(latent_dim, self.prior_components)


@record("prior", "vampprior")
class VampPrior(PriorChoice):
    """The mixture of the posteriors of learned inputs, Tomczak & Welling (2018)."""

    has_units = False
    encodes = True

    prior_components: int = components()

    def prior(self, vae: VAE, latent_dim: int, facts: Facts) -> Prior:
        """See `priors.vampprior`; the inputs begin grey."""
        del latent_dim
        shape = (self.prior_components, *facts.event_shape)
        grey = jnp.full(shape, 0.5, jnp.float32)
        return vampprior(vae.encode, grey, noise=0.25, bounded=True)


@record("prior", "autoregressive")
class AutoregressivePrior(PriorChoice):
    """Units that are correlated, which no posterior is, Razavi et al. (2019)."""

    prior_correlation: float = static(
        "Correlation of successive units.",
        default=0.5,
        low=-1,
        low_open=True,
        high=1,
        high_open=True,
    )

    def prior(self, vae: VAE, latent_dim: int, facts: Facts) -> Prior:
        """See `priors.autoregressive`."""
        del vae, facts
        return autoregressive(latent_dim, latent_dim, self.prior_correlation)
