"""The gated PixelCNN: which pixel reaches which, and a density that sums to one."""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import Counted
from dropout_record import recorded_layers

from vae_jax import likelihoods, models
from vae_jax.models import _convolutional, _gated
from vae_jax.vae import FULL_WINDOW, Knobs

EVENT, LATENT, LAYERS = (5, 6), 2, 3
WINDOWS = [0, 1, 2, FULL_WINDOW]
SIZE = 30


@cache
def built(event=EVENT, likelihood="bernoulli", layers=LAYERS, **options):
    """A model and parameters that are not zero anywhere, once for all tests."""
    options = {"hidden": (8,) * layers, "method": "convolution", **options}
    vae = models.pixelcnn(event, LATENT, likelihood=likelihood, **options)
    rng, shapes = np.random.default_rng(0), jax.eval_shape(vae.init, jax.random.key(0))

    def draw(leaf):
        # of the scale of an initialisation, without compiling one
        scale = np.prod(leaf.shape[:-1]) ** -0.5 if leaf.ndim > 1 else 0.1
        return jnp.asarray(scale * rng.normal(size=leaf.shape), leaf.dtype)

    return vae, jax.tree.map(draw, shapes)


def images(batch, event=EVENT):
    return jnp.asarray(np.random.default_rng(1).random((batch, *event)), jnp.float32)


def codes(batch):
    return jax.random.normal(jax.random.key(2), (batch, LATENT))


def neighbourhood(window, layers=LAYERS, half=1):
    """Which pixel each output is documented to see: `(output, pixel)`."""
    radius = min(window, layers * half)
    row, column = np.divmod(np.arange(SIZE), EVENT[1])
    down, right = row[None] - row[:, None], column[None] - column[:, None]
    above = (-radius <= down) & (down < 0) & (np.abs(right) <= radius)
    left = (down == 0) & (-radius <= right) & (right < 0)
    return above | left


@pytest.fixture(scope="module")
def derivatives():
    """Of outputs by pixels, by windows, and how many programs that took."""
    vae, params = built()

    @Counted
    @jax.jit
    def jacobian(window):
        def logits(x):
            output = vae.decode(params, codes(2), x, knobs=Knobs(window=window))
            return output.reshape(2, SIZE).sum(axis=0)

        # examples do not mix, so the sum's derivative keeps them apart
        return jax.jacrev(logits)(images(2)).reshape(SIZE, 2, SIZE)

    found = {window: np.asarray(jacobian(jnp.int32(window))) for window in WINDOWS}
    return found, jacobian.programs


@pytest.mark.parametrize("window", WINDOWS)
def test_gradients_reach_the_documented_pixels_alone(derivatives, window):
    used = (derivatives[0][window] != 0).any(axis=1)
    np.testing.assert_array_equal(used, neighbourhood(window))
    # none at or after its own position
    assert not np.triu(used).any()
    # and one program serves all windows
    assert derivatives[1] == 1


def test_values_depend_on_the_documented_pixels_alone():
    vae, params = built()
    flat = jnp.broadcast_to(images(1).reshape(1, SIZE), (SIZE, SIZE))
    # one pixel is another in each
    others = jnp.where(jnp.eye(SIZE, dtype=bool), flat + 1, flat)
    many = jnp.concatenate([flat[:1], others]).reshape(SIZE + 1, 1, *EVENT)

    # one at a time, by the same instructions: what does not change does not even round
    @jax.jit
    def decode(window):
        knobs = Knobs(window=window)
        return jax.lax.map(lambda x: vae.decode(params, codes(1), x, knobs=knobs), many)

    for window in WINDOWS:
        found = np.asarray(decode(window)).reshape(SIZE + 1, SIZE)
        changed = (found[1:] != found[0]).T
        np.testing.assert_array_equal(changed, neighbourhood(window))


def test_a_longer_window_than_the_layers_reach_is_the_full_one():
    vae, params = built()
    decode = jax.jit(lambda w: vae.decode(params, codes(2), images(2), knobs=Knobs(w)))
    np.testing.assert_array_equal(decode(LAYERS), decode(FULL_WINDOW))
    assert np.abs(decode(LAYERS) - decode(LAYERS - 1)).max() > 0


