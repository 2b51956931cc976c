"""The threshold of collapse against the objective itself, integrated by quadrature."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from vae_jax import analytic

RNG = np.random.default_rng(0)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def binary_data():
    """Three correlated bits: every pattern with a probability."""
    patterns = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    mass = RNG.dirichlet(np.ones(8))
    return patterns.astype(float), mass


def objective(weights, encoder, variance, beta, logits, patterns, mass):
    """Distortion + beta * rate, exact: z has one unit, the encoder a mean a pattern."""
    total = 0.0
    for x, mean, probability in zip(patterns, encoder, mass, strict=True):
        z = mean + np.sqrt(variance) * NODES
        theta = logits[None] + z[:, None] * weights[None]
        log_p = (x[None] * theta - np.logaddexp(0, theta)).sum(axis=1)
        rate = 0.5 * (mean**2 + variance - np.log(variance) - 1)
        total += probability * (-(WEIGHTS @ log_p) + beta * rate)
    return total


def collapsed_bits():
    patterns, mass = binary_data()
    p = mass @ patterns
    logits = np.log(p / (1 - p))
    return patterns, mass, logits, patterns - p[None], p * (1 - p)


def test_a_code_pays_just_below_the_threshold_and_not_above():
    patterns, mass, logits, scores, information = collapsed_bits()
    # every pattern as often as it is likely: 20 000 examples to a rounding of 2.5e-5
    counts = np.round(mass * 20_000).astype(int)
    repeated = np.repeat(scores, counts, axis=0)
    found = float(
        analytic.collapse_threshold(
            repeated, np.broadcast_to(information, repeated.shape).copy()
        )
    )
    exact = np.diag(information**-0.5) @ (scores.T * mass) @ scores
    exact = exact @ np.diag(information**-0.5)
    values, vectors = np.linalg.eigh(exact)
    assert abs(found - values[-1]) < 1e-3 * values[-1]
    direction = information**-0.5 * vectors[:, -1]
    for share, pays in ((0.97, True), (1.03, False)):
        beta, size = share * values[-1], 0.03
        weights = size * direction
        encoder = scores @ weights / beta
        # the variance that is best to second order
        variance = beta / (beta + weights @ (information * weights))
        with_code = objective(weights, encoder, variance, beta, logits, patterns, mass)
        without = objective(0 * weights, 0 * encoder, 1.0, beta, logits, patterns, mass)
        assert (with_code < without) == pays


def test_above_the_threshold_no_direction_pays():
    patterns, mass, logits, scores, information = collapsed_bits()
    exact = (scores.T * mass) @ scores / np.sqrt(np.outer(information, information))
    beta = 1.03 * np.linalg.eigvalsh(exact)[-1]
    without = objective(np.zeros(3), np.zeros(8), 1.0, beta, logits, patterns, mass)
    for _ in range(50):
        weights = 0.03 * RNG.standard_normal(3) / np.sqrt(information)
        encoder = scores @ weights / beta
        variance = beta / (beta + weights @ (information * weights))
        found = objective(weights, encoder, variance, beta, logits, patterns, mass)
        assert found > without


def test_gaussian_pixels_have_the_threshold_of_the_linear_vae():
    x = RNG.standard_normal((500, 6)) @ RNG.standard_normal((6, 6))
    x -= x.mean(axis=0)
    variance, spectrum = 0.7, np.linalg.eigvalsh(x.T @ x / len(x))
    found = analytic.collapse_threshold(x / variance, np.full(x.shape, 1 / variance))
    np.testing.assert_allclose(found, spectrum[-1] / variance, rtol=1e-4)
    top = jnp.asarray(spectrum[-1], jnp.float32)
    assert bool(analytic.is_saddle(top, 0.99 * float(found), variance))
    assert not bool(analytic.is_saddle(top, 1.01 * float(found), variance))


def test_scores_without_a_pattern_have_threshold_one():
    """Of a martingale: every pixel predicted as well as can be from those before it."""
    x = np.zeros((200_000, 4))
    p = np.zeros_like(x)
    for pixel in range(4):
        p[:, pixel] = expit(x[:, :pixel].sum(axis=1) - 0.5)
        x[:, pixel] = RNG.random(len(x)) < p[:, pixel]
    found = float(analytic.collapse_threshold(x - p, p * (1 - p)))
    # largest eigenvalue of a 4 x 4 sample correlation of 200 000 draws: 1 + 2 sqrt(4 / N)
    assert found == pytest.approx(1, abs=2 * 2 * np.sqrt(4 / 200_000))


def test_a_pixel_without_information_is_left_out():
    scores = np.array([[1.0, 0.0], [-1.0, 0.0]])
    found = analytic.collapse_threshold(scores, np.array([[0.5, 0.0], [0.5, 0.0]]))
    assert float(found) == pytest.approx(2.0, rel=1e-6)
