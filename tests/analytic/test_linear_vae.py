"""The linear VAE: its closed form against quadrature, its optimum against search."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from digits_spectrum import digits, eigenvectors, spectrum
from scipy import optimize, stats

from vae_jax import analytic

SMALL = np.array([2.0, 1.2, 0.6, 0.1])
LEVELS = list(itertools.product((0.5, 1.0, 3.0), (0.05, 0.3, 1.0)))


def build(eigen, vectors, latent_dim, beta, variance):
    """Decoder, encoder and posterior variance of the optimum, in float64."""
    best = analytic.linear_vae_optimum(eigen, latent_dim, beta, variance)
    best = jax.tree.map(np.asarray, best)
    columns = vectors[:, :latent_dim]
    return columns * best.weights, (columns * best.encoder).T, best.posterior_variance


@pytest.mark.parametrize(
    ("level", "rate", "distance", "active"),
    [
        (0.5, 0.341, 4.3017, 3),
        (0.3, 1.244, 3.607, 4),
        (0.1, 5.479, 2.2106, 12),
        (0.05, 10.647, 1.4863, 18),
        (0.01, 33.544, 0.4553, 39),
        (0.001, 87.473, 0.0521, 50),
    ],
)
def test_rate_and_distance_of_digits(level, rate, distance, active):
    best = analytic.linear_vae_optimum(spectrum(), 64, 2.0, level / 2)
    constant = 32 * np.log(2 * np.pi * level / 2)
    # the printed digits; float32 adds 1e-5 of a distortion of up to 100 nats
    assert float(best.rate) == pytest.approx(rate, abs=6e-4)
    assert (float(best.distortion) - constant) * level == pytest.approx(
        distance, abs=1e-4
    )
    assert int(best.active.sum()) == active


def test_published_losses():
    """Rows of Wang & Ziyin's linear_losses.csv: total, reconstruction, beta times KL."""
    published = {
        1: (7.341, 2.500, 4.840),
        2: (11.294, 4.507, 6.787),
        4: (16.653, 8.533, 8.120),
        8: (22.374, 14.488, 7.886),
        16: (26.521, 22.935, 3.586),
    }
    for beta, row in published.items():
        best = analytic.linear_vae_optimum(
            np.array([25.0, 16, 9, 4, 1]), 5, float(beta), 1.0
        )
        reconstruction = float(best.distortion) - 2.5 * np.log(2 * np.pi)
        penalty = beta * float(best.rate)
        # their training stopped within 1.2 % of theory
        ours = (reconstruction + penalty, reconstruction, penalty)
        np.testing.assert_allclose(ours, row, rtol=0.012)


def test_objective_agrees_with_quadrature():
    """Gauss-Hermite over z for every data point, with scipy's densities."""
    rng = np.random.default_rng(1)
    data = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3))
    data -= data.mean(axis=0)
    w, v = rng.normal(size=(3, 1)), rng.normal(size=(1, 3))
    d, beta, variance = 0.4, 1.7, 0.3
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(30)
    node_weights = node_weights / node_weights.sum()
    mean = data @ v.T
    z = mean + np.sqrt(d) * nodes  # (data, nodes)
    log_p = stats.norm.logpdf(data[:, None], z[..., None] * w[:, 0], np.sqrt(variance))
    log_ratio = stats.norm.logpdf(z, mean, np.sqrt(d)) - stats.norm.logpdf(z)
    distortion = -(log_p.sum(-1) @ node_weights).mean()
    rate = (log_ratio @ node_weights).mean()
    with jax.enable_x64(True):
        terms = analytic.linear_vae_objective(
            w, v, np.array([d]), data.T @ data / 40, beta, variance
        )
    # quadrature of a quadratic is exact
    expected = (distortion, rate, distortion + beta * rate)
    np.testing.assert_allclose(terms, expected, rtol=1e-10)


@pytest.mark.parametrize(("beta", "variance"), LEVELS)
def test_optimum_has_the_objective_it_states_and_no_slope(beta, variance):
    covariance = np.cov(digits().T, ddof=0)
    with jax.enable_x64(True):
        best = analytic.linear_vae_optimum(spectrum(), 10, beta, variance)
        parts = build(spectrum(), eigenvectors(), 10, beta, variance)

        def terms(parts):
            return analytic.linear_vae_objective(*parts, covariance, beta, variance)

        found = terms(parts)
        slope = jax.grad(lambda parts: terms(parts).objective)(parts)
    np.testing.assert_allclose(found.rate, best.rate, atol=1e-9)
    np.testing.assert_allclose(found.distortion, best.distortion, rtol=1e-10)
    for leaf in slope:
        np.testing.assert_allclose(leaf, 0, atol=1e-9)  # float64 over variances of 0.05


