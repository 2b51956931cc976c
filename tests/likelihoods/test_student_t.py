"""The Student-t likelihood: 60 digits over its whole range, scipy, its limits."""

import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats

from vae_jax import likelihoods

ERRORS = [0.0, 1e-20, 1e-3, 0.7, 3.0, 50.0, 2e3, 1e10, 1e25]
SCALES = [-30.0, -1.0, 0.0, 4.0, 30.0]
DEGREES = [1e-6, 0.1, 1.0, 2.5, 9.9, 10.1, 300.0, 1e7, 1e30]
ULP = 2.0**-23


def exact(x, log_scale, df):
    t = x / mpmath.exp(log_scale)
    constant = mpmath.loggamma((df + 1) / 2) - mpmath.loggamma(df / 2)
    constant -= mpmath.log(mpmath.pi * df) / 2
    return constant - log_scale - (df + 1) / 2 * mpmath.log1p(t**2 / df)


def slopes(x, log_scale, df):
    """In the mean and in the log-scale."""
    t = x / mpmath.exp(log_scale)
    inner = (df + 1) * t / (df + t**2)
    return inner / mpmath.exp(log_scale), t * inner - 1


@pytest.fixture(scope="module")
def cases():
    rows = np.array(list(itertools.product(ERRORS, SCALES, DEGREES)), np.float32)
    with np.errstate(over="ignore"):  # an error of more scales than float32 holds
        rows = rows[np.isfinite(rows[:, 0] * np.exp(-rows[:, 1]))]

    def alone(mean, log_scale, x, df):
        return likelihoods.student_t_log_prob(mean, x, log_scale, df, 0)

    whole = jax.jit(jax.vmap(jax.value_and_grad(alone, (0, 1))))
    x, log_scale, df = rows.T
    value, found = whole(np.zeros_like(x), log_scale, x, df)
    with mpmath.workdps(60):
        numbers = [[mpmath.mpf(float(v)) for v in row] for row in rows]
        truth = np.array([[exact(*n), *slopes(*n)] for n in numbers], float).T
    return rows.T, np.array([value, *found], float), truth


def test_values(cases):
    (_, log_scale, df), found, truth = cases
    # the exponential of the log-scale rounds by that many ulps, and acts by its slope
    moved = ULP * (1 + np.abs(log_scale)) * np.abs(truth[2])
    constant = 0.5 * np.abs(np.log(np.float64(df)))
    allowed = 4 * ULP * (1 + np.abs(truth[0]) + np.abs(log_scale) + constant) + moved
    assert np.all(np.abs(found[0] - truth[0]) <= allowed)


def test_slopes(cases):
    (_, log_scale, _), found, truth = cases
    for slope, expected in zip(found[1:], truth[1:], strict=True):
        allowed = 8 * ULP * (2 + np.abs(log_scale)) * (1 + np.abs(expected))
        assert np.all(np.isfinite(slope))
        assert np.all(np.abs(slope - expected) <= allowed)


def test_it_is_scipys():
    x = np.float32(np.random.default_rng(0).normal(size=(3, 4)))
    found = likelihoods.student_t_log_prob(0.1 + 0 * x, x, 0.3, 4.0)
    expected = stats.t.logpdf(np.float64(x), 4.0, 0.1, np.exp(0.3)).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_many_degrees_of_freedom_are_a_gaussian():
    x = np.float32(np.linspace(-3, 3, 7))[None]
    found = likelihoods.student_t_log_prob(0 * x, x, 0.2, 1e12)
    expected = likelihoods.gaussian_log_prob(0 * x, x, 0.4)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("df", [0.0, -1.0, float("nan")])
def test_no_degrees_of_freedom_are_refused(df):
    with pytest.raises(ValueError, match="`df` must be"):
        likelihoods.student_t_log_prob(jnp.zeros((1, 1)), jnp.zeros((1, 1)), 0.0, df)
