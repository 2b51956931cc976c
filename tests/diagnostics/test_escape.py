"""Smallest curvature against known spectra, and the collapsed point of the linear VAE."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from sklearn.datasets import load_digits

from vae_jax import analytic, diagnostics, likelihoods, models

DATA = load_digits().data / 16
DATA = DATA - DATA.mean(axis=0)
COVARIANCE = np.float32(DATA.T @ DATA / len(DATA))
SPECTRUM = analytic.eigenvalues(DATA)
LATENT = 2


def symmetric(spectrum, seed=0):
    """A matrix of these eigenvalues, and its eigenvectors."""
    size = len(spectrum)
    vectors = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    matrix = vectors * np.asarray(spectrum, float) @ vectors.T
    return jnp.asarray(matrix, jnp.float32), vectors


def quadratic(spectrum):
    """A loss whose Hessian has these eigenvalues, and its eigenvectors."""
    matrix, vectors = symmetric(spectrum)
    return lambda p: jnp.dot(p, matrix @ p) / 2, vectors


def smallest(loss, params, num_iterations=60):
    def run(key, params):
        return diagnostics.smallest_curvature(key, loss, params, num_iterations)

    return jax.jit(run)(jax.random.key(0), params)


@pytest.mark.parametrize(
    "spectrum",
    [
        np.linspace(-1, 10, 40),
        np.linspace(0.5, 10, 40),
        [-3.0, -3.0, -3.0, 1.0, 1.0],
        [2.0] * 6,  # the first product leads nowhere new
        [0.5] + [4.0] * 7,
        [0.0] * 5,
        [-1e-3] + [100.0] * 20,
        [7.0],
    ],
    ids=["saddle", "bowl", "few", "isotropic", "two", "flat", "nearly flat", "single"],
)
def test_known_spectrum(spectrum):
    """With as many products as parameters, or as many as there are distinct values."""
    loss, vectors = quadratic(spectrum)
    found = smallest(loss, jnp.zeros(len(spectrum)))
    scale = max(np.abs(spectrum))
    # float32 products of up to 40 terms
    assert float(found.value) == pytest.approx(min(spectrum), abs=2e-6 * scale)
    assert float(found.residual) <= 1e-5 * scale
    assert float(found.largest) == pytest.approx(scale, rel=1e-5)
    assert float(jnp.linalg.norm(found.direction)) == pytest.approx(1, rel=1e-5)
    space = vectors[:, np.isclose(spectrum, min(spectrum))]
    if scale > 0 and min(spectrum) / scale != -1e-5:
        inside = np.linalg.norm(space.T @ np.asarray(found.direction))
        assert inside == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_far_fewer_products_than_parameters():
    """A lonely eigenvalue among 400; the residual bounds the distance to one."""
    spectrum = np.concatenate([[-0.5], np.linspace(0, 10, 399)])
    loss, _ = quadratic(spectrum)
    errors = []
    for num_iterations in (5, 20, 40):
        found = smallest(loss, jnp.zeros(400), num_iterations)
        assert float(found.value) > -0.5 - 1e-5  # never below the truth
        nearest = np.abs(float(found.value) - spectrum).min()
        assert nearest <= float(found.residual) + 1e-5
        errors.append(float(found.value) + 0.5)
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4


def linear_vae(beta, variance):
    def loss(params):
        return analytic.linear_vae_objective(
            params["decoder"],
            params["encoder"],
            jnp.exp(params["logvar"]),
            COVARIANCE,
            beta,
            variance,
        ).objective

    collapsed = {
        "decoder": jnp.zeros((64, LATENT)),
        "encoder": jnp.zeros((LATENT, 64)),
        "logvar": jnp.zeros(LATENT),
    }
    return loss, collapsed


@jax.jit
def escape_of_collapse(key, beta, variance):
    """One program for all settings."""
    return diagnostics.escape_test(key, *linear_vae(beta, variance), num_iterations=80)


@jax.jit
def escape_from(key, params, variance):
    loss, _ = linear_vae(1.0, variance)
    return diagnostics.escape_test(key, loss, params, num_iterations=100)


@pytest.mark.parametrize(
    ("beta", "variance"),
    [(1.0, 0.3), (4.0, 0.05), (1.0, 0.65), (1.0, 0.72), (3.0, 1.0)],
)
def test_collapsed_linear_vae_is_a_saddle_iff_the_theory_says_so(beta, variance):
    """On digits: lam_1 = 0.699 against the water level beta * variance."""
    found = escape_of_collapse(jax.random.key(0), beta, variance)
    rates = np.asarray(analytic.escape_rate(SPECTRUM, beta, variance), float)
    saddle = bool(analytic.is_saddle(SPECTRUM[0], beta, variance))
    print(
        f"level {beta * variance}: curvature {float(found.curvature.value):+.5f}, "
        f"theory {-rates.max():+.5f}"
    )
    assert bool(found.can_escape) == saddle == (SPECTRUM[0] > beta * variance)
    assert float(found.gradient_norm) < 1e-6
    # float32 of curvatures up to 1 / variance; pixels that never change are flat
    scale = float(found.curvature.largest)
    assert float(found.curvature.value) == pytest.approx(-rates.max(), abs=1e-5 * scale)
    if saddle:
        vector = np.asarray(found.curvature.direction["decoder"])
        first = np.linalg.eigh(COVARIANCE.astype(float))[1][:, -1]
        along = np.linalg.norm(first @ vector) / np.linalg.norm(vector)
        assert along == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("variance", "escapes"), [(0.5, True), (0.66, False)])
def test_a_collapsed_unit_beside_an_active_one(variance, escapes):
    """One unit at its optimum; the other may go to the second eigenvector, 0.639."""
    _, params = linear_vae(1.0, variance)
    best = analytic.linear_vae_optimum(np.float32(SPECTRUM), 1, 1.0, variance)
    first = np.float32(np.linalg.eigh(COVARIANCE.astype(float))[1][:, -1])
    params = {
        "decoder": params["decoder"].at[:, 0].set(first * best.weights[0]),
        "encoder": params["encoder"].at[0].set(first * best.encoder[0]),
        "logvar": params["logvar"].at[0].set(jnp.log(best.posterior_variance[0])),
    }
    found = escape_from(jax.random.key(1), params, variance)
    assert bool(found.can_escape) == escapes
    assert float(found.gradient_norm) < 1e-5
    rate = float(analytic.escape_rate(SPECTRUM[1], 1.0, variance))
    expected = -max(rate, 0.0)
    assert float(found.curvature.value) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_a_network_against_its_dense_hessian():
    """A tanh decoder and encoder, at a point that is not stationary, in float64."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = jnp.asarray(rng.normal(size=(50, 3)))
        params = {
            "in": jnp.asarray(rng.normal(size=(3, 2)) * 0.4),
            "out": [
                jnp.asarray(rng.normal(size=(2, 4))),
                jnp.asarray(rng.normal(size=(4, 3))),
            ],
        }

        def loss(params):
            z = x @ params["in"]
            error = x - jnp.tanh(z @ params["out"][0]) @ params["out"][1]
            return jnp.mean(jnp.sum(error**2 + jnp.sum(z**2) / 150, axis=-1))

        flat, unravel = ravel_pytree(params)

        @jax.jit
        def both(key, flat):
            by_products = diagnostics.escape_test(key, loss, unravel(flat))
            whole = jax.hessian(lambda flat: loss(unravel(flat)))(flat)
            return by_products, whole, jax.grad(lambda flat: loss(unravel(flat)))(flat)

        found, dense, slope = jax.tree.map(np.asarray, both(jax.random.key(0), flat))
        direction = np.asarray(ravel_pytree(found.curvature.direction)[0])
    value = float(found.curvature.value)
    expected = np.linalg.eigvalsh(dense)
    assert value == pytest.approx(expected[0], rel=1e-9)
    largest = np.abs(expected).max()
    assert float(found.curvature.largest) == pytest.approx(largest, rel=1e-9)
    assert float(found.gradient_norm) == pytest.approx(np.linalg.norm(slope), rel=1e-9)
    assert jax.tree.structure(found.curvature.direction) == jax.tree.structure(params)
    assert np.linalg.norm(dense @ direction - value * direction) < 1e-9


