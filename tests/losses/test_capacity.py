"""Capacity: by hand, against loops in numpy, its gradient against differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vae_jax import losses

KL = np.random.default_rng(0).gamma(0.7, 1.0, (6, 4))
RATE = float(KL.sum(axis=1).mean())
HALVES = np.float32([[0.0], [2.0]])


@jax.jit
def with_slopes(kl, target, strength):
    """The charge, and the slope of its batch mean in all three."""

    def charge(*args):
        return losses.capacity(*args).mean()

    slopes = jax.grad(charge, (0, 1, 2))(kl, target, strength)
    return losses.capacity(kl, target, strength), *slopes


def run(kl, target, strength):
    return with_slopes(np.float32(kl), np.float32(target), np.float32(strength))


@pytest.mark.parametrize("strength", [0.0, 1.0, 1000.0])
@pytest.mark.parametrize("distance", [-1.5, 1.5])
def test_value_and_slopes_on_both_sides(strength, distance):
    value, in_kl, in_target, in_strength = run(KL, RATE + distance, strength)
    # float32: the rate of about 3 has 7 digits, its distance to the target as many
    np.testing.assert_allclose(value, np.full(6, 1.5 * strength), rtol=1e-5)
    sign = -np.sign(distance)
    np.testing.assert_allclose(in_kl, np.full((6, 4), sign * strength / 6), rtol=1e-6)
    assert float(in_target) == pytest.approx(-sign * strength, rel=1e-6)
    assert float(in_strength) == pytest.approx(1.5, rel=1e-5)


def test_it_is_the_distance_of_the_mean_not_the_mean_of_the_distances():
    value, in_kl, in_target, _ = run(HALVES, 1.0, 10.0)
    assert value.tolist() == [0.0, 0.0]
    # at equality the slopes are those above the target
    assert in_kl.tolist() == [[5.0], [5.0]]
    assert float(in_target) == -10.0


def test_target_zero_is_beta_times_the_rate():
    """Also where all is exactly collapsed: a sweep's beta-VAE arm is target 0."""
    for kl in (KL, 0 * KL):
        value, in_kl, *_ = run(kl, 0.0, 4.0)
        np.testing.assert_allclose(value, np.full(6, 4 * kl.sum() / 6), rtol=1e-6)
        np.testing.assert_allclose(in_kl, np.full((6, 4), 4 / 6), rtol=1e-6)


def test_slopes_against_differences():
    with jax.enable_x64(True):
        for distance in (-0.7, 0.9):
            args = (KL, np.float64(RATE + distance), np.float64(3.0))
            # piecewise linear: central differences are exact but for rounding
            check_grads(losses.capacity, args, order=1, modes=["rev"], rtol=1e-6)


def test_a_target_rate_is_flat_above_the_target_for_a_powerful_decoder():
    """Distortion + rate = 2.7 at every rate, as a decoder that ignores z can have it."""

    def loss(kl, strength):
        distortion = 2.7 - kl.sum(axis=-1)
        return losses.total_loss(
            distortion, losses.capacity(kl, 0.5, strength), 1.0
        ).mean()

    slope = jax.jit(jax.grad(loss))
    above, below = np.float32([[0.8], [0.7]]), np.float32([[0.1], [0.3]])
    assert slope(above, np.float32(1.0)).tolist() == [[0.0], [0.0]]
    assert slope(above, np.float32(2.0)).tolist() == [[0.5], [0.5]]
    assert slope(below, np.float32(1.0)).tolist() == [[-1.0], [-1.0]]


def test_padded_examples_do_not_count():
    padded = np.float32(np.concatenate([KL, np.full((2, 4), 1e6)]))
    weights = np.float32([1.0] * 6 + [0.0] * 2)
    found = losses.capacity(padded, 0.5, 2.0, weights=weights)
    np.testing.assert_allclose(found, np.full(8, 2 * (RATE - 0.5)), rtol=1e-5)


