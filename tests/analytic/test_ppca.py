"""Probabilistic PCA against the dense Gaussian, and the best noise variance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from digits_spectrum import digits, eigenvectors, spectrum
from scipy import optimize, stats

from vae_jax import analytic


@pytest.mark.parametrize(("latent_dim", "variance"), [(3, 0.1), (10, 0.05), (20, 0.3)])
def test_likelihood_of_the_dense_gaussian(latent_dim, variance):
    """scipy's density with the full covariance, averaged over the data."""
    data = digits() - digits().mean(axis=0)
    with jax.enable_x64(True):
        fit = analytic.ppca(spectrum(), latent_dim, variance)
    w = eigenvectors()[:, :latent_dim] * np.asarray(fit.weights)
    dense = stats.multivariate_normal(np.zeros(64), w @ w.T + variance * np.eye(64))
    # two float64 algorithms on sums of about 60 terms
    assert float(fit.log_likelihood) == pytest.approx(
        dense.logpdf(data).mean(), rel=1e-10
    )


@pytest.mark.parametrize("latent_dim", [1, 5, 20, 60])
@pytest.mark.parametrize("variance", [0.01, 0.1, 1.0])
def test_optimal_elbo_is_the_log_likelihood(latent_dim, variance):
    with jax.enable_x64(True):
        fit = analytic.ppca(spectrum(), latent_dim, variance)
        best = analytic.linear_vae_optimum(spectrum(), latent_dim, 1.0, variance)
    assert float(best.elbo) == pytest.approx(float(fit.log_likelihood), abs=1e-6)
    np.testing.assert_array_equal(best.active, fit.active)


@pytest.mark.parametrize(
    ("beta", "latent_dim", "expected"),
    [(1, 10, 0.022751), (1, 20, 0.011274), (2, 10, 0.027922), (4, 20, 0.047286)],
)
def test_optimal_variance_of_digits(beta, latent_dim, expected):
    found = float(analytic.optimal_variance(spectrum(), latent_dim, beta))
    assert found == pytest.approx(expected, abs=6e-7)
    active = (spectrum()[:latent_dim] > beta * found).sum()
    assert active == (7 if beta == 4 else latent_dim)


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.5, 8.0, 40.0, 100.0])
@pytest.mark.parametrize("latent_dim", [3, 30])
def test_optimal_variance_is_the_minimum(beta, latent_dim):
    """A bounded search over log variance; beyond n / beta units, the slopes turn."""

    def objective(log_variance):
        best = analytic.linear_vae_optimum(
            spectrum(), latent_dim, beta, np.exp(log_variance)
        )
        return float(best.distortion + beta * best.rate)

    with jax.enable_x64(True):
        found = float(analytic.optimal_variance(spectrum(), latent_dim, beta))
        grid = np.linspace(-9, 1, 101)
        start = grid[np.argmin([objective(value) for value in grid])]
        searched = optimize.minimize_scalar(
            objective, bounds=(start - 0.2, start + 0.2), method="bounded"
        )
        # a search by values finds a minimum to the root of the precision
        assert np.log(found) == pytest.approx(searched.x, abs=1e-4)
        active = spectrum()[:latent_dim] > beta * found
    rest = spectrum().sum() - spectrum()[:latent_dim][active].sum()
    assert found == pytest.approx(rest / (64 - beta * active.sum()), rel=1e-9)


def test_without_a_variance_it_is_the_mean_of_the_discarded():
    fit = analytic.ppca(spectrum(), 12)
    assert float(fit.variance) == pytest.approx(spectrum()[12:].mean(), rel=1e-6)
    assert bool(fit.active.all())
    for factor in (0.99, 1.01):
        other = analytic.ppca(spectrum(), 12, float(fit.variance) * factor)
        assert float(other.log_likelihood) < float(fit.log_likelihood)


def test_gradient_of_the_likelihood_is_zero_at_its_variance():
    def log_likelihood(variance):
        return analytic.ppca(spectrum(), 12, variance).log_likelihood

    with jax.enable_x64(True):
        best = analytic.optimal_variance(spectrum(), 12, 1.0)
        # slopes next to it are of the size n / (2 variance) = 2000
        assert float(jax.grad(log_likelihood)(best)) == pytest.approx(0, abs=1e-8)


def test_gradient_of_the_optimal_variance():
    with jax.enable_x64(True):

        def variance(beta):
            return analytic.optimal_variance(spectrum(), 10, beta)

        slope = float(jax.grad(variance)(2.0))
        difference = float(variance(2 + 1e-6) - variance(2 - 1e-6)) / 2e-6
    assert slope == pytest.approx(difference, rel=1e-6)


def test_batched_by_vmap():
    betas = jnp.array([1.0, 2.0])
    swept = jax.vmap(analytic.optimal_variance, in_axes=(None, None, 0))(
        spectrum(), 10, betas
    )
    np.testing.assert_allclose(swept, [0.022751, 0.027922], atol=6e-7)


def test_refuses_dimensions_without_an_answer():
    with pytest.raises(ValueError, match="number of features, 3; got 4"):
        analytic.ppca(jnp.ones(3), 4, 0.1)
    with pytest.raises(ValueError, match="below the number of features, 3; got 3"):
        analytic.ppca(jnp.ones(3), 3)
    with pytest.raises(ValueError, match="below the number of features, 3; got 0"):
        analytic.optimal_variance(jnp.ones(3), 0, 1.0)
