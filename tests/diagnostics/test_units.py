"""Statistics of units: closed forms, exact counts at the thresholds, laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import diagnostics, gaussian


def test_kl_per_unit_adds_up_to_the_rate():
    rng = np.random.default_rng(0)
    mean, logvar = rng.normal(size=(2, 50, 3))
    expected = (mean**2 + np.exp(logvar) - logvar - 1).mean(axis=0) / 2
    # float32 sums of 50 numbers of size 1
    np.testing.assert_allclose(
        diagnostics.kl_per_unit(mean, logvar), expected, rtol=1e-5
    )


def test_variance_of_means():
    mean = np.random.default_rng(0).normal(5, 2, (101, 4))
    np.testing.assert_allclose(
        diagnostics.posterior_mean_variance(mean), mean.var(axis=0, ddof=1), rtol=1e-5
    )


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4, -3.3e7])
def test_a_constant_mean_is_inactive_wherever_it_is(value):
    means = jnp.full((1000, 2), value)
    np.testing.assert_array_equal(diagnostics.posterior_mean_variance(means), 0)
    assert int(diagnostics.active_units(means)) == 0


def test_active_includes_its_threshold():
    means = jnp.array(
        [[0.5, 0.125], [-0.5, -0.125], [0.0, 0.0]]
    )  # variances 1/4 and 1/64
    assert int(diagnostics.active_units(means)) == 2
    assert int(diagnostics.active_units(means, 1 / 64)) == 2
    assert int(diagnostics.active_units(means, 0.0157)) == 1
    counts = jax.vmap(diagnostics.active_units, in_axes=(None, 0))(
        means, jnp.array([0.0, 0.1, 1.0])
    )
    assert counts.tolist() == [2, 1, 0]


def test_low_precision_is_promoted():
    means = (jnp.arange(200.0)[:, None] / 100).astype(jnp.bfloat16)
    assert diagnostics.posterior_mean_variance(means).dtype == jnp.float32
    assert diagnostics.kl_per_unit(means, means).dtype == jnp.float32


@pytest.mark.parametrize("num_examples", [100, 300, 700, 1300, 5000])
def test_collapse_counts_exceptions_exactly(num_examples):
    """One per cent of the examples may exceed eps, and not one more."""
    allowed = num_examples // 100
    kl = np.zeros((num_examples, 3), np.float32)
    kl[:allowed, 1] = 1
    kl[: allowed + 1, 2] = 1
    assert int(jax.jit(diagnostics.collapsed_units)(kl)) == 2
    curve = diagnostics.collapse_curve(kl, np.array([0.01, 2.0]))
    np.testing.assert_allclose(curve, [2 / 3, 1], rtol=1e-6)


def test_kl_equal_to_eps_is_not_below_it():
    kl = jnp.full((10, 1), 0.25)
    assert diagnostics.collapse_curve(kl, jnp.array([0.25, 0.2500001])).tolist() == [
        0,
        1,
    ]


@pytest.mark.slow
def test_a_count_of_what_is_not_a_number_is_none():
    """Neither a collapsed-looking nor a healthy-looking count, of one NaN too."""
    values = np.float32([[0.0, 1.0], [2.0, np.nan], [1.0, 3.0]])
    for count in (diagnostics.active_units, diagnostics.collapsed_units):
        for given in (values, np.full((10, 2), np.nan, "f")):
            assert np.isnan(count(given))
            assert np.isnan(jax.jit(count)(given))
    curve = jax.jit(diagnostics.collapse_curve)(values, np.float32([0.5, 2.0]))
    assert np.isnan(curve).all()
    report = diagnostics.collapse_report(jax.random.key(0), values, 0 * values)
    assert np.isnan([report.active_units, report.collapsed_units]).all()
    assert diagnostics.verdict(report).label == "unreliable"


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("threshold", [-0.01, np.nan, np.ones(2), np.ones(10)])
def test_refuses_thresholds_that_are_none(threshold):
    with pytest.raises(ValueError, match="`threshold` must be"):
        diagnostics.active_units(np.ones((10, 2), np.float32), threshold)


def test_curve_is_a_staircase_of_quantiles():
    """The last unit to pass delta does so where the empirical quantile is."""
    kl = np.random.default_rng(3).gamma(0.5, 1.0, (1000, 8)).astype(np.float32)
    eps = np.linspace(0, 12, 200, dtype=np.float32)
    curve = np.asarray(diagnostics.collapse_curve(kl, eps, 0.05))
    assert (np.diff(curve) >= 0).all()
    assert (curve[0], curve[-1]) == (0, 1)
    needed = np.sort(kl, axis=0)[
        950 - 1
    ]  # the 950 smallest lie below an eps above this
    np.testing.assert_allclose(curve, (needed < eps[:, None]).mean(axis=1))


def test_threshold_of_a_gaussian_unit():
    """Means N(0, 1 - r), variance r: eps* = ((1 - r) chi2 + r - log r - 1) / 2."""
    ratio, delta = np.array([0.9, 0.5]), 0.01
    quantiles = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)  # no sampling noise
    mean = np.sqrt(1 - ratio) * quantiles[:, None]
    kl = gaussian.kl_standard(mean, np.broadcast_to(np.log(ratio), mean.shape))
    chi2 = stats.chi2.ppf(1 - delta, 1)
    threshold = ((1 - ratio) * chi2 + ratio - np.log(ratio) - 1) / 2
    np.testing.assert_allclose(threshold, [0.334, 1.755], atol=6e-4)
    # one quantile step of 1 / 20 000 moves the threshold by 1e-2 relative at most
    for factor, count in ((0.99, [0, 0]), (1.01, [1, 1])):
        for unit in range(2):
            eps = factor * threshold[unit]
            one = diagnostics.collapsed_units(kl[:, unit : unit + 1], eps, delta)
            assert int(one) == count[unit]


@pytest.mark.parametrize("shape", [(1, 3), (0, 3)])
def test_refuses_too_few_examples(shape):
    with pytest.raises(ValueError, match="at least 2 examples"):
        diagnostics.active_units(jnp.zeros(shape))
