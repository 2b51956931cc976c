"""Attention and layer norms against jax's and flax's; what is seen, counted out."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transformer_numpy as plain
from scipy.special import expit

from vae_jax.models._attention import attention, causal, reach, sinusoids
from vae_jax.models._transformer_layer import layer_norm
from vae_jax.vae import FULL_WINDOW

LENGTH = 7
WINDOWS = [0, 1, 2, 3, 5, LENGTH - 1, LENGTH, FULL_WINDOW]


def problem(key):
    """Three heads of size 4, and a mask that leaves every query something."""
    keys = jax.random.split(key, 4)
    query, source, value = (jax.random.normal(k, (2, 5, 3, 4)) for k in keys[:3])
    visible = (
        jax.random.bernoulli(keys[3], 0.5, (2, 5, 5)) | jnp.eye(5, dtype=bool)[None]
    )
    return query, source, value, visible


@pytest.mark.slow
def test_attention_is_that_of_jax_and_of_flax(key):
    *arrays, visible = problem(key)
    found = attention(*arrays, visible)
    mask = visible[:, None]
    # two orders of the same float32 sums
    jaxs = jax.nn.dot_product_attention(*arrays, mask=mask)
    np.testing.assert_allclose(found, jaxs, atol=1e-6)
    flaxs = nn.dot_product_attention(*arrays, mask=mask)
    np.testing.assert_allclose(found, flaxs, atol=1e-6)


@pytest.mark.slow
def test_a_query_that_sees_nothing_gets_nothing_and_has_a_gradient(key):
    *arrays, visible = problem(key)
    blind = visible.at[:, 2].set(False)
    found = attention(*arrays, blind)
    np.testing.assert_array_equal(found[:, 2], 0)
    np.testing.assert_array_equal(found[:, 3:], attention(*arrays, visible)[:, 3:])
    slope = jax.jit(jax.grad(lambda a: jnp.sum(attention(*a, blind) ** 2)))(arrays)
    assert all(np.isfinite(leaf).all() for leaf in slope)
    np.testing.assert_array_equal(slope[0][:, 2], 0)
    nothing = jnp.zeros((1, 1, 5), bool)
    slope = jax.jit(jax.grad(lambda a: jnp.sum(attention(*a, nothing))))(arrays)
    assert all((leaf == 0).all() for leaf in slope)


def test_scores_of_half_precision_are_not_rounded_to_it():
    """100.25 and 100 are the same number of eight bits."""
    query = jnp.array([[[[10.0, 0.5]]]], jnp.bfloat16)
    keys = jnp.array([[[[10.0, 0.5]], [[10.0, 0.0]]]], jnp.bfloat16)
    values = jnp.array([[[[1.0, 1.0]], [[0.0, 0.0]]]], jnp.bfloat16)
    found = attention(query, keys, values, jnp.ones((1, 1, 2), bool))
    assert found.dtype == jnp.bfloat16
    # rounded once to eight bits, below 1
    np.testing.assert_allclose(
        np.float32(found), expit(0.25 / np.sqrt(2)), atol=2.0**-9
    )


def test_layer_norm_is_that_of_flax(key):
    x = 3 + jax.random.normal(key, (2, 5, 8))
    own = {"scale": jnp.linspace(0.5, 2, 8), "shift": jnp.linspace(-1, 1, 8)}
    flaxs = {"params": {"scale": own["scale"], "bias": own["shift"]}}
    expected = nn.LayerNorm(use_fast_variance=False).apply(flaxs, x)
    np.testing.assert_allclose(layer_norm(own, x), expected, atol=1e-6)


def test_statistics_of_half_precision_are_not_rounded_to_it():
    """The mean, 259, is no number of eight bits."""
    x = jnp.array([[[256.0, 258.0, 260.0, 262.0]]], jnp.bfloat16)
    own = {name: jnp.full(4, v, x.dtype) for name, v in (("scale", 1), ("shift", 0))}
    found = layer_norm(own, x)
    assert found.dtype == jnp.bfloat16
    expected = np.array([-3, -1, 1, 3]) / np.sqrt(5)
    np.testing.assert_allclose(np.float32(found)[0, 0], expected, rtol=2.0**-8)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("num_layers", [1, 2, 3, 5, 9])
def test_layers_together_see_exactly_the_window(num_layers, window):
    """Paths through all layers, by products of what each one sees."""
    at = jnp.arange(LENGTH, dtype=jnp.int32)
    paths = np.eye(LENGTH, dtype=int)
    for number in range(num_layers):
        near = reach(window, number, num_layers, LENGTH)
        assert near.dtype == jnp.int32
        if window >= LENGTH:
            assert near == LENGTH
        paths = np.asarray(causal(at, at, near)[0], int) @ paths
    after, before = np.mgrid[:LENGTH, :LENGTH]
    expected = (before <= after) & (before >= after - max(window - 1, 0))
    np.testing.assert_array_equal(paths > 0, expected)


def test_what_holds_z_is_seen_by_all_and_sees_itself():
    at = jnp.arange(-1, LENGTH, dtype=jnp.int32)
    for near in (0, 2, LENGTH):
        seen = np.asarray(causal(at, at, jnp.int32(near))[0])
        assert seen[:, 0].all()
        assert seen[0].sum() == 1


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_sinusoids_against_numpy(width):
    expected = [plain.sinusoid(time, width) for time in range(30)]
    found = sinusoids(30, width, jnp.float32)
    # rounded once
    np.testing.assert_allclose(found, expected, atol=1e-7)
