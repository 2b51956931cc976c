"""Diagonal Gaussians: decimal arithmetic, numpyro in float64, quadrature, moments."""

import itertools
from decimal import Decimal, localcontext
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vae_jax import gaussian

SMALL = [sign * 10.0**power for power in range(-8, -1) for sign in (1, -1)]
MEANS = [0.0, 0.3, -2.0, 100.0, -1e4]
LOGVARS = [0.0, 0.05, -0.5, 2.0, 10.0, -10.0, 30.0, -30.0]
# the promise for float32: 1e-5 of the truth plus 1e-6
PROMISE = {"rtol": 1e-5, "atol": 1e-6}


def grid(*axes):
    """All combinations, one column an axis, in float32."""
    return np.array(list(itertools.product(*axes)), np.float32).T


def exact_kls(means, logvars):
    """KL to the standard normal and its two slopes, computed with 50 digits."""
    rows = []
    with localcontext() as context:
        context.prec = 50
        for pair in zip(means, logvars, strict=True):
            mean, logvar = (Decimal(float(v)) for v in pair)
            grown = logvar.exp() - 1
            rows.append(((mean**2 + grown - logvar) / 2, mean, grown / 2))
    return np.array(rows, np.float64).T


@partial(jax.jit, static_argnums=0)
def with_slopes(function, *arrays):
    """Values and the slope in every argument, elementwise."""
    value, pull = jax.vjp(function, *arrays)
    return value, *pull(jnp.ones_like(value))


def in_float64(function, *arrays):
    """A reference in jax at double precision, on the same numbers."""
    with jax.enable_x64(True):
        return with_slopes(function, *(np.float64(array) for array in arrays))


def check(function, arrays, expected):
    for found, truth in zip(with_slopes(function, *arrays), expected, strict=True):
        np.testing.assert_allclose(found, truth, **PROMISE)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_kl_near_collapse_keeps_its_digits(dtype):
    mean, logvar = jnp.asarray(grid(SMALL, SMALL), dtype)
    value, in_mean, in_logvar = exact_kls(np.float64(mean), np.float64(logvar))
    found, *slopes = with_slopes(gaussian.kl_standard, mean, logvar)
    assert found.dtype == np.float32
    # relative, with no allowance for numbers of size 1e-17
    np.testing.assert_allclose(found, value, rtol=1e-5)
    # gradients come back in the dtype of the input: half a step of bfloat16 is 2^-9
    rtol = 1e-5 if dtype == "float32" else 2**-8
    np.testing.assert_allclose(np.float64(slopes[0]), in_mean, rtol=rtol)
    np.testing.assert_allclose(np.float64(slopes[1]), in_logvar, rtol=rtol)


def test_kl_standard_everywhere():
    mean, logvar = grid(MEANS, LOGVARS)
    check(gaussian.kl_standard, (mean, logvar), exact_kls(mean, logvar))


def numpyro_kl(mean_q, logvar_q, mean_p, logvar_p):
    q = dist.Normal(mean_q, jnp.exp(logvar_q / 2))
    p = dist.Normal(mean_p, jnp.exp(logvar_p / 2))
    return dist.kl_divergence(q, p)


def test_kl_between_against_numpyro():
    arrays = grid([0.0, 3.0, -1e4], LOGVARS, [0.1, -50.0], LOGVARS)
    # e^60 is reached: the exponent 60 is itself rounded by 2e-6 at most
    check(gaussian.kl_between, arrays, in_float64(numpyro_kl, *arrays))


def test_kl_between_neighbours_is_the_kl_of_their_difference():
    mean, logvar = grid(SMALL, SMALL)
    zero = np.zeros_like(mean)
    found = with_slopes(gaussian.kl_between, mean, logvar, zero, zero)
    near_prior = with_slopes(gaussian.kl_standard, mean, logvar)
    # the same formula, a few roundings apart
    np.testing.assert_allclose(found[:3], near_prior, rtol=1e-6)
    mean, logvar = grid(MEANS, LOGVARS)
    for leaf in with_slopes(gaussian.kl_between, mean, logvar, mean, logvar):
        np.testing.assert_array_equal(leaf, 0)


