"""The order parameters of learning: against one step of SGD, and where they rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import analytic
from vae_jax.analytic import OrderParameters

RATE = 0.05
SIGNAL, NOISE, BETA = 1.3, 0.7, 0.9
OFFSETS = {"decoder": 0.4, "encoder": -0.2}


def drift_of_sgd(num_features, num_examples):
    """Mean change of the order parameters by one example, times the number of features.

    The gradients are written out by hand, in numpy and float64, from the loss.

    Returns:
        The order parameters, the mean of the change, and its standard error.
    """
    rng = np.random.default_rng(0)
    root = np.sqrt(num_features)
    w = OFFSETS["decoder"] + rng.normal(size=num_features)
    v = OFFSETS["encoder"] + 0.8 * rng.normal(size=num_features) + 0.3 * w
    own = 0.6
    code = rng.normal(size=(num_examples, 1))
    x = np.sqrt(SIGNAL / num_features) * code + np.sqrt(NOISE) * rng.normal(
        size=(num_examples, num_features)
    )
    hw, hv = x @ w / root, x @ v / root
    q = w @ w / num_features
    dw = -RATE * (-hv[:, None] * x / root + w / num_features * (hv**2 + own)[:, None])
    dv = -RATE * (((q + BETA) * hv - hw)[:, None] * x / root)
    d_own = -RATE / num_features * (q / 2 + BETA / 2 * (1 - 1 / own))
    change = np.stack(
        [
            dw.mean(axis=1),
            dv.mean(axis=1),
            (2 * dw @ w + (dw**2).sum(axis=1)) / num_features,
            (2 * dv @ v + (dv**2).sum(axis=1)) / num_features,
            (dw @ v + dv @ w + (dw * dv).sum(axis=1)) / num_features,
            np.full(num_examples, d_own),
        ]
    )
    change *= num_features
    order = OrderParameters(w.mean(), v.mean(), q, (v**2).mean(), (w * v).mean(), own)
    return order, change.mean(axis=1), change.std(axis=1) / np.sqrt(num_examples)


def test_the_flow_is_the_mean_step_of_sgd():
    """Up to 1 / features, and the error of a mean over examples."""
    order, mean, error = drift_of_sgd(400, 20_000)
    with jax.enable_x64(True):
        flow = analytic.order_parameter_flow(order, BETA, SIGNAL, NOISE, RATE)
        exact = np.array([float(value) for value in flow])
    # the terms of order 1 / N are at most a few times the square of the rate over N
    np.testing.assert_array_less(np.abs(mean - exact), 4.5 * error + 20 * RATE**2 / 400)
    # and the flow is not small beside its error
    assert (np.abs(exact) > 10 * error)[[0, 2, 5]].all()


def at_rest(beta, signal, noise):
    """Where a small learning rate ends: the encoder along the signal, z with variance D."""
    edge = signal + noise
    overlap = np.sqrt(edge - beta)
    encoder = overlap / edge
    return OrderParameters(
        overlap, encoder, overlap**2, encoder**2, overlap * encoder, beta / edge
    )


@pytest.mark.parametrize("beta", [0.3, 1.0, 1.7])
def test_it_rests_where_theory_says(beta):
    """To the first order in the learning rate, whose square the noise of SGD has."""
    with jax.enable_x64(True):
        order = at_rest(beta, SIGNAL, NOISE)
        flow = analytic.order_parameter_flow(order, beta, SIGNAL, NOISE, 1e-6)
        error = analytic.generalisation_error(
            order.decoder_overlap, order.decoder_norm, SIGNAL
        )
        theory = analytic.learned_generalisation_error(beta, SIGNAL, NOISE)
    assert max(abs(float(value)) for value in flow) < 1e-11
    assert float(error) == pytest.approx(float(theory), abs=1e-12)


def test_the_error_is_the_distance_of_the_decoder():
    rng = np.random.default_rng(1)
    w = rng.normal(size=50) - 0.3
    apart = [np.mean((w - side * np.sqrt(SIGNAL)) ** 2) for side in (-1, 1)]
    found = analytic.generalisation_error(w.mean(), np.mean(w**2), SIGNAL)
    assert float(found) == pytest.approx(min(apart), rel=1e-5)


def test_the_learned_error_is_least_at_the_noise_and_that_of_collapse_later():
    betas = np.arange(0, 31) / 10
    found = np.asarray(analytic.learned_generalisation_error(betas, 1.2, 0.8))
    assert betas[found.argmin()] == pytest.approx(0.8)
    assert found.min() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found[betas >= 2], 1.2, rtol=1e-6)
    assert (found[betas < 1.95] < 1.2).all()


def test_its_slope_is_finite_at_the_edge():
    slope = jax.grad(analytic.learned_generalisation_error)(2.0, 1.0, 1.0)
    assert np.isfinite(float(slope))


def test_several_runs_at_once():
    orders = OrderParameters(*(jnp.array([0.1, 0.2]) for _ in range(6)))
    both = analytic.order_parameter_flow(orders, 1.0, 1.0, 1.0, 0.01)
    for k in range(2):
        one = OrderParameters(*(value[k] for value in orders))
        alone = analytic.order_parameter_flow(one, 1.0, 1.0, 1.0, 0.01)
        np.testing.assert_allclose([v[k] for v in both], alone, rtol=1e-6)


def test_what_is_no_state_is_refused(users_view):
    good = OrderParameters(0.1, 0.1, 1.0, 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="`posterior_variance` must be above 0"):
        analytic.order_parameter_flow(
            good._replace(posterior_variance=0.0), 1.0, 1.0, 1.0, 0.01
        )
    with pytest.raises(ValueError, match="must have one shape"):
        analytic.order_parameter_flow(
            good._replace(encoder_norm=jnp.ones(2)), 1.0, 1.0, 1.0, 0.01
        )
    with pytest.raises(ValueError, match="`decoder_norm` must have the shape"):
        analytic.generalisation_error(jnp.ones(2), jnp.ones(3), 1.0)
