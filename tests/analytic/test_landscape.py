"""The collapsed point of the linear VAE: second derivatives, its threshold, its escape."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from digits_spectrum import digits, eigenvectors, spectrum

from vae_jax import analytic

CASES = [(0.7, 1.0, 0.3), (0.7, 1.0, 0.9), (0.02, 4.0, 0.05), (30.0, 0.1, 2.0)]


@pytest.mark.parametrize(("eigenvalue", "beta", "variance"), CASES)
def test_hessian_is_that_of_the_objective(eigenvalue, beta, variance):
    """Second derivatives of the closed-form objective, one unit of two being collapsed."""
    with jax.enable_x64(True):
        covariance = np.diag([5.0, eigenvalue, 0.1])
        used = analytic.linear_vae_optimum(np.array([5.0]), 1, beta, variance)

        def objective(weights):
            decoder = jnp.zeros((3, 2)).at[0, 0].set(used.weights[0])
            encoder = jnp.zeros((2, 3)).at[0, 0].set(used.encoder[0])
            terms = analytic.linear_vae_objective(
                decoder.at[1, 1].set(weights[0]),
                encoder.at[1, 1].set(weights[1]),
                jnp.array([used.posterior_variance[0], 1.0]),
                covariance,
                beta,
                variance,
            )
            return terms.objective

        both = jax.jit(lambda w: (jax.hessian(objective)(w), jax.grad(objective)(w)))
        expected, slope = both(jnp.zeros(2))
        found = analytic.collapsed_hessian(eigenvalue, beta, variance)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(slope, 0, atol=1e-12)


def test_escape_rate_is_minus_the_smallest_eigenvalue():
    eigen = np.geomspace(1e-4, 1e3, 30)
    for beta, variance in ((1.0, 1.0), (0.1, 0.03), (8.0, 2.0)):
        blocks = np.array(
            [
                [[1 / variance, -lam / variance], [-lam / variance, beta * lam]]
                for lam in eigen
            ]
        )
        expected = -np.linalg.eigvalsh(blocks)[:, 0]
        # and the square root as it is printed
        trace, gap = 1 / variance + beta * eigen, 1 / variance - beta * eigen
        printed = (np.sqrt(gap**2 + 4 * eigen**2 / variance**2) - trace) / 2
        with jax.enable_x64(True):
            found = np.asarray(analytic.escape_rate(eigen, beta, variance))
        scale = np.abs(blocks).max(axis=(1, 2))
        # numpy's eigenvalues are exact to rounding of the largest entry
        assert (np.abs(found - expected) < 1e-14 * scale).all()
        assert (np.abs(found - printed) < 1e-14 * scale).all()


def test_sign_is_exact_next_to_the_threshold():
    """In float32, where the difference of the root and the trace is all rounding."""
    level = np.float32(0.25)
    near = np.nextafter(level, np.float32([0, 1]))
    rates = analytic.escape_rate(np.array([near[0], level, near[1]]), 0.5, 0.5)
    assert np.sign(rates).tolist() == [-1, 0, 1]
    # to first order (l - beta s) l / s^2 over the trace
    expected = (near - level) * level / 0.25 / (2 + 0.125)
    np.testing.assert_allclose(np.asarray(rates)[[0, 2]], expected, rtol=1e-5)


@pytest.mark.parametrize("level", [2.0, 0.69, 0.6, 0.1, 0.01])
def test_saddles_of_digits_are_the_units_that_ought_to_be_active(level):
    saddles = np.asarray(analytic.is_saddle(spectrum(), 2.0, level / 2))
    rates = np.asarray(analytic.escape_rate(spectrum(), 2.0, level / 2))
    best = analytic.linear_vae_optimum(spectrum(), 64, 2.0, level / 2)
    np.testing.assert_array_equal(saddles, best.active)
    np.testing.assert_array_equal(saddles, rates > 0)
    assert saddles.any() == (spectrum()[0] > level)
    blocks = np.asarray(analytic.collapsed_hessian(spectrum(), 2.0, level / 2), float)
    positive = spectrum() > 1e-6  # a pixel that never changes is flat
    assert ((np.linalg.det(blocks) < 0) == saddles)[positive].all()


def test_gradient_descent_leaves_at_the_escape_rate():
    """On digits, from a small random start: the norm grows as exp(r t) along the first."""
    beta, variance = 1.0, 0.3
    rate = float(analytic.escape_rate(spectrum()[0], beta, variance))
    with jax.enable_x64(True):
        covariance = jnp.asarray(np.cov(digits().T, ddof=0))

        def objective(params):
            return analytic.linear_vae_objective(
                params[0], params[1], jnp.ones(1), covariance, beta, variance
            ).objective

        step = 1e-3

        @jax.jit
        def descend(params):
            def one(params, _):
                slope = jax.grad(objective)(params)
                return jax.tree.map(lambda p, g: p - step * g, params, slope), None

            return jax.lax.scan(one, params, None, length=4000)[0]

        direction = jnp.asarray(eigenvectors()[:, :1])
        # the growing direction of the 2 x 2 block
        block = np.asarray(analytic.collapsed_hessian(spectrum()[0], beta, variance))
        w, v = np.linalg.eigh(block.astype(float))[1][:, 0] * 1e-6
        start = (w * direction, v * direction.T)
        end = descend(start)
        growth = jnp.log(jnp.linalg.norm(end[0]) / jnp.linalg.norm(start[0]))
    # Euler's steps: log(1 + r step) a step
    assert float(growth) == pytest.approx(4000 * np.log1p(rate * step), rel=1e-5)


def test_a_sweep_is_one_program_and_gradients_exist():
    variances = jnp.array([0.1, 0.5, 2.0])
    rates = jax.jit(jax.vmap(analytic.escape_rate, in_axes=(None, None, 0)))(
        jnp.array([0.3, 1.0]), 1.0, variances
    )
    assert rates.shape == (3, 2)
    slope = jax.grad(lambda v: analytic.escape_rate(1.0, 1.0, v))(jnp.array(0.5))
    up, down = (analytic.escape_rate(1.0, 1.0, v) for v in (0.51, 0.49))
    # central difference, of relative error (0.01 / 0.5)^2
    assert float(slope) == pytest.approx(float(up - down) / 0.02, rel=2e-3)


def test_whole_numbers_and_low_precision():
    assert float(analytic.escape_rate(1, 1, 1)) == 0
    assert analytic.collapsed_hessian(2, 1, 1).tolist() == [[1, -2], [-2, 2]]
    half = jnp.ones(2, jnp.bfloat16)
    assert analytic.escape_rate(half, half[0], half[0]).dtype == jnp.float32
    assert float(analytic.escape_rate(0.0, 1.0, 1.0)) == 0  # flat, not unstable
