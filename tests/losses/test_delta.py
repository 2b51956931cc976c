"""The delta-VAE posterior: its floor, its range to 50 digits, its slopes by differences."""

from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from vae_jax import gaussian, losses

DELTAS = np.array([1e-6, 1e-4, 3e-3, 0.01, 0.15, 0.5, 1.0, 3.0, 20.0])
# up to where the sigmoid is 0 or 1 in float32, and beyond
SCALES = np.array(
    [-1e4, -200, -104, -90, -30, -16, -5, -1, 0, 1, 5, 16, 30, 90, 200, 1e4]
)
# sigmas near the ends and in the middle; 0, where an encoder begins, must keep its slope
INSIDE = np.array([-14.0, -7.0, -1.5, 0.0, 0.8, 6.0, 12.0])
PARTS = ("mean", "logvar", "kl")


def grid(*axes):
    """All combinations, one column an axis."""
    return [np.ravel(axis) for axis in np.meshgrid(*axes)]


def scalars(raw_mean, raw_scale, delta):
    """Mean, log-variance and KL of one unit."""
    posterior = losses.delta_posterior(raw_mean[None], raw_scale[None], delta)
    return jnp.concatenate([*posterior, gaussian.kl_standard(*posterior)])


@jax.jit
def everything(raw_mean, raw_scale, delta):
    """The values, and their slopes in each argument, of many units at once."""
    arrays = raw_mean, raw_scale, delta
    values = jax.vmap(scalars)(*arrays)
    slopes = jax.vmap(jax.jacrev(scalars, (0, 1, 2)))(*arrays)
    return values.T, [slope.T for slope in slopes]


def run(*arrays, dtype=np.float32):
    """In one precision, as float64 in numpy; repeated to one length, one compilation."""
    arrays = np.broadcast_arrays(*(np.asarray(array, dtype) for array in arrays))
    with jax.enable_x64(dtype == np.float64):
        found = everything(*(np.resize(array, 1024) for array in arrays))
    return jax.tree.map(lambda leaf: np.float64(leaf)[..., : arrays[0].size], found)


def exact_range(delta):
    """Roots of `e^y - 1 - y = 2 delta`, and their slopes in delta, with 50 digits."""
    with localcontext() as context:
        context.prec = 50
        twice = 2 * Decimal(float(delta))
        roots = []
        # both starts lie beyond a root of a convex function: Newton cannot miss it
        for y in (-2 * (twice + twice.sqrt()), 2 * twice.sqrt()):
            for _ in range(60):
                y = y - (y.exp() - 1 - y - twice) / (y.exp() - 1)
            roots.append((float(y), float(2 / (y.exp() - 1))))
    return roots


def by_the_paper(raw_mean, raw_scale, delta):
    """Its formulas in float64, the roots by bisection in the logarithm."""

    def excess(log_sigma):
        return 2 * log_sigma - np.exp(2 * log_sigma) + 2 * delta + 1

    low, high = (
        np.exp(optimize.brentq(excess, *ends, xtol=1e-15))
        for ends in ((-50, 0), (0, 5))
    )
    sigma = low + (high - low) / (1 + np.exp(-raw_scale))
    floor = np.sqrt(2 * delta + 1 + np.log(sigma**2) - sigma**2)
    return floor + np.maximum(0, raw_mean), 2 * np.log(sigma)


