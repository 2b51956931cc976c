"""Counts against numpy's, and the collapse curve that can be read off them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vae_jax import diagnostics

RNG = np.random.default_rng(0)
KL = np.float32(10 ** RNG.uniform(-8, 3, (500, 3)))
EDGES = np.float32([0.0, 0.25, 0.5, 1.0, 2.0])

histogram = jax.jit(diagnostics.kl_histogram)
curve_of = jax.jit(diagnostics.collapse_curve_of_counts)


def test_default_edges():
    edges = diagnostics.KL_EDGES
    np.testing.assert_allclose(edges[[0, 4, -1]], [1e-6, 1e-5, 100], rtol=1e-12)
    np.testing.assert_allclose(edges[1:] / edges[:-1], 10**0.25, rtol=1e-12)


def test_counts_with_underflow_and_overflow():
    found = histogram(KL)
    edges = np.float32(diagnostics.KL_EDGES)
    bounds = np.concatenate([[-np.inf], edges, [np.inf]])
    expected = [np.histogram(KL[:, j], bounds)[0] for j in range(3)]
    np.testing.assert_array_equal(found, expected)
    assert found.shape == (3, len(edges) + 1)
    assert min(int(found[:, 0].min()), int(found[:, -1].min())) > 0
    np.testing.assert_array_equal(found.sum(axis=1), 500)


def test_a_kl_on_an_edge_is_in_the_bin_above():
    kl = np.repeat(EDGES[:, None], 2, axis=1)
    assert histogram(kl, EDGES)[0].tolist() == [0, 1, 1, 1, 1, 1]


def test_a_unit_with_what_is_not_a_number_has_no_counts():
    kl = np.array([[np.nan, -np.inf, 0.3], [np.inf, 0.3, np.inf]])
    found = histogram(kl, EDGES)
    assert np.isnan(found[0]).all()
    assert found[1:].tolist() == [[1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 1]]
    assert np.isnan(curve_of(found, 0.5)).all()
    assert np.isfinite(curve_of(found[1:], 0.5)).all()


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("edges", [[1.0, 0.5], [1.0, 1.0], [0.5, np.nan]])
def test_refuses_edges_that_do_not_increase(edges):
    with pytest.raises(ValueError, match="`edges` must increase; got"):
        diagnostics.kl_histogram(KL, np.float32(edges))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    hnp.arrays(
        np.float32,
        (20, 3),
        elements=st.one_of(
            st.sampled_from([*EDGES.tolist(), float("nan"), float("inf")]),
            st.floats(0, 3, width=32),
        ),
    ),
    st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, 0.5, 1.0]),
)
def test_the_curve_is_that_of_the_data(kl, delta):
    """At every edge, on the edge too, for 1 / 20 shares and others."""
    found = curve_of(histogram(kl, EDGES), delta)
    expected = jax.jit(diagnostics.collapse_curve)(kl, EDGES, delta)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("num_examples", [100, 300, 700, 1300])
def test_exceptions_are_counted_exactly(num_examples):
    """One per cent of the examples may exceed eps, and not one more."""
    allowed = num_examples // 100
    counts = np.array([[num_examples - k, k] for k in (0, allowed, allowed + 1)])
    np.testing.assert_allclose(curve_of(counts, 0.01), [2 / 3], rtol=1e-6)


def test_counts_of_batches_add_up():
    parts = [histogram(part) for part in np.split(KL, 5)]
    np.testing.assert_array_equal(sum(parts), histogram(KL))
    deltas = jnp.array([0.0, 0.01, 0.2])
    curves = jax.vmap(curve_of, in_axes=(None, 0))(histogram(KL), deltas)
    for curve, delta in zip(curves, deltas, strict=True):
        expected = diagnostics.collapse_curve(KL, diagnostics.KL_EDGES, float(delta))
        np.testing.assert_array_equal(curve, expected)


def test_a_batch_of_models_and_low_precision():
    stacked = np.stack([KL, KL * 2])
    batched = jax.vmap(histogram)(stacked)
    np.testing.assert_array_equal(batched[1], histogram(stacked[1]))
    half = histogram(jnp.full((300, 1), 0.25, jnp.bfloat16), EDGES)
    assert half[0].tolist() == [0, 0, 300, 0, 0, 0]


@pytest.mark.usefixtures("users_view")
def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="`kl` must have shape .*at least 2 examples"):
        diagnostics.kl_histogram(KL[:1])
    for edges in (np.zeros(0), np.ones((1, 2))):
        with pytest.raises(ValueError, match="`edges` must have shape"):
            diagnostics.kl_histogram(KL, edges)
    with pytest.raises(ValueError, match=r"at least 2 bins; got \(3, 1\)"):
        diagnostics.collapse_curve_of_counts(np.ones((3, 1), int))
