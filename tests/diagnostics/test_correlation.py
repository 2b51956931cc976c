"""Second moments of the aggregate posterior against numpy in float64 and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from vae_jax import diagnostics

RNG = np.random.default_rng(0)
MEANS = RNG.normal(size=(300, 4)) @ RNG.normal(size=(4, 4)) + RNG.normal(size=4)
LOGVARS = RNG.uniform(-3, 0.5, (300, 4))


correlation = jax.jit(diagnostics.mean_correlation)
covariance_of = jax.jit(diagnostics.aggregate_covariance)
gaussian_tc = jax.jit(diagnostics.gaussian_total_correlation)


def correlated(rho, latent=2):
    return np.full((latent, latent), rho) + (1 - rho) * np.eye(latent)


def test_aggregate_covariance_is_that_of_the_mixture():
    """Of a mixture, moment by moment: E[z z'] - E[z] E[z]'."""
    second = np.zeros((4, 4))
    for mean, logvar in zip(MEANS, LOGVARS, strict=True):
        second += (np.outer(mean, mean) + np.diag(np.exp(logvar))) / 300
    expected = second - np.outer(MEANS.mean(axis=0), MEANS.mean(axis=0))
    found = covariance_of(MEANS, LOGVARS)
    # float32 sums of 300 products
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)


def test_a_gaussian_channel_matches_the_prior():
    """z = sqrt(1 - v) x + noise: N(0, I) up to the sampling of x."""
    x = RNG.normal(size=(4000, 3))
    v = np.array([0.1, 0.5, 1.0])
    found = covariance_of(np.sqrt(1 - v) * x, np.broadcast_to(np.log(v), x.shape))
    # five standard errors of a variance, sqrt(2 / 4000)
    np.testing.assert_allclose(found, np.eye(3), atol=5 * np.sqrt(2 / 4000))
    np.testing.assert_allclose(found[2], [0, 0, 1], atol=1e-6)  # collapsed: exactly


def test_an_offset_costs_no_digits():
    """Means of size 1 around 1e4: E[z z'] has no digits left for them in float32."""
    steps = np.round(MEANS * 64) / 64  # so that the offset does not round them
    far = covariance_of(steps + 8192, LOGVARS)
    near = covariance_of(steps, LOGVARS)
    np.testing.assert_allclose(far, near, rtol=1e-5, atol=1e-6)
    far_matrix = correlation(steps + 8192).matrix
    np.testing.assert_allclose(far_matrix, correlation(steps).matrix, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e15])
def test_mean_correlation(scale):
    found = correlation(MEANS * scale)
    # float32 sums of 300 products
    np.testing.assert_allclose(found.matrix, np.corrcoef(MEANS.T), atol=1e-5)
    assert not found.constant.any()
    np.testing.assert_array_equal(np.diagonal(found.matrix), 1)


def test_equal_and_opposite_units_stay_within_one():
    """Rounding would carry some of the 400 past it."""
    factors = np.linspace(-3, 3, 20)
    for unit in MEANS.T:
        found = np.asarray(correlation(unit[:, None] * factors).matrix)
        assert np.abs(found).max() == 1
        np.testing.assert_allclose(
            found, np.sign(np.outer(factors, factors)), atol=1e-6
        )


def test_a_constant_mean_adds_exactly_nothing():
    """300 times -3.3e7 has a mean in float32 that is not -3.3e7."""
    means = np.full((300, 4), [-3.3e7, 0.1, 7.0, 1e-3], np.float32)
    found = covariance_of(means, np.full_like(means, -40.0))
    np.testing.assert_allclose(found, np.exp(-40.0) * np.eye(4), rtol=1e-5, atol=0)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3e7])
def test_a_constant_mean_has_no_correlation_and_says_so(value):
    """Also if rounding wiggles it: an encoder's sums may differ in the last digit."""
    means = np.float32(np.concatenate([MEANS, np.full((300, 2), value)], axis=1))
    if value:
        means[::3, 5] = np.nextafter(means[::3, 5], np.float32(1))
    found = correlation(means)
    assert found.constant.tolist() == [False] * 4 + [True] * 2
    expected = linalg.block_diag(np.corrcoef(MEANS.T), np.eye(2))
    np.testing.assert_allclose(found.matrix, expected, atol=1e-5)
    np.testing.assert_array_equal(found.matrix[4:, :4], 0)