def test_log_prob_and_entropy_against_numpyro():
    def log_prob(z, mean, logvar):
        return dist.Normal(mean, jnp.exp(logvar / 2)).log_prob(z)

    arrays = grid([0.0, -1.5, 1e4], MEANS, LOGVARS)
    check(gaussian.log_prob, arrays, in_float64(log_prob, *arrays))
    expected = stats.norm.entropy(scale=np.exp(np.array(LOGVARS) / 2))
    found = gaussian.entropy(np.array(LOGVARS))
    np.testing.assert_allclose(found, expected, **PROMISE)


@pytest.mark.parametrize(("mean", "logvar"), [(0.0, 0.0), (3.0, -4.0), (-20.0, 5.0)])
def test_density_is_normalised_and_the_entropy_is_its_own(mean, logvar):
    # the trapezoid rule on a Gaussian out to 10 deviations is exact to 1e-20
    steps = np.linspace(-10, 10, 401)
    z = np.float32(mean + steps * np.exp(logvar / 2))
    spread = np.full(401, mean), np.full(401, logvar)
    log_density = np.float64(with_slopes(gaussian.log_prob, z, *spread)[0])
    weights = np.exp(log_density) * 0.05 * np.exp(logvar / 2)
    # z of size 20 rounds by 1e-6, which the tails multiply by up to 10
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    entropy = float(gaussian.entropy(np.array([logvar]))[0])
    assert -(weights @ log_density) == pytest.approx(entropy, abs=5e-5)


