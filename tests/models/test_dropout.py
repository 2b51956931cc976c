"""Dropout with a traced rate and a key an example."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import models
from vae_jax.models._dropout import dropout
from vae_jax.vae import Knobs


@pytest.fixture
def activations(key):
    return jax.random.normal(key, (8, 50))


def test_no_key_and_rate_zero_are_the_identity(activations, key):
    keys = jax.random.split(key, 8)
    np.testing.assert_array_equal(dropout(None, 0.9)(activations, 0), activations)
    np.testing.assert_array_equal(dropout(keys, 0.0)(activations, 0), activations)


def test_units_are_zero_or_scaled(key):
    rate, shape = 0.3, (200, 100)
    dropped = dropout(jax.random.split(key, 200), rate)(jnp.ones(shape), 0)
    kept = np.asarray(dropped != 0)
    np.testing.assert_allclose(np.asarray(dropped)[kept], 1 / (1 - rate), rtol=1e-6)
    # four standard errors of a share of 20 000 draws
    error = np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(kept.mean() - (1 - rate)) < 4 * error


def test_examples_draw_from_their_own_keys(activations, key):
    keys = jax.random.split(key, 8)
    whole = dropout(keys, 0.5)(activations, 1)
    halves = [dropout(keys[i : i + 4], 0.5)(activations[i : i + 4], 1) for i in (0, 4)]
    np.testing.assert_array_equal(whole, jnp.concatenate(halves))


def test_rates_are_data(activations, key):
    keys = jax.random.split(key, 8)
    rates = jnp.array([0.0, 0.2, 0.9])
    traced = []

    @jax.jit
    def apply(rate):
        traced.append(rate)
        return dropout(keys, rate)(activations, 0)

    mapped = jax.vmap(apply)(rates)
    for rate, row in zip(rates, mapped, strict=True):
        np.testing.assert_array_equal(row, apply(rate))
    assert len(traced) == 1


@pytest.mark.slow
def test_only_decoders_drop_and_a_split_batch_agrees(key):
    vae = models.mlp((3, 3), 2, hidden=(20,), likelihood="bernoulli")
    params = vae.init(key)
    keys, knobs = jax.random.split(key, 6), Knobs(dropout=0.5)
    x, z = jnp.ones((6, 3, 3)), jnp.ones((6, 2))
    sure, other = vae.encode(params, x), vae.encode(params, x, key=keys, knobs=knobs)
    np.testing.assert_array_equal(sure.mean, other.mean)
    whole = vae.decode(params, z, key=keys, knobs=knobs)
    assert len(np.unique(np.asarray(whole), axis=0)) == 6
    part = vae.decode(params, z[:2], key=keys[:2], knobs=knobs)
    # float32 matrix products of another shape
    np.testing.assert_allclose(part, whole[:2], atol=1e-6)