def test_every_pixel_depends_on_z_without_any_pixel():
    vae, params = built()

    def logits(z):
        output = vae.decode(params, z, images(2), knobs=Knobs(window=0))
        return output.reshape(2, SIZE).sum(axis=0)

    found = jax.jit(jax.jacrev(logits))(codes(2))
    assert (np.asarray(found) != 0).any(axis=(1, 2)).all()


@pytest.mark.slow
def test_probabilities_of_all_images_sum_to_one():
    every = jnp.asarray(list(itertools.product([0.0, 1.0], repeat=6)), jnp.float32)
    vae, params = built(event=(2, 3), layers=2)
    params = jax.tree.map(lambda leaf: 2 * leaf, params)
    z = jnp.broadcast_to(codes(1), (64, LATENT))

    @jax.jit
    def decode(window):
        x = every.reshape(64, 2, 3)
        return vae.decode(params, z, x, knobs=Knobs(window=window)).reshape(64, 6)

    spread = {}
    for window in (0, 1, FULL_WINDOW):
        logits = decode(window)
        log_prob = (every * logits - jax.nn.softplus(logits)).sum(axis=1)
        # float32 sums of 64 terms
        np.testing.assert_allclose(np.exp(log_prob).sum(), 1.0, atol=1e-5)
        spread[window] = logits.std(axis=0).max()
    # without any pixel all images have one output, to float32 rounding
    assert spread[0] < 1e-6 < 1e-3 < spread[1]


@pytest.mark.parametrize("channels", [1, 3])
def test_mixture_of_logistics(channels):
    event = (4, 4, channels)
    vae, params = built(event, "logistic_mixture", 1, components=4)
    levels = np.random.default_rng(0).integers(0, 256, (2, *event))
    x = jnp.asarray(levels / 127.5 - 1, jnp.float32)

    @jax.jit
    def run(params):
        output = vae.decode(params, codes(2), x)
        family = likelihoods.discretized_logistic_mixture()
        return output, family.log_prob(output, x)

    output, log_prob = run(params)
    assert isinstance(output, likelihoods.MixtureParams)
    assert output.means.shape == (2, 4, 4, channels, 4)
    assert output.logits.shape == (2, 4, 4, 4)
    assert np.isfinite(log_prob).all()
    assert (log_prob < 0).all()


@pytest.mark.parametrize("event", [(8, 8), (28, 28, 1), (32, 32, 3), (7, 9), (1, 4)])
def test_images_of_many_shapes(event, key):
    vae = models.pixelcnn(event, LATENT, kernel=5, likelihood="gaussian")

    def run(key):
        params, x = vae.init(key), jnp.zeros((2, *event))
        posterior = vae.encode(params, x)
        return posterior, vae.decode(params, posterior.mean, x).mean

    (mean, _), output = jax.eval_shape(run, key)
    assert mean.shape == (2, LATENT)
    assert output.shape == (2, *event)


@cache
def slope(**options):
    """A sum of the outputs and its gradient, with dropout."""
    vae, params = built(event=(4, 4), layers=1, **options)
    keys, knobs = jax.random.split(jax.random.key(0), 3), Knobs(window=1, dropout=0.3)

    @jax.jit
    @jax.value_and_grad
    def loss(own):
        x = images(3, (4, 4))
        output = vae.decode({"decoder": own}, codes(3), x, key=keys, knobs=knobs)
        return jnp.sum(jnp.sin(output))

    return loss(params["decoder"])


@pytest.mark.slow
@pytest.mark.parametrize("other", [{"remat": True}, {"method": "slices"}])
def test_options_leave_values_and_gradients_alone(other):
    both = map(jax.tree.leaves, (slope(), slope(**other)))
    for one, two in zip(*both, strict=True):
        # float32 sums in another order, through a layer and a map
        np.testing.assert_allclose(one, two, atol=1e-4 * max(1, np.abs(two).max()))


