"""Normalised log-densities of the data given what a decoder returns, in nats."""

from vae_jax.likelihoods._bernoulli import (
    bernoulli,
    bernoulli_log_prob,
    check_bernoulli_data,
)
from vae_jax.likelihoods._categorical import (
    categorical,
    categorical_log_prob,
    check_categorical_data,
)
from vae_jax.likelihoods._continuous_bernoulli import (
    check_continuous_bernoulli_data,
    continuous_bernoulli,
    continuous_bernoulli_log_prob,
)
from vae_jax.likelihoods._count_families import (
    negative_binomial,
    poisson,
    with_library,
    zero_inflated_negative_binomial,
)
from vae_jax.likelihoods._counts import (
    check_count_data,
    library_log_mean,
    negative_binomial_log_prob,
    poisson_log_prob,
    zero_inflated_negative_binomial_log_prob,
)
from vae_jax.likelihoods._event import Likelihood, sum_event
from vae_jax.likelihoods._gaussian import (
    check_gaussian_data,
    gaussian,
    gaussian_log_prob,
    gaussian_optimal_variance,
)
from vae_jax.likelihoods._laplace import laplace, laplace_log_prob
from vae_jax.likelihoods._logistic_mixture import (
    MixtureParams,
    check_logistic_mixture_data,
    discretized_logistic_mixture,
    discretized_logistic_mixture_log_prob,
    mixture_params,
)
from vae_jax.likelihoods._records import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Density,
    Gaussian,
    GaussianLearned,
    GaussianOptimal,
    Laplace,
    LaplaceLearned,
    LogisticMixture,
    NegativeBinomial,
    Poisson,
    StudentT,
    ZeroInflatedNegativeBinomial,
)
from vae_jax.likelihoods._student_t import student_t, student_t_log_prob

__all__ = [
    "NegativeBinomial",
    "Poisson",
    "StudentT",
    "ZeroInflatedNegativeBinomial",
    "Bernoulli",
    "Categorical",
    "ContinuousBernoulli",
    "Density",
    "Gaussian",
    "GaussianLearned",
    "GaussianOptimal",
    "Laplace",
    "LaplaceLearned",
    "LogisticMixture",
    "Likelihood",
    "MixtureParams",
    "bernoulli",
    "bernoulli_log_prob",
    "categorical",
    "categorical_log_prob",
    "check_bernoulli_data",
    "check_categorical_data",
    "check_continuous_bernoulli_data",
    "check_count_data",
    "check_gaussian_data",
    "check_logistic_mixture_data",
    "continuous_bernoulli",
    "continuous_bernoulli_log_prob",
    "discretized_logistic_mixture",
    "discretized_logistic_mixture_log_prob",
    "gaussian",
    "gaussian_log_prob",
    "gaussian_optimal_variance",
    "laplace",
    "laplace_log_prob",
    "mixture_params",
    "negative_binomial",
    "negative_binomial_log_prob",
    "library_log_mean",
    "poisson",
    "student_t",
    "student_t_log_prob",
    "with_library",
    "zero_inflated_negative_binomial",
    "poisson_log_prob",
    "sum_event",
    "zero_inflated_negative_binomial_log_prob",
]
