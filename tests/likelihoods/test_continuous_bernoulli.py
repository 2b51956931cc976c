"""The continuous Bernoulli: 60 digits around logit 0, quadrature, its inverse law."""

from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vae_jax import likelihoods

# both sides of the switch at 1/2, and of the one of the sampler
SIZES = [1e-30, 1e-8, 1e-4, 0.02, 0.3, 0.4999, 0.5, 0.5001, 1.0, 5.0, 40.0, 88.0, 1e4]
LOGITS = np.array([0.0, *SIZES, *(-size for size in SIZES)])
FAMILY = likelihoods.continuous_bernoulli()
log_prob = jax.jit(likelihoods.continuous_bernoulli_log_prob, static_argnums=2)
mean_of, draw = jax.jit(FAMILY.mean), jax.jit(FAMILY.sample)


def exact(logit, x):
    """`log p`, the mean, and minus the variance: `1 / l^2 - e^l / (e^l - 1)^2`."""
    with localcontext() as context:
        context.prec = 150  # l = 1e-30 cancels 60 of them
        # the mean at exactly 0 is a limit; a step of 1e-40 away is as good
        size = Decimal(float(logit)) or Decimal("1e-40")
        grown = size.exp()
        value = Decimal(float(x)) * size + (size / (grown - 1)).ln()
        mean = grown / (grown - 1) - 1 / size
        curve = grown / (grown - 1) ** 2 - 1 / size**2
        return float(value), float(mean), float(curve)


@jax.jit
def with_slopes(logits, x):
    """Value, slope in the logits, slope in x, and the slope's own slope."""

    def slope(logits):
        back = jax.vjp(
            lambda own: likelihoods.continuous_bernoulli_log_prob(own, x), logits
        )
        return back[1](jnp.ones_like(logits))[0]

    value, pull = jax.vjp(likelihoods.continuous_bernoulli_log_prob, logits, x)
    second = jax.jvp(slope, (logits,), (jnp.ones_like(logits),))[1]
    return value, *pull(jnp.ones_like(value)), second


@pytest.mark.parametrize("x", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_slope_and_curvature(dtype, x):
    with jax.enable_x64(dtype == "float64"):
        logits, data = LOGITS.astype(dtype), np.full_like(LOGITS, x, dtype)
        found = [np.float64(leaf) for leaf in with_slopes(logits, data)]
        mean = np.float64(mean_of(logits))
    truth = np.array([exact(logit, data[0]) for logit in logits]).T
    # sums of logarithms of size 1 at the switch, 10 at logit 1e4
    scale = np.finfo(dtype).eps / 2.0**-23
    allowed = {"rtol": 1e-6 * scale, "atol": 1e-6 * scale}
    np.testing.assert_allclose(found[0], truth[0], **allowed)
    np.testing.assert_allclose(mean, truth[1], rtol=1e-6 * scale)
    np.testing.assert_allclose(found[1], data - truth[1], **allowed)
    np.testing.assert_array_equal(found[2], logits)
    np.testing.assert_allclose(found[3], truth[2], **allowed)


@pytest.mark.parametrize("x", [0.0, 0.3, 0.5, 1.0])
def test_series_is_relative_around_the_uniform_density(x):
    """A density of 1 has a logarithm of 0: what is left is `(x - 1/2) l - l^2 / 24`."""
    logits = np.float32([1e-7, -1e-5, 1e-3, -0.1, 0.49])
    value, slope, _, _ = with_slopes(logits, np.full_like(logits, x))
    truth = np.array([exact(logit, np.float32(x)) for logit in logits]).T
    np.testing.assert_allclose(value, truth[0], rtol=1e-6)
    np.testing.assert_allclose(slope, np.float32(x) - truth[1], rtol=1e-6)


def test_the_favoured_end_keeps_its_digits():
    """At a large logit nearly all of the density is within 1 / l of an end."""
    logits, x = np.float32([1e4, -1e4, 300.0]), np.float32([0.99995, 1e-30, 1.0])
    value, slope, _, _ = with_slopes(logits, x)
    size, distance = np.abs(np.float64(logits)), np.float64([1, 0, 1]) - np.float64(x)
    distance = np.abs(distance)
    np.testing.assert_allclose(value, np.log(size) - size * distance, rtol=1e-6)
    expected = np.sign(logits) * (1 / size - distance)
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_the_mean_is_not_the_sigmoid():
    mean = mean_of(np.float32([0.0, 1.0, 10.0]))
    np.testing.assert_allclose(mean[1:], [1 / (1 - np.exp(-1)) - 1, 0.9], atol=1e-4)
    assert float(mean[0]) == 0.5
    np.testing.assert_allclose(
        mean_of(-LOGITS), 1 - np.float64(mean_of(LOGITS)), atol=1e-7
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(-1e4, 1e4, width=32), st.floats(0, 1, width=32))
def test_finite_everywhere(logit, x):
    found = with_slopes(np.float32([logit]), np.float32([x]))
    assert np.isfinite(found).all()
    assert -1 <= found[1][0] <= 1
    assert -1 / 12 - 1e-6 <= found[3][0] <= 0


@pytest.mark.parametrize("logit", [0.0, 1e-30, 0.02, -3.0, 50.0, -1e4])
def test_samples_follow_the_distribution_function(key, logit):
    sample = np.ravel(draw(key, jnp.full((4000, 1), logit)))
    assert sample.min() >= 0
    assert sample.max() <= 1
    size = abs(logit)
    distance = 1 - np.float64(sample) if logit > 0 else np.float64(sample)

    def cdf(distance):
        return np.expm1(-size * distance) / np.expm1(-size) if size else distance

    # 1 - x has steps of 6e-8: to be seen only where 1 / logit is as small
    assert stats.kstest(distance, cdf).pvalue > 1e-3


@pytest.mark.parametrize("logit", [-1e-30, -1e-4, -0.02, -0.3, -5.0])
def test_samples_are_the_inverse_of_the_uniform_ones(key, logit):
    """With one key, `F(x) = u`, where u is 1 minus what is drawn at logit 0."""
    x = np.float64(draw(key, jnp.full((1000,), logit)))
    uniform = 1 - np.float64(draw(key, jnp.zeros(1000)))
    found = np.expm1(logit * x) / np.expm1(logit)
    # x is rounded, and 1 - u in float32
    np.testing.assert_allclose(found, uniform, atol=3e-7)


def test_half_precision_is_widened_before_the_sum():
    logits = jnp.full((1, 301), 4.0, jnp.bfloat16)
    found = log_prob(logits, jnp.ones_like(logits))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, [301 * exact(4, 1)[0]], rtol=1e-5)
    assert mean_of(logits).dtype == jnp.float32


