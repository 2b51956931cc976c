"""The marginal likelihood at any weights: against the dense Gaussian and its maximum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from digits_spectrum import digits, eigenvectors, spectrum
from scipy import stats

from vae_jax import analytic


def covariance():
    return np.cov(digits().T, ddof=0)


@pytest.mark.parametrize(("latent_dim", "variance"), [(1, 0.2), (7, 0.05), (64, 0.5)])
def test_is_that_of_the_dense_gaussian(latent_dim, variance):
    """scipy's density with the full covariance, averaged over the data; any weights."""
    weights = 0.3 * np.random.default_rng(latent_dim).normal(size=(64, latent_dim))
    dense = stats.multivariate_normal(
        np.zeros(64), weights @ weights.T + variance * np.eye(64)
    )
    with jax.enable_x64(True):
        found = analytic.ppca_log_likelihood(weights, covariance(), variance)
    data = digits() - digits().mean(axis=0)
    assert float(found) == pytest.approx(dense.logpdf(data).mean(), rel=1e-10)


def test_more_units_than_features():
    weights = np.random.default_rng(0).normal(size=(2, 5))
    own = np.array([[2.0, 0.3], [0.3, 1.0]])
    model = weights @ weights.T + 0.1 * np.eye(2)
    expected = np.log(2 * np.pi) + np.linalg.slogdet(model)[1] / 2
    expected += np.trace(np.linalg.solve(model, own)) / 2
    with jax.enable_x64(True):
        found = analytic.ppca_log_likelihood(weights, own, 0.1)
    assert float(found) == pytest.approx(-expected, rel=1e-12)


@pytest.mark.parametrize("variance", [0.02, 0.3])
def test_ppca_is_its_maximum(variance):
    with jax.enable_x64(True):
        fit = analytic.ppca(spectrum(), 8, variance)
        weights = jnp.asarray(eigenvectors()[:, :8] * np.asarray(fit.weights))

        def value(w):
            return analytic.ppca_log_likelihood(w, covariance(), variance)

        assert float(value(weights)) == pytest.approx(
            float(fit.log_likelihood), rel=1e-12
        )
        np.testing.assert_allclose(jax.grad(value)(weights), 0, atol=1e-8)
        draw = np.random.default_rng(1)
        for _ in range(20):
            near = weights + 0.01 * draw.normal(size=weights.shape)
            assert float(value(near)) < float(fit.log_likelihood)


def test_the_axes_of_the_variance_are_the_result_s():
    weights = np.random.default_rng(0).normal(size=(3, 2))
    levels = np.array([[0.1, 0.5, 2.0], [0.2, 1.0, 4.0]])
    with jax.enable_x64(True):
        found = analytic.ppca_log_likelihood(weights, np.eye(3), levels)
        each = [
            float(analytic.ppca_log_likelihood(weights, np.eye(3), level))
            for level in levels.ravel()
        ]
    np.testing.assert_allclose(np.ravel(found), each, rtol=1e-13)
    assert found.shape == levels.shape


def test_curvature_at_a_collapsed_column_is_that_of_the_saddle():
    """Along eigenvector j it is (lam_j - v) / v^2; positive: a saddle of the ELBO too."""
    with jax.enable_x64(True):
        used = analytic.ppca(spectrum(), 4, spectrum()[5])
        others = eigenvectors()[:, :4] * np.asarray(used.weights)
        for index in (4, 6, 10, 30):
            variance, direction = spectrum()[5], eigenvectors()[:, index]

            def along(size, direction=direction, variance=variance):
                column = (size * direction)[:, None]
                weights = jnp.concatenate([jnp.asarray(others), column], axis=1)
                return analytic.ppca_log_likelihood(weights, covariance(), variance)

            found = float(jax.grad(jax.grad(along))(0.0))
            expected = (spectrum()[index] - variance) / variance**2
            assert found == pytest.approx(expected, rel=1e-9)
            saddle = bool(analytic.is_saddle(spectrum()[index], 1.0, variance))
            assert saddle == (found > 0)


@pytest.mark.usefixtures("users_view")
def test_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"`decoder` must have the shape"):
        analytic.ppca_log_likelihood(np.ones(3), np.eye(3), 1.0)
    with pytest.raises(ValueError, match=r"`covariance` must have the shape \(3, 3\)"):
        analytic.ppca_log_likelihood(np.ones((3, 1)), np.eye(2), 1.0)
    with pytest.raises(ValueError, match="`variance`"):
        analytic.ppca_log_likelihood(np.ones((3, 1)), np.eye(3), 0.0)
