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
LARGER = [0.05, 0.0999, 0.1, 0.1001, 0.3, 1.0, 3.0, 10.0, 30.0]
BOTH_SIGNS = [sign * x for x in TINY + LARGER for sign in (1, -1)]


def exact(x):
    """`expm1(x) - x` and its derivative at the float that x is."""
    with localcontext() as context:
        context.prec = 50
        grown = Decimal(float(x)).exp() - 1
        return float(grown - Decimal(float(x))), float(grown)


@jax.jit
def slopes(x):
    """Value, first derivative by forward and by reverse mode, second derivative."""
    first = jax.grad(numerics.expm1_minus)
    value, forward = jax.jvp(numerics.expm1_minus, (x,), (jnp.ones_like(x),))
    return value, forward, jax.vmap(first)(x), jax.vmap(jax.grad(first))(x)


def check_digits(x, eps):
    value, forward, reverse, second = slopes(x)
    expected_value, expected_slope = np.array([exact(v) for v in x]).T
    # the series rounds a few times; above it the subtraction loses 20 roundings at most,
    # of an expm1 that is itself good to 2 eps
    allowed = np.where(np.abs(x) < numerics.SERIES_BELOW, 4, 40) * eps
    assert np.all(np.abs(value / expected_value - 1) < allowed)
    np.testing.assert_allclose(forward, expected_slope, rtol=4 * eps)
    np.testing.assert_array_equal(forward, reverse)
    # expm1 + 1, as jax has it
    np.testing.assert_allclose(second, expected_slope + 1, rtol=4 * eps, atol=2 * eps)


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
