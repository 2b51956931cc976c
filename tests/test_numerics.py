"""Digits: against decimal arithmetic of 50 digits, and scipy in float64."""

from decimal import Decimal, localcontext
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from vae_jax import numerics

TINY = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2]
LARGER = [0.05, 0.104, 0.2, 0.3, 0.5, 0.999, 1.0, 1.001, 3.0, 10.0, 20.0, 30.0]
BOTH_SIGNS = [sign * x for x in TINY + LARGER for sign in (1, -1)]


def exact(x):
    """`expm1(x) - x` and its first and second derivative at the float that x is."""
    with localcontext() as context:
        context.prec = 50
        power = Decimal(float(x)).exp()
        grown = power - 1
        return float(grown - Decimal(float(x))), float(grown), float(power)


@jax.jit
def slopes(x):
    """Value, first derivative by forward and by reverse mode, second derivative."""
    first = jax.grad(numerics.expm1_minus)
    value, forward = jax.jvp(numerics.expm1_minus, (x,), (jnp.ones_like(x),))
    return value, forward, jax.vmap(first)(x), jax.vmap(jax.grad(first))(x)


def check_digits(x, eps):
    value, forward, reverse, second = slopes(x)
    expected_value, expected_slope, power = np.array([exact(v) for v in x]).T
    # the series rounds a few times; above it an expm1 is good to 2 eps
    np.testing.assert_allclose(value, expected_value, rtol=4 * eps)
    np.testing.assert_allclose(forward, expected_slope, rtol=4 * eps)
    np.testing.assert_array_equal(forward, reverse)
    np.testing.assert_allclose(second, power, rtol=4 * eps)


def test_expm1_minus_is_exact_to_rounding_at_every_size():
    check_digits(np.array(BOTH_SIGNS, np.float32), 2.0**-23)


def test_expm1_minus_in_float64():
    with jax.enable_x64(True):
        check_digits(np.array(BOTH_SIGNS, np.float64), 2.0**-52)


def test_expm1_minus_stays_finite_where_its_series_overflows():
    x = np.array([-1e30, -1e6, 80.0, 0.0] * 8, np.float32)
    value, slope, _, second = slopes(x)
    # e^80 is rounded by 80 half eps: the promise for float32
    np.testing.assert_allclose(value, np.expm1(np.float64(x)) - x, rtol=1e-5)
    assert np.isfinite([slope, second]).all()


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4, 3e37])
@pytest.mark.parametrize("axis", [0, -1])
def test_log_mean_exp_and_its_gradient(shift, axis):
    x = np.random.default_rng(0).normal(size=(5, 3)) * 3 + shift
    x = x.astype(np.float32).astype(float)
    found, gradient = log_mean_exp_and_gradient(x, axis)
    expected = special.logsumexp(x, axis=axis) - np.log(x.shape[axis])
    # 1e-5 of the truth plus 1e-6: the promise for float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    expected = special.softmax(x, axis=axis)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


def test_log_mean_exp_of_an_impossible_sample():
    x = np.array([[-np.inf, -np.inf], [0.0, 0.0], [0.0, 4.0], [-np.inf, -np.inf]])
    found, gradient = log_mean_exp_and_gradient(x, 0)
    expected = [np.log(2 / 4), np.log((1 + np.exp(4)) / 4)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient[:, 0], [0, 0.5, 0.5, 0], rtol=1e-6)


@partial(jax.jit, static_argnums=1)
def log_mean_exp_and_gradient(x, axis):
    value, pull = jax.vjp(lambda x: numerics.log_mean_exp(x, axis=axis), x)
    return value, *pull(jnp.ones_like(value))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "uint8", "bool"])
def test_narrow_arrays_become_float32(dtype):
    widened = numerics.as_float(np.array([0, 1], jnp.dtype(dtype)))
    assert widened.dtype == jnp.float32
    assert widened.tolist() == [0.0, 1.0]


