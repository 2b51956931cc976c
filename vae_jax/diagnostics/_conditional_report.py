"""All diagnostics of one conditional model on one data set, as plain arrays."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from vae_jax import checks, gaussian
from vae_jax.diagnostics._checks import as_posterior
from vae_jax.diagnostics._conditional_rate import conditional_decomposition
from vae_jax.diagnostics._groups import (
    Groups,
    as_groups,
    average,
    group_log_mean_exp,
    group_mean,
    is_first,
    variance_within,
)
from vae_jax.diagnostics._log_ratios import BLOCK_SIZE, LogPrior
from vae_jax.diagnostics._report import check_decoder, kl_to_gaussian
from vae_jax.diagnostics._shuffle_within import conditional_shuffle_gap
from vae_jax.diagnostics._thresholds import ACTIVE_THRESHOLD, DELTA, EPS
from vae_jax.diagnostics._units import collapsed_units, count_active
from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike, PRNGKey


class ConditionalReport(NamedTuple):
    """Numbers in nats, and counts of units and examples; `verdict` reads them.

    Averages are over the examples that share their condition with another.

    Attributes:
        rate: KL of the posterior to the prior, which may know the condition.
        kl_per_unit: the rate of each unit.
        active_units: units whose posterior mean varies within the conditions; a real
            number, NaN if a mean is.
        collapsed_units: (eps, delta)-collapsed units; likewise.
        conditional_information: I(z; x | c).
        conditional_information_error: its standard error.
        conditional_information_ceiling: mean log of the examples in a condition, the most
            that can be shown.
        condition_information: I(z; c), what z repeats of the condition.
        condition_information_error: its standard error.
        condition_information_ceiling: entropy of the labels.
        conditional_marginal_kl: of the aggregate posterior of a condition to its prior.
        conditional_marginal_kl_error: its standard error.
        rate_residual: rate - conditional information - conditional marginal KL; 0 within
            its error.
        rate_residual_error: its standard error.
        num_conditions: different labels.
        alone: examples alone in their condition, which are left out.
        shuffle_within_gap: drop of log p(x|z, c) when z is shuffled within the conditions;
            None without a decoder.
        shuffle_within_gap_error: its standard error; None without a decoder.

    >>> len(ConditionalReport._fields)
    18
    """

    rate: Float[Array, ""]
    kl_per_unit: Float[Array, " latent"]
    active_units: Float[Array, ""]
    collapsed_units: Float[Array, ""]
    conditional_information: Float[Array, ""]
    conditional_information_error: Float[Array, ""]
    conditional_information_ceiling: Float[Array, ""]
    condition_information: Float[Array, ""]
    condition_information_error: Float[Array, ""]
    condition_information_ceiling: Float[Array, ""]
    conditional_marginal_kl: Float[Array, ""]
    conditional_marginal_kl_error: Float[Array, ""]
    rate_residual: Float[Array, ""]
    rate_residual_error: Float[Array, ""]
    num_conditions: Int[Array, ""]
    alone: Float[Array, ""]
    shuffle_within_gap: Float[Array, ""] | None = None
    shuffle_within_gap_error: Float[Array, ""] | None = None


def conditional_report(
    key: PRNGKey,
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
    labels: Int[ArrayLike, " examples"],
    *,
    log_prob: Callable[[Array, Any], Array] | None = None,
    z: Float[ArrayLike, "examples latent"] | None = None,
    x: Any = None,
    log_prior: LogPrior | None = None,
    kl: Float[ArrayLike, "examples latent"] | None = None,
    active_threshold: Num[ArrayLike, ""] = ACTIVE_THRESHOLD,
    eps: Num[ArrayLike, ""] = EPS,
    delta: Num[ArrayLike, ""] = DELTA,
    block_size: int = BLOCK_SIZE,
) -> ConditionalReport:
    """Every diagnostic of a conditional VAE at once. Pure: under `jit` and `vmap`.

    As `collapse_report`, all of it beside the condition: a CVAE can reconstruct well from
    the condition alone, and its z can have a large rate, active units and much information
    while it says nothing but the condition. `z` is used where
    `I(z; x | c) = E KL(q(z|x, c) || q(z|c))` is above 0 and another z of the same condition
    costs likelihood. With one condition the numbers are those of `collapse_report`.

    Args:
        key: for samples of z and the shuffle.
        means: of the posterior, an example a row.
        logvars: log-variances of the posterior.
        labels: the condition of each example, any whole numbers. A continuous condition is
            binned first: `conditional_information` is then an upper bound, which falls to
            the truth as the bins narrow.
        log_prob: `log_prob(z, x) -> (examples,)`, row i given the condition of example i;
            None where there is no decoder at hand.
        z: a sample of each posterior, for `log_prob`.
        x: the data, for `log_prob`, the conditions among them.
        log_prior: `log_prior(z) -> (examples,)`, normalised, row i given the condition of
            example i; None for N(0, I).
        kl: to that prior, per unit; None where there is no closed form. The rate is then
            sampled, and a unit's KL is that to the Gaussian with the mean and the variance
            of q(z_j|c).
        active_threshold: variance of the mean from which a unit is active.
        eps: KL in nats under which an example leaves a unit unused.
        delta: share of all examples that may exceed eps in a collapsed unit.
        block_size: samples at a time in the comparison of all pairs.

    Raises:
        TypeError: no key, or labels that are no whole numbers.
        ValueError: shapes differ, fewer than 2 examples, no two of one condition, a setting
            outside its range, `kl` without its `log_prior`, or not all of `log_prob`, z
            and x.

    >>> labels = jnp.arange(60) % 3
    >>> repeats, narrow = 5 * jnp.eye(3)[labels], jnp.full((60, 3), -2.0)
    >>> key = jax.random.key(0)
    >>> report = jax.jit(conditional_report)(key, repeats, narrow, labels)
    >>> int(report.active_units), round(float(report.conditional_information), 3) + 0.0
    (0, 0.0)
    """
    mean, logvar = as_posterior(means, logvars)
    groups = as_groups(labels, mean)
    checks.number("active_threshold", active_threshold, 0, high_open=True)
    if kl is not None:
        check_same_shape("kl", as_float(kl), "means", mean)
    check_decoder(log_prob, z, x, mean.shape)
    if log_prior is None:
        per_unit = gaussian.kl_standard(mean, logvar)
    elif kl is None:
        per_unit = kl_to_group_moments(mean, logvar, groups)
    else:
        per_unit = as_float(kl)
    # before all pairs are compared: it refuses settings
    collapsed = collapsed_units(per_unit, eps, delta)
    sample_key, shuffle_key = jax.random.split(as_key("key", key))
    parts = conditional_decomposition(
        sample_key,
        mean,
        logvar,
        groups.labels,
        log_prior=log_prior,
        kl=None if kl is None else jnp.sum(as_float(kl), axis=-1),
        block_size=block_size,
    )
    within, repeated = parts.conditional_information, parts.condition_information
    report = ConditionalReport(
        rate=parts.rate,
        kl_per_unit=average(per_unit, groups),
        active_units=count_active(variance_within(mean, groups), active_threshold),
        collapsed_units=collapsed,
        conditional_information=within.value,
        conditional_information_error=within.standard_error,
        conditional_information_ceiling=within.ceiling,
        condition_information=repeated.value,
        condition_information_error=repeated.standard_error,
        condition_information_ceiling=repeated.ceiling,
        conditional_marginal_kl=parts.conditional_marginal_kl.value,
        conditional_marginal_kl_error=parts.conditional_marginal_kl.standard_error,
        rate_residual=parts.residual.value,
        rate_residual_error=parts.residual.standard_error,
        num_conditions=jnp.sum(is_first(groups)),
        alone=within.alone,
    )
    if log_prob is None or z is None:
        return report
    gap = conditional_shuffle_gap(shuffle_key, log_prob, z, x, groups.labels)
    return report._replace(
        shuffle_within_gap=gap.value, shuffle_within_gap_error=gap.standard_error
    )


def kl_to_group_moments(
    mean: Float[Array, "examples latent"],
    logvar: Float[Array, "examples latent"],
    groups: Groups,
) -> Float[Array, "examples latent"]:
    """As `kl_to_moments`, of q(z_j|c): 0 where the unit says nothing beside c."""
    centre = group_mean(mean, groups)
    return kl_to_gaussian(
        mean,
        logvar,
        centre,
        group_mean(jnp.square(mean - centre), groups),
        group_log_mean_exp(logvar, groups),
    )