def test_batch_axes_are_kept_and_the_others_summed():
    rng = np.random.default_rng(0)
    logits, x = (
        np.float32(rng.normal(size=(2, 3, 4))),
        np.float32(rng.random((2, 3, 4))),
    )
    pixels = np.float64(log_prob(logits, x, 3))
    for batch_ndim, axes in ((0, (0, 1, 2)), (1, (1, 2)), (2, 2)):
        found = log_prob(logits, x, batch_ndim)
        np.testing.assert_allclose(found, pixels.sum(axis=axes), rtol=1e-5)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, np.nan, np.inf])
def test_refuses_data_without_a_density(wrong):
    likelihoods.check_continuous_bernoulli_data(np.array([0.0, 0.5, 1.0]))
    with pytest.raises(ValueError, match=f"between 0 and 1 .*; got {wrong}. Scale"):
        likelihoods.check_continuous_bernoulli_data(np.array([0.0, wrong, -7.0]))


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_would_broadcast():
    with pytest.raises(
        ValueError, match=r"`x` must have the shape of `logits`, \(2, 3\); got \(2, 1\)"
    ):
        likelihoods.continuous_bernoulli_log_prob(jnp.zeros((2, 3)), jnp.zeros((2, 1)))


@pytest.mark.slow
def test_slopes_and_curvatures_far_out_are_those_of_the_formula():
    """The branch that is not taken overflows there, and must not be multiplied by 0."""
    family = likelihoods.continuous_bernoulli()
    far = np.float32([-1e4, -4395.0, -100.0, 60.0, 4395.0, 1e4])

    def curve(logit):
        density = likelihoods.continuous_bernoulli_log_prob(logit, jnp.ones(()), 0)
        return density, family.mean(logit)

    slope = jax.jacfwd(curve)
    _, mean_slope = jax.vmap(slope)(far)
    curvature, _ = jax.vmap(jax.jacfwd(slope))(far)
    # the variance, 1/l^2 - 1 / (4 sinh(l/2)^2), whose second term is 0 here
    np.testing.assert_allclose(mean_slope, 1 / np.float64(far) ** 2, rtol=1e-5)
    np.testing.assert_allclose(curvature, -1 / np.float64(far) ** 2, rtol=1e-5)


def test_a_sample_has_a_slope_where_the_density_is_nearly_flat(key):
    """`d sample / d logit` at logit 0 is `u (1 - u) / 2` of its uniform u."""
    sample = likelihoods.continuous_bernoulli().sample
    uniform = float(sample(key, jnp.zeros(())))
    for logit in (0.0, 1e-20, 1e-6, 4e-3, 6e-3, -1e-6):
        slope = float(jax.grad(lambda logit: sample(key, logit))(jnp.float32(logit)))
        u = uniform if logit >= 0 else 1 - uniform
        assert slope == pytest.approx(u * (1 - u) / 2, rel=1e-2)
