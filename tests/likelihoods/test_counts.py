"""Counts: values and slopes against 60 digits, of the plainest formula there is."""

import itertools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats

from vae_jax import likelihoods
from vae_jax.likelihoods import _counts

COUNTS = [0, 1, 2, 4, 5, 9, 137, 5000, 10**6]
LOG_MEANS = [-80.0, -12.0, -2.0, 0.0, 2.302585, 4.9, 8.5, 13.8]
LOG_CONCENTRATIONS = [-60.0, -9.0, -1.0, 0.0, 1.5, 3.0, 9.0, 18.420681, 30.0, 80.0]
ULP = 2.0**-23


def exact_poisson(log_rate, x):
    return x * log_rate - mpmath.exp(log_rate) - mpmath.loggamma(x + 1)


def exact_negative_binomial(log_mean, log_c, x):
    mean, c = mpmath.exp(log_mean), mpmath.exp(log_c)
    total = mpmath.log(c + mean)
    rising = mpmath.loggamma(x + c) - mpmath.loggamma(c)
    factorial = mpmath.loggamma(x + 1)
    return rising - factorial + c * (log_c - total) + x * (log_mean - total)


def exactly(function, *floats):
    """Value and slopes of the reference, of the float32 that the other is given.

    A concentration of exp(80) and a slope by differences leave 40 of 120 digits.
    """
    with mpmath.workdps(120):
        *given, x = [mpmath.mpf(float(np.float32(one))) for one in floats]
        value = function(*given, x)
        step = mpmath.mpf(10) ** -20
        slopes = []
        for place in range(len(given)):
            up, down = (
                function(*[g + s * step * (i == place) for i, g in enumerate(given)], x)
                for s in (1, -1)
            )
            slopes.append(float((up - down) / (2 * step)))
        return float(value), *slopes


def grid(*axes):
    return np.array(list(itertools.product(*axes)), np.float32).T


def references(function, columns):
    return np.array([exactly(function, *row) for row in columns.T]).T


@pytest.fixture(scope="module")
def poisson():
    columns = grid(LOG_MEANS, COUNTS)

    def alone(log_rate, x):
        return likelihoods.poisson_log_prob(log_rate, x, 0)

    found = jax.jit(jax.vmap(jax.value_and_grad(alone)))(*columns)
    return columns, np.array(found, float), references(exact_poisson, columns)


@pytest.fixture(scope="module")
def negative_binomial():
    columns = grid(LOG_MEANS, LOG_CONCENTRATIONS, COUNTS)

    def alone(log_mean, log_c, x):
        return likelihoods.negative_binomial_log_prob(log_mean, x, log_c, 0)

    value, slopes = jax.jit(jax.vmap(jax.value_and_grad(alone, (0, 1))))(*columns)
    found = np.array([value, *slopes], float)
    return columns, found, references(exact_negative_binomial, columns)


def rounding_of(columns, exact):
    """What a rounding of each given logarithm, and of that of x, makes of the value."""
    *logs, x = np.float64(columns)
    sizes = np.abs(logs).max(axis=0) + np.log1p(x) + 1
    slopes = np.abs(exact[1:]).sum(axis=0)
    return ULP * sizes * slopes


def test_poisson_values(poisson):
    columns, found, exact = poisson
    # the sum, log x! and the constant each round; see the figure of the whole below
    allowed = 4 * ULP * (1 + np.abs(exact[0])) + rounding_of(columns, exact)
    assert np.all(np.abs(found[0] - exact[0]) <= allowed)


def test_poisson_slopes(poisson):
    columns, found, exact = poisson
    mean, x = np.exp(np.float64(columns[0])), columns[1]
    # x less the mean, each of which is known to a rounding of its logarithm
    allowed = 8 * ULP * (x + mean * (1 + np.abs(columns[0])))
    assert np.all(np.abs(found[1] - exact[1]) <= allowed + ULP)


def test_negative_binomial_values(negative_binomial):
    columns, found, exact = negative_binomial
    allowed = 6 * ULP * (1 + np.abs(exact[0])) + 2 * rounding_of(columns, exact)
    assert np.all(np.abs(found[0] - exact[0]) <= allowed)


def test_negative_binomial_slopes(negative_binomial):
    columns, found, exact = negative_binomial
    log_mean, log_c, x = np.float64(columns)
    sizes = 1 + np.abs(log_mean) + np.log1p(x)
    for slope, truth in zip(found[1:], exact[1:], strict=True):
        allowed = 8 * ULP * sizes * (x + np.exp(log_mean)) + 8 * ULP * np.abs(truth)
        assert np.all(np.isfinite(slope))
        assert np.all(np.abs(slope - truth) <= allowed + 8 * ULP)


