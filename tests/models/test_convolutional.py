"""The convolutional VAE against scipy, and what its options promise."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dropout_record import recorded_layers
from scipy.signal import correlate2d

from vae_jax import models
from vae_jax.models import _convolutional
from vae_jax.models._convolutional import _Block
from vae_jax.vae import Knobs

LATENT = 3


@cache
def built(blocks=0, method=None, remat=False, event=(8, 4, 2), hidden=(6, 8)):
    """A model and parameters that are not zero anywhere, once for all tests."""
    options = {"blocks": blocks, "method": method, "remat": remat}
    vae = models.convolutional(
        event, LATENT, hidden=hidden, likelihood="bernoulli", **options
    )
    rng, shapes = np.random.default_rng(0), jax.eval_shape(vae.init, jax.random.key(0))

    def draw(leaf):
        # of the scale of an initialisation, without compiling one
        scale = np.prod(leaf.shape[:-1]) ** -0.5 if leaf.ndim > 1 else 0.1
        return jnp.asarray(scale * rng.normal(size=leaf.shape), leaf.dtype)

    return vae, jax.tree.map(draw, shapes)


def images(batch, event=(8, 4, 2)):
    return jnp.asarray(np.random.default_rng(0).random((batch, *event)), jnp.float32)


def codes(batch):
    draw = np.random.default_rng(1).normal(size=(batch, LATENT))
    return jnp.asarray(draw, jnp.float32)


def affine(x, layer):
    return x @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"])


def convolved(x, layer, stride=1):
    """Zeros of one pixel around; `(batch, height, width, channels)`."""
    kernel = np.asarray(layer["kernel"], np.float64)
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    images, taps = np.moveaxis(x, -1, 0), np.moveaxis(kernel, 2, 0)
    sums = [
        sum(
            np.stack([correlate2d(image, own[:, :, o], "valid") for image in channel])
            for channel, own in zip(images, taps, strict=True)
        )
        for o in range(kernel.shape[-1])
    ]
    return np.stack(sums, axis=-1)[:, ::stride, ::stride] + np.asarray(layer["bias"])


def relu(x):
    return np.maximum(x, 0)


def test_plain_encoder_against_scipy():
    vae, params = built()
    own, x = params["encoder"], np.asarray(images(2), np.float64)
    for level in (0, 1):
        x = relu(convolved(x, own[f"down_{level}"]["layer"], stride=2))
    assert x.shape == (2, 2, 1, 8)
    posterior = affine(x.reshape(2, -1), own["posterior"])
    # float32 sums of up to 128 terms of order one
    np.testing.assert_allclose(
        jnp.concatenate(vae.encode(params, images(2)), axis=-1), posterior, atol=1e-5
    )


def test_plain_decoder_against_scipy():
    vae, params = built()
    own = params["decoder"]
    x = relu(affine(np.asarray(codes(2), np.float64), own["start"]))
    x = x.reshape(2, 2, 1, 8)
    x = relu(convolved(x.repeat(2, 1).repeat(2, 2), own["up_1"]["layer"]))
    x = convolved(x.repeat(2, 1).repeat(2, 2), own["output"]["layer"])
    # float32 sums of up to 72 terms of order one
    np.testing.assert_allclose(vae.decode(params, codes(2)), x, atol=1e-5)


def test_block_against_scipy(key):
    block, x = _Block("convolution", 0), jax.random.normal(key, (2, 4, 4, 4))
    params = block.init(key, x, None, 0.0)["params"]
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    change = np.asarray(x, np.float64)
    for half in (0, 1):
        mean = change.mean(axis=(1, 2, 3), keepdims=True)
        spread = np.sqrt(change.var(axis=(1, 2, 3), keepdims=True) + 1e-5)
        norm = params[f"norm_{half}"]
        normal = (change - mean) / spread * np.asarray(norm["scale"])
        change = convolved(
            relu(normal + np.asarray(norm["bias"])), params[f"layer_{half}"]
        )
    found = block.apply({"params": params}, x, None, 0.0)
    # float32 sums of 36 terms of order one
    np.testing.assert_allclose(found, np.asarray(x) + change, atol=1e-5)


@pytest.mark.parametrize(
    "event", [(28, 28), (32, 32), (32, 32, 1), (32, 32, 3), (256, 256, 3), (4, 12)]
)
def test_images_of_many_shapes(event, key):
    vae = models.convolutional(event, LATENT, likelihood="gaussian")

    def run(key):
        params, x = vae.init(key), jnp.zeros((2, *event))
        posterior = vae.encode(params, x)
        return posterior, vae.decode(params, posterior.mean).mean

    (mean, logvar), output = jax.eval_shape(run, key)
    assert mean.shape == logvar.shape == (2, LATENT)
    assert output.shape == (2, *event)


def one_size(blocks=1, **options):
    return built(blocks, hidden=(6,), **options)


def loss_of(vae, params, rate=0.0, keys=None):
    knobs = Knobs(dropout=rate)
    mean, logvar = vae.encode(params, images(3))
    output = vae.decode(params, mean, key=keys, knobs=knobs)
    return jnp.sum(jnp.sin(output)) + jnp.sum(logvar)


@cache
def slope(**options):
    """The loss and its gradient, with dropout; the backend's convolution compiles fast."""
    vae, params = one_size(**{"method": "convolution", **options})
    keys = jax.random.split(jax.random.key(0), 3)
    loss = jax.value_and_grad(lambda p: loss_of(vae, p, 0.3, keys))
    return jax.jit(loss)(params)