NETWORKS = {
    "slices of images": (
        lambda: models.convolutional((4, 4), 1, hidden=(2,), likelihood="bernoulli"),
        np.random.default_rng(1).random((3, 4, 4)).round(),
        likelihoods.bernoulli_log_prob,
    ),
    "a recurrence": (
        lambda: models.lstm(3, 5, 1, embedding=2, hidden=(2,)),
        np.array([[4, 1, 3], [1, 3, 0]]),
        likelihoods.categorical_log_prob,
    ),
}
"""Models whose gradients are their own, and which have no forward mode."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_with_a_gradient_of_its_own(name):
    """The direction is an eigenvector by central differences of the gradient."""
    make, examples, density = NETWORKS[name]
    with jax.enable_x64(True):
        vae, x = make(), jnp.asarray(examples)
        params = jax.tree.map(
            lambda leaf: jnp.asarray(leaf, jnp.float64), vae.init(jax.random.key(0))
        )

        def loss(params):
            mean = vae.encode(params, x).mean
            return -jnp.mean(density(vae.decode(params, mean, x), x)) + jnp.sum(mean**2)

        flat, unravel = ravel_pytree(params)
        found = jax.jit(
            lambda key, params: diagnostics.smallest_curvature(
                key, loss, params, flat.size
            )
        )(jax.random.key(1), params)
        direction = ravel_pytree(found.direction)[0]
        slope = jax.jit(jax.grad(lambda flat: loss(unravel(flat))))
        step = 1e-5
        image = (slope(flat + step * direction) - slope(flat - step * direction)) / (
            2 * step
        )
    np.testing.assert_allclose(image, found.value * direction, atol=1e-6)


def test_the_start_does_not_matter():
    loss, _ = quadratic(np.linspace(-1, 10, 40))
    run = jax.jit(lambda key: diagnostics.smallest_curvature(key, loss, jnp.zeros(40)))
    values = [float(run(jax.random.key(seed)).value) for seed in range(3)]
    np.testing.assert_allclose(values, -1, atol=2e-5)


def test_rounding_is_no_way_out():
    """Bowls with flat directions, whose curvature rounding puts on either side of 0."""
    spectrum = np.array([0.0] * 10 + [50.0, 100.0])
    below = []

    @jax.jit
    def escape(key, matrix):
        return diagnostics.escape_test(
            key, lambda p: jnp.dot(p, matrix @ p) / 2, jnp.zeros(12)
        )

    for seed in range(6):
        found = escape(jax.random.key(seed), symmetric(spectrum, seed)[0])
        assert not found.can_escape
        below.append(float(found.curvature.value) < 0)
    assert any(below)


def test_a_batch_of_points():
    """Members of a sweep, each at its own point of a quartic."""

    def loss(p):
        return jnp.sum(p**4) / 12 - jnp.sum(p**2) / 2

    points = jnp.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0]])
    keys = jax.random.split(jax.random.key(0), 3)
    found = jax.jit(jax.vmap(lambda key, p: diagnostics.escape_test(key, loss, p)))(
        keys, points
    )
    np.testing.assert_allclose(found.curvature.value, [-1, -1, 3], atol=1e-5)
    assert found.can_escape.tolist() == [True, True, False]


def test_not_a_number_is_no_escape():
    found = diagnostics.escape_test(
        jax.random.key(0), lambda p: jnp.sum(p**2) * jnp.nan, jnp.zeros(3)
    )
    assert np.isnan(found.curvature.value)
    assert not found.can_escape


def test_half_precision_is_computed_in_float32():
    found = diagnostics.smallest_curvature(
        jax.random.key(0), lambda p: jnp.sum(p**2) * 1.001, jnp.zeros(3, jnp.bfloat16)
    )
    assert found.value.dtype == found.direction.dtype == jnp.float32
    assert float(found.value) == pytest.approx(2.002, rel=1e-6)


def test_refuses_what_has_no_curvature():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="`num_iterations` must be at least 1; got 0"):
        diagnostics.smallest_curvature(key, jnp.sum, jnp.zeros(3), 0)
    with pytest.raises(
        ValueError, match="`params` must hold at least one number; got none"
    ):
        diagnostics.escape_test(key, lambda p: jnp.zeros(()), {})
    with pytest.raises(ValueError, match=r"one number; got shape \(3,\)"):
        diagnostics.escape_test(key, lambda p: p, jnp.zeros(3))
