"""Likelihoods as records of a run: what a decoder returns, and what data it has."""

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from vae_jax import tokens
from vae_jax.likelihoods._bernoulli import bernoulli
from vae_jax.likelihoods._categorical import categorical, categorical_log_prob
from vae_jax.likelihoods._continuous_bernoulli import continuous_bernoulli
from vae_jax.likelihoods._count_families import (
    negative_binomial,
    poisson,
    with_library,
    zero_inflated_negative_binomial,
)
from vae_jax.likelihoods._event import Likelihood
from vae_jax.likelihoods._gaussian import gaussian
from vae_jax.likelihoods._laplace import laplace
from vae_jax.likelihoods._logistic_mixture import discretized_logistic_mixture
from vae_jax.likelihoods._student_t import student_t
from vae_jax.records import Facts, Record, data, record, static

Wants = Literal["binary", "unit", "real", "signed", "counts", "tokens"]
"""0 and 1; from 0 to 1; any finite numbers; grey levels from -1 to 1 with channels; whole
numbers of at least 0; whole numbers of a vocabulary."""


@record()
class Density(Record):
    """The family of the data's density given z.

    Attributes:
        wants: what the data must be.
        head: the name of what a ready model's decoder returns for it.
        optimal_variance: the objective sets the variance to its optimum for the batch.
        dispersed: of counts, with a concentration of every variable.
        inflated: of counts, with extra zeros as well.
    """

    wants: ClassVar[Wants] = "real"
    head: ClassVar[str] = "gaussian"
    optimal_variance: ClassVar[bool] = False
    dispersed: ClassVar[bool] = False
    inflated: ClassVar[bool] = False

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

    wants = "unit"
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


@record("likelihood", "student_t")
class StudentT(Density):
    """Independent Student-t numbers of one scale that is learned, for outliers."""

    head = "gaussian_learned"

    degrees_of_freedom: float = data(
        "Of its tails; many are a Gaussian.", default=5.0, low=0, low_open=True
    )

    def density(self, facts: Facts) -> Likelihood:
        """See `likelihoods.student_t`."""
        del facts
        family = student_t(self.degrees_of_freedom)

        def scaled(output: Any) -> Any:
            return output[0], 0.5 * output[1]

        return Likelihood(
            lambda output, x, batch_ndim=1: family.log_prob(
                scaled(output), x, batch_ndim
            ),
            lambda output: family.mean(scaled(output)),
            lambda key, output: family.sample(key, scaled(output)),
        )


@record()
class Counts(Density):
    """Independent counts, of which the model decodes the logarithm of the mean."""

    wants = "counts"
    head = "bernoulli"

    library_size: bool = static(
        "Decode shares of an example's own total, which is known, as for cells.",
        default=False,
    )

    @abstractmethod
    def family(self) -> Likelihood:
        """The law of the counts by themselves."""

    def density(self, facts: Facts) -> Likelihood:
        """The law, of shares of the total where that is known."""
        if not self.library_size:
            return self.family()
        return with_library(self.family(), facts.mean_total)


@record("likelihood", "poisson")
class Poisson(Counts):
    """Counts whose variance is their mean."""

    def family(self) -> Likelihood:
        """See `likelihoods.poisson`."""
        return poisson()


@record("likelihood", "negative_binomial")
class NegativeBinomial(Counts):
    """Counts of a larger variance; the concentration of every variable is learned."""

    dispersed = True

    def family(self) -> Likelihood:
        """See `likelihoods.negative_binomial`."""
        return negative_binomial()


@record("likelihood", "zero_inflated_negative_binomial")
class ZeroInflatedNegativeBinomial(Counts):
    """The same with extra zeros, whose logits are linear in z, Lopez et al. (2018)."""

    dispersed = True
    inflated = True

    def family(self) -> Likelihood:
        """See `likelihoods.zero_inflated_negative_binomial`."""
        return zero_inflated_negative_binomial()


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