@pytest.mark.slow
@pytest.mark.parametrize("other", [{"remat": True}, {"method": "slices"}])
def test_options_leave_values_and_gradients_alone(other):
    both = map(jax.tree.leaves, (slope(), slope(**other)))
    for one, two in zip(*both, strict=True):
        # float32 sums in another order, through six layers
        np.testing.assert_allclose(one, two, atol=1e-4 * max(1, np.abs(two).max()))
        # and every parameter has one
        assert np.abs(one).max() > 0


def kept_bytes(vae, params):
    """What the gradient keeps of the forward pass, parameters included."""
    kept = jax.eval_shape(lambda p: jax.vjp(lambda p: loss_of(vae, p), p)[1], params)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(kept))


@pytest.mark.slow
def test_remat_keeps_less():
    own = sum(leaf.nbytes for leaf in jax.tree.leaves(one_size(3)[1]))
    full, less = (
        kept_bytes(*one_size(3, remat=remat)) - own for remat in (False, True)
    )
    # one image a block, where a block makes more than six: two normalised, two bent, ...
    assert less < full / 3


@pytest.mark.slow
def test_dropout_of_every_layer_has_its_own_noise(monkeypatch, key):
    layers = recorded_layers(monkeypatch, _convolutional)
    keys, knobs = jax.random.split(key, 6), Knobs(dropout=0.5)
    for blocks, number in ((0, 2), (2, 4)):
        vae, params = built(blocks)
        layers.clear()
        jax.eval_shape(lambda p, vae=vae: vae.decode(p, codes(6), key=keys), params)
        assert len(set(layers)) == len(layers) == number
    vae, params = built(1, "convolution", hidden=(6,))
    decode = jax.jit(vae.decode)
    whole = decode(params, codes(6), key=keys, knobs=knobs)
    assert np.abs(whole - decode(params, codes(6))).max() > 0
    part = decode(params, codes(6)[:2], key=keys[:2], knobs=knobs)
    # examples do not depend on each other; matrix products of another shape
    np.testing.assert_allclose(part, whole[:2], atol=1e-5)


def test_examples_do_not_depend_on_each_other():
    vae, params = one_size(method="convolution")
    encode = jax.jit(vae.encode)
    whole, part = encode(params, images(5)), encode(params, images(5)[3:])
    # matrix products of another shape
    np.testing.assert_allclose(part.mean, whole.mean[3:], atol=1e-5)


@pytest.mark.slow
def test_members_at_once_in_a_scan(key):
    vae, params = one_size()
    members = jax.tree.map(lambda leaf: jnp.stack([leaf, 1.1 * leaf]), params)
    keys = jax.random.split(key, (2, 3))

    def decoded(vae, params, rate, keys):
        return vae.decode(params, codes(3), key=keys, knobs=Knobs(dropout=rate))

    def slope(*member):
        params, *rest = member
        return jax.grad(lambda p: jnp.sum(jnp.sin(decoded(vae, p, *rest))))(params)

    def step(carry, _):
        return carry, jax.vmap(slope)(members, jnp.array([0.0, 0.4]), keys)

    found = jax.jit(lambda: jax.lax.scan(step, None, None, length=2)[1])()
    vae, _ = one_size(method="convolution")
    second = jax.tree.map(lambda leaf: leaf[1], members)
    alone = jax.jit(slope)(second, jnp.float32(0.4), keys[1])
    for many, one in zip(jax.tree.leaves(found), jax.tree.leaves(alone), strict=True):
        # float32 sums in another order, through four layers
        np.testing.assert_allclose(
            many[1, 1], one, atol=1e-4 * max(1, np.abs(one).max())
        )


@pytest.mark.slow
def test_a_step_on_large_images():
    """256x256x3: the loss goes down along its gradient."""
    event = (256, 256, 3)
    vae, params = built(event=event, hidden=(4, 8, 8))
    x = images(1, event)

    def loss(params):
        logits = vae.decode(params, vae.encode(params, x).mean)
        return jnp.mean(jax.nn.softplus(logits) - x * logits)

    value_and_slope = jax.jit(jax.value_and_grad(loss))
    before, slope = value_and_slope(params)
    square = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slope))
    # to first order the step lowers it by 1e-3 of a nat times the slope's length
    rate = 1e-3 / jnp.sqrt(square)
    moved = jax.tree.map(lambda p, s: p - rate * s, params, slope)
    after, _ = value_and_slope(moved)
    # to within the curvature, a half of it at most
    assert float(before - after) > 0.5e-3 * float(jnp.sqrt(square))


@pytest.mark.usefixtures("users_view")
def test_refusals_name_what_was_got():
    make = models.convolutional
    with pytest.raises(ValueError, match=r"divisible by 4.*2 layers.*got \(30, 28\)"):
        make((30, 28), 2, likelihood="bernoulli")
    with pytest.raises(ValueError, match=r"\(height, width\).*got \(64,\).*models.mlp"):
        make((64,), 2, likelihood="bernoulli")
    with pytest.raises(ValueError, match=r"at least one layer.*got \(\)"):
        make((8, 8), 2, hidden=(), likelihood="bernoulli")
    with pytest.raises(ValueError, match="`blocks` must be at least 0; got -1"):
        make((8, 8), 2, blocks=-1, likelihood="bernoulli")
    with pytest.raises(ValueError, match="got 'logistic_mixture'"):
        make((8, 8, 1), 2, likelihood="logistic_mixture")
    with pytest.raises(ValueError, match="slices, convolution; got 'fft'"):
        make((8, 8), 2, method="fft", likelihood="bernoulli")
