"""Samples from kept features: the images and the densities of whole passes."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from slow_cases import slow_but

from vae_jax import likelihoods, models
from vae_jax.models._pixelcnn_sample import cached_sample
from vae_jax.models._sample import drawn
from vae_jax.vae import FULL_WINDOW, Knobs

LATENT, BATCH = 2, 5
CASES = {
    "bernoulli": ((5, 6), likelihoods.bernoulli()),
    "gaussian_learned": ((4, 4), likelihoods.gaussian()),
    "logistic_mixture": ((3, 4, 3), likelihoods.discretized_logistic_mixture()),
}


@cache
def built(name):
    """A model, parameters that are not zero anywhere, and what a window makes of them."""
    event, family = CASES[name]
    vae = models.pixelcnn(
        event, LATENT, hidden=(8,) * 3, likelihood=name, method="convolution"
    )
    rng, shapes = np.random.default_rng(0), jax.eval_shape(vae.init, jax.random.key(0))

    def draw(leaf):
        # of the scale of an initialisation, without compiling one
        scale = np.prod(leaf.shape[:-1]) ** -0.5 if leaf.ndim > 1 else 0.1
        return jnp.asarray(scale * rng.normal(size=leaf.shape), leaf.dtype)

    params = jax.tree.map(draw, shapes)
    z = jnp.asarray(rng.normal(size=(BATCH, LATENT)), jnp.float32)
    keys = jax.random.split(jax.random.key(1), BATCH)

    @jax.jit
    def run(window, hidden):
        knobs = Knobs(window=window, word_dropout=hidden)
        rest = params, z, event
        passes = models.sample(keys, vae, family, *rest, knobs=knobs)
        x, output = cached_sample(keys, name, family, *rest, knobs)
        whole = vae.decode(params, z, x, knobs=knobs)
        return passes, x, output, whole, drawn(keys, family, whole)

    return lambda window, hidden=0.0: run(window, hidden)


@pytest.mark.parametrize("window", [0, 2, FULL_WINDOW])
@pytest.mark.parametrize("name", slow_but(["bernoulli"], CASES))
def test_equals_whole_passes(name, window):
    passes, x, output, whole, again = built(name)(window)
    for one, two in zip(*map(jax.tree.leaves, (output, whole)), strict=True):
        # float32 sums in another order, outputs up to about ten
        np.testing.assert_allclose(one, two, atol=1e-5)
    assert x.shape == (BATCH, *CASES[name][0])
    if name == "gaussian_learned":
        # a draw is a continuous function of the parameters, and of pixels up to about ten
        np.testing.assert_allclose(x, passes, atol=1e-4)
        np.testing.assert_allclose(passes, again, atol=1e-4)
    else:
        np.testing.assert_array_equal(x, passes)
        # under teacher forcing the same noise draws the same image
        np.testing.assert_array_equal(passes, again)
    assert len(np.unique(np.asarray(x).reshape(BATCH, -1), axis=0)) == BATCH


def test_a_decoder_without_inputs_draws_without_them():
    passes, x, output, whole, _ = built("bernoulli")(FULL_WINDOW, 1.0)
    np.testing.assert_array_equal(x, passes)
    np.testing.assert_allclose(output, whole, atol=1e-5)
    # where it sees what it has drawn, it draws something else
    assert np.abs(output - built("bernoulli")(FULL_WINDOW)[2]).max() > 0.1


@pytest.mark.slow
def test_previous_pixels_matter():
    """Or else the tests above would be of a decoder of z."""
    for name in CASES:
        images = [built(name)(window)[1] for window in (0, FULL_WINDOW)]
        assert np.abs(images[0] - images[1]).max() > 0.1


@pytest.mark.slow
def test_noise_variance_is_a_knob(key):
    vae = models.pixelcnn((4, 4), LATENT, hidden=(4,), likelihood="gaussian")
    params = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape), jax.eval_shape(vae.init, key)
    )
    keys, z = jax.random.split(key, 200), jnp.zeros((200, LATENT))

    def run(variance):
        knobs, family = Knobs(variance=variance), likelihoods.gaussian()
        return models.pixelcnn_sample(
            keys, "gaussian", family, params, z, (4, 4), knobs=knobs
        )

    one, four = map(jax.jit(run), (1.0, 4.0))
    # to float32 rounding: the mean is 0 everywhere
    np.testing.assert_allclose(2 * one, four, rtol=1e-5)
    # four standard errors of a variance of 3200 draws
    np.testing.assert_allclose(np.var(one), 1.0, atol=4 * np.sqrt(2 / 3200))


@pytest.mark.usefixtures("users_view")
def test_refusals_name_what_was_got(key):
    vae = models.pixelcnn((4, 4), LATENT, hidden=(4,), likelihood="bernoulli")
    params = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape), jax.eval_shape(vae.init, key)
    )
    keys, family = jax.random.split(key, 2), likelihoods.bernoulli()

    def run(name="bernoulli", z=(2, LATENT), event=(4, 4)):
        return models.pixelcnn_sample(keys, name, family, params, jnp.zeros(z), event)

    with pytest.raises(ValueError, match="the 1 channels of the model; got 3"):
        run(event=(4, 4, 3))
    with pytest.raises(ValueError, match="and 5 units"):
        run(z=(2, 5))
    with pytest.raises(
        ValueError, match=r"that of the model, .*; got images of \(16, 16\)"
    ):
        run(event=(16, 16))
    with pytest.raises(ValueError, match=r"`keys` must hold .*, \(1,\); got \(2,\)"):
        run(z=(1, LATENT))
    with pytest.raises(ValueError, match=r"height, width, channels.*; got \(4, 4\)"):
        run("logistic_mixture")
    with pytest.raises(ValueError, match="has 1 features a pixel; got 'logistic_mix"):
        run("logistic_mixture", event=(4, 4, 1))
    with pytest.raises(ValueError, match="one of bernoulli, .*; got 'poisson'"):
        run("poisson")
