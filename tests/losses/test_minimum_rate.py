"""The minimum desired rate: by hand, and on a linear VAE whose multiplier is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import optimize

from vae_jax import analytic, losses

KL = np.random.default_rng(0).gamma(0.7, 1.0, (6, 4))
RATE = KL.sum(axis=1)

# the ten largest eigenvalues of the digits / 16, whose trace is 4.693276
DIGITS = np.array(
    [0.69886, 0.63917, 0.55355, 0.3947, 0.27138, 0.23076, 0.20256, 0.17184, 0.15738]
    + [0.1445]
)
TRACE = 4.693276


def test_by_hand_and_its_slopes():
    kl = np.float32([[0.0, 0.0], [2.0, 1.0]])
    assert losses.minimum_rate(kl, 4.0, 0.25).tolist() == [1.0, 3.25]
    assert losses.minimum_rate_violation(kl, 4.0).tolist() == [2.5, 2.5]
    # a beta of 1 - u, and upwards once u is above 1
    for multiplier in (0.0, 0.25, 1.0, 3.0):
        slope = jax.grad(lambda kl, u=multiplier: losses.minimum_rate(kl, 4.0, u).sum())
        np.testing.assert_array_equal(slope(kl), np.full((2, 2), 1.0 - multiplier))


def test_multiplier_zero_is_the_plain_rate():
    found = losses.minimum_rate(np.float32(KL), 1e4, 0.0)
    np.testing.assert_array_equal(found, np.float32(KL).sum(axis=1))


def test_slopes_against_differences_and_the_ascent_is_the_violation():
    with jax.enable_x64(True):
        args = (KL, np.float64(5.0), np.float64(0.7))
        # at most bilinear: central differences are exact but for rounding
        check_grads(losses.minimum_rate, args, order=1, modes=["rev"], rtol=1e-6)
        check_grads(losses.minimum_rate_violation, args[:2], order=1, modes=["rev"])
        ascent = jax.grad(lambda u: losses.minimum_rate(KL, 5.0, u).mean())(args[2])
        violation = losses.minimum_rate_violation(KL, 5.0)
    np.testing.assert_allclose(violation, np.full(6, ascent), rtol=1e-12)
    np.testing.assert_allclose(violation, np.full(6, 5.0 - RATE.mean()), rtol=1e-12)


@pytest.mark.parametrize(
    ("minimum", "distance", "multiplier"),
    [(2.0, 3.2221, 0.7805), (5.0, 2.3104, 0.8918), (10.0, 1.6266, 0.9602)],
)
def test_the_linear_vae_is_stationary_at_the_known_multiplier(
    minimum, distance, multiplier
):
    """Noise variance 1, where without the constraint all collapses: u = 1 - level."""

    def rate_above(level):
        return np.maximum(np.log(DIGITS / level), 0).sum() / 2 - minimum

    level = optimize.brentq(rate_above, 1e-6, DIGITS[0], xtol=1e-14)
    # eigenvalues of five digits
    assert 1 - level == pytest.approx(multiplier, abs=1e-4)
    squared_error = np.minimum(level, DIGITS).sum() + TRACE - DIGITS.sum()
    assert squared_error == pytest.approx(distance, abs=2e-4)

    w = np.sqrt(np.maximum(DIGITS - level, 0))
    optimum = w, w / DIGITS, np.minimum(level / DIGITS, 1)

    def loss(parameters, u):
        w, v, d = parameters
        terms = analytic.linear_vae_objective(
            jnp.diag(w), jnp.diag(v), d, np.diag(DIGITS), 1.0, 1.0
        )
        kl = 0.5 * (d - jnp.log(d) - 1 + v**2 * DIGITS)[None]
        charge = losses.minimum_rate(kl, minimum, u)
        return losses.total_loss(terms.distortion[None], charge, 1.0)[0]

    with jax.enable_x64(True):
        slopes = jax.jit(jax.grad(loss, (0, 1)))
        in_parameters, in_u = slopes(optimum, np.float64(1 - level))
        for slope in (*in_parameters, in_u):
            np.testing.assert_allclose(slope, np.zeros_like(slope), atol=1e-12)
        off, _ = slopes(optimum, np.float64(1 - 1.1 * level))
        # a smaller u charges more for the rate: the gain would shrink, the noise grow
        assert (off[1][w > 0] > 0).all()
        assert (off[2][w > 0] < 0).all()


def test_padded_examples_do_not_count_in_the_violation():
    padded = np.float32(np.concatenate([KL, np.full((2, 4), 1e6)]))
    weights = np.float32([1.0] * 6 + [0.0] * 2)
    found = losses.minimum_rate_violation(padded, 5.0, weights=weights)
    np.testing.assert_allclose(found, np.full(8, 5 - RATE.mean()), rtol=1e-5)


def test_the_violation_is_that_of_all_devices():
    weights = np.float32([1.0, 1, 1, 1, 0, 0])
    split = np.float32(KL).reshape(3, 2, 4), weights.reshape(3, 2)

    def local(kl, weights):
        return losses.minimum_rate_violation(
            kl, 5.0, weights=weights, axis_name="devices"
        )

    found = jax.jit(jax.vmap(local, axis_name="devices"))(*split)
    np.testing.assert_allclose(found, np.full((3, 2), 5 - RATE[:4].mean()), rtol=1e-5)


def test_minima_and_multipliers_of_a_sweep_are_one_program():
    minima, multipliers = np.float32([0.0, 2.0, 9.0]), np.float32([0.0, 0.5, 3.0])
    sweep = jax.jit(jax.vmap(losses.minimum_rate, in_axes=(None, 0, 0)))
    swept = sweep(np.float32(KL), minima, multipliers)
    expected = RATE[None] + multipliers[:, None] * (minima[:, None] - RATE[None])
    # float32 numbers up to 30
    np.testing.assert_allclose(swept, expected, rtol=1e-5, atol=1e-5)
    violations = jax.vmap(losses.minimum_rate_violation, in_axes=(None, 0))
    found = jax.jit(violations)(np.float32(KL), minima)[:, 0]
    np.testing.assert_allclose(found, minima - RATE.mean(), rtol=1e-5)


@pytest.mark.parametrize(
    "function",
    [partial(losses.minimum_rate, multiplier=1.0), losses.minimum_rate_violation],
    ids=["rate", "violation"],
)
def test_half_precision_is_summed_in_float32_and_nothing_overflows(function):
    # bfloat16 has no 301
    found = function(jnp.ones((1, 301), jnp.bfloat16), minimum=301.0)
    assert found.dtype == jnp.float32
    assert np.isfinite(function(np.full((1, 3), 1e30, np.float32), minimum=5.0)).all()


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_do_not_fit():
    kl = np.float32(KL)
    with pytest.raises(ValueError, match=r"shape \(\*batch, latent\); got \(\)"):
        losses.minimum_rate(kl[0, 0], 1.0, 1.0)
    with pytest.raises(ValueError, match=r"shape \(batch, latent\); got \(6,\)"):
        losses.minimum_rate_violation(kl[:, 0], 1.0)
    with pytest.raises(ValueError, match=r"shape of the batch, \(6,\); got \(4,\)"):
        losses.minimum_rate_violation(kl, 1.0, weights=np.ones(4, np.float32))
