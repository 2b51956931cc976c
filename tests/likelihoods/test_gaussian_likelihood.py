"""The Gaussian likelihood: scipy in float64, quadrature, and the variance it wants."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from vae_jax import likelihoods

RNG = np.random.default_rng(0)
MEAN = np.float32(RNG.normal(size=(4, 5)))
X = np.float32(MEAN + RNG.normal(size=(4, 5)))
# the promise for float32: 1e-5 of the truth plus 1e-6
PROMISE = {"rtol": 1e-5, "atol": 1e-6}


@jax.jit
def with_slopes(mean, x, logvar):
    value, pull = jax.vjp(likelihoods.gaussian_log_prob, mean, x, logvar)
    return value, *pull(jnp.ones_like(value))


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("logvar", [0.0, -3.0, 5.0, 30.0, -30.0])
def test_against_scipy(logvar, scale):
    mean, x, logvar = MEAN * np.float32(scale), X, np.float32(logvar)
    value, in_mean, in_x, in_logvar = with_slopes(mean, x, logvar)
    deviation = np.exp(np.float64(logvar) / 2)
    error = (np.float64(x) - mean) / deviation
    truth = stats.norm.logpdf(np.float64(x), mean, deviation).sum(axis=1)
    np.testing.assert_allclose(value, truth, **PROMISE)
    np.testing.assert_allclose(in_mean, error / deviation, **PROMISE)
    np.testing.assert_allclose(in_x, -error / deviation, **PROMISE)
    truth = (error**2 - 1).sum() / 2
    np.testing.assert_allclose(in_logvar, truth, **PROMISE)


def test_a_variance_for_every_pixel():
    logvar = np.float32(np.linspace(-30, 30, 20).reshape(4, 5))
    value, in_mean, _, in_logvar = with_slopes(MEAN, X, logvar)
    deviation = np.exp(np.float64(logvar) / 2)
    error = (np.float64(X) - MEAN) / deviation
    truth = stats.norm.logpdf(np.float64(X), MEAN, deviation).sum(axis=1)
    np.testing.assert_allclose(value, truth, **PROMISE)
    np.testing.assert_allclose(in_mean, error / deviation, **PROMISE)
    np.testing.assert_allclose(in_logvar, (error**2 - 1) / 2, **PROMISE)


def test_half_precision_is_widened_before_anything():
    half = [jnp.asarray(array, jnp.bfloat16) for array in (MEAN, X, X)]
    found, *_ = with_slopes(*half)
    wide = [np.float64(array) for array in half]
    truth = stats.norm.logpdf(wide[1], wide[0], np.exp(wide[2] / 2)).sum(axis=1)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, truth, **PROMISE)


def test_density_is_normalised():
    # the trapezoid rule on a Gaussian out to 10 deviations is exact to 1e-20
    x = np.linspace(-20, 20, 801)[:, None]
    log_density, *_ = with_slopes(np.zeros((801, 1)), x, 2 * np.log(2.0))
    assert np.exp(np.float64(log_density)).sum() * 0.05 == pytest.approx(1, abs=1e-5)


def test_batch_axes_are_kept_and_the_others_summed():
    pixels = stats.norm.logpdf(np.float64(X), MEAN)
    for batch_ndim, axes in ((0, (0, 1)), (2, ())):
        found = likelihoods.gaussian_log_prob(MEAN, X, 0.0, batch_ndim)
        np.testing.assert_allclose(found, pixels.sum(axis=axes), **PROMISE)


def test_optimal_variance_is_the_best_one():
    """A search over log-variances of scipy's likelihood ends at the formula."""

    def cost(logvar):
        return -stats.norm.logpdf(np.float64(X), MEAN, np.exp(logvar / 2)).sum()

    best = optimize.minimize_scalar(cost, bounds=(-5, 5), options={"xatol": 1e-9})
    found = likelihoods.gaussian_optimal_variance(MEAN, X)
    # a minimum is flat: the search sees it to the square root of 1e-16 times a few
    assert np.log(found) == pytest.approx(best.x, abs=1e-6)
    _, _, _, in_logvar = with_slopes(MEAN, X, jnp.log(found))
    assert float(in_logvar) == pytest.approx(0, abs=20 * 2.0**-22)  # 20 pixels round


