"""The normalised posterior mean: against numpy, and the rate that it commits to."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vae_jax import gaussian, losses

rng = np.random.default_rng(0)
MEAN = rng.normal(3.0, [0.1, 1.0, 20.0], (8, 3))
SHIFT = np.array([0.0, -1.0, 0.5])
COTANGENT = rng.normal(size=MEAN.shape)

normalise = jax.jit(losses.batch_norm_mean)


def by_numpy(mean, scale, shift, epsilon):
    deviation = np.sqrt(np.var(mean, axis=0) + epsilon)
    return scale * (mean - np.mean(mean, axis=0)) / deviation + shift


@pytest.mark.parametrize("epsilon", [1e-5, 0.1])
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_value_and_statistics(scale, epsilon):
    found = normalise(np.float32(MEAN), scale, np.float32(SHIFT), epsilon=epsilon)
    # float32: a mean of 3 with 7 digits, a spread of 0.1 around it
    expected = by_numpy(MEAN, scale, SHIFT, epsilon)
    np.testing.assert_allclose(found.mean, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.statistics.mean, MEAN.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.statistics.variance, MEAN.var(axis=0), rtol=1e-4)


@pytest.mark.parametrize("latent", [1, 5])
def test_the_rate_is_at_least_the_minimum_whatever_the_encoder(latent):
    """Of every batch and every log-variance; equality at log-variance 0."""
    epsilon, scale = 1e-5, 0.6
    minimum = jax.jit(losses.batch_norm_minimum_rate)
    with jax.enable_x64(True):
        for seed in range(20):
            rng = np.random.default_rng(seed)
            # encoders from far to nearly collapsed: a spread of 10 down to 0.003
            spread = 10.0 ** rng.uniform(-2.5, 1, latent)
            mean = rng.normal(rng.normal(size=latent), spread, (7, latent))
            shift = rng.normal(size=latent)
            found = normalise(mean, scale, shift, epsilon=epsilon)
            variance = np.asarray(found.statistics.variance)
            kept = scale**2 * variance / (variance + epsilon)
            exact = 0.5 * np.sum(kept + shift**2)
            logvar = rng.normal(0, 10.0 ** rng.uniform(-3, 0.5), mean.shape)
            rate = gaussian.kl_standard(found.mean, logvar).sum(axis=1).mean()
            assert rate >= exact
            rate = gaussian.kl_standard(found.mean, 0 * logvar).sum(axis=1).mean()
            assert float(rate) == pytest.approx(exact, rel=1e-12)
            # the stated one leaves out epsilon, and is above by that share at most
            stated = float(minimum(scale, shift))
            share = float(np.max(epsilon / (variance + epsilon)))
            assert exact <= stated <= exact + 0.5 * latent * scale**2 * share + 1e-12


@pytest.mark.parametrize(
    ("scale", "rate"), [(0.5, 4.0), (0.6, 5.76), (0.7, 7.84), (1.0, 16.0)]
)
def test_the_rates_that_scales_of_the_literature_commit_to(scale, rate):
    found = losses.batch_norm_minimum_rate(scale, np.zeros(32, np.float32))
    assert float(found) == pytest.approx(rate, rel=1e-6)


@pytest.mark.slow
def test_slopes_against_differences():
    with jax.enable_x64(True):
        minimum = losses.batch_norm_minimum_rate
        check_grads(minimum, (np.float64(0.5), SHIFT), order=1, modes=["rev"])

        def normal(mean, scale, shift, epsilon):
            return losses.batch_norm_mean(mean, scale, shift, epsilon=epsilon)

        scalars = np.float64(0.5), SHIFT, np.float64(0.1)
        # differences of step 1e-5: an error of 1e-10 from the third derivative
        check_grads(normal, (MEAN, *scalars), order=1, modes=["rev"], rtol=1e-5)
        # the slope of a normalised mean has no part along a shift or a stretch
        weighed = jax.grad(
            lambda mean: jnp.sum(COTANGENT * normal(mean, 1.0, SHIFT, 0.0).mean)
        )
        slope = np.asarray(weighed(MEAN))
    np.testing.assert_allclose(slope.sum(axis=0), np.zeros(3), atol=1e-12)
    np.testing.assert_allclose((slope * MEAN).sum(axis=0), np.zeros(3), atol=1e-12)


def test_evaluation_with_fixed_statistics():
    mean, shift = np.float32(MEAN), np.float32(SHIFT)
    batch = normalise(mean, 0.5, shift)
    fixed = jax.jit(losses.normalise_mean)(mean, batch.statistics, 0.5, shift)
    np.testing.assert_allclose(fixed, batch.mean, rtol=1e-5, atol=1e-6)
    # by an example's own row: others do not matter
    alone = losses.normalise_mean(mean[:1], batch.statistics, 0.5, shift)
    np.testing.assert_allclose(alone, fixed[:1], rtol=1e-5, atol=1e-6)
    population = losses.MeanStatistics(np.float32([1, 2, 3]), np.float32([4, 9, 16]))
    found = losses.normalise_mean(mean, population, 0.5, shift, epsilon=0.0)
    expected = 0.5 * (MEAN - [1, 2, 3]) / [2, 3, 4] + SHIFT
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_collapsed_encoder_has_a_finite_value_and_slope():
    same = np.full((8, 3), 7.0, np.float32)

    def weighed(mean):
        found = losses.batch_norm_mean(mean, 0.5, np.float32(SHIFT)).mean
        return jnp.sum(np.float32(COTANGENT) * found), found

    slope, found = jax.jit(jax.grad(weighed, has_aux=True))(same)
    np.testing.assert_array_equal(found, np.float32(np.tile(SHIFT, (8, 1))))
    # at the common value the variance has no slope: scale / sqrt(epsilon) per difference
    expected = (COTANGENT - COTANGENT.mean(axis=0)) * 0.5 / np.sqrt(1e-5)
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-3)


def test_a_mean_far_from_zero_keeps_its_spread():
    """The mean of squares less the square of the mean would be noise here: 1e8 - 1e8."""
    far = np.float32(1e4 + np.arange(8)[:, None])
    found = normalise(far, 1.0, np.zeros(1, np.float32))
    # the values are whole numbers and exact, their mean is exact to 1e-3
    expected = by_numpy(np.float64(far), 1.0, 0.0, 1e-5)
    np.testing.assert_allclose(found.mean, expected, atol=2e-3)


def test_padded_examples_do_not_count():
    padded = np.float32(np.concatenate([MEAN, np.full((2, 3), 1e6)]))
    weights = np.float32([1.0] * 8 + [0.0] * 2)
    found = normalise(padded, 0.5, np.float32(SHIFT), weights=weights)
    expected = by_numpy(MEAN, 0.5, SHIFT, 1e-5)
    np.testing.assert_allclose(found.mean[:8], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weights", [[1.0] * 8, [1.0] * 5 + [0.0] * 3])
def test_the_statistics_are_those_of_all_devices(weights):
    """Four devices, the last one full of padding: values and both kinds of gradient."""
    mean, shares = np.float32(MEAN), np.float32(weights)
    out_slope = np.float32(COTANGENT)

    def loss(mean, out_slope, **options):
        found = losses.batch_norm_mean(mean, 0.5, np.float32(SHIFT), **options)
        return jnp.sum(out_slope * found.mean, axis=-1).mean(), found

    def step(mean, weights, out_slope):
        """As in training: a gradient on each device, whose mean is taken."""
        options = {"weights": weights, "axis_name": "devices"}
        slope, found = jax.grad(loss, has_aux=True)(mean, out_slope, **options)
        return slope / 4, found

    split = [array.reshape(4, 2, *array.shape[1:]) for array in (mean, shares)]
    slope, found = jax.jit(jax.vmap(step, axis_name="devices"))(
        *split, out_slope.reshape(4, 2, 3)
    )
    expected_slope, expected = jax.jit(
        jax.grad(partial(loss, weights=shares), has_aux=True)
    )(mean, out_slope)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    close(found.mean.reshape(8, 3), expected.mean)
    for own, whole in zip(found.statistics, expected.statistics, strict=True):
        close(own, np.tile(whole, (4, 1)))
    close(slope.reshape(8, 3), expected_slope)


def test_scales_of_a_sweep_are_one_program():
    scales = np.float32([0.0, 0.5, 1.0])
    mean, shift = np.float32(MEAN), np.float32(SHIFT)
    swept = jax.jit(jax.vmap(losses.batch_norm_mean, in_axes=(None, 0, None)))(
        mean, scales, shift
    )
    rates = jax.vmap(losses.batch_norm_minimum_rate, in_axes=(0, None))(scales, shift)
    for found, rate, scale in zip(swept.mean, rates, scales, strict=True):
        expected = by_numpy(MEAN, scale, SHIFT, 1e-5)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert float(rate) == pytest.approx((3 * scale**2 + 1.25) / 2, rel=1e-6)


def test_half_precision_is_averaged_in_float32():
    # 257 examples of 1 and one of 0: bfloat16 has no 257
    mean = jnp.ones((258, 1), jnp.bfloat16).at[0].set(0)
    found = normalise(mean, 1.0, jnp.zeros(1, jnp.bfloat16))
    assert found.mean.dtype == jnp.float32
    assert float(found.statistics.mean[0]) == pytest.approx(257 / 258, rel=1e-6)


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_do_not_fit():
    mean, shift = np.float32(MEAN), np.float32(SHIFT)
    with pytest.raises(ValueError, match=r"`mean` must have .*latent\); got \(8,\)"):
        losses.batch_norm_mean(mean[:, 0], 0.5, shift)
    with pytest.raises(ValueError, match=r"`shift` must have .*\(3,\); got \(2,\)"):
        losses.batch_norm_mean(mean, 0.5, shift[:2])
    with pytest.raises(ValueError, match=r"shape of the batch, \(8,\); got \(4,\)"):
        losses.batch_norm_mean(mean, 0.5, shift, weights=np.ones(4, np.float32))
    for name, changes in (("mean", {"mean": shift[:2]}), ("variance", {"variance": 1})):
        statistics = losses.MeanStatistics(shift, shift)._replace(**changes)
        with pytest.raises(ValueError, match=f"`statistics.{name}` must have the lat"):
            losses.normalise_mean(mean, statistics, 0.5, shift)
