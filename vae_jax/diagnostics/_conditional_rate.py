"""The rate of a CVAE in two parts: information beside the condition, and distance.

As `_conditional`, with the prior of each example's condition. Everything is in nats.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax.diagnostics._checks import as_posterior, sample
from vae_jax.diagnostics._conditional import (
    ConditionalInformation,
    group_bias,
    summarise_conditional,
    summarise_repeated,
    to_group,
)
from vae_jax.diagnostics._groups import Groups, as_groups, average, average_error
from vae_jax.diagnostics._information import (
    MarginalKL,
    MutualInformation,
    RateResidual,
    sampled_twice,
)
from vae_jax.diagnostics._log_ratios import (
    BLOCK_SIZE,
    LogPrior,
    LogRatios,
    log_ratio_to,
    log_ratios,
)
from vae_jax.types import ArrayLike, PRNGKey


class ConditionalDecomposition(NamedTuple):
    """The rate of a CVAE and its parts, and what z says of the condition, in nats.

    Attributes:
        rate: KL to the prior, averaged as the parts are.
        conditional_information: I(z; x | c).
        conditional_marginal_kl: of q(z|c) to the prior, averaged over the conditions.
        residual: `rate - conditional information - conditional marginal KL`.
        condition_information: I(z; c), a part of the conditional marginal KL where the
            prior does not know c; its ceiling is the entropy of the labels.

    >>> ConditionalDecomposition._fields[:2]
    ('rate', 'conditional_information')
    """

    rate: Float[Array, ""]
    conditional_information: ConditionalInformation
    conditional_marginal_kl: MarginalKL
    residual: RateResidual
    condition_information: MutualInformation


def conditional_marginal_kl(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    labels: Int[ArrayLike, " examples"],
    *,
    log_prior: LogPrior | None = None,
    block_size: int = BLOCK_SIZE,
) -> MarginalKL:
    """KL of the aggregate posterior of a condition to its prior, averaged, in nats.

    `E_c KL(q(z|c) || p(z|c)) = mean_i [log q(z_i|c_i) - log p(z_i|c_i)]`.

    Args:
        key: for the samples of z; not that of the information, if both are compared.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        labels: the condition of each example, any whole numbers.
        log_prior: `log_prior(z) -> (examples,)`, normalised, row i given the condition of
            example i; None for N(0, I).
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `labels` or `block_size` are no whole numbers.
        ValueError: the shapes differ, there are fewer than 2 examples, or no two of one
            condition. Where labels are traced, that gives NaN.

    Hoffman & Johnson (2016), "ELBO surgery", within a condition.

    >>> import jax
    >>> zeros = jnp.zeros((100, 2))
    >>> labels, key = jnp.arange(100) % 4, jax.random.key(0)
    >>> found = jax.jit(conditional_marginal_kl)(key, zeros, zeros, labels)
    >>> print(f"{abs(found.value):.4f}")
    0.0000
    """
    mean, logvar = as_posterior(means, logvars)
    groups = as_groups(labels, mean)
    noise, z = sample(key, mean, logvar)
    terms = log_ratios(noise, mean, logvar, block_size, groups.labels)
    if log_prior is not None:
        terms = terms._replace(to_prior=log_ratio_to(log_prior, noise, z, logvar))
    return summarise_conditional_marginal(terms, groups)


def conditional_decomposition(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    labels: Int[ArrayLike, " examples"],
    *,
    log_prior: LogPrior | None = None,
    kl: Float[ArrayLike, " examples"] | None = None,
    block_size: int = BLOCK_SIZE,
) -> ConditionalDecomposition:
    """The rate of a CVAE, its two parts from independent samples, and I(z; c), in nats.

    `E KL(q(z|x, c) || p(z|c)) = I(z; x | c) + E_c KL(q(z|c) || p(z|c))`; the residual is
    what the three leave over, with the standard error of its terms.

    Args:
        key: for the samples of z.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        labels: the condition of each example, any whole numbers.
        log_prior: `log_prior(z) -> (examples,)`, normalised, row i given the condition of
            example i; None for N(0, I).
        kl: of every example to that prior, given with it, as `gaussian.kl_between` has it;
            None where it has no closed form, and then the rate is sampled.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `labels` or `block_size` are no whole numbers.
        ValueError: the shapes differ, there are fewer than 2 examples, or no two of one
            condition. Where labels are traced, that gives NaN.

    Hoffman & Johnson (2016), "ELBO surgery", within a condition.

    >>> import jax
    >>> labels = jnp.arange(100) % 4
    >>> repeats, key = 3 * jnp.eye(4)[labels], jax.random.key(0)
    >>> found = jax.jit(conditional_decomposition)(key, repeats, 0 * repeats, labels)
    >>> print(f"{found.rate:.2f} {abs(found.conditional_information.value):.2f}")
    4.50 0.00
    """
    mean, logvar = as_posterior(means, logvars)
    groups = as_groups(labels, mean)
    own, first, second = sampled_twice(
        key, mean, logvar, log_prior, kl, block_size, groups.labels
    )
    left = own - to_group(first) - (second.to_prior - to_group(second))
    return ConditionalDecomposition(
        rate=average(own, groups),
        conditional_information=summarise_conditional(first, groups),
        conditional_marginal_kl=summarise_conditional_marginal(second, groups),
        residual=RateResidual(average(left, groups), average_error(left, groups)),
        condition_information=summarise_repeated(first, groups),
    )


def summarise_conditional_marginal(terms: LogRatios, groups: Groups) -> MarginalKL:
    """Mean and error."""
    marginal = terms.to_prior - to_group(terms)
    error = jnp.hypot(
        average_error(marginal, groups), group_bias(to_group(terms), groups)
    )
    return MarginalKL(average(marginal, groups), error)
