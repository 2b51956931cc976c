"""How much the code says about the data: rate = mutual information + marginal KL.

With q(z) the mean of q(z|x) over the data, `E_x KL(q(z|x) || p(z)) = I(x; z) +
KL(q(z) || p(z))`: Hoffman & Johnson (2016), "ELBO surgery". Only the first part is
information.

All estimates take one z of each example and the *whole* set as the mixture q(z). Given the
examples they are unbiased for a draw of x from this set, in which no code can carry more
than log N nats. For the population they are biased, because every z meets its own q(z|x)
in a mixture of only N: to first order by `(chi - 1) / 2 N`, chi the mean of
q(z|x) / q(z), down for the information and up for the marginal KL. The stated error is the
root of the squares of this bias and of the spread. It is honest as long as the bias is
small; an estimate near log N is a lower bound.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax import gaussian
from vae_jax.diagnostics._checks import (
    as_posterior,
    sample,
    standard_error,
)
from vae_jax.diagnostics._log_ratios import (
    BLOCK_SIZE,
    LogPrior,
    LogRatios,
    log_ratio_to,
    log_ratios,
)
from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike, PRNGKey


class MutualInformation(NamedTuple):
    """An estimate in nats.

    Attributes:
        value: the estimate; noise can make it slightly negative.
        standard_error: of the value, the bias of a finite mixture included.
        ceiling: log N, which no estimate from N examples can exceed.

    >>> MutualInformation._fields
    ('value', 'standard_error', 'ceiling')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]
    ceiling: Float[Array, ""]


class MarginalKL(NamedTuple):
    """An estimate in nats, with its standard error.

    >>> MarginalKL._fields
    ('value', 'standard_error')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


class RateResidual(NamedTuple):
    """What `rate - mutual information - marginal KL` leaves, in nats; 0 within its error.

    >>> RateResidual._fields
    ('value', 'standard_error')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


class RateDecomposition(NamedTuple):
    """The rate and its two parts, each estimated by itself, in nats.

    >>> RateDecomposition._fields
    ('rate', 'mutual_information', 'marginal_kl', 'residual')
    """

    rate: Float[Array, ""]
    mutual_information: MutualInformation
    marginal_kl: MarginalKL
    residual: RateResidual


def mutual_information(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    *,
    block_size: int = BLOCK_SIZE,
) -> MutualInformation:
    """Information between x and z, over the whole set, in nats.

    `mean_i [log q(z_i|x_i) - log (1/N) sum_j q(z_i|x_j)]`, both terms on the same `z_i`,
    the first being an entry of the sum: at exact collapse it is 0 without any spread.

    Args:
        key: for the samples of z.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `block_size` is no whole number.
        ValueError: the shapes differ, or there are fewer than 2 examples.

    Hoffman & Johnson (2016), "ELBO surgery"; He et al. (2019), arXiv:1901.05534, who take
    the mixture over a minibatch, which caps the value at the log of the batch size.

    >>> same = jnp.full((100, 2), 7.0)
    >>> found = mutual_information(jax.random.key(0), same, same)
    >>> print(f"{abs(found.value):.4f} {found.standard_error:.4f} {found.ceiling:.4f}")
    0.0000 0.0000 4.6052
    """
    mean, logvar = as_posterior(means, logvars)
    noise, _ = sample(key, mean, logvar)
    return summarise_information(log_ratios(noise, mean, logvar, block_size).to_mixture)


def marginal_kl(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    *,
    block_size: int = BLOCK_SIZE,
) -> MarginalKL:
    """KL of the aggregate posterior q(z) to N(0, I), in nats.

    `mean_i [log q(z_i) - log p(z_i)]`, from samples and not as a difference to the rate.

    Args:
        key: for the samples of z; not that of the mutual information, if both are compared.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `block_size` is no whole number.
        ValueError: the shapes differ, or there are fewer than 2 examples.

    Hoffman & Johnson (2016), "ELBO surgery".

    >>> zeros = jnp.zeros((100, 2))
    >>> print(f"{abs(marginal_kl(jax.random.key(0), zeros, zeros).value):.4f}")
    0.0000
    """
    mean, logvar = as_posterior(means, logvars)
    noise, _ = sample(key, mean, logvar)
    return summarise_marginal(log_ratios(noise, mean, logvar, block_size))


