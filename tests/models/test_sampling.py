"""Sampling against a pixel-by-pixel loop, and against exact probabilities."""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import likelihoods, models
from vae_jax.vae import FULL_WINDOW, VAE, Knobs

EVENT = (3, 4)
SIZE = 12
LATENT = 2
FAMILIES = {"bernoulli": likelihoods.bernoulli(), "gaussian": likelihoods.gaussian()}


def make(name, key, event=EVENT):
    vae = models.autoregressive(event, LATENT, hidden=(40, 40), likelihood=name)
    # larger weights, so that previous pixels matter
    return vae, jax.tree.map(lambda leaf: 2 * leaf, vae.init(key))


@cache
def jitted_sample(name):
    """Of either family; the window is data."""
    vae, family = make(name, jax.random.key(0))[0], FAMILIES[name]
    return jax.jit(
        lambda keys, params, z, knobs: models.sample(
            keys, vae, family, params, z, EVENT, knobs=knobs
        )
    )


@cache
def jitted_draw(name):
    """Every pixel, given all of x."""
    vae, family = make(name, jax.random.key(0))[0], FAMILIES[name]

    def draw(keys, params, z, x, knobs):
        output = vae.decode(params, z, x, knobs=knobs)
        spread = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, x.shape), output)
        return jax.vmap(family.sample)(keys, spread).astype(x.dtype)

    return jax.jit(draw)


def ancestral(keys, name, params, z, knobs):
    """The definition: a pixel at a time, each with its own draw."""
    x = np.zeros((len(keys), SIZE), np.float32)
    draw = jitted_draw(name)
    for pixel in range(SIZE):
        drawn = np.asarray(draw(keys, params, z, x.reshape(-1, *EVENT), knobs))
        x[:, pixel] = drawn.reshape(-1, SIZE)[:, pixel]
    return x.reshape(-1, *EVENT)


@pytest.mark.parametrize("window", [0, 2, FULL_WINDOW])
@pytest.mark.parametrize(
    "name", ["bernoulli", pytest.param("gaussian", marks=pytest.mark.slow)]
)
def test_equals_the_raster_loop(name, window, key):
    params = make(name, key)[1]
    keys, z = jax.random.split(key, 7), jax.random.normal(key, (7, LATENT))
    knobs = Knobs(window=window, variance=0.1)
    found = jitted_sample(name)(keys, params, z, knobs)
    expected = ancestral(keys, name, params, z, knobs)
    # the same arithmetic, fused in another way
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_frequencies_are_the_decoder_s_probabilities(key):
    event, num = (2, 2), 20_000
    vae, params = make("bernoulli", key, event)
    z = jnp.broadcast_to(jnp.array([0.5, -1.0]), (num, LATENT))
    drawn = models.sample(
        jax.random.split(key, num), vae, likelihoods.bernoulli(), params, z, event
    )
    images = jnp.asarray(list(itertools.product([0.0, 1.0], repeat=4)))
    logits = vae.decode(params, z[:16], images.reshape(16, *event)).reshape(16, 4)
    expected = np.exp((images * logits - jax.nn.softplus(logits)).sum(axis=1))
    index = np.asarray(drawn).reshape(num, 4) @ np.array([8, 4, 2, 1])
    found = np.bincount(index.astype(int), minlength=16) / num
    # four standard errors of each share, and one draw
    error = np.sqrt(expected * (1 - expected) / num)
    assert (np.abs(found - expected) < 4 * error + 1 / num).all()


@pytest.mark.slow
def test_pixels_of_one_image_differ_in_their_noise(key):
    vae, params = make("gaussian", key)
    params = jax.tree.map(jnp.zeros_like, params)
    z = jnp.zeros((500, LATENT))
    keys = jax.random.split(key, 500)
    x = models.sample(keys, vae, likelihoods.gaussian(), params, z, EVENT)
    # four standard errors of a variance and of correlations of 500 draws
    np.testing.assert_allclose(np.var(x, axis=0), 1.0, atol=4 * np.sqrt(2 / 500))
    correlation = np.corrcoef(np.asarray(x).reshape(500, SIZE).T)
    assert np.abs(correlation - np.eye(SIZE)).max() < 4 / np.sqrt(500)


@pytest.mark.slow
def test_other_decoders_are_drawn_directly(key):
    vae = models.mlp(EVENT, LATENT, hidden=(10,), likelihood="bernoulli")
    params, family = vae.init(key), likelihoods.bernoulli()
    keys, z = jax.random.split(key, 4), jax.random.normal(key, (4, LATENT))
    expected = jax.vmap(family.sample)(keys, vae.decode(params, z))
    found = models.sample(keys, vae, family, params, z, EVENT)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_one_key_gives_images_that_differ_by_their_code_alone(key):
    vae, params = make("bernoulli", key)
    keys = jax.random.split(key, 1)[jnp.zeros(3, int)]
    z = jnp.array([[1.0, 2.0], [1.0, 2.0], [-2.0, 1.0]])
    x = models.sample(keys, vae, likelihoods.bernoulli(), params, z, EVENT)
    np.testing.assert_array_equal(x[0], x[1])
    assert np.abs(x[0] - x[2]).max() > 0


def test_ends_after_as_many_passes_as_pixels(key):
    """Even where nothing settles: a decoder that answers NaN."""
    vae = VAE(None, None, lambda params, z, x, **_: x * jnp.nan)
    z = jnp.zeros((2, LATENT))
    family = likelihoods.bernoulli()._replace(sample=lambda key, logits: logits)
    x = models.sample(jax.random.split(key, 2), vae, family, {}, z, EVENT)
    assert np.isnan(x).all()
