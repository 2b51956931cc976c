"""What the marginal KL is made of: units that depend on one another, units off the prior.

`KL(q(z) || p(z)) = KL(q(z) || prod_j q(z_j)) + sum_j KL(q(z_j) || p(z_j))` for a prior
that factorises, so with `rate_decomposition` the rate is mutual information + total
correlation + dimension-wise KL: Chen et al. (2018), arXiv:1802.04942.

As there, one z of each example meets the *whole* set as the mixture, for the joint density
and for that of each unit. What is unbiased, what is not and what the stated errors count is
said at the head of the module of the mutual information.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax import gaussian
from vae_jax.diagnostics._checks import (
    as_posterior,
    log_density,
    sample,
    standard_error,
)
from vae_jax.diagnostics._information import (
    MarginalKL,
    mixture_bias,
    summarise_marginal,
)
from vae_jax.diagnostics._log_ratios import BLOCK_SIZE, log_ratios
from vae_jax.diagnostics._unit_ratios import unit_log_ratios
from vae_jax.types import ArrayLike, PRNGKey


class TotalCorrelation(NamedTuple):
    """An estimate in nats, with its standard error; noise can make it slightly negative.

    >>> TotalCorrelation._fields
    ('value', 'standard_error')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


class DimensionWiseKL(NamedTuple):
    """Estimates in nats, with their standard errors.

    Attributes:
        value: sum over the units.
        standard_error: of the sum.
        per_unit: KL of each unit's aggregate posterior to N(0, 1).
        per_unit_error: of each.

    >>> DimensionWiseKL._fields
    ('value', 'standard_error', 'per_unit', 'per_unit_error')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]
    per_unit: Float[Array, " latent"]
    per_unit_error: Float[Array, " latent"]


class MarginalDecomposition(NamedTuple):
    """The marginal KL and its two parts, on the same samples: they add up exactly.

    >>> MarginalDecomposition._fields
    ('marginal_kl', 'total_correlation', 'dimension_wise_kl')
    """

    marginal_kl: MarginalKL
    total_correlation: TotalCorrelation
    dimension_wise_kl: DimensionWiseKL


def total_correlation(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    *,
    block_size: int = BLOCK_SIZE,
) -> TotalCorrelation:
    """How much the units depend on one another under the aggregate posterior, in nats.

    `KL(q(z) || prod_j q(z_j)) = mean_i [log q(z_i) - sum_j log q(z_ij)]`.

    Args:
        key: for the samples of z.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `block_size` is no whole number.
        ValueError: the shapes differ, or there are fewer than 2 examples.

    Chen et al. (2018), arXiv:1802.04942, who take a weighted minibatch for the set.

    >>> twice = jnp.tile(jnp.array([[-9.0], [9.0]]), (50, 2))
    >>> found = total_correlation(jax.random.key(0), twice, jnp.zeros((100, 2)))
    >>> print(f"{found.value:.4f} {jnp.log(2):.4f}")
    0.6931 0.6931
    """
    return marginal_decomposition(
        key, means, logvars, block_size=block_size
    ).total_correlation


def marginal_decomposition(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    *,
    block_size: int = BLOCK_SIZE,
) -> MarginalDecomposition:
    """The marginal KL as total correlation and KL of each unit, in nats.

    The dimension-wise KL is `mean_i sum_j [log q(z_ij) - log p(z_ij)]`. With the same key
    the marginal KL is that of `marginal_kl`.

    Args:
        key: for the samples of z.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        block_size: samples at a time; memory grows with `block_size` times N.

    Raises:
        TypeError: no key, or `block_size` is no whole number.
        ValueError: the shapes differ, or there are fewer than 2 examples.

    Chen et al. (2018), arXiv:1802.04942.

    >>> far = jnp.full((100, 2), 3.0)
    >>> found = marginal_decomposition(jax.random.key(0), far, jnp.zeros((100, 2)))
    >>> print(f"{abs(found.total_correlation.value):.4f}")
    0.0000
    >>> bool(jnp.all(jnp.abs(found.dimension_wise_kl.per_unit - 4.5) < 1))
    True
    """
    mean, logvar = as_posterior(means, logvars)
    noise, z = sample(key, mean, logvar)
    joint = log_ratios(noise, mean, logvar, block_size)
    units = unit_log_ratios(noise, mean, logvar, block_size)
    to_prior = log_density(noise, logvar) - gaussian.log_prob(z, 0 * z, 0 * z)
    correlation = jnp.sum(units, axis=-1) - joint.to_mixture
    bias = mixture_bias(joint.to_mixture)
    unit_bias = jax.vmap(mixture_bias, in_axes=1)(units)
    error = jnp.hypot(standard_error(correlation), bias - jnp.sum(unit_bias))
    return MarginalDecomposition(
        summarise_marginal(joint),
        TotalCorrelation(jnp.mean(correlation), error),
        summarise_units(to_prior - units, unit_bias),
    )


def summarise_units(
    marginal: Float[Array, "examples latent"], bias: Float[Array, " latent"]
) -> DimensionWiseKL:
    """Means and errors, of the sum and of each unit."""
    total = jnp.sum(marginal, axis=-1)
    errors = jax.vmap(standard_error, in_axes=1)(marginal)
    return DimensionWiseKL(
        jnp.mean(total),
        jnp.hypot(standard_error(total), jnp.sum(bias)),
        jnp.mean(marginal, axis=0),
        jnp.hypot(errors, bias),
    )
