"""Shannon's curve: checkpoints, an independent root search, and the linear VAE on it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from digits_spectrum import spectrum
from scipy import optimize

from vae_jax import analytic

RATES = np.array([0.341, 1.244, 5.479, 10.647, 33.544, 87.473])
DISTANCES = np.array([4.3017, 3.607, 2.2106, 1.4863, 0.4553, 0.0521])
LEVELS = np.array([0.5, 0.3, 0.1, 0.05, 0.01, 0.001])


def test_digits():
    point = analytic.water_filling(spectrum(), RATES)
    # rates have three decimals, and one nat moves the distance by twice the level
    np.testing.assert_allclose(point.distance, DISTANCES, atol=6e-4)
    np.testing.assert_allclose(point.level, LEVELS, rtol=2e-3)


@pytest.mark.parametrize("rate", [1e-3, 0.5, 3.0, 20.0, 150.0])
def test_level_solves_the_equation(rate):
    positive = spectrum()[spectrum() > 1e-12]

    def excess(log_level):
        return np.maximum(np.log(positive) - log_level, 0).sum() / 2 - rate

    root = optimize.brentq(excess, -40, np.log(positive[0]), xtol=1e-13)
    with jax.enable_x64(True):
        point = analytic.water_filling(positive, rate)
    assert float(jnp.log(point.level)) == pytest.approx(root, abs=1e-10)
    expected = np.minimum(positive, np.exp(root)).sum()
    assert float(point.distance) == pytest.approx(expected, rel=1e-9)


def test_linear_vae_lies_on_the_curve():
    for beta, variance in ((0.5, 0.05), (1.0, 0.1), (4.0, 0.01)):
        with jax.enable_x64(True):
            best = analytic.linear_vae_optimum(spectrum(), 64, beta, variance)
            point = analytic.water_filling(spectrum(), best.rate)
        constant = 32 * np.log(2 * np.pi * variance)
        squared = (float(best.distortion) - constant) * 2 * variance
        assert squared == pytest.approx(float(point.distance), rel=1e-10)
        assert float(point.level) == pytest.approx(beta * variance, rel=1e-10)


def test_no_rate_and_the_slope():
    with jax.enable_x64(True):
        nothing = analytic.water_filling(spectrum(), 0.0)
        slope = jax.grad(lambda rate: analytic.water_filling(spectrum(), rate).distance)
        level = analytic.water_filling(spectrum(), 5.0).level
        assert float(slope(5.0)) == pytest.approx(-2 * float(level), rel=1e-9)
    assert float(nothing.distance) == pytest.approx(spectrum().sum(), rel=1e-12)
    assert float(nothing.level) == pytest.approx(spectrum()[0], rel=1e-12)


def test_zero_eigenvalues_cost_nothing_and_keep_gradients_finite():
    values = jnp.array([2.0, 0.5, 0.0, 0.0])
    point = analytic.water_filling(values, jnp.array([1.0, 4.0]))
    same = analytic.water_filling(values[:2], jnp.array([1.0, 4.0]))
    np.testing.assert_array_equal(point.distance, same.distance)
    gradient = jax.grad(lambda v: analytic.water_filling(v, 1.0).distance)(values)
    assert bool(jnp.isfinite(gradient).all())
