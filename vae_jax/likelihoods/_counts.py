"""Likelihoods of counts: Poisson, negative binomial, and that with extra zeros.

Log-densities are in nats, summed over the event. They are written with deviances, after
Loader (2000), "Fast and accurate computation of binomial probabilities": the obvious
differences of log-gammas lose nats of float32 where counts or concentrations are large.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vae_jax.likelihoods._event import known_data, sum_event
from vae_jax.numerics import as_float, check_same_shape, expm1_minus
from vae_jax.types import ArrayLike

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

STIRLING_ABOVE = 5.0
"""From here on four terms of Stirling's series are exact to 5e-10."""


def check_count_data(x: ArrayLike) -> None:
    """Refuse what is no count.

    Raises:
        TypeError: `x` is traced, or holds no real numbers.
        ValueError: a value is negative, no whole number or not finite; names it.

    >>> check_count_data(jnp.array([0.0, 3.0]))
    """
    known = known_data(x)
    wrong = ~((known >= 0) & (known == known.round()) & (known < math.inf))
    if wrong.any():
        raise ValueError(
            "`x` must hold counts, whole numbers of at least 0; got "
            f"{known[wrong].flat[0]}. Grey levels from 0 to 1 are no counts: give those "
            "that were stored."
        )


def poisson_log_prob(
    log_rate: Float[ArrayLike, "..."], x: Float[ArrayLike, "..."], batch_ndim: int = 1
) -> Float[Array, "..."]:
    """`sum_i (x_i log_rate_i - exp(log_rate_i) - log x_i!)` nats.

    Args:
        log_rate: `(*batch, *event)`, log of the mean; with a library size or an exposure,
            its log is added to it.
        x: the same shape; counts, `check_count_data`.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ.

    >>> round(float(poisson_log_prob(jnp.zeros((1, 2)), jnp.zeros((1, 2)))[0]), 4)
    -2.0
    """
    log_rate, x = as_float(log_rate), as_float(x)
    check_same_shape("x", x, "log_rate", log_rate)
    log_rate = log_rate.astype(x.dtype)
    some = jnp.where(x > 0, x, 1.0)
    deviance = some * expm1_minus(log_rate - jnp.log(some))
    per = jnp.where(x > 0, -deviance - _log_peak(some), -jnp.exp(log_rate))
    return sum_event(per, batch_ndim)