def test_differences_of_log_gammas_are_off_by_nats_there():
    """The reason for all this: a concentration of 1e8 in float32."""
    c, mean, x = jnp.float32(1e8), jnp.float32(10.0), jnp.float32(12.0)
    naive = (
        jax.lax.lgamma(x + c)
        - jax.lax.lgamma(c)
        - jax.lax.lgamma(x + 1)
        + c * jnp.log(c / (c + mean))
        + x * jnp.log(mean / (c + mean))
    )
    exact = stats.nbinom(1e8, 1e8 / (1e8 + 10)).logpmf(12)
    ours = likelihoods.negative_binomial_log_prob(jnp.log(mean), x, jnp.log(c), 0)
    assert abs(float(naive) - exact) > 1
    assert abs(float(ours) - exact) < 1e-5


def test_they_are_scipys():
    x = np.arange(400.0)
    for log_mean, log_c in ((1.0, 0.5), (3.0, 2.0), (-1.0, -0.5)):
        c, mean = math.exp(log_c), math.exp(log_mean)
        found = likelihoods.negative_binomial_log_prob(
            jnp.full(400, log_mean), jnp.asarray(x, jnp.float32), log_c, 1
        )
        exact = stats.nbinom(c, c / (c + mean)).logpmf(x)
        np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-5)
    found = likelihoods.poisson_log_prob(jnp.full(400, 2.0), jnp.float32(x), 1)
    exact = stats.poisson(math.exp(2)).logpmf(x)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("zero_logit", [-30.0, -1.0, 0.0, 2.0])
def test_extra_zeros(zero_logit):
    x = jnp.arange(200.0)
    plain = np.asarray(likelihoods.negative_binomial_log_prob(0 * x + 1, x, 0.3), float)
    found = likelihoods.zero_inflated_negative_binomial_log_prob(
        0 * x + 1, x, 0.3, zero_logit
    )
    share = 1 / (1 + math.exp(-zero_logit))
    exact = np.log((1 - share) * np.exp(plain) + share * (np.arange(200) == 0))
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-5)


def test_extra_zeros_of_any_logit_have_slopes():
    logits = jnp.array([-200.0, -88.0, 0.0, 88.0, 200.0])

    def alone(logit, x):
        return likelihoods.zero_inflated_negative_binomial_log_prob(
            1.0 + 0.0 * x, x, 0.3, logit, 0
        )

    for x, exact in ((0.0, None), (3.0, -jax.nn.sigmoid(logits))):
        slopes = jax.vmap(jax.grad(alone), (0, None))(logits, jnp.float32(x))
        assert np.all(np.isfinite(slopes))
        if exact is not None:
            np.testing.assert_allclose(slopes, exact, rtol=1e-6)


@pytest.mark.parametrize("x", [-1.0, 0.5, math.inf, math.nan])
def test_what_is_no_count_is_refused(x):
    with pytest.raises(ValueError, match="must hold counts, whole numbers"):
        likelihoods.check_count_data(np.array([1.0, x]))


def test_the_error_of_stirling_is_exact_everywhere():
    x = np.float32(np.concatenate([np.geomspace(1e-30, 1e30, 241), np.arange(1, 12)]))
    with mpmath.workdps(60):
        exact = [
            float(
                mpmath.loggamma(v + 1)
                - ((v + 0.5) * mpmath.log(v) - v + mpmath.log(2 * mpmath.pi) / 2)
            )
            for v in map(mpmath.mpf, x.astype(float))
        ]
    found = jax.jit(_counts.stirling_error)(x)
    # five terms of size 1 whose sum is below it, where x is below 5
    np.testing.assert_allclose(found, exact, rtol=2e-6, atol=5 * ULP)


def test_a_total_is_shared_out():
    scores = jnp.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]])
    found = jnp.exp(likelihoods.library_log_mean(scores, jnp.array([10.0, 3.0])))
    np.testing.assert_allclose(found.sum(axis=1), [10.0, 3.0], rtol=1e-6)
    family = likelihoods.with_library(likelihoods.negative_binomial(), 30.0)
    output = scores, jnp.zeros(())
    x = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 2.0]])
    means = likelihoods.library_log_mean(scores, x.sum(axis=1))
    expected = likelihoods.negative_binomial_log_prob(means, x, 0.0)
    np.testing.assert_array_equal(family.log_prob(output, x), expected)
    np.testing.assert_allclose(family.mean(output).sum(axis=1), [30.0, 30.0], rtol=1e-6)
    with pytest.raises(ValueError, match="`total` must have the shape"):
        likelihoods.library_log_mean(scores, jnp.ones(3))
