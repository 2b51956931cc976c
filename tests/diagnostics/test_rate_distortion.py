"""The plane: the linear VAE's curve and its slope; the frontier against a convex hull."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import spatial

from vae_jax import analytic, diagnostics

SPECTRUM = np.array([2.0, 1.0, 0.5, 0.2])
VARIANCE = 0.3
BETAS = np.array([0.05, 0.2, 0.7, 1.0, 1.8, 3.0, 20.0])

frontier = jax.jit(diagnostics.rate_distortion_frontier)


def linear_vaes(betas=BETAS):
    """Optima at one noise variance, whose distortion falls as their rate rises."""
    best = [analytic.linear_vae_optimum(SPECTRUM, 4, beta, VARIANCE) for beta in betas]
    return [np.array([float(b[i]) for b in best]) for i in (5, 4)]


def test_a_point_of_the_linear_vae():
    best = analytic.linear_vae_optimum(SPECTRUM, 4, 0.7, VARIANCE)
    point = diagnostics.rate_distortion_point(best.distortion, best.rate, 0.7)
    assert float(point.negative_elbo) == pytest.approx(-float(best.elbo), rel=1e-6)
    objective = float(best.distortion) + 0.7 * float(best.rate)
    assert float(point.objective) == pytest.approx(objective, rel=1e-6)
    assert float(point.slope) == pytest.approx(-0.7)


def test_slope_is_that_of_the_curve():
    """dD / dR along the optima, by a central difference in beta."""
    with jax.enable_x64(True):
        d, r = linear_vaes([0.7 - 1e-4, 0.7 + 1e-4])
    # of relative error (1e-4 / 0.7)^2
    assert (d[1] - d[0]) / (r[1] - r[0]) == pytest.approx(-0.7, rel=1e-6)


def test_line_of_equal_elbo_and_tangent():
    rates = np.linspace(0, 5, 11)
    line = diagnostics.rate_distortion_line(3.0, 2.0, rates)
    np.testing.assert_allclose(line + rates, 5, rtol=1e-6)
    d, r = linear_vaes()
    for i, beta in enumerate(BETAS):
        tangent = diagnostics.rate_distortion_line(d[i], r[i], r, beta)
        assert float(tangent[i]) == pytest.approx(d[i], rel=1e-6)
        # below the convex curve, up to rounding of numbers around 10
        assert (np.asarray(tangent) <= d + 1e-5).all()


def test_every_optimum_is_on_the_frontier_for_its_own_beta():
    d, r = linear_vaes()
    found = frontier(d, r)
    distinct = np.abs(np.diff(r, append=-1)) > 1e-6  # at beta 20 all is collapsed
    assert np.asarray(found.on_frontier)[distinct].all()
    assert (np.asarray(found.beta_low) <= BETAS)[distinct].all()
    assert (np.asarray(found.beta_high) >= BETAS)[distinct].all()
    order = np.argsort(r)
    # neighbours meet where their lines cross
    np.testing.assert_allclose(
        np.asarray(found.beta_low)[order][:-1], np.asarray(found.beta_high)[order][1:]
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=8, max_size=8)
)
def test_frontier_is_a_hull(points):
    """Corners of scipy's hull, closed with two far-away points; whole numbers, exactly."""
    d, r = np.array(points, float).T
    found = frontier(np.float32(d), np.float32(r))
    on = np.asarray(found.on_frontier)
    for beta in (0.0, 0.3, 1.0, 4.0, 100.0):
        objective = d + beta * r
        best = objective == objective.min()
        # whoever is best at this beta is on the frontier, in its interval
        assert on[best].all()
        eps = 1e-5 * (1 + beta)
        assert (np.asarray(found.beta_low)[best] <= beta + eps).all()
        assert (np.asarray(found.beta_high)[best] >= beta - eps).all()
    closed = np.concatenate(
        [np.stack([r, d], axis=1), [[r.min(), 1e4], [1e4, d.min()]]]
    )
    hull = spatial.ConvexHull(closed)
    corners = {tuple(closed[i]) for i in hull.vertices} - {
        tuple(closed[-1]),
        tuple(closed[-2]),
    }
    assert corners <= {(r[i], d[i]) for i in range(8) if on[i]}
    # and nothing above the hull: every point of the frontier is on its boundary
    distance = (hull.equations[:, :2] @ closed[:8].T + hull.equations[:, 2:]).max(
        axis=0
    )
    assert (np.abs(distance[on]) < 1e-6).all()


