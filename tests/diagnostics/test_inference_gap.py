"""The gap of a linear Gaussian model, where every term has a closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from vae_jax import diagnostics

NOISE = 0.4
WEIGHTS = np.array([[1.2, 0.5], [-0.3, 0.9], [0.7, 0.8]])
X = np.random.default_rng(0).multivariate_normal(
    np.zeros(3), WEIGHTS @ WEIGHTS.T + NOISE * np.eye(3), 400
)
PRECISION = np.eye(2) + WEIGHTS.T @ WEIGHTS / NOISE  # of the exact posterior

gap = jax.jit(diagnostics.inference_gap)


def elbo(mean, variance):
    """Of N(mean, diag(variance)) for every x, in float64."""
    squared = np.square(X - mean @ WEIGHTS.T).sum(axis=1)
    noise = (np.square(WEIGHTS).sum(axis=0) * variance).sum(axis=1)
    distortion = (squared + noise) / (2 * NOISE) + 1.5 * np.log(2 * np.pi * NOISE)
    rate = (variance + mean**2 - 1 - np.log(variance)).sum(axis=1) / 2
    return -distortion - rate


def log_likelihood():
    covariance = WEIGHTS @ WEIGHTS.T + NOISE * np.eye(3)
    return stats.multivariate_normal.logpdf(X, np.zeros(3), covariance)


def best_of_the_family():
    """The diagonal Gaussian closest to the exact posterior: its mean, its conditionals."""
    mean = X @ WEIGHTS @ np.linalg.inv(PRECISION) / NOISE
    return mean, np.broadcast_to(1 / np.diagonal(PRECISION), mean.shape)


def test_best_of_the_family_is_the_best():
    """By an optimiser of one example, for the closed form that the other tests use."""
    mean, variance = best_of_the_family()

    def loss(point):
        means, variances = mean.copy(), np.array(variance)
        means[0], variances[0] = point[:2], np.exp(point[2:])
        return -elbo(means, variances)[0]

    found = optimize.minimize(loss, np.zeros(4), tol=1e-12)
    assert -found.fun == pytest.approx(elbo(mean, variance)[0], abs=1e-9)


def test_gaps_of_a_linear_gaussian_model():
    """An encoder that is off by a known amount; the family's part is a known KL."""
    mean, variance = best_of_the_family()
    off, factor = np.array([0.3, -0.2]), 1.7
    own = elbo(mean + off, variance * factor)
    found = gap(own, elbo(mean, variance), log_likelihood())
    # KL(diagonal || exact) of equal means
    approximation = (
        np.log(np.diagonal(PRECISION)).sum() - np.linalg.slogdet(PRECISION)[1]
    ) / 2
    # quadratic in the mean, d - log d - 1 for each variance
    amortisation = off @ PRECISION @ off / 2 + (factor - np.log(factor) - 1)
    expected = (approximation + amortisation, approximation, amortisation)
    assert approximation > 0.05
    # differences of float32 terms of size 10; every example has the same gap
    np.testing.assert_allclose([part.value for part in found], expected, atol=1e-5)
    assert max(float(part.standard_error) for part in found) < 1e-6


def test_no_gap_at_the_optimum():
    """One unit: the family holds the exact posterior."""
    terms = np.random.default_rng(1).normal(-90, 20, 50)
    found = gap(terms, terms, terms)
    assert [float(leaf) for leaf in jax.tree.leaves(found)] == [0] * 6


def test_parts_add_up_and_errors_are_of_the_differences():
    rng = np.random.default_rng(2)
    level = rng.normal(-90, 30, 500)  # common to all three, and in no error
    own, refined, best = np.sort(rng.gamma(2, 1, (3, 500)), axis=0) + level
    found = gap(own, refined, best)
    for part, values in zip(
        found, (best - own, best - refined, refined - own), strict=True
    ):
        # float32 of numbers around 100
        assert float(part.value) == pytest.approx(values.mean(), abs=2e-5)
        assert float(part.standard_error) == pytest.approx(
            stats.sem(values, ddof=1), rel=1e-4
        )
    total = found.approximation.value + found.amortisation.value
    assert float(found.total.value) == pytest.approx(float(total), abs=2e-5)


def test_a_negative_gap_is_shown():
    found = gap(np.array([-3.0, -5]), np.array([-4.0, -6]), np.array([-3.5, -5.5]))
    assert [float(part.value) for part in found] == [-0.5, 0.5, -1.0]


def test_not_a_number_is_shown():
    found = gap(np.array([-3.0, np.nan]), np.array([-2.0, -2]), np.array([-1.0, -1]))
    assert np.isnan(found.total.value)
    assert float(found.approximation.value) == 1


def test_a_batch_of_models_low_precision_and_gradient():
    terms = jnp.arange(24.0).reshape(3, 2, 4)
    batched = jax.vmap(gap)(*terms)
    one = gap(*terms[:, 1])
    for leaf, expected in zip(
        jax.tree.leaves(batched), jax.tree.leaves(one), strict=True
    ):
        np.testing.assert_allclose(leaf[1], expected)
    half = jax.ShapeDtypeStruct((4,), jnp.bfloat16)
    shapes = jax.eval_shape(gap, half, half, half)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}
    slope = jax.grad(lambda own: gap(own, terms[1, 0], terms[2, 0]).total.value)
    np.testing.assert_allclose(slope(terms[0, 0]), np.full(4, -0.25))


@pytest.mark.usefixtures("users_view")
def test_refuses_other_shapes():
    five, four = np.zeros(5), np.zeros(4)
    with pytest.raises(
        ValueError, match=r"`refined_elbo` .*`elbo`, \(5,\); got \(4,\)"
    ):
        diagnostics.inference_gap(five, four, five)
    with pytest.raises(ValueError, match=r"`log_likelihood` .*\(5,\); got \(4,\)"):
        diagnostics.inference_gap(five, five, four)
    for bad in (np.zeros(1), np.zeros((5, 2))):
        with pytest.raises(ValueError, match=r"\(examples,\) with at least 2"):
            diagnostics.inference_gap(bad, bad, bad)