@pytest.mark.parametrize(("beta", "variance"), [(0.5, 0.3), (1.0, 0.3), (3.0, 0.3)])
def test_search_from_anywhere_ends_at_the_formula(beta, variance):
    """BFGS knows nothing of eigenvectors; every start ends at the same minimum."""
    rng = np.random.default_rng(2)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    covariance = rotation @ np.diag(SMALL) @ rotation.T

    def objective(flat):
        w, v, logvar = flat[:12].reshape(4, 3), flat[12:24].reshape(3, 4), flat[24:]
        return analytic.linear_vae_objective(
            w, v, jnp.exp(logvar), covariance, beta, variance
        ).objective

    with jax.enable_x64(True):
        value_and_grad = jax.jit(jax.value_and_grad(objective))
        best = analytic.linear_vae_optimum(SMALL, 3, beta, variance)
        for _ in range(3):
            found = optimize.minimize(
                lambda flat: [np.asarray(part) for part in value_and_grad(flat)],
                rng.normal(size=27) / 2,
                jac=True,
                method="BFGS",
                options={"gtol": 1e-7, "maxiter": 2000},
            )
            # the objective is flat to second order: 1e-7 in slope is 1e-9 in value
            assert found.fun == pytest.approx(
                float(best.distortion + beta * best.rate), abs=1e-7
            )
            np.testing.assert_allclose(
                np.sort(np.exp(found.x[24:])), best.posterior_variance, atol=1e-4
            )


@pytest.mark.parametrize("excess", [0.9, 0.99, 1.01, 1.1])
def test_collapse_is_stable_exactly_below_the_water_level(excess):
    """Hessian at the collapsed unit, in the directions of its decoder and encoder."""
    beta, variance = 2.0, 0.3
    lam = beta * variance * excess

    def objective(point):
        return analytic.linear_vae_objective(
            point[:1, None],
            point[1:, None],
            jnp.ones(1),
            jnp.array([[lam]]),
            beta,
            variance,
        ).objective

    with jax.enable_x64(True):
        hessian = jax.hessian(objective)(jnp.zeros(2))
    cross = -lam / variance
    expected = np.array([[1 / variance, cross], [cross, beta * lam]])
    np.testing.assert_allclose(hessian, expected, rtol=1e-12)
    assert (np.linalg.eigvalsh(hessian)[0] < 0) == (excess > 1)


def test_slope_of_the_curve_is_minus_beta():
    """Envelope theorem: dD / d beta = -beta dR / d beta, by autodiff and by difference."""

    def point(beta):
        best = analytic.linear_vae_optimum(spectrum(), 20, beta, 0.05)
        return jnp.stack([best.distortion, best.rate])

    with jax.enable_x64(True):
        distortion, rate = jax.jacfwd(point)(jnp.array(1.5))
        difference = (point(1.5 + 1e-6) - point(1.5 - 1e-6)) / 2e-6
    assert float(distortion) == pytest.approx(-1.5 * float(rate), rel=1e-10)
    # central differences of a function of size 30 at step 1e-6: 1e-8 relative
    np.testing.assert_allclose(difference, (distortion, rate), rtol=1e-6)


def test_gradients_are_finite_where_units_are_off_or_at_the_level():
    def total(spectrum, beta, variance):
        best = analytic.linear_vae_optimum(spectrum, 4, beta, variance)
        return sum(jnp.sum(leaf) for leaf in best[:-1])

    for values in ([2.0, 1.0, 0.5, 0.0], [1.0, 1.0, 0.1, 0.0], [0.0, 0.0, 0.0, 0.0]):
        gradients = jax.grad(total, argnums=(0, 1, 2))(jnp.array(values), 1.0, 1.0)
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in gradients)


def test_more_units_than_features_are_collapsed():
    best = analytic.linear_vae_optimum(SMALL, 6, 1.0, 0.3)
    fewer = analytic.linear_vae_optimum(SMALL, 4, 1.0, 0.3)
    np.testing.assert_array_equal(best.kl[4:], 0)
    np.testing.assert_array_equal(best.posterior_variance[4:], 1)
    assert float(best.elbo) == float(fewer.elbo)


def test_order_of_the_eigenvalues_does_not_matter():
    shuffled = analytic.linear_vae_optimum(SMALL[[2, 0, 3, 1]], 2, 1.0, 0.3)
    for leaf, expected in zip(
        shuffled, analytic.linear_vae_optimum(SMALL, 2, 1.0, 0.3), strict=True
    ):
        np.testing.assert_array_equal(leaf, expected)


def test_a_sweep_is_one_program():
    betas, variances = jnp.array(LEVELS).T
    optimum = jax.jit(
        jax.vmap(analytic.linear_vae_optimum, in_axes=(None, None, 0, 0)),
        static_argnums=1,
    )
    swept = optimum(spectrum(), 10, betas, variances)
    assert swept.kl.shape == (9, 10)
    for i, (beta, variance) in enumerate(LEVELS):
        best = analytic.linear_vae_optimum(spectrum(), 10, beta, variance)
        # the same formula in float32, compiled differently
        assert float(swept.elbo[i]) == pytest.approx(float(best.elbo), rel=1e-5)


def test_refuses_no_units():
    with pytest.raises(ValueError, match="`latent_dim` must be at least 1; got 0"):
        analytic.linear_vae_optimum(SMALL, 0, 1.0, 1.0)
