"""Likelihoods of counts as families: what a decoder returns, its mean, and draws."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import checks
from vae_jax.keys import as_key
from vae_jax.likelihoods._counts import (
    library_log_mean,
    negative_binomial_log_prob,
    poisson_log_prob,
    zero_inflated_negative_binomial_log_prob,
)
from vae_jax.likelihoods._event import Likelihood
from vae_jax.numerics import as_float
from vae_jax.types import Array, ArrayLike


def poisson() -> Likelihood:
    """Independent Poisson counts; the decoder returns the logarithm of the mean.

    `x ~ Poisson(exp(log_rate))`, in nats; see `poisson_log_prob`.

    >>> poisson().mean(jnp.zeros((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    def sample(key: Array, log_rate: ArrayLike) -> Array:
        rate = jnp.exp(as_float(log_rate))
        return jax.random.poisson(as_key("key", key), rate).astype(rate.dtype)

    return Likelihood(
        poisson_log_prob, lambda log_rate: jnp.exp(as_float(log_rate)), sample
    )


def negative_binomial() -> Likelihood:
    """Independent negative binomial counts; the decoder returns a pair of logarithms.

    `(log_mean, log_concentration)`, the second a scalar or of the shape of the first; in
    nats, see `negative_binomial_log_prob`.

    >>> negative_binomial().mean((jnp.zeros((1, 2)), jnp.zeros(()))).tolist()
    [[1.0, 1.0]]
    """

    def log_prob(output: Any, x: ArrayLike, batch_ndim: int = 1) -> Array:
        log_mean, log_c = output
        return negative_binomial_log_prob(log_mean, x, log_c, batch_ndim)

    return Likelihood(log_prob, lambda output: jnp.exp(as_float(output[0])), _drawn)


def zero_inflated_negative_binomial() -> Likelihood:
    """Negative binomial counts with extra zeros; the decoder returns a triple.

    `(log_mean, log_concentration, zero_logit)`, of which the last two are scalars or have
    the shape of the first; in nats, see `zero_inflated_negative_binomial_log_prob`.

    >>> output = jnp.zeros((1, 2)), jnp.zeros(()), jnp.zeros(())
    >>> zero_inflated_negative_binomial().mean(output).tolist()
    [[0.5, 0.5]]
    """

    def log_prob(output: Any, x: ArrayLike, batch_ndim: int = 1) -> Array:
        log_mean, log_c, logit = output
        return zero_inflated_negative_binomial_log_prob(
            log_mean, x, log_c, logit, batch_ndim
        )

    def mean(output: Any) -> Array:
        log_mean, _, logit = (as_float(part) for part in output)
        return jnp.exp(log_mean) * jax.nn.sigmoid(-logit)

    def sample(key: Array, output: Any) -> Array:
        of_zero, of_count = jax.random.split(as_key("key", key))
        log_mean, log_c, logit = output
        count = _drawn(of_count, (log_mean, log_c))
        share = jax.nn.sigmoid(as_float(logit))
        dropped = jax.random.bernoulli(of_zero, share, count.shape)
        return jnp.where(dropped, 0.0, count)

    return Likelihood(log_prob, mean, sample)


def with_library(family: Likelihood, usual_total: ArrayLike) -> Likelihood:
    """A law of counts given an example's own total: the decoder returns shares of it.

    `log_prob` takes the total of `x`; `mean` and `sample`, which have no `x`, that of the
    usual example. `mean_i = total softmax(scores)_i`, in nats; see `library_log_mean`.
    Lopez et al. (2018), scVI, doi:10.1038/s41592-018-0229-2.

    Args:
        family: one of this file.
        usual_total: of an example that is not known, above 0.

    Raises:
        ValueError: it is not positive.

    >>> family = with_library(poisson(), 8.0)
    >>> family.mean(jnp.zeros((1, 4))).tolist()
    [[2.0, 2.0, 2.0, 2.0]]
    """
    checks.number("usual_total", usual_total, 0, low_open=True, high_open=True)

    def log_prob(output: Any, x: ArrayLike, batch_ndim: int = 1) -> Array:
        x = as_float(x)
        total = jnp.sum(x, axis=tuple(range(batch_ndim, x.ndim)))
        return family.log_prob(_shares(output, total, batch_ndim), x, batch_ndim)

    def usual(output: Any) -> Any:
        scores = as_float(output[0] if isinstance(output, tuple) else output)
        return _shares(output, jnp.full(scores.shape[:1], usual_total, scores.dtype), 1)

    return Likelihood(
        log_prob,
        lambda output: family.mean(usual(output)),
        lambda key, output: family.sample(key, usual(output)),
    )


def _shares(output: Any, total: Array, batch_ndim: int) -> Any:
    """The output with log-means of this total in the place of its scores."""
    if not isinstance(output, tuple):
        return library_log_mean(output, total, batch_ndim)
    return library_log_mean(output[0], total, batch_ndim), *output[1:]


def _drawn(key: Array, output: Any) -> Array:
    """A Poisson count whose rate is drawn from a Gamma law of the concentration."""
    of_rate, of_count = jax.random.split(as_key("key", key))
    log_mean, log_c = (as_float(part) for part in output)
    log_c = jnp.broadcast_to(log_c.astype(log_mean.dtype), log_mean.shape)
    # the logarithm of a Gamma variable does not underflow where the concentration is small
    log_gamma = jax.random.loggamma(of_rate, jnp.exp(log_c), dtype=log_mean.dtype)
    rate = jnp.exp(log_mean - log_c + log_gamma)
    return jax.random.poisson(of_count, rate).astype(log_mean.dtype)