def test_float64_is_kept_where_it_exists():
    assert numerics.as_float(np.ones(2)).dtype == jnp.float32
    with jax.enable_x64(True):
        assert numerics.as_float(np.ones(2)).dtype == jnp.float64


def test_refuses_complex_numbers():
    with pytest.raises(TypeError, match="real numbers; got complex64"):
        numerics.as_float(jnp.ones(2, jnp.complex64))


def test_refuses_another_shape_and_names_both_sides():
    with pytest.raises(
        ValueError,
        match=r"`logvar` must have the shape of `mean`, \(32, 8\); got \(32, 4\)",
    ):
        numerics.check_same_shape(
            "logvar", jnp.ones((32, 4)), "mean", jnp.ones((32, 8))
        )


# the smallest normal number, and both sides of the switch at log 2
POSITIVE = [2e-38, 1e-30, 1e-8, 1e-3, 0.3, 0.693, 0.6932, 1.0, 3.0, 16.0, 60.0, 87.0]
LARGE = [200.0, 1e4, 1e30, np.inf]


def exact_log1mexp(x):
    """`log(1 - exp(-x))`, its slope `1 / (exp(x) - 1)`, and the slope of that."""
    with localcontext() as context:
        context.prec = 80
        grown = Decimal(float(x)).exp() - 1
        value = (grown / (grown + 1)).ln()
        return float(value), float(1 / grown), float(-(grown + 1) / grown**2)


@partial(jax.jit, static_argnums=0)
def with_two_slopes(function, x):
    def slope(x):
        return jax.grad(lambda x: function(x))(x)

    return function(x), jax.vmap(slope)(x), jax.vmap(jax.grad(slope))(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log1mexp_is_exact_to_rounding_at_every_size(dtype):
    with jax.enable_x64(dtype == "float64"):
        x = np.array(POSITIVE, dtype)
        found = np.array(with_two_slopes(numerics.log1mexp, x))
        expected = np.array([exact_log1mexp(v) for v in x]).T
    eps = np.finfo(dtype).eps
    # an expm1 good to 2 eps, a logarithm, a quotient; e^-x is rounded by x half eps
    for value, truth in zip(found[:2], expected, strict=False):
        np.testing.assert_allclose(value, truth, rtol=6 * eps, atol=1e-37)
    inside = x > 1e-18  # the second slope, x^-2, overflows below
    allowed = (8 + x[inside]) * eps
    error = np.abs(found[2][inside] / expected[2][inside] - 1)
    assert np.all((error < allowed) | (np.abs(expected[2][inside]) < 1e-37))


def test_log1mexp_at_its_ends():
    value, slope, second = with_two_slopes(numerics.log1mexp, np.array(LARGE))
    for leaf in (value, slope, second):
        np.testing.assert_array_equal(leaf, 0)
    value, slope, _ = with_two_slopes(numerics.log1mexp, np.array([0.0, -1.0]))
    assert value[0] == -np.inf
    assert slope[0] == np.inf
    assert np.isnan(value[1])


def test_softplus_inverse_is_exact_for_tiny_and_huge_numbers():
    y = np.array(POSITIVE + LARGE[:-1], np.float32)
    value, slope, second = with_two_slopes(numerics.softplus_inverse, y)
    wide = np.float64(y)
    truth = wide + np.log(-np.expm1(-wide))
    # where y + log(1 - exp(-y)) is 0 it has the rounding of its terms, 0.7
    np.testing.assert_allclose(value, truth, rtol=5e-7, atol=1e-7)
    np.testing.assert_allclose(slope, -1 / np.expm1(-wide), rtol=1e-6)
    np.testing.assert_array_equal(value[-3:], y[-3:])
    assert np.isfinite(second[2:]).all()


def test_softplus_inverse_undoes_softplus():
    x = np.float32([-80.0, -20.0, -1.0, 0.0, 0.5, 10.0, 1e4])
    back = numerics.softplus_inverse(jax.nn.softplus(x))
    # softplus(x) near log 2 is rounded by 6e-8, its slope there is 1/2
    np.testing.assert_allclose(back, x, rtol=1e-6, atol=3e-7)


@jax.jit
@partial(jax.vmap, in_axes=(0, None, None))
def bounded(raw, low, high):
    return jax.value_and_grad(numerics.bounded_logvar)(raw, low, high)


RAW = np.linspace(-100, 100, 401).astype(np.float32)


def bound_in_float64(raw, low, high):
    below = high - np.logaddexp(0, high - np.float64(raw))
    slope = special.expit(high - np.float64(raw)) * special.expit(below - low)
    return low + np.logaddexp(0, below - low), slope


@pytest.mark.parametrize(("low", "high"), [(-20.0, 20.0), (-10.0, 2.0), (-1.0, 1.0)])
def test_bounded_logvar_and_its_slope(low, high):
    value, slope = bounded(RAW, low, high)
    expected, expected_slope = bound_in_float64(RAW, low, high)
    # numbers of size 100 in between round by 4e-6
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-5)
    # the slope has those as its exponent; below 1e-37 float32 has no digits
    np.testing.assert_allclose(slope, expected_slope, rtol=4e-5, atol=1e-37)
    assert np.all(np.diff(value) >= 0)
    assert value.min() >= low
    assert value.max() <= (high + np.log1p(np.exp(low - high))) * (1 + 2.0**-23)
    # 80 outside of the bounds there still is a slope
    outside = np.maximum(low - RAW, RAW - high)
    assert np.all(slope[outside < 80] > 0)