def test_optimal_variance_leaves_padded_examples_out():
    garbage = np.concatenate([X, 1e4 * np.ones((2, 5), np.float32)])
    mean = np.concatenate([MEAN, np.zeros((2, 5), np.float32)])
    weights = np.array([1.0, 1, 1, 1, 0, 0])
    found = likelihoods.gaussian_optimal_variance(mean, garbage, weights=weights)
    truth = np.mean((np.float64(X) - MEAN) ** 2)
    assert float(found) == pytest.approx(truth, rel=1e-5)


@pytest.mark.parametrize("weights", [[1.0, 1, 1, 1], [1.0, 1, 1, 0], [0.0, 0, 3, 1]])
def test_optimal_variance_is_that_of_all_devices(weights):
    """Shards of unlike weight: a mean of means would be wrong."""
    found = of_shards(MEAN, np.array(weights))
    for leaf, expected in zip(found, of_all(MEAN, np.array(weights)), strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=1e-5)


@jax.jit
@jax.value_and_grad
def of_all(mean, weights):
    return likelihoods.gaussian_optimal_variance(mean, X, weights=weights)


@jax.jit
@jax.value_and_grad
def of_shards(mean, weights):
    split = (a.reshape(2, 2, *a.shape[1:]) for a in (mean, X, weights))
    found = jax.vmap(
        lambda mean, x, weights: likelihoods.gaussian_optimal_variance(
            mean, x, weights=weights, axis_name="devices"
        ),
        axis_name="devices",
    )(*split)
    return found.mean()


def test_samples_have_the_law_they_claim(key):
    family = likelihoods.gaussian()
    output = jnp.full((4000, 1), -2.0), jnp.array(1.5)
    sample = np.ravel(family.sample(key, output))
    normal = stats.norm(-2, np.exp(0.75))
    assert stats.kstest(sample, normal.cdf).pvalue > 1e-3
    # the standard error of a deviation
    assert np.std(sample) == pytest.approx(normal.std(), rel=4 / np.sqrt(2 * 4000))
    np.testing.assert_array_equal(family.mean(output), output[0])
    np.testing.assert_array_equal(
        family.log_prob((MEAN, np.float32(0.3)), X),
        likelihoods.gaussian_log_prob(MEAN, X, 0.3),
    )


@pytest.mark.parametrize("wrong", [np.nan, -np.inf])
def test_refuses_data_that_is_not_finite(wrong):
    likelihoods.check_gaussian_data(np.array([-1e30, 2.0]))
    with pytest.raises(ValueError, match=f"`x` must be finite; got {wrong}. Clean"):
        likelihoods.check_gaussian_data(np.array([0.0, wrong]))


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_would_broadcast():
    row = jnp.zeros((1, 5))
    said = r"`{}` must have the shape of `{}`, \(4, 5\); got \(1, 5\)"
    with pytest.raises(ValueError, match=said.format("x", "mean")):
        likelihoods.gaussian_log_prob(MEAN, row, 0.0)
    with pytest.raises(ValueError, match=said.format("logvar", "x")):
        likelihoods.gaussian_log_prob(MEAN, X, row)
    with pytest.raises(ValueError, match=said.format("x", "mean")):
        likelihoods.gaussian_optimal_variance(MEAN, row)
    with pytest.raises(ValueError, match=r"`weights` .* batch, \(4,\); got \(1,\)"):
        likelihoods.gaussian_optimal_variance(MEAN, X, weights=jnp.ones(1))


@pytest.mark.usefixtures("users_view")
def test_the_optimal_variance_of_no_data_is_refused():
    empty, some = np.ones((0, 3), np.float32), np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"numbers in it; got \(0, 3\)"):
        likelihoods.gaussian_optimal_variance(empty, empty)
    for weights in (np.zeros(2, "f"), np.float32([1.0, -1.0])):
        with pytest.raises(ValueError, match="`weights"):
            likelihoods.gaussian_optimal_variance(some, 0 * some, weights=weights)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_a_family_takes_one_example_by_itself(name):
    family = getattr(likelihoods, name)()
    x = np.float32([[0.5, -1.0, 2.0], [3.0, 0.25, 1.0]])
    output = 0.5 * x, 0.1 * x
    one = jax.vmap(lambda output, x: family.log_prob(output, x, batch_ndim=0))
    np.testing.assert_allclose(one(output, x), family.log_prob(output, x), rtol=1e-6)
