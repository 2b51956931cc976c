"""The linear and MLP models against numpy, and what all constructors share."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import models
from vae_jax.vae import Knobs

EVENT = (8, 8)
LATENT = 6
MAKERS = {
    "linear": models.linear,
    "mlp": lambda *a, **k: models.mlp(*a, hidden=(64, 32), **k),
    "lipschitz": lambda *a, **k: models.lipschitz(*a, hidden=(64, 32), **k),
    "autoregressive": lambda *a, **k: models.autoregressive(*a, hidden=(64, 32), **k),
    # the backend's convolution compiles faster
    "convolutional": lambda *a, **k: models.convolutional(
        *a, hidden=(16,), method="convolution", **k
    ),
    "pixelcnn": lambda *a, **k: models.pixelcnn(
        *a, hidden=(16,), method="convolution", **k
    ),
}
OF_IMAGES = MAKERS["convolutional"], MAKERS["pixelcnn"]


def images(batch=10, seed=0):
    return jnp.asarray(np.random.default_rng(seed).random((batch, *EVENT)), jnp.float32)


def codes(batch=10, seed=1):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(batch, LATENT)), float)


@pytest.fixture(params=list(MAKERS))
def make(request):
    return MAKERS[request.param]


@cache
def built(make):
    """A model of binary images and its parameters, once for all tests."""
    vae = make(EVENT, LATENT, likelihood="bernoulli")
    return vae, vae.init(jax.random.key(0))


def affine(x, layer):
    kernel, bias = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    return x @ kernel + bias


def relu_layers(x, layers):
    for index in range(len(layers)):
        x = np.maximum(affine(x, layers[f"layer_{index}"]), 0)
    return x


def shifted(params, amount=0.05):
    """Parameters whose biases are not zero."""
    return jax.tree.map(lambda leaf: leaf + amount, params)


def test_linear_is_affine_with_a_constant_variance(key):
    vae = models.linear(EVENT, LATENT, likelihood="gaussian")
    params = shifted(vae.init(key))
    x, z = images(), codes()
    flat, encoder = np.asarray(x, np.float64).reshape(10, 64), params["encoder"]
    posterior = vae.encode(params, x)
    # float32 sums of 64 terms of order one
    np.testing.assert_allclose(posterior.mean, affine(flat, encoder["mean"]), atol=1e-5)
    np.testing.assert_array_equal(
        posterior.logvar, np.broadcast_to(encoder["logvar"], (10, LATENT))
    )
    expected = affine(np.asarray(z, np.float64), params["decoder"]["output"])
    mean = vae.decode(params, z).mean
    np.testing.assert_allclose(mean, expected.reshape(10, *EVENT), atol=1e-5)


def test_mlp_against_numpy(key):
    vae = models.mlp(EVENT, LATENT, hidden=(64, 32), likelihood="bernoulli")
    params = shifted(vae.init(key))
    x, z = images(), codes()
    flat = np.asarray(x, np.float64).reshape(10, 64)
    hidden = relu_layers(flat, params["encoder"]["mlp"])
    posterior = affine(hidden, params["encoder"]["posterior"])
    mean, logvar = vae.encode(params, x)
    # float32 sums of 64 terms, outputs up to about 10
    np.testing.assert_allclose(mean, posterior[:, :LATENT], atol=1e-4)
    np.testing.assert_allclose(logvar, posterior[:, LATENT:], atol=1e-4)
    hidden = relu_layers(np.asarray(z, np.float64), params["decoder"]["mlp"])
    assert hidden.shape == (10, 64)
    logits = affine(hidden, params["decoder"]["output"]).reshape(10, *EVENT)
    np.testing.assert_allclose(vae.decode(params, z), logits, atol=1e-4)


def test_shapes_and_dtypes(make):
    vae, params = built(make)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(params))
    mean, logvar = jax.eval_shape(vae.encode, params, images(3))
    assert mean.shape == logvar.shape == (3, LATENT)
    assert mean.dtype == logvar.dtype == jnp.float32
    logits = jax.eval_shape(vae.decode, params, codes(3), images(3))
    assert logits.shape == (3, *EVENT)
    assert logits.dtype == jnp.float32


def test_event_of_any_rank(make, key):
    of_images = make in OF_IMAGES
    for event in [(4, 12), (8, 4, 3)] if of_images else [(7,), (2, 3, 4)]:
        vae = make(event, LATENT, likelihood="gaussian")

        def shapes(key, vae=vae, event=event):
            params, x = vae.init(key), jnp.ones((2, *event))
            return vae.encode(params, x).mean, vae.decode(params, codes(2), x).mean

        mean, output = jax.eval_shape(shapes, key)
        assert mean.shape == (2, LATENT)
        assert output.shape == (2, *event)


def test_noise_of_gaussian_decoders(make, key):
    x, z, (_, params) = images(), codes(), built(make)

    def noise(vae, variance):
        # compiled, since of the program only what is asked for is left
        knobs = Knobs(variance=variance)
        return jax.jit(lambda p: vae.decode(p, z, x, knobs=knobs).logvar)

    vae = make(EVENT, LATENT, likelihood="gaussian")
    # float32 logarithm
    np.testing.assert_allclose(noise(vae, 0.25)(params), np.log(0.25), rtol=1e-6)
    learned = make(EVENT, LATENT, likelihood="gaussian_learned")
    made = jax.eval_shape(learned.init, key)
    assert made["likelihood"]["logvar"].shape == ()
    params = params | {"likelihood": {"logvar": jnp.zeros(())}}
    assert jax.tree.structure(params) == jax.tree.structure(made)
    gradient = jax.grad(noise(learned, 1.0))(params)
    assert gradient["likelihood"]["logvar"] == 1.0
    assert noise(learned, 7.0)(params) == 0.0


def test_initial_scales_are_sane(make):
    """On digits-like data nothing is near saturation, and nothing is dead."""
    vae, params = built(make)
    mean, logvar = jax.jit(vae.encode)(params, images(100))
    logits = jax.jit(vae.decode)(params, codes(100), jnp.round(images(100)))
    assert 0.05 < float(mean.std()) < 1.5
    assert float(np.abs(logvar).max()) < 3
    assert 0.1 < float(logits.std()) < 3


def test_gradients_are_finite_and_reach_every_parameter(make):
    vae, params = built(make)
    params = shifted(params, 1e-3)

    @jax.jit
    @jax.grad
    def slope(p, scale):
        x = scale * images()
        mean, logvar = vae.encode(p, x)
        logits = vae.decode(p, mean + scale * codes(), x)
        return jnp.sum(jax.nn.softplus(logits)) / scale + jnp.sum(logvar) / scale

    for scale in (1.0, 1e4):
        gradients = jax.tree.leaves(slope(params, scale))
        assert all(np.isfinite(g).all() for g in gradients)
        # gates of tanh and of the logistic function are flat far away
        if scale == 1 or make is not MAKERS["pixelcnn"]:
            assert all(np.abs(g).max() > 0 for g in gradients)


def test_double_precision_where_it_is_on(make):
    with jax.enable_x64(True):
        vae = make(EVENT, LATENT, likelihood="gaussian")
        knobs = Knobs(window=np.int32(3), dropout=np.float32(0.5))

        def run(key):
            params, keys = vae.init(key), jax.random.split(key, 2)
            x, z = jnp.zeros((2, *EVENT)), jnp.zeros((2, LATENT))
            output = vae.decode(params, z, x, key=keys, knobs=knobs)
            return params, x, vae.encode(params, x), output.mean

        found = jax.eval_shape(run, jax.random.key(0))
        assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("float64")}


def test_refuses_wrong_shapes_naming_both_sides(make):
    vae, params = built(make)
    with pytest.raises(ValueError, match=r"\(batch, 8, 8\); got \(3, 8, 7\)"):
        vae.encode(params, jnp.zeros((3, 8, 7)))
    with pytest.raises(ValueError, match=r"`z` .* \(batch, 6\); got \(3, 5\)"):
        vae.decode(params, jnp.zeros((3, 5)), images(3))


def test_refuses_impossible_models(make):
    with pytest.raises(ValueError, match="`latent_dim` must be at least 1; got 0"):
        make(EVENT, 0, likelihood="bernoulli")
    with pytest.raises(ValueError, match="`event_shape` must hold at least one pixel"):
        make((8, 0), 2, likelihood="bernoulli")