def kept_bytes(remat):
    """What the gradient of the decoder keeps of the forward pass."""
    vae, params = built(layers=6, remat=remat)
    own = params["decoder"]

    def decode(own):
        return vae.decode({"decoder": own}, codes(4), images(4))

    kept = jax.tree.leaves(jax.eval_shape(lambda p: jax.vjp(decode, p)[1], own))
    total = sum(leaf.size * leaf.dtype.itemsize for leaf in kept)
    return total - sum(leaf.nbytes for leaf in jax.tree.leaves(own))


@pytest.mark.slow
def test_remat_keeps_less():
    # a layer is left with its two stacks, of more than a dozen images of gates and sums
    assert kept_bytes(remat=True) < kept_bytes(remat=False) / 3


def test_dropout_of_every_layer_has_its_own_noise(monkeypatch, key):
    vae, params = built()  # before, since `init` runs the decoder as well
    layers = recorded_layers(monkeypatch, _convolutional, _gated)
    keys = jax.random.split(key, 4)
    jax.eval_shape(lambda p: vae.decode(p, codes(4), images(4), key=keys), params)
    # two each, and one for the map
    assert len(set(layers)) == len(layers) == 2 * LAYERS + 1


@pytest.mark.slow
def test_word_dropout_hides_whole_pixels(key):
    event = (4, 4, 3)
    vae, params = built(event, "gaussian", 1)
    x, z, keys = images(4, event), codes(4), jax.random.split(key, 4)

    @jax.jit
    def decode(x, rate):
        return vae.decode(params, z, x, key=keys, knobs=Knobs(word_dropout=rate)).mean

    np.testing.assert_array_equal(decode(x, 1.0), decode(jnp.zeros_like(x), 0.0))
    without_keys = jax.jit(vae.decode)(params, z, x).mean
    # where nothing is hidden nothing is scaled: float32 sums of order one in another order
    np.testing.assert_allclose(decode(x, 0.0), without_keys, atol=1e-5)

    # a channel has a gradient exactly where the others of its pixel have one
    def total(x):
        return jnp.sum(jnp.sin(decode(x, 0.5)))

    seen = np.asarray(jax.grad(total)(x)) != 0
    assert (seen == seen[..., :1]).all()
    assert 0.2 < seen[:, :-1, :-1].mean() < 0.8


@pytest.mark.slow
def test_members_of_different_windows_at_once(key):
    vae, params = built(event=(4, 4), layers=2, method="slices")
    members = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), params)

    def decode(params, window):
        x, knobs = images(3, (4, 4)), Knobs(window=window)
        return vae.decode(params, codes(3), x, knobs=knobs)

    windows = jnp.array([0, 1], jnp.int32)
    mapped = jax.jit(jax.vmap(decode))(members, windows)
    _, scanned = jax.lax.scan(lambda _, w: (None, decode(params, w)), None, windows)
    # the same float32 sums in another order
    np.testing.assert_allclose(mapped, scanned, atol=1e-5)
    assert np.abs(mapped[0] - mapped[1]).max() > 1e-3


@pytest.mark.usefixtures("users_view")
def test_refusals_name_what_was_got():
    def make(event=(8, 8), likelihood="bernoulli", **options):
        return models.pixelcnn(event, 2, likelihood=likelihood, **options)

    with pytest.raises(ValueError, match=r"one width.*got \(8, 16\).*Use \(16, 16\)"):
        make(hidden=(8, 16))
    for kernel in (1, 4):
        with pytest.raises(ValueError, match=f"odd and at least 3; got {kernel}"):
            make(kernel=kernel)
    with pytest.raises(ValueError, match=r"got \(8, 8\). Use \(8, 8, 1\)"):
        make(likelihood="logistic_mixture")
    with pytest.raises(ValueError, match="`components` must be at least 1; got 0"):
        make((8, 8, 1), "logistic_mixture", components=0)
    with pytest.raises(ValueError, match="gaussian_learned, logistic_mixture; got 'po"):
        make(likelihood="poisson")
    with pytest.raises(ValueError, match=r"\(height, width\).*got \(64,\)"):
        make((64,))
    with pytest.raises(ValueError, match="slices, convolution; got 'fft'"):
        make(method="fft")
    vae, params = built()
    with pytest.raises(ValueError, match="needs `x`; got None"):
        vae.decode(params, codes(1))
