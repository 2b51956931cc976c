"""All diagnostics of one model on one data set, as plain arrays."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks, gaussian, numerics
from vae_jax.diagnostics._checks import as_flat_posterior, flat
from vae_jax.diagnostics._information import rate_decomposition
from vae_jax.diagnostics._log_ratios import BLOCK_SIZE, LogPrior
from vae_jax.diagnostics._shuffle import z_shuffle_gap
from vae_jax.diagnostics._thresholds import ACTIVE_THRESHOLD, DELTA, EPS, near_ceiling
from vae_jax.diagnostics._units import active_units, collapsed_units
from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape
from vae_jax.types import ArrayLike, PRNGKey


class CollapseReport(NamedTuple):
    """Numbers in nats, and counts of units; `verdict` reads them.

    Attributes:
        rate: KL of the posterior to the prior, averaged over the data.
        kl_per_unit: the rate of each unit.
        active_units: units whose posterior mean varies; a real number, NaN if a mean is.
        collapsed_units: (eps, delta)-collapsed units; likewise.
        mutual_information: between x and z, over all the examples given.
        mutual_information_error: its standard error.
        mutual_information_ceiling: log N, the most that N examples can show.
        marginal_kl: of the aggregate posterior to the prior.
        marginal_kl_error: its standard error.
        rate_residual: rate - mutual information - marginal KL; 0 within its error.
        rate_residual_error: its standard error.
        shuffle_gap: drop of log p(x|z) when z is shuffled; None without a decoder.
        shuffle_gap_error: its standard error; None without a decoder.

    >>> len(CollapseReport._fields)
    13
    """

    rate: Float[Array, ""]
    kl_per_unit: Float[Array, " latent"]
    active_units: Float[Array, ""]
    collapsed_units: Float[Array, ""]
    mutual_information: Float[Array, ""]
    mutual_information_error: Float[Array, ""]
    mutual_information_ceiling: Float[Array, ""]
    marginal_kl: Float[Array, ""]
    marginal_kl_error: Float[Array, ""]
    rate_residual: Float[Array, ""]
    rate_residual_error: Float[Array, ""]
    shuffle_gap: Float[Array, ""] | None = None
    shuffle_gap_error: Float[Array, ""] | None = None

    @property
    def at_ceiling(self) -> bool:
        """Whether the information is as much as so many examples can show, about.

        It is at least as large as it says then, and the marginal KL at most.
        """
        ceiling = float(self.mutual_information_ceiling)
        return float(self.mutual_information) > float(near_ceiling(ceiling))


def collapse_report(
    key: PRNGKey,
    means: Float[ArrayLike, " examples *latent"],
    logvars: Float[ArrayLike, " examples *latent"],
    *,
    log_prob: Callable[[Array, Any], Array] | None = None,
    z: Float[ArrayLike, " examples *latent"] | None = None,
    x: Any = None,
    log_prior: LogPrior | None = None,
    kl: Float[ArrayLike, " examples *latent"] | None = None,
    active_threshold: Num[ArrayLike, ""] = ACTIVE_THRESHOLD,
    eps: Num[ArrayLike, ""] = EPS,
    delta: Num[ArrayLike, ""] = DELTA,
    block_size: int = BLOCK_SIZE,
) -> CollapseReport:
    """Every diagnostic at once. Pure: it runs under `jit` and `vmap`.

    No single number shows collapse. A constant posterior far from zero has a large rate, a
    batch-normalised one has every unit active, and a decoder may ignore an informative z;
    so they are read together.

    A latent may have several axes, as (examples, height, width, channels) or (examples,
    positions, width): every entry is a unit, `kl_per_unit` has them in a row, in the order
    of `means.reshape(len(means), -1)`, and `log_prob` and `log_prior` see z in its own
    shape. `part_reports` has a report a channel or a position.

    Args:
        key: for samples of z and the shuffle.
        means: of the posterior; the first axis is the examples, the rest the latent's.
        logvars: log-variances of the posterior.
        log_prob: `log_prob(z, x) -> (examples,)`; None where there is no decoder at hand.
        z: a sample of each posterior, for `log_prob`.
        x: the data, for `log_prob`.
        log_prior: `log_prior(z) -> (examples,)`, normalised; None for N(0, I).
        kl: to that prior, per unit; None where there is no closed form. The rate is then
            sampled, and a unit's KL is that to the Gaussian with the mean and the variance
            of q(z_j): still 0 where the unit says nothing about x.
        active_threshold: variance of the mean from which a unit is active.
        eps: KL in nats under which an example leaves a unit unused.
        delta: share of the examples that may exceed eps in a collapsed unit.
        block_size: samples at a time in the comparison of all pairs.

    Raises:
        TypeError: no key.
        ValueError: shapes differ, fewer than 2 examples, a setting outside its range, `kl`
            without its `log_prior`, or not all of `log_prob`, z and x.

    >>> zeros = jnp.zeros((50, 3))
    >>> report = collapse_report(jax.random.key(0), zeros, zeros)
    >>> int(report.active_units), int(report.collapsed_units), float(report.rate)
    (0, 3, 0.0)
    """
    mean, logvar = as_flat_posterior(means, logvars)
    shape = jnp.shape(means)
    checks.number("active_threshold", active_threshold, 0, high_open=True)
    if kl is not None:
        check_same_shape("kl", as_float(kl), "means", mean.reshape(shape))
        kl = flat(as_float(kl))
    check_decoder(log_prob, z, x, shape)
    own_prior = log_prior
    if log_prior is not None and len(shape) > 2:
        own_prior = _of_shape(log_prior, shape[1:])
    sample_key, shuffle_key = jax.random.split(as_key("key", key))
    parts = rate_decomposition(
        sample_key,
        mean,
        logvar,
        log_prior=own_prior,
        kl=None if kl is None else jnp.sum(as_float(kl), axis=-1),
        block_size=block_size,
    )
    if log_prior is None:
        kl = gaussian.kl_standard(mean, logvar)
    elif kl is None:
        kl = kl_to_moments(mean, logvar)
    report = CollapseReport(
        rate=parts.rate,
        kl_per_unit=jnp.mean(as_float(kl), axis=0),
        active_units=active_units(mean, active_threshold),
        collapsed_units=collapsed_units(kl, eps, delta),
        mutual_information=parts.mutual_information.value,
        mutual_information_error=parts.mutual_information.standard_error,
        mutual_information_ceiling=parts.mutual_information.ceiling,
        marginal_kl=parts.marginal_kl.value,
        marginal_kl_error=parts.marginal_kl.standard_error,
        rate_residual=parts.residual.value,
        rate_residual_error=parts.residual.standard_error,
    )
    if log_prob is None or z is None:
        return report
    gap = z_shuffle_gap(shuffle_key, log_prob, z, x)
    return report._replace(shuffle_gap=gap.value, shuffle_gap_error=gap.standard_error)


def check_decoder(
    log_prob: Callable[..., Array] | None,
    z: ArrayLike | None,
    x: Any,
    shape: tuple[int, ...],
) -> None:
    """Refuse a part of what the shuffle takes: by itself it would change nothing."""
    given = [part is not None for part in (log_prob, z, x)]
    if any(given) and not all(given):
        raise ValueError(
            "`log_prob` needs `z` and `x`; pass all three or none of them."
        )
    if z is not None and jnp.shape(z) != shape:
        raise ValueError(
            f"`z` must have the shape of `means`, {shape}; got {jnp.shape(z)}."
        )


def _of_shape(log_prior: LogPrior, latent: tuple[int, ...]) -> LogPrior:
    """A density of latents of several axes, as one of rows."""
    return lambda z: log_prior(z.reshape(len(z), *latent))


def kl_to_moments(
    mean: Float[Array, "examples latent"], logvar: Float[Array, "examples latent"]
) -> Float[Array, "examples latent"]:
    """KL of every unit's posterior to the Gaussian with the moments of q(z_j), in nats.

    Its mean over the data is at least the unit's own mutual information.

    >>> same = jnp.full((5, 1), 3.0)
    >>> kl_to_moments(same, 0 * same)[:, 0].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    return kl_to_gaussian(
        mean,
        logvar,
        jnp.broadcast_to(jnp.mean(mean, axis=0), mean.shape),
        jnp.broadcast_to(jnp.var(mean, axis=0), mean.shape),
        jnp.broadcast_to(numerics.log_mean_exp(logvar), mean.shape),
    )


def kl_to_gaussian(
    mean: Float[Array, "examples latent"],
    logvar: Float[Array, "examples latent"],
    centre: Float[Array, "examples latent"],
    variance: Float[Array, "examples latent"],
    log_noise: Float[Array, "examples latent"],
) -> Float[Array, "examples latent"]:
    """KL to the Gaussian around `centre` of variance `variance + exp(log_noise)`."""
    # in the logarithm: of posteriors without noise or spread it is a difference of logvars
    still = variance == 0
    of_means = jnp.where(still, -jnp.inf, jnp.log(jnp.where(still, 1.0, variance)))
    return gaussian.kl_between(mean, logvar, centre, jnp.logaddexp(log_noise, of_means))