def test_bounded_logvar_is_the_identity_in_the_middle():
    raw = np.float32([-8.0, -1.0, 0.0, 2.5, 8.0])
    value, slope = bounded(raw, -20.0, 20.0)
    # exp(-12) from the nearer bound, and the rounding of 28
    np.testing.assert_allclose(value, raw, atol=np.exp(-12) + 4e-6)
    np.testing.assert_allclose(slope, 1, atol=np.exp(-12) + 1e-6)


def test_bounded_logvar_far_outside_is_the_bound():
    value, slope = bounded(np.float32([-1e30, -1e4, 1e4, 1e30]), -20.0, 15.0)
    np.testing.assert_allclose(value, [-20, -20, 15, 15], rtol=1e-6)
    np.testing.assert_array_equal(slope, 0)


def test_bounds_of_a_sweep_are_one_program():
    lows, highs = np.float32([-20.0, -5.0]), np.float32([20.0, 1.0])
    found = jax.jit(jax.vmap(numerics.bounded_logvar, (None, 0, 0)))(RAW, lows, highs)
    for row, low, high in zip(found, lows, highs, strict=True):
        expected, _ = bound_in_float64(RAW, np.float64(low), np.float64(high))
        np.testing.assert_allclose(row, expected, rtol=1e-6, atol=1e-5)


def test_half_precision_is_widened():
    x = jnp.array([0.01, 3.0], jnp.bfloat16)
    wide = x.astype(jnp.float32)
    for function in (
        numerics.log1mexp,
        numerics.softplus_inverse,
        partial(numerics.bounded_logvar, low=-1.0, high=1.0),
    ):
        assert function(x).dtype == jnp.float32
        np.testing.assert_array_equal(function(x), function(wide))


@pytest.mark.parametrize("value", [2**31, -(2**40), 2**53 + 1])
def test_wide_integers_are_rounded_and_not_cut(value):
    """JAX keeps the last 32 bits of them: 2^40 would be 0."""
    kinds = [np.int64(value), np.array([value])]
    for given in [*kinds, value, *([np.uint64(value)] if value > 0 else [])]:
        found = numerics.as_float(given)
        assert found.dtype == jnp.float32
        assert (np.asarray(found) == np.float32(value)).all()


@pytest.mark.usefixtures("users_view")
def test_keys_are_no_numbers():
    with pytest.raises(TypeError, match="must hold real numbers; got key<fry>"):
        numerics.as_float(jax.random.key(0))