def test_a_mean_that_is_not_a_number_is_not_constant():
    means = MEANS.copy()
    means[7, 2] = np.nan
    found = correlation(means)
    assert not found.constant[2]
    assert np.isnan(found.matrix[2, [0, 1, 3]]).all()
    assert np.isfinite(found.matrix[0, [1, 3]]).all()


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.9, 0.999])
def test_total_correlation_of_two_units(rho):
    covariance = correlated(rho) * np.outer([1e3, 1e-3], [1e3, 1e-3])
    found = gaussian_tc(covariance)
    # an eigenvalue of 1e-3 known to 1e-7
    expected = -np.log1p(-(rho**2)) / 2
    assert float(found) == pytest.approx(expected, abs=2e-4 if rho > 0.99 else 1e-6)


def test_total_correlation_of_many_units():
    spread = RNG.normal(size=(12, 12))
    covariance = spread @ spread.T + np.eye(12)
    scale = np.sqrt(np.diagonal(covariance))
    expected = -np.linalg.slogdet(covariance / np.outer(scale, scale))[1] / 2
    found = gaussian_tc(covariance)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_collapsed_units_add_nothing():
    """Two active units and two collapsed ones, before and after."""
    dead = np.concatenate([MEANS[:, :2], np.zeros((300, 2))], axis=1)
    logvars = np.concatenate([LOGVARS[:, :2], np.zeros((300, 2))], axis=1)
    both, active = (
        gaussian_tc(covariance_of(means, variances))
        for means, variances in ((dead, logvars), (MEANS[:, :2], LOGVARS[:, :2]))
    )
    assert float(active) > 0.05
    assert float(both) == pytest.approx(float(active), abs=1e-6)


def test_a_unit_that_repeats_another_is_infinite_or_next_to_it():
    singular = gaussian_tc(np.ones((2, 2)))
    assert float(singular) > 7  # float32: half the log of its rounding
    for seed in range(8):
        wide = np.random.default_rng(seed).normal(size=(6, 3))
        found = float(gaussian_tc(wide @ wide.T))
        assert found > 15  # three zeros, some of which rounding makes negative
    constant = gaussian_tc(np.diag([1.0, 0.0]))
    assert float(constant) == 0


def test_gradient_also_where_eigenvalues_coincide():
    slope = jax.grad(gaussian_tc)
    np.testing.assert_allclose(slope(jnp.eye(3)), np.zeros((3, 3)), atol=1e-6)
    at = slope(jnp.asarray(correlated(0.5), jnp.float32))
    # d/d rho of -log(1 - rho^2) / 2, over both entries
    assert float(at[0, 1] + at[1, 0]) == pytest.approx(0.5 / 0.75, rel=1e-5)


def test_a_batch_of_models_and_low_precision():
    stacked = np.stack([MEANS, 2 * MEANS])
    batched = jax.vmap(covariance_of)(stacked, np.stack([LOGVARS] * 2))
    one = covariance_of(2 * MEANS, LOGVARS)
    np.testing.assert_allclose(batched[1], one, rtol=1e-5)
    half = jax.ShapeDtypeStruct((300, 4), jnp.bfloat16)
    assert jax.eval_shape(covariance_of, half, half).dtype == jnp.float32
    assert jax.eval_shape(correlation, half).matrix.dtype == jnp.float32


@pytest.mark.usefixtures("users_view")
def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="at least 2 examples"):
        diagnostics.mean_correlation(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"shape of `means`, \(300, 4\); got \(4,\)"):
        diagnostics.aggregate_covariance(MEANS, LOGVARS[0])
    with pytest.raises(ValueError, match=r"square, \(latent, latent\); got \(300, 4\)"):
        diagnostics.gaussian_total_correlation(MEANS)
