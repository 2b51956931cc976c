"""The masked decoder: causality, windows, and a density that sums to one."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import Counted

from vae_jax import models
from vae_jax.models._dropout import dropout
from vae_jax.vae import FULL_WINDOW, Knobs

EVENT = (4, 4)
SIZE = 16
LATENT = 3
WINDOWS = [0, 1, 2, 8, SIZE - 1, FULL_WINDOW]


def make(event=EVENT, likelihood="bernoulli", hidden=(48, 40)):
    return models.autoregressive(event, LATENT, hidden=hidden, likelihood=likelihood)


@pytest.fixture(scope="module")
def problem():
    """A model whose biases are not zero either, codes and images."""
    keys = jax.random.split(jax.random.key(1), 4)
    vae = make()
    params = vae.init(keys[0])
    noise = jax.random.normal(keys[1], (len(jax.tree.leaves(params)),))
    leaves, tree = jax.tree.flatten(params)
    moved = [leaf + 0.1 * shift for leaf, shift in zip(leaves, noise, strict=True)]
    z = jax.random.normal(keys[2], (5, LATENT))
    x = jax.random.normal(keys[3], (5, *EVENT))
    return vae, jax.tree.unflatten(tree, moved), z, x


@pytest.mark.slow
def test_window_by_gradients_in_one_compilation(problem):
    vae, params, z, x = problem

    @Counted
    @jax.jit
    @jax.vmap
    def jacobian(window):
        def logits(x):
            output = vae.decode(params, z, x, knobs=Knobs(window=window))
            return output.reshape(5, SIZE).sum(axis=0)

        # examples do not mix, so the sum's derivative keeps them apart
        return jax.jacrev(logits)(x).reshape(SIZE, 5, SIZE)

    derivatives = np.asarray(jacobian(jnp.asarray(WINDOWS)))
    assert jacobian.programs == 1
    output, pixel = np.mgrid[:SIZE, :SIZE]
    for window, found in zip(WINDOWS, derivatives, strict=True):
        seen = (output - window <= pixel) & (pixel < output)
        np.testing.assert_array_equal((found != 0).any(axis=1), seen)


@pytest.mark.slow
def test_hidden_layers_use_the_whole_window(problem):
    vae, params, z, x = problem
    params = jax.tree.map(lambda leaf: leaf, params)
    params["decoder"]["direct"] = jax.tree.map(
        jnp.zeros_like, params["decoder"]["direct"]
    )

    def logits(x, window):
        output = vae.decode(params, z, x, knobs=Knobs(window=window))
        return output.reshape(5, SIZE).sum(axis=0)

    for window in (1, 2, 8, SIZE - 1):
        found = jax.jacrev(logits)(x, window).reshape(SIZE, 5, SIZE)
        used = (np.asarray(found) != 0).any(axis=1)
        for offset in range(1, window + 1):
            assert np.diagonal(used, -offset).any(), (window, offset)


def test_every_pixel_depends_on_z_at_every_window(problem):
    vae, params, z, x = problem

    def logits(z, window):
        output = vae.decode(params, z, x, knobs=Knobs(window=window))
        return output.reshape(5, SIZE).sum(axis=0)

    jacobian = jax.jit(jax.jacrev(logits))
    for window in WINDOWS:
        found = jacobian(z, jnp.asarray(window))
        assert (np.asarray(found) != 0).any(axis=(1, 2)).all()


@pytest.mark.slow
def test_window_zero_is_the_mlp_decoder(problem):
    vae, params, z, x = problem
    mlp = models.mlp(EVENT, LATENT, hidden=(48, 40), likelihood="bernoulli")
    same = {name: params["decoder"][name] for name in ("mlp", "output")}
    expected = mlp.decode({"encoder": params["encoder"], "decoder": same}, z)
    np.testing.assert_array_equal(
        vae.decode(params, z, x, knobs=Knobs(window=0)), expected
    )


def test_the_longest_window_is_the_full_one_exactly(problem):
    vae, params, z, x = problem
    longest = vae.decode(params, z, x, knobs=Knobs(window=SIZE - 1))
    np.testing.assert_array_equal(longest, vae.decode(params, z, x))
    shorter = vae.decode(params, z, x, knobs=Knobs(window=SIZE - 2))
    assert np.abs(longest - shorter).max() > 0


@pytest.mark.slow
def test_probabilities_of_all_images_sum_to_one(key):
    images = jnp.asarray(list(itertools.product([0.0, 1.0], repeat=6)))
    vae = make((2, 3), hidden=(40, 40))
    params = jax.tree.map(lambda leaf: 3 * leaf, vae.init(key))
    z = jnp.broadcast_to(jnp.array([0.3, -1.0, 2.0]), (64, 3))

    @jax.jit
    @jax.vmap
    def decode(window):
        x = images.reshape(64, 2, 3)
        return vae.decode(params, z, x, knobs=Knobs(window=window)).reshape(64, 6)

    for logits in decode(jnp.array([0, 1, 3, FULL_WINDOW])):
        log_prob = (images * logits - jax.nn.softplus(logits)).sum(axis=1)
        # float32 sums of 64 terms
        np.testing.assert_allclose(np.exp(log_prob).sum(), 1.0, atol=1e-5)


@pytest.mark.slow
def test_noise_and_dropout_of_every_layer(problem, key):
    vae, params, z, x = problem
    knobs = Knobs(dropout=0.5)
    first = vae.decode(params, z, x, key=jax.random.split(key, 5), knobs=knobs)
    again = vae.decode(params, z, x, key=jax.random.split(key, 5), knobs=knobs)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - vae.decode(params, z, x, knobs=knobs)).min() > 0
    # layers of one width draw different noise from one key
    drop = dropout(jax.random.split(key, 5), 0.5)
    ones = jnp.ones((5, 40))
    assert np.abs(drop(ones, 0) - drop(ones, 1)).max() > 0


def test_gradients_are_finite_far_away(problem):
    vae, params, z, x = problem

    @jax.jit
    @jax.grad
    def slope(p, scale, window):
        output = vae.decode(p, z * scale, x * scale, knobs=Knobs(window=window))
        return jnp.sum(jax.nn.softplus(output))

    for scale in (0.0, 1.0, 1e4):
        for window in (0, 2, FULL_WINDOW):
            gradients = jax.tree.leaves(slope(params, scale, window))
            assert all(np.isfinite(g).all() for g in gradients)


def test_refuses_decoding_without_x_and_no_layers(problem):
    vae, params, z, _ = problem
    with pytest.raises(ValueError, match="needs `x`; got None"):
        vae.decode(params, z)
    with pytest.raises(ValueError, match="`hidden` must name at least one layer"):
        make(hidden=())
