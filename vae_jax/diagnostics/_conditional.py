"""What the code says beside the condition: I(z; x | c), and the rate's parts in a CVAE.

A conditional VAE is told c, so that only what z says of x *beside* c is worth its rate.
With q(z|c) the mean of q(z|x, c) over the examples of one condition,

    E KL(q(z|x, c) || p(z|c)) = I(z; x | c) + E_c KL(q(z|c) || p(z|c)),
    I(z; (x, c)) = I(z; c) + I(z; x | c),

Hoffman & Johnson (2016), "ELBO surgery", within each condition, and the chain rule. A code
that repeats the condition has I(z; c) > 0 and I(z; x | c) = 0: it has collapsed, whatever
its rate.

Conditions are whole numbers. A continuous one is binned first. An encoder that is told the
exact c has, within a bin, I(z; (x, c) | bin) = I(z; x | c) + I(z; c | bin): what is
measured is never less than what is sought, and falls to it as the bins narrow, as long as a
bin holds many examples. Estimates are as in `mutual_information`, in nats, from mixtures of
as many examples as share the condition; those alone in theirs are left out, and counted.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax.diagnostics._checks import as_posterior, sample
from vae_jax.diagnostics._groups import (
    Groups,
    alone,
    as_groups,
    average,
    average_error,
)
from vae_jax.diagnostics._information import MutualInformation
from vae_jax.diagnostics._log_ratios import BLOCK_SIZE, LogRatios, log_ratios
from vae_jax.types import ArrayLike, PRNGKey


class ConditionalInformation(NamedTuple):
    """An estimate in nats.

    Attributes:
        value: the estimate; noise can make it slightly negative.
        standard_error: of the value, the bias of finite mixtures included.
        ceiling: mean log of the examples in a condition, which no estimate exceeds.
        alone: examples alone in their condition, which are left out.

    >>> ConditionalInformation._fields
    ('value', 'standard_error', 'ceiling', 'alone')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]
    ceiling: Float[Array, ""]
    alone: Float[Array, ""]


def conditional_information(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    labels: Int[ArrayLike, " examples"],
    *,
    block_size: int = BLOCK_SIZE,
) -> ConditionalInformation:
    """Information between x and z beside the condition, `I(z; x | c)`, in nats.

    `mean_i [log q(z_i|x_i, c_i) - log (1/N_c) sum_(j: c_j = c_i) q(z_i|x_j, c_j)]`, N_c the
    examples of the condition of i. With one condition it is `mutual_information`.

    Args:
        key: for the samples of z.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        labels: the condition of each example, any whole numbers; a continuous condition is
            binned first, see the head of this module.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `labels` or `block_size` are no whole numbers.
        ValueError: the shapes differ, there are fewer than 2 examples, or no two of one
            condition. Where labels are traced, that gives NaN.

    Hoffman & Johnson (2016), "ELBO surgery", within a condition.

    >>> import jax
    >>> labels = jnp.arange(100) % 4
    >>> repeats, narrow = 5 * jnp.eye(4)[labels], jnp.full((100, 4), -2.0)
    >>> key = jax.random.key(0)
    >>> found = jax.jit(conditional_information)(key, repeats, narrow, labels)
    >>> print(f"{abs(found.value):.4f} {found.ceiling:.4f}")
    0.0000 3.2189
    """
    mean, logvar = as_posterior(means, logvars)
    groups = as_groups(labels, mean)
    noise, _ = sample(key, mean, logvar)
    return summarise_conditional(
        log_ratios(noise, mean, logvar, block_size, groups.labels), groups
    )


def condition_information(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    labels: Int[ArrayLike, " examples"],
    *,
    block_size: int = BLOCK_SIZE,
) -> MutualInformation:
    """Information between the condition and z, `I(z; c)`: what z repeats, in nats.

    `mean_i [log q(z_i|c_i) - log q(z_i)]`, each q a mixture over examples. The ceiling is
    the entropy of the labels.

    Args:
        key: for the samples of z.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        labels: the condition of each example, any whole numbers.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `labels` or `block_size` are no whole numbers.
        ValueError: the shapes differ, there are fewer than 2 examples, or no two of one
            condition. Where labels are traced, that gives NaN.

    Cover & Thomas (2006), Theorem 2.5.2, the chain rule.

    >>> import jax
    >>> labels = jnp.arange(100) % 4
    >>> repeats, narrow = 5 * jnp.eye(4)[labels], jnp.full((100, 4), -2.0)
    >>> key = jax.random.key(0)
    >>> found = jax.jit(condition_information)(key, repeats, narrow, labels)
    >>> print(f"{found.value:.4f} {found.ceiling:.4f}")
    1.3863 1.3863
    """
    mean, logvar = as_posterior(means, logvars)
    groups = as_groups(labels, mean)
    noise, _ = sample(key, mean, logvar)
    return summarise_repeated(
        log_ratios(noise, mean, logvar, block_size, groups.labels), groups
    )


def to_group(terms: LogRatios) -> Float[Array, " examples"]:
    """Of ratios that were taken with labels."""
    assert terms.to_group is not None
    return terms.to_group


def summarise_conditional(terms: LogRatios, groups: Groups) -> ConditionalInformation:
    """Mean, error, ceiling, and who was left out."""
    ratio = to_group(terms)
    return ConditionalInformation(
        average(ratio, groups),
        jnp.hypot(average_error(ratio, groups), group_bias(ratio, groups)),
        average(jnp.log(groups.sizes), groups),
        alone(groups),
    )


def summarise_repeated(terms: LogRatios, groups: Groups) -> MutualInformation:
    """Mean, error, and the entropy of the labels."""
    ratio = terms.to_mixture - to_group(terms)
    share = groups.sizes / len(groups.sizes)
    error = jnp.hypot(average_error(ratio, groups), group_bias(to_group(terms), groups))
    return MutualInformation(
        average(ratio, groups), error, -average(jnp.log(share), groups)
    )


def group_bias(ratio: Float[Array, " examples"], groups: Groups) -> Float[Array, ""]:
    """`mixture_bias` of each condition, averaged as the estimate is."""
    return average(jnp.expm1(ratio) / (2 * groups.sizes), groups)