def test_one_point_and_equal_points():
    one = frontier(np.ones(1), np.ones(1))
    assert (one.on_frontier.tolist(), one.beta_low.tolist()) == ([True], [0.0])
    assert one.beta_high.tolist() == [np.inf]
    same = frontier(np.array([1.0, 1.0, 2.0]), np.array([3.0, 3.0, 3.0]))
    assert same.on_frontier.tolist() == [True, True, False]
    # from infinity on, and up to minus infinity: of no beta
    assert same.beta_low[2] == np.inf
    assert same.beta_high[2] == -np.inf


def test_points_that_are_not_finite_change_nothing():
    d = np.array([9.0, 4.0, np.nan, 3.0, 1.0, -np.inf])
    r = np.array([0.0, 1.0, 0.5, 3.0, np.nan, 0.0])
    found = frontier(d, r)
    assert found.on_frontier.tolist() == [True, True, False, True, False, False]
    expected = [5, 0.5, np.inf, 0, np.inf, np.inf]
    np.testing.assert_array_equal(found.beta_low, expected)
    # wherever the axes are
    moved = frontier(d + 20, r - 20)
    np.testing.assert_array_equal(moved.beta_low, expected)
    np.testing.assert_array_equal(moved.beta_high, found.beta_high)


def test_a_search_for_nan_finds_none_in_a_healthy_frontier():
    """As JAX_DEBUG_NANS=True looks for them, after every single operation."""
    d, r = np.float32([9.0, 4.0, 5.0, 3.0]), np.float32([0.0, 1.0, 2.0, 3.0])
    expected = diagnostics.rate_distortion_frontier(d, r)
    with jax.debug_nans(True):
        found = diagnostics.rate_distortion_frontier(d, r)
        traced = jax.jit(diagnostics.rate_distortion_frontier)(d, r)
    for parts in (found, traced):
        for got, right in zip(parts, expected, strict=True):
            np.testing.assert_array_equal(got, right)


def test_a_batch_and_low_precision():
    d, r = np.array([[3.0, 2.0, 4.0], [1.0, 2.0, 0.5]]), np.ones((2, 3)) * [0, 1, 2]
    batched = jax.vmap(frontier)(d, r)
    np.testing.assert_array_equal(batched.on_frontier[1], frontier(d[1], r[1])[0])
    points = diagnostics.rate_distortion_point(d, r, 2.0)
    np.testing.assert_allclose(points.objective, d + 2 * r)
    np.testing.assert_allclose(points.negative_elbo, d + r)
    assert points.slope.shape == (2, 3)
    half = diagnostics.rate_distortion_point(jnp.bfloat16(256), jnp.bfloat16(1))
    assert float(half.negative_elbo) == 257  # which bfloat16 does not have
    slope = jax.grad(lambda b: diagnostics.rate_distortion_point(3.0, 2.0, b).objective)
    assert float(slope(0.5)) == 2


@pytest.mark.usefixtures("users_view")
def test_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"`rate` .*`distortion`, \(3,\); got \(4,\)"):
        diagnostics.rate_distortion_frontier(np.ones(3), np.ones(4))
    with pytest.raises(
        ValueError, match=r"\(points,\) with at least 1 point; got \(\)"
    ):
        diagnostics.rate_distortion_frontier(1.0, 1.0)
