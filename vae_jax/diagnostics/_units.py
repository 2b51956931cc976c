"""What each latent unit does over a data set."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from vae_jax import checks, gaussian
from vae_jax.diagnostics._checks import as_examples, as_posterior, unless_nan
from vae_jax.diagnostics._thresholds import ACTIVE_THRESHOLD, DELTA, EPS
from vae_jax.numerics import as_float
from vae_jax.types import ArrayLike


def kl_per_unit(
    means: Float[ArrayLike, "examples latent"],
    logvars: Float[ArrayLike, "examples latent"],
) -> Float[Array, " latent"]:
    """KL of each unit to N(0, 1), averaged over the data, in nats; the sum is the rate.

    `mean_x (mean^2 + exp(logvar) - logvar - 1) / 2`. A large value is no information: see
    `mutual_information`.

    Raises:
        ValueError: the shapes differ, or there are fewer than 2 examples.

    >>> kl_per_unit(jnp.array([[1.0, 0.0], [-1.0, 0.0]]), jnp.zeros((2, 2))).tolist()
    [0.5, 0.0]
    """
    return jnp.mean(gaussian.kl_standard(*as_posterior(means, logvars)), axis=0)


def posterior_mean_variance(
    means: Float[ArrayLike, "examples latent"],
) -> Float[Array, " latent"]:
    """Variance over the data of each unit's posterior mean, divided by N - 1.

    Raises:
        ValueError: not a matrix of at least 2 examples.

    >>> posterior_mean_variance(jnp.array([[1.0, 7.0], [-1.0, 7.0]])).tolist()
    [2.0, 0.0]
    """
    mean = as_examples("means", means)
    # a constant far from zero has variance 0 only if it is taken off first
    return jnp.var(mean - mean[:1], axis=0, ddof=1)


def active_units(
    means: Float[ArrayLike, "examples latent"],
    threshold: Num[ArrayLike, ""] = ACTIVE_THRESHOLD,
) -> Float[Array, ""]:
    """How many units have a posterior mean that varies: `Var_x E[z|x] >= threshold`.

    It depends on the scale of the mean and not on the posterior's noise: a batch-normalised
    encoder has every unit active by construction. A whole number as a real one, so that it
    is NaN where a mean is.

    Raises:
        ValueError: not a matrix of at least 2 examples, or a threshold that is negative or
            not one number.

    Burda et al. (2016), arXiv:1509.00519.

    >>> int(active_units(jnp.array([[1.0, 7.0], [-1.0, 7.0]])))
    1
    """
    checks.number("threshold", threshold, 0, high_open=True)
    return count_active(posterior_mean_variance(means), threshold)


def count_active(
    spread: Float[Array, " latent"], threshold: Num[ArrayLike, ""]
) -> Float[Array, ""]:
    """Units whose mean has at least this variance; NaN if one is."""
    active = jnp.sum(spread >= jnp.asarray(threshold, spread.dtype))
    return unless_nan(active, jnp.isnan(spread).any())


def collapse_curve(
    kl: Float[ArrayLike, "examples latent"],
    eps: Float[ArrayLike, " num_eps"],
    delta: Num[ArrayLike, ""] = DELTA,
) -> Float[Array, " num_eps"]:
    """Fraction of the units that are (eps, delta)-collapsed, at each eps.

    A unit is collapsed if `P_x[KL(x) < eps] >= 1 - delta`: its KL is small on all but a
    share delta of the examples. It is not said by the mean KL, which few examples may make.
    A KL that is NaN makes the fraction NaN.

    Args:
        kl: of each example and unit, in nats, as `gaussian.kl_standard` gives it.
        eps: thresholds in nats, at least 0.
        delta: share of the examples that may exceed eps, from 0 to 1.

    Raises:
        ValueError: not a matrix of at least 2 examples, no list of thresholds, or numbers
            outside these ranges.

    Lucas et al. (2019), arXiv:1911.02469.

    >>> kl = jnp.array([[0.0, 1.0], [0.0, 2.0]])
    >>> collapse_curve(kl, jnp.array([0.01, 1.5, 3.0])).tolist()
    [0.5, 0.5, 1.0]
    """
    values = as_examples("kl", kl)
    thresholds = as_float(eps).astype(values.dtype)
    if thresholds.ndim != 1 or len(thresholds) == 0:
        raise ValueError(
            "`eps` must have shape (num_eps,) with at least 1 threshold; got "
            f"{thresholds.shape}."
        )
    _check_levels(eps, delta)

    def share(eps: Array) -> Array:
        return jnp.mean(is_collapsed(values, eps, delta), dtype=values.dtype)

    return unless_nan(jax.vmap(share)(thresholds), jnp.isnan(values).any())


def collapsed_units(
    kl: Float[ArrayLike, "examples latent"],
    eps: Num[ArrayLike, ""] = EPS,
    delta: Num[ArrayLike, ""] = DELTA,
) -> Float[Array, ""]:
    """How many units are (eps, delta)-collapsed: `P_x[KL(x) < eps] >= 1 - delta`.

    A whole number as a real one, so that it is NaN where a KL is.

    Raises:
        ValueError: not a matrix of at least 2 examples, or an eps or a delta that is not
            one number of its range.

    Lucas et al. (2019), arXiv:1911.02469, whose tables have eps = delta = 0.01.

    >>> int(collapsed_units(jnp.array([[0.0, 1.0], [0.0, 0.0]])))
    1
    """
    values = as_examples("kl", kl)
    checks.scalar("eps", eps)
    _check_levels(eps, delta)
    count = jnp.sum(is_collapsed(values, eps, delta))
    return unless_nan(count, jnp.isnan(values).any())


def _check_levels(eps: ArrayLike, delta: ArrayLike) -> None:
    checks.in_range("eps", eps, 0)
    checks.number("delta", delta, 0, 1)


def is_collapsed(kl: Array, eps: ArrayLike, delta: ArrayLike) -> Array:
    """Whether each unit is (eps, delta)-collapsed; a NaN counts as above eps."""
    above = jnp.sum(~(kl < jnp.asarray(eps, kl.dtype)), axis=0).astype(kl.dtype)
    # counts, because 1 - delta rounds; the slack is the rounding of delta itself
    allowed = jnp.asarray(delta, kl.dtype) * kl.shape[0] * (1 + 1e-6)
    return above <= allowed
