"""Likelihoods as records of a run: what a decoder returns, and what data it has."""

from abc import abstractmethod
from typing import ClassVar, Literal

from vae_jax import tokens
from vae_jax.likelihoods._bernoulli import bernoulli
from vae_jax.likelihoods._categorical import categorical, categorical_log_prob
from vae_jax.likelihoods._continuous_bernoulli import continuous_bernoulli
from vae_jax.likelihoods._event import Likelihood
from vae_jax.likelihoods._gaussian import gaussian
from vae_jax.likelihoods._laplace import laplace
from vae_jax.likelihoods._logistic_mixture import discretized_logistic_mixture
from vae_jax.records import Facts, Record, data, record, static

Wants = Literal["binary", "unit", "signed", "tokens"]
"""0 and 1; from 0 to 1; from -1 to 1 with channels; whole numbers of a vocabulary."""


@record()
class Density(Record):
    """The family of the data's density given z.

    Attributes:
        wants: what the data must be.
        head: the name of what a ready model's decoder returns for it.
        optimal_variance: the objective sets the variance to its optimum for the batch.
    """

    wants: ClassVar[Wants] = "unit"
    head: ClassVar[str] = "gaussian"
    optimal_variance: ClassVar[bool] = False

    @abstractmethod
    def density(self, facts: Facts) -> Likelihood:
        """The likelihood of what the decoder returns."""

    def knobs(self) -> dict[str, object]:
        """What it sets of the settings that a model is called with."""
        return {}


@record("likelihood", "bernoulli")
class Bernoulli(Density):
    """Independent binary pixels."""

    wants = "binary"
    head = "bernoulli"

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.bernoulli`."""
        del facts
        return bernoulli()


@record("likelihood", "continuous_bernoulli")
class ContinuousBernoulli(Density):
    """Independent pixels between 0 and 1, Loaiza-Ganem & Cunningham (2019)."""

    head = "bernoulli"

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.continuous_bernoulli`."""
        del facts
        return continuous_bernoulli()


@record("likelihood", "gaussian")
class Gaussian(Density):
    """Independent Gaussian pixels of a fixed variance."""

    variance: float = data("Noise variance.", default=1.0, low=0, low_open=True)

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.gaussian`."""
        del facts
        return gaussian()

    def knobs(self) -> dict[str, object]:
        """The variance."""
        return {"variance": self.variance}


@record("likelihood", "gaussian_learned")
class GaussianLearned(Density):
    """Independent Gaussian pixels of one variance that is learned."""

    head = "gaussian_learned"

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.gaussian`."""
        del facts
        return gaussian()


@record("likelihood", "gaussian_optimal")
class GaussianOptimal(Density):
    """Independent Gaussian pixels whose variance is the mean squared error of the batch."""

    optimal_variance = True

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.gaussian` and `likelihoods.gaussian_optimal_variance`."""
        del facts
        return gaussian()


@record("likelihood", "laplace")
class Laplace(Density):
    """Independent Laplace pixels of a fixed scale."""

    scale: float = data("Scale of the noise.", default=1.0, low=0, low_open=True)

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.laplace`."""
        del facts
        return laplace()

    def knobs(self) -> dict[str, object]:
        """A model returns the logarithm of this number, which is read as the log-scale."""
        return {"variance": self.scale}


@record("likelihood", "laplace_learned")
class LaplaceLearned(Density):
    """Independent Laplace pixels of one scale that is learned."""

    head = "gaussian_learned"

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.laplace`."""
        del facts
        return laplace()


@record("likelihood", "logistic_mixture")
class LogisticMixture(Density):
    """Grey levels under a mixture of logistics, Salimans et al. (2017)."""

    wants = "signed"
    head = "logistic_mixture"

    components: int = static("Logistics of a pixel.", default=5, low=1, high=10_000)

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.discretized_logistic_mixture`."""
        return discretized_logistic_mixture(facts.max_value + 1)


@record("likelihood", "categorical")
class Categorical(Density):
    """Words of a sentence; nothing is charged for what stands after its end."""

    wants = "tokens"
    head = "categorical"

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.categorical`."""
        del facts
        return sentences()


def sentences() -> Likelihood:
    """Categorical, and nothing charged for what stands after the end of a sentence.

    >>> import jax.numpy as jnp
    >>> logits, x = jnp.zeros((1, 3, 8)), jnp.array([[5, 3, 0]])
    >>> round(float(sentences().log_prob(logits, x)[0] / jnp.log(8)), 4)
    -2.0
    """

    def log_prob(logits, x):  # type: ignore[no-untyped-def]
        return categorical_log_prob(logits, x, mask=x != tokens.PAD)

    return categorical()._replace(log_prob=log_prob)