def rate_decomposition(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    *,
    log_prior: LogPrior | None = None,
    kl: Float[ArrayLike, " examples"] | None = None,
    block_size: int = BLOCK_SIZE,
) -> RateDecomposition:
    """The rate, its two parts from independent samples of z, and what they leave over.

    Every example's own terms sum to its KL in expectation, so the residual's standard error
    is that of their differences: exact, also where the parts vary much over the data.

    Args:
        key: for the samples of z.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        log_prior: `log_prior(z) -> (samples,)`, normalised; None for N(0, I).
        kl: of every example to that prior, given with it; None where it has no closed form,
            and then the rate is sampled.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `block_size` is no whole number.
        ValueError: the shapes differ, or there are fewer than 2 examples.

    >>> far = jnp.full((100, 1), 3.0)
    >>> found = rate_decomposition(jax.random.key(0), far, jnp.zeros((100, 1)))
    >>> print(f"{found.rate:.2f} {abs(found.mutual_information.value):.2f}")
    4.50 0.00
    """
    mean, logvar = as_posterior(means, logvars)
    own, first, second = sampled_twice(key, mean, logvar, log_prior, kl, block_size)
    left = own - first.to_mixture - (second.to_prior - second.to_mixture)
    return RateDecomposition(
        jnp.mean(own),
        summarise_information(first.to_mixture),
        summarise_marginal(second),
        RateResidual(jnp.mean(left), standard_error(left)),
    )


def sampled_twice(
    key: PRNGKey,
    mean: Float[Array, "examples latent"],
    logvar: Float[Array, "examples latent"],
    log_prior: LogPrior | None,
    kl: ArrayLike | None,
    block_size: int,
    labels: Int[Array, " examples"] | None = None,
) -> tuple[Float[Array, " examples"], LogRatios, LogRatios]:
    """The KL of every example to its prior, and the ratios of two samples of it."""
    if kl is not None and log_prior is None:
        raise ValueError("`kl` is to `log_prior`: give both; got `kl` alone.")
    keys = jax.random.split(as_key("key", key), 2)
    samples = [sample(k, mean, logvar) for k in keys]
    noises = jnp.concatenate([noise for noise, _ in samples])
    both = log_ratios(noises, mean, logvar, block_size, labels)
    size = len(mean)
    first: LogRatios = jax.tree.map(lambda terms: terms[:size], both)
    second: LogRatios = jax.tree.map(lambda terms: terms[size:], both)
    own = jnp.sum(gaussian.kl_standard(mean, logvar), axis=-1)
    if log_prior is not None:
        first, second = (
            terms._replace(to_prior=log_ratio_to(log_prior, *drawn, logvar))
            for terms, drawn in zip((first, second), samples, strict=True)
        )
        own = (first.to_prior + second.to_prior) / 2 if kl is None else as_float(kl)
        check_same_shape("kl", own, "log_prior(z)", first.to_prior)
    return own, first, second


def summarise_information(to_mixture: Float[Array, " examples"]) -> MutualInformation:
    """Mean, error and ceiling."""
    ceiling = jnp.log(jnp.asarray(len(to_mixture), to_mixture.dtype))
    error = jnp.hypot(standard_error(to_mixture), mixture_bias(to_mixture))
    return MutualInformation(jnp.mean(to_mixture), error, ceiling)


def summarise_marginal(terms: LogRatios) -> MarginalKL:
    """Mean and error."""
    marginal = terms.to_prior - terms.to_mixture
    error = jnp.hypot(standard_error(marginal), mixture_bias(terms.to_mixture))
    return MarginalKL(jnp.mean(marginal), error)


def mixture_bias(to_mixture: Float[Array, " examples"]) -> Float[Array, ""]:
    """`(chi - 1) / 2 N`, half the excess share that an example has in its own mixture.

    With r = q(z|x) / q(z), `log (1/N) sum_j q(z|x_j) - log q(z)` is on average
    `(E r - 1) / N` for the own term, which is always there, less half the relative
    variance of the mean of the others, `(E r - 1) / 2 N`. At collapse r = 1: no bias.
    """
    return jnp.mean(jnp.expm1(to_mixture)) / (2 * len(to_mixture))