@pytest.mark.parametrize(
    "dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)]
)
def test_is_the_paper_s_formula(dtype):
    # the paper's form cancels to 1e-15 / delta; float32 has a log-variance of size 41
    tolerance = 2e-6 if dtype == np.float32 else 1e-11
    raw_mean, raw_scale, deltas = grid([-2, 0, 0.5, 3], [-4, -1, 0, 0.5, 3], DELTAS[2:])
    (mean, logvar, _), _ = run(raw_mean, raw_scale, deltas, dtype=dtype)
    for index, arrays in enumerate(zip(raw_mean, raw_scale, deltas, strict=True)):
        found = mean[index], logvar[index]
        expected = by_the_paper(*arrays)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_the_known_range():
    """delta = 0.15 has sigma within 0.6412 and 1.4093."""
    (_, logvar, _), _ = run(0, [-200, 200], 0.15)
    np.testing.assert_allclose(np.exp(logvar / 2), [0.6412, 1.4093], atol=5e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_ends_of_the_range_to_rounding(dtype):
    """Also where they meet: `log sigma^2` of size 2e-3 at delta = 1e-6."""
    deltas = np.geomspace(1e-6, 40, 60).astype(dtype)
    expected = np.array([exact_range(delta) for delta in deltas])
    # expm1(y) - y loses 20 roundings at worst; half of them reach y, and all the slope
    unit = np.finfo(dtype).eps / 2
    for end, raw in enumerate((-1e4, 1e4)):
        (mean, logvar, _), (_, _, in_delta) = run(0, raw, deltas, dtype=dtype)
        np.testing.assert_allclose(logvar, expected[:, end, 0], rtol=40 * unit)
        np.testing.assert_allclose(in_delta[1], expected[:, end, 1], rtol=100 * unit)
        np.testing.assert_array_equal(mean, 0)


def test_no_unit_falls_below_the_floor_and_all_can_reach_it():
    raw_mean, raw_scale, delta = grid([-1e4, -1, 0, 1e-3, 1, 1e4], SCALES, DELTAS)
    (mean, logvar, seen), _ = run(raw_mean, raw_scale, delta)
    # in float64 on the float32 posterior, which has lost the 20 roundings of expm1(y) - y
    # where y is 0.1; and as the library sees it, which loses them again
    exact = 0.5 * (mean**2 + np.expm1(logvar) - logvar)
    for kl, tolerance in ((exact, 2e-6), (seen, 4e-6)):
        assert (kl >= delta * (1 - tolerance)).all()
        low = raw_mean <= 0
        np.testing.assert_allclose(kl[low], delta[low], rtol=tolerance)
    assert (mean >= 0).all()


def test_on_the_floor_the_kl_has_no_slope_but_in_delta():
    """Also where the sigmoid saturates and the root in the mean is that of 0."""
    raw_mean, raw_scale, delta = grid([-1, 0], SCALES, DELTAS)
    _, (in_mean, in_scale, in_delta) = run(raw_mean, raw_scale, delta)
    np.testing.assert_array_equal(in_mean, 0)
    # two slopes, each at most about delta or its root, cancel to their rounding
    assert (np.abs(in_scale[2]) <= 4e-6 * np.maximum(delta, delta**0.5)).all()
    np.testing.assert_allclose(in_delta[2], 1, rtol=1e-5)


def test_slopes_are_finite_up_to_where_the_sigmoid_saturates():
    raw_mean, raw_scale, delta = grid([-1, 0, 1, 1e4], SCALES, DELTAS)
    _, slopes = run(raw_mean, raw_scale, delta)
    assert np.isfinite(slopes).all()
    # and fall to 0 there, like the sigmoid's own or its root
    flat = np.abs(raw_scale) >= 200
    np.testing.assert_array_equal(slopes[1][:, flat], 0)


def test_slopes_against_differences():
    arrays = grid([-1.0, 0.3, 2.0], INSIDE, DELTAS)
    delta = arrays[2]
    values, found = run(*arrays, dtype=np.float64)
    for index, step in enumerate((1e-5, 1e-5, 1e-5 * delta)):
        up, down = list(arrays), list(arrays)
        up[index], down[index] = arrays[index] + step, arrays[index] - step
        (above, _), (below, _) = (run(*ends, dtype=np.float64) for ends in (up, down))
        expected = (above - below) / (2 * step)
        # differences lose 20 roundings of the terms of a value, and the step's square
        lost = 2e-14 * (np.abs(values) + delta**0.5) / step + 1e-10
        assert (np.abs(found[index] - expected) <= lost + 1e-7 * np.abs(expected)).all()


def test_slopes_in_float32():
    arrays = grid([-1.0, 0.3, 2.0], INSIDE, DELTAS)
    delta = arrays[2]
    _, wide = run(*(np.float32(array) for array in arrays), dtype=np.float64)
    _, found = run(*arrays)
    for index, terms in enumerate((1, delta**0.5, delta**-0.5)):
        # each is a sum of terms of this size, or of it times the mean, with 20 roundings
        size = 2e-6 * terms * (1 + delta**0.5 + np.abs(arrays[0]))
        excess = np.abs(found[index] - wide[index]) - 1e-5 * np.abs(wide[index])
        assert (excess <= size).all()


def test_the_second_slope_in_delta():
    """The rule is of the root and not of one step towards it."""

    def high(delta):
        raw = jnp.ones(1, delta.dtype)
        return losses.delta_posterior(0 * raw, 1e4 * raw, delta).logvar[0]

    with jax.enable_x64(True):
        slopes = jax.jit(jax.vmap(jax.grad(high)))(np.array([0.7 - 1e-5, 0.7 + 1e-5]))
        found = jax.jit(jax.grad(jax.grad(high)))(np.float64(0.7))
    expected = float(slopes[1] - slopes[0]) / 2e-5
    # differences: 1e-16 / 1e-5 and the step's square
    assert float(found) == pytest.approx(expected, rel=1e-8)


def test_a_sweep_over_delta_is_one_program():
    raw = np.float32([[-1.0, 2.0], [0.0, 0.5], [3.0, -2.0]])
    deltas = np.float32([1e-4, 0.15, 3.0])
    swept = jax.jit(jax.vmap(losses.delta_posterior, (None, None, 0)))(
        raw, -raw, deltas
    )
    for index, delta in enumerate(deltas):
        one = losses.delta_posterior(raw, -raw, delta)
        for part, row in zip(swept, one, strict=True):
            # compiled together, a few roundings may differ
            np.testing.assert_allclose(part[index], row, rtol=1e-6, atol=1e-6)


def test_delta_zero_is_a_posterior_of_variance_one():
    (mean, logvar, _), slopes = run([-1, 0, 2], [-1, 0, 2], 0)
    np.testing.assert_array_equal(mean, [0, 0, 2])
    np.testing.assert_array_equal(logvar, 0)
    assert np.isfinite(slopes).all()


def test_what_is_not_a_number_stays_so():
    (mean, logvar, _), _ = run([np.nan, 0, 0], [0, np.nan, 0], [0.1, 0.1, -0.1])
    assert np.isnan(mean).all()
    np.testing.assert_array_equal(np.isnan(logvar), [False, True, True])


def test_half_precision_is_widened_first():
    raw = jnp.array([-1.3, 0.7], jnp.bfloat16)
    found = losses.delta_posterior(raw, -raw, 0.15)
    assert found.mean.dtype == found.logvar.dtype == jnp.float32
    wide = raw.astype(jnp.float32)
    np.testing.assert_array_equal(found, losses.delta_posterior(wide, -wide, 0.15))


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_would_broadcast():
    said = r"`raw_scale` must have the shape of `raw_mean`, \(3, 2\); got \(3, 1\)"
    with pytest.raises(ValueError, match=said):
        losses.delta_posterior(jnp.ones((3, 2)), jnp.ones((3, 1)), 0.1)


@pytest.mark.usefixtures("users_view")
def test_refuses_several_deltas():
    said = r"`delta` must be one number; got an array of shape \(2,\). Use `jax.vmap`"
    with pytest.raises(ValueError, match=said):
        losses.delta_posterior(jnp.ones((3, 2)), jnp.ones((3, 2)), jnp.ones(2))


def test_a_large_floor_is_held_like_a_small_one():
    """Also where the exponential of half the range overflows float32, from 88 on."""
    deltas = [1e-8, 41.0, 90.0, 100.0, 1e4]
    raw_mean, raw_scale, delta = grid([-1.0], [*SCALES, -0.5, 0.5], deltas)
    (mean, logvar, _), slopes = run(raw_mean, raw_scale, delta)
    exact = 0.5 * (mean**2 + np.expm1(logvar) - logvar)
    wide = delta > 1
    np.testing.assert_allclose(exact[wide], delta[wide], rtol=1e-6)
    assert np.isfinite(slopes).all()


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("delta", [-0.1, np.nan, np.inf])
def test_refuses_a_floor_that_is_none(delta):
    with pytest.raises(ValueError, match="`delta` must be at least 0"):
        losses.delta_posterior(jnp.ones(2), jnp.ones(2), delta)