@pytest.mark.parametrize("weights", [[1.0] * 6, [1.0, 1, 1, 1, 0, 0]])
def test_the_batch_mean_is_that_of_all_devices(weights):
    """Three devices, the last one full of padding: values and both kinds of gradient."""
    kl, shares = np.float32(KL), np.float32(weights)
    penalty = partial(losses.capacity, target=0.6, strength=7.0)

    def step(kl, weights):
        """As in training: a gradient on each device, whose mean is taken."""
        local = partial(penalty, weights=weights, axis_name="devices")
        return local(kl), jax.grad(lambda kl: local(kl).mean())(kl) / 3

    split = kl.reshape(3, 2, 4), shares.reshape(3, 2)
    value, slope = jax.jit(jax.vmap(step, axis_name="devices"))(*split)
    expected, expected_slope = jax.jit(
        jax.value_and_grad(lambda kl: penalty(kl, weights=shares).mean())
    )(kl)
    np.testing.assert_allclose(value.ravel(), np.full(6, expected), rtol=1e-6)
    np.testing.assert_allclose(slope.reshape(6, 4), expected_slope, rtol=1e-5)


def test_a_ramp_and_strengths_of_a_sweep_are_one_program():
    ramp = np.float32([0.0, 1.0, 25.0])
    strengths = np.float32([1.0, 1000.0])
    steps = jax.vmap(losses.capacity, in_axes=(None, 0, None))
    swept = jax.jit(jax.vmap(steps, in_axes=(None, None, 0)))(
        np.float32(KL), ramp, strengths
    )
    assert swept.shape == (2, 3, 6)
    expected = strengths[:, None] * np.abs(RATE - ramp)[None]
    np.testing.assert_allclose(swept[..., 0], expected, rtol=1e-5)


def test_half_precision_is_summed_in_float32_and_nothing_overflows():
    # bfloat16 has no 301
    found = losses.capacity(jnp.ones((1, 301), jnp.bfloat16), 0.0, 1.0)
    assert found.dtype == jnp.float32
    assert found.tolist() == [301.0]
    value, in_kl, *_ = run(np.full((2, 3), 1e30), 25.0, 1000.0)
    assert np.isfinite(value).all()
    np.testing.assert_allclose(in_kl, np.full((2, 3), 500.0))


def test_a_kl_that_is_not_a_number_is_seen():
    assert np.isnan(run(np.where(KL.max() == KL, np.nan, KL), 1.0, 1.0)[0]).all()


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"`kl` must have the shape \(batch, latent\)"):
        losses.capacity(np.float32(KL[:, 0]), 1.0, 1.0)
    with pytest.raises(ValueError, match=r"shape of the batch, \(6,\); got \(4,\)"):
        losses.capacity(np.float32(KL), 1.0, 1.0, weights=np.ones(4, np.float32))


def test_by_the_example_it_is_the_paper_s_mean_of_distances():
    found = losses.capacity(HALVES, 1.5, 10.0, mean="example")
    assert found.tolist() == [15.0, 5.0]
    by_one = jax.vmap(lambda kl: losses.capacity(kl, 1.5, 10.0, mean="example"))
    np.testing.assert_array_equal(by_one(HALVES), found)
    # not below the distance of the mean, and equal where all are on one side
    assert float(found.mean()) >= float(losses.capacity(HALVES, 1.5, 10.0).mean())
    low = losses.capacity(HALVES, 5.0, 10.0, mean="example").mean()
    assert float(low) == float(losses.capacity(HALVES, 5.0, 10.0)[0])


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("name", ["weights", "axis_name"])
def test_refuses_what_no_mean_over_a_batch_reads(name):
    given = {"weights": np.ones(6, np.float32), "axis_name": "devices"}
    with pytest.raises(ValueError, match=f"`{name}` changes nothing"):
        losses.capacity(np.float32(KL), 1.0, 1.0, mean="example", **{name: given[name]})
