"""Everyday names: the likelihood that each stands for, and scipy in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from vae_jax import likelihoods, losses

RNG = np.random.default_rng(0)
A, B = np.float32(RNG.normal(size=(2, 3, 4, 5)))
ON = np.float32(RNG.random((3, 4, 5)) < 0.5)
# the promise for float32: 1e-5 of the truth plus 1e-6
PROMISE = {"rtol": 1e-5, "atol": 1e-6}


@partial(jax.jit, static_argnums=0)
def with_slope(loss, prediction, x):
    value, pull = jax.vjp(lambda prediction: loss(prediction, x), prediction)
    return value, *pull(jnp.ones_like(value))


probs_with_slope = partial(with_slope, losses.bce_from_probs)


def test_mse_is_a_sum_and_a_gaussian_of_variance_one_half():
    found, slope = with_slope(losses.mse, A, B)
    truth = ((np.float64(A) - B) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(found, truth, **PROMISE)
    constant = 20 / 2 * np.log(np.pi)
    density = likelihoods.gaussian_log_prob(A, B, np.log(0.5))
    np.testing.assert_allclose(found, -np.float64(density) - constant, **PROMISE)
    np.testing.assert_allclose(slope, 2 * (np.float64(A) - B), **PROMISE)


def test_bce_is_a_bernoulli_at_any_logit():
    logits = 3e3 * A
    found, slope = with_slope(losses.bce, logits, ON)
    density = likelihoods.bernoulli_log_prob(logits, ON)
    np.testing.assert_allclose(found, -density, rtol=1e-6)
    truth = -special.log_expit((2 * ON - 1) * np.float64(logits)).sum(axis=(1, 2))
    np.testing.assert_allclose(found, truth, **PROMISE)
    np.testing.assert_allclose(slope, special.expit(np.float64(logits)) - ON, **PROMISE)


def test_bce_from_probs_agrees_with_bce_on_logits():
    probs = np.float32(special.expit(A))
    found, slope = probs_with_slope(probs, ON)
    np.testing.assert_allclose(found, with_slope(losses.bce, A, ON)[0], **PROMISE)
    truth = np.where(ON == 1, -1 / np.float64(probs), 1 / (1 - np.float64(probs)))
    np.testing.assert_allclose(slope, truth, rtol=1e-5)


@pytest.mark.parametrize("x", [0.0, 0.25, 1.0])
def test_bce_from_small_probs_keeps_its_digits(x):
    probs = np.float32(10.0 ** np.arange(-30, 0, 2))[:, None]
    found, slope = probs_with_slope(probs, np.full_like(probs, x))
    wide = np.float64(probs)
    truth = -special.xlogy(x, wide) - special.xlog1py(1 - x, -wide)
    # relative: at x = 0 the loss is the probability itself, 1e-30 too
    np.testing.assert_allclose(found, truth[:, 0], rtol=1e-5)
    np.testing.assert_allclose(slope, (1 - x) / (1 - wide) - x / wide, rtol=1e-5)


def test_a_certain_pixel_costs_nothing_or_everything():
    """Certain and right: a saturated sigmoid, whose gradient must not be NaN."""
    probs = np.array([[0.0], [1.0], [0.0], [1.0]])
    x = np.array([[0.0], [1.0], [1.0], [0.0]])
    found, slope = probs_with_slope(probs, x)
    assert found.tolist() == [0.0, 0.0, np.inf, np.inf]
    assert slope[:, 0].tolist() == [1.0, -1.0, -np.inf, np.inf]


def test_a_probability_that_is_not_a_number_is_not_hidden():
    found, _ = probs_with_slope(np.full((2, 1), np.nan), np.array([[0.0], [1.0]]))
    assert np.isnan(found).all()


def test_half_precision_is_summed_in_float32():
    """256 + 1 is 256 in bfloat16, which has no 301 either."""
    ones, zeros = (jnp.full((1, 301), value, jnp.bfloat16) for value in (1, 0))
    assert losses.mse(ones, zeros).tolist() == [301.0]
    expected = 301 * np.log(2)
    np.testing.assert_allclose(losses.bce(zeros, ones), [expected], rtol=1e-5)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("loss", "first"),
    [(losses.mse, "x_hat"), (losses.bce, "logits"), (losses.bce_from_probs, "probs")],
)
def test_refuses_shapes_that_would_broadcast(loss, first):
    with pytest.raises(
        ValueError,
        match=rf"`x` must have the shape of `{first}`, \(4, 3\); got \(4, 1\)",
    ):
        loss(jnp.ones((4, 3)) / 2, jnp.ones((4, 1)))


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("name", ["mse", "bce", "bce_from_probs"])
def test_one_example_by_itself_is_that_of_its_batch(name):
    loss = getattr(losses, name)
    x = np.float32([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    output = np.float32([[0.25, 0.5, 0.9], [0.3, 0.6, 0.1]])
    found = jax.vmap(lambda o, x: loss(o, x, batch_ndim=0))(output, x)
    np.testing.assert_allclose(found, loss(output, x), rtol=1e-6)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(("probs", "x"), [(1.2, 1.0), (-0.1, 0.0), (0.5, 255.0)])
def test_known_numbers_that_are_no_probabilities_are_refused(probs, x):
    with pytest.raises(ValueError, match="must be from 0 to 1; got"):
        losses.bce_from_probs(np.full((1, 2), probs, "f"), np.full((1, 2), x, "f"))