def negative_binomial_log_prob(
    log_mean: Float[ArrayLike, "..."],
    x: Float[ArrayLike, "..."],
    log_concentration: Float[ArrayLike, "..."],
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """Counts of mean m and variance `m + m^2 / c`, c the concentration, in nats.

    `log G(x + c) - log G(c) - log x! + c log(c / (c + m)) + x log(m / (c + m))`, summed
    over the event. A large concentration is a Poisson law. Greenwood & Yule (1920).

    Args:
        log_mean: `(*batch, *event)`; the log of a library size is added to it.
        x: the same shape; counts, `check_count_data`.
        log_concentration: a scalar, or the shape of `x`.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ.

    >>> x = jnp.zeros((1, 1))
    >>> round(float(negative_binomial_log_prob(x, x, 0.0)[0]), 4)
    -0.6931
    """
    log_mean, x = as_float(log_mean), as_float(x)
    log_c = as_float(log_concentration).astype(x.dtype)
    check_same_shape("x", x, "log_mean", log_mean)
    if log_c.ndim:
        check_same_shape("log_concentration", log_c, "x", x)
    per = _negative_binomial(
        log_mean.astype(x.dtype), x, jnp.broadcast_to(log_c, x.shape)
    )
    return sum_event(per, batch_ndim)


def zero_inflated_negative_binomial_log_prob(
    log_mean: Float[ArrayLike, "..."],
    x: Float[ArrayLike, "..."],
    log_concentration: Float[ArrayLike, "..."],
    zero_logit: Float[ArrayLike, "..."],
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """`log(w 1[x = 0] + (1 - w) NB(x))`, `w = sigmoid(zero_logit)`, in nats.

    Lopez et al. (2018), scVI, doi:10.1038/s41592-018-0229-2.

    Args:
        log_mean: `(*batch, *event)`, of the counts that are not dropped.
        x: the same shape; counts, `check_count_data`.
        log_concentration: a scalar, or the shape of `x`.
        zero_logit: of a zero that is no draw: a scalar, or the shape of `x`.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes differ.

    >>> x = jnp.zeros((1, 1))
    >>> found = zero_inflated_negative_binomial_log_prob(x, x, 0.0, 0.0)
    >>> round(float(jnp.exp(found[0])), 4)
    0.75
    """
    x, logit = as_float(x), as_float(zero_logit)
    if logit.ndim:
        check_same_shape("zero_logit", logit, "x", x)
    drawn = negative_binomial_log_prob(log_mean, x, log_concentration, x.ndim)
    drawn = drawn + jax.nn.log_sigmoid(-logit)
    per = jnp.where(x > 0, drawn, jnp.logaddexp(drawn, jax.nn.log_sigmoid(logit)))
    return sum_event(per, batch_ndim)


def _negative_binomial(log_mean: Array, x: Array, log_c: Array) -> Array:
    """Of every count, by two deviances, of x and of c within the total of both."""
    some = jnp.where(x > 0, x, 1.0)
    log_x, ratio, c = jnp.log(some), log_mean - log_c, jnp.exp(log_c)
    apart = log_mean - log_x
    near = jnp.abs(apart) < 1.0
    close = jnp.where(near, apart, 0.0)
    # log((x + c) / (m + c)) and log(m (x + c) / (x (m + c))), which are 0 at x = m
    of_c = jnp.where(
        near,
        jnp.log1p(jax.nn.sigmoid(ratio) * jnp.expm1(-close)),
        jax.nn.softplus(log_x - log_c) - jax.nn.softplus(ratio),
    )
    of_x = jnp.where(
        near,
        jnp.log1p(jax.nn.sigmoid(-ratio) * jnp.expm1(close)),
        jax.nn.softplus(log_c - log_x) - jax.nn.softplus(-ratio),
    )
    deviance = c * expm1_minus(of_c) + some * expm1_minus(of_x)
    share = -jax.nn.softplus(log_x - log_c)  # log(c / (x + c))
    peak = _log_peak(some) + stirling_error(c) - stirling_error(some + c) - 0.5 * share
    return jnp.where(x > 0, -deviance - peak, _no_count(log_mean, ratio, c))


def _no_count(log_mean: Array, ratio: Array, c: Array) -> Array:
    """`-c log(1 + m / c)`: near -m where c is large, whose own digits then cancel."""
    small = jnp.exp(jnp.where(ratio < 0, ratio, 0.0))
    tiny = small < 1e-3
    some = jnp.where(tiny, 1.0, small)
    series = 1.0 - small * (1 / 2 - small * (1 / 3 - small / 4))
    slowly = jnp.exp(log_mean) * jnp.where(tiny, series, jnp.log1p(some) / some)
    return -jnp.where(ratio < 0, slowly, c * jax.nn.softplus(ratio))


def _log_peak(x: Array) -> Array:
    """`-log` of the Poisson law of mean x at x, for x > 0."""
    return stirling_error(x) + HALF_LOG_2PI + 0.5 * jnp.log(x)


def stirling_error(x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    """`log G(x + 1) - ((x + 1/2) log x - x + log(2 pi) / 2)` for x > 0.

    Loader (2000), Eq. 3; from 5 on `1/(12 x) - 1/(360 x^3) + 1/(1260 x^5) - 1/(1680 x^7)`.

    >>> round(float(stirling_error(1.0)), 5), round(float(stirling_error(1e6)), 9)
    (0.08106, 8.3e-08)
    """
    x = as_float(x)
    far = x >= STIRLING_ABOVE
    large, small = jnp.where(far, x, STIRLING_ABOVE), jnp.where(far, 1.0, x)
    up = sum(_climb(small, step) for step in range(int(STIRLING_ABOVE)))
    return jnp.where(far, _series(large), up + _series(small + STIRLING_ABOVE))


def _series(x: Array) -> Array:
    inverse = 1.0 / x
    square = inverse**2
    tail = 1 / 360 - square * (1 / 1260 - square / 1680)
    return inverse * (1 / 12 - square * tail)


def _climb(x: Array, step: int) -> Array:
    """What the error loses from `x + step` to one more: `(y + 1/2) log(1 + 1/y) - 1`.

    The logarithm of the factorial would cancel to some digits less.
    """
    y = x + step
    low = jnp.log1p(y) - jnp.log(y) if step == 0 else 0.0
    # a maximum would have half a slope at 1 itself
    above = jnp.log1p(1.0 / jnp.where(y < 1, 1.0, y))
    return (y + 0.5) * (jnp.where(y < 1, low, above)) - 1.0


def library_log_mean(
    scores: Float[ArrayLike, "..."],
    total: Float[ArrayLike, "..."],
    batch_ndim: int = 1,
) -> Float[Array, "..."]:
    """Log-means whose sum is an example's total: `log softmax(scores) + log(total)`.

    The total is the library size of a cell, or the length of a document: known, and not
    explained by z. Lopez et al. (2018), scVI, doi:10.1038/s41592-018-0229-2.

    Args:
        scores: `(*batch, *event)`; the softmax is over the event.
        total: `(*batch,)`, above 0.
        batch_ndim: leading axes that are kept; 0 for one example, as inside `vmap`.

    Raises:
        ValueError: the shapes do not fit.

    >>> jnp.exp(library_log_mean(jnp.zeros((1, 4)), jnp.array([8.0]))).tolist()
    [[2.0, 2.0, 2.0, 2.0]]
    """
    scores, total = as_float(scores), as_float(total)
    first = scores.shape[:batch_ndim]
    if total.shape != first:
        raise ValueError(f"`total` must have the shape {first}; got {total.shape}.")
    event = tuple(range(batch_ndim, scores.ndim))
    logs = jnp.expand_dims(jnp.log(total), event).astype(scores.dtype)
    return jax.nn.log_softmax(scores, axis=event) + logs