@pytest.mark.parametrize("p", [(0.0, 0.0), (1.5, -1.0), (-3.0, 2.0)])
def test_kl_is_the_mean_log_ratio(p):
    """E_q[log q - log p] by Gauss-Hermite, which is exact for a quadratic."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    mean, logvar = 0.7, -0.6
    z = mean + np.exp(logvar / 2) * nodes
    own, other = (
        in_float64(gaussian.log_prob, z, np.full(5, m), np.full(5, v))[0]
        for m, v in ((mean, logvar), p)
    )
    pair = ([value] for value in (mean, logvar, *p))
    found, *_ = in_float64(gaussian.kl_between, *pair)
    expected = weights @ np.subtract(own, other) / weights.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_samples_have_the_law_they_claim(key):
    mean, logvar = jnp.full((4000, 2), 1.5), jnp.full((4000, 2), -2.0)
    z = gaussian.reparameterize(key, mean, logvar)
    normal = stats.norm(1.5, np.exp(-1.0))
    assert stats.kstest(np.ravel(z), normal.cdf).pvalue > 1e-3
    # in standard errors: of a correlation, and of the deviation of 8000 numbers
    assert abs(np.corrcoef(z, rowvar=False)[0, 1]) < 4 / np.sqrt(4000)
    assert np.std(z) == pytest.approx(normal.std(), rel=4 / np.sqrt(2 * 8000))


def sample(mean, logvar):
    return gaussian.reparameterize(jax.random.key(0), mean, logvar)


def test_samples_pass_their_gradients_on():
    mean, logvar = grid([0.0, -1.5], [0.0, 1.0, -3.0])
    z, in_mean, in_logvar = with_slopes(sample, mean, logvar)
    np.testing.assert_array_equal(in_mean, 1)
    # dz / d logvar = (z - mean) / 2; z of size 5 rounds by 3e-7
    np.testing.assert_allclose(in_logvar, (z - mean) / 2, atol=1e-6)


def test_samples_are_one_key_each_under_vmap(key):
    keys, zero = jax.random.split(key, 4), jnp.zeros((4, 3))
    rows = jax.vmap(gaussian.reparameterize)(keys, zero, zero)
    again = gaussian.reparameterize(keys[2], zero[2], zero[2])
    np.testing.assert_array_equal(rows[2], again)
    assert len(np.unique(rows)) == 12


finite = {"allow_nan": False, "width": 32}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(-1e4, 1e4, **finite), st.floats(-30, 30, **finite))
def test_everything_is_finite_and_no_kl_is_negative(mean, logvar):
    mean, logvar = np.float32([mean]), np.float32([logvar])
    zero = np.zeros(1, np.float32)
    for function, arrays in (
        (gaussian.kl_standard, (mean, logvar)),
        (gaussian.kl_between, (mean, logvar, zero, -logvar)),
        (gaussian.log_prob, (zero, mean, logvar)),
        (sample, (mean, logvar)),
    ):
        found = with_slopes(function, *arrays)
        assert np.isfinite(found).all()
        assert found[0] >= 0 or function in (gaussian.log_prob, sample)


def test_half_precision_is_widened_before_anything(key):
    half = [jnp.array([0.01, 7.3], jnp.bfloat16)] * 4
    wide = [array.astype(jnp.float32) for array in half]
    for function, count in (
        (gaussian.kl_between, 4),
        (gaussian.log_prob, 3),
        (gaussian.kl_standard, 2),
        (gaussian.entropy, 1),
    ):
        found, *_ = with_slopes(function, *half[:count])
        np.testing.assert_array_equal(found, with_slopes(function, *wide[:count])[0])
    assert gaussian.reparameterize(key, *half[:2]).dtype == jnp.float32


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_would_broadcast(key):
    a, b = jnp.ones((32, 8)), jnp.ones((32, 1))
    said = r"`logvar` must have the shape of `mean`, \(32, 8\); got \(32, 1\)"
    for call in (
        lambda: gaussian.reparameterize(key, a, b),
        lambda: gaussian.kl_standard(a, b),
        lambda: gaussian.log_prob(a, a, b),
    ):
        with pytest.raises(ValueError, match=said):
            call()
    for of, laws in (("q", (a, b, a, a)), ("p", (a, a, a, b))):
        said = rf"`logvar_{of}` must .* `mean_{of}`, \(32, 8\); got \(32, 1\)"
        with pytest.raises(ValueError, match=said):
            gaussian.kl_between(*laws)
    with pytest.raises(ValueError, match=r"`z` must .* `mean`, \(32, 8\); got \(32, 1"):
        gaussian.log_prob(b, a, a)
    with pytest.raises(ValueError, match=r"`mean_p` must .* `mean_q`, \(32, 8\); got"):
        gaussian.kl_between(a, a, b, b)


def test_the_kl_keeps_its_digits_where_its_textbook_form_is_small():
    """Against 60 digits: also just outside where a short series would end."""
    logvar = np.float32([-1.06, -0.999, -0.3, -0.104, -0.1, 0.05, 0.104, 0.9, 1.5])
    found = np.float64(gaussian.kl_standard(np.zeros_like(logvar), logvar))
    with localcontext() as context:
        context.prec = 60
        exact = [Decimal(float(x)).exp() - 1 - Decimal(float(x)) for x in logvar]
    # 3 roundings of 6e-8
    np.testing.assert_allclose(found, np.array(exact, float) / 2, rtol=2.5e-7)


def test_the_curvature_of_the_kl_in_the_log_variance_is_half_the_variance():
    """Also below -17, where `expm1 + 1` is 0 in float32."""

    def curvature(logvar):
        def kl(v):
            return gaussian.kl_standard(jnp.zeros(1), v[None])[0]

        return jax.grad(jax.grad(kl))(logvar)

    logvar = np.float32([-30.0, -20.0, -17.0, -1.0, 0.0, 2.0, 30.0])
    found = jax.vmap(curvature)(logvar)
    np.testing.assert_allclose(found, np.exp(np.float64(logvar)) / 2, rtol=1e-6)
