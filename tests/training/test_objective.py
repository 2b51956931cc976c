"""The loss of a batch against numpy: nats per example, raw rate beside the charged one."""

from functools import partial

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from scipy import optimize

from vae_jax import likelihoods, losses, training
from vae_jax.training import StepHyper, StepKeys
from vae_jax.vae import VAE

BATCH = 6
GAUSSIAN = likelihoods.gaussian()


def free_bits(kl, hyper):
    return losses.free_bits(kl, hyper.settings, over="unit", mean="batch", rule="max")


# compiled once for all tests
PLAIN, FLOORED, OPTIMAL = (
    jax.jit(training.make_objective(linear.vae(), GAUSSIAN, penalty, **options))
    for penalty, options in (
        (training.plain_rate, {}),
        (free_bits, {}),
        (training.plain_rate, {"optimal_variance": True}),
    )
)


def hyper(beta=1.0, free_bits=0.0):
    return StepHyper(
        np.float32(beta), np.float32(1e-3), linear.KNOBS, np.float32(free_bits)
    )


def keys(seed=0, batch=BATCH):
    return StepKeys(*jax.random.split(jax.random.key(seed), (2, batch)))


def z_and_error(params, x, noise_keys):
    """What the draw of these keys gives, in numpy: z, and x minus its decoded mean."""
    p = linear.double(params)
    draws = jax.vmap(lambda key: jax.random.normal(key, (linear.LATENT,)))(noise_keys)
    centred = x - p["offset"]
    z = centred @ p["encoder"].T + np.exp(p["logvar"] / 2) * np.asarray(draws)
    return z, centred - z @ p["decoder"].T


def distortion(error, variance):
    size = error.shape[1]
    return ((error**2).sum(1) / variance + size * np.log(2 * np.pi * variance)) / 2


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_equals_distortion_plus_beta_rate_in_numpy(beta):
    params, x = linear.exact_params(2.0), linear.examples(BATCH)
    loss, terms = PLAIN(params, x, hyper(beta), keys())
    _, error = z_and_error(params, x, keys().noise)
    expected = distortion(error, linear.VARIANCE)
    _, rate = linear.distortion_and_rate(params, x)
    # float32: some ten roundings of 6e-8
    np.testing.assert_allclose(terms.distortion, expected, rtol=1e-6)
    np.testing.assert_allclose(terms.rate, rate, rtol=1e-6)
    np.testing.assert_allclose(terms.penalised_rate, rate, rtol=1e-6)
    np.testing.assert_allclose(loss, expected + beta * rate, rtol=1e-6)


def test_the_raw_rate_is_kept_beside_what_free_bits_charge():
    """A floor of 3 nats a unit, above every KL: the loss pays 6, the rate says less."""
    params, x = linear.exact_params(), linear.examples(BATCH)
    _, rate = linear.distortion_and_rate(params, x)
    assert rate.mean() < 6
    loss, terms = FLOORED(params, x, hyper(2.0, free_bits=3.0), keys())
    np.testing.assert_allclose(terms.rate, rate, rtol=1e-6)
    np.testing.assert_array_equal(terms.penalised_rate, np.full(BATCH, 6.0))
    np.testing.assert_allclose(loss, terms.distortion + 12, rtol=1e-6)


def test_a_rate_under_its_floor_has_no_gradient():
    params, x = linear.exact_params(), linear.examples(BATCH)

    @jax.jit
    @jax.grad
    def gradient(params, hyper):
        return jnp.mean(FLOORED(params, x, hyper, keys())[0])

    free, charged, floored = (
        gradient(params, hyper(*setting))
        for setting in ((0.0, 0.0), (2.0, 0.0), (2.0, 3.0))
    )
    for name, gradient in free.items():
        np.testing.assert_array_equal(floored[name], gradient)
    assert np.abs(charged["logvar"] - free["logvar"]).min() > 0.1


def test_noise_goes_with_its_example():
    params, x = linear.exact_params(2.0), linear.examples(BATCH)
    loss, _ = PLAIN(params, x, hyper(), keys())
    order = np.array([4, 2, 0, 5, 1, 3])
    shuffled = jax.tree.map(lambda k: k[order], keys())
    other, _ = PLAIN(params, x[order], hyper(), shuffled)
    # a matrix product may round each row otherwise
    np.testing.assert_allclose(other, loss[order], rtol=1e-6)
    renoised, _ = PLAIN(params, x, hyper(), keys(1))
    assert np.abs(renoised - loss).min() > 1e-3


def test_the_masks_of_encoder_and_decoder_have_keys_of_their_own():
    seen = {}

    def listening(name, function):
        def call(*arguments, key=None, knobs=None):
            seen[name] = jax.random.key_data(key)
            return function(*arguments, key=key, knobs=knobs)

        return call

    model = VAE(
        None, listening("encode", linear.encode), listening("decode", linear.decode)
    )
    objective = training.make_objective(model, GAUSSIAN)

    @jax.jit
    def used(params, x, hyper, keys):
        objective(params, x, hyper, keys)
        return seen | {"noise": jax.random.key_data(keys.noise)}

    found = used(linear.exact_params(), linear.examples(BATCH), hyper(), keys())
    assert set(found) == {"encode", "decode", "noise"}
    words = np.concatenate(list(found.values()))
    assert len(np.unique(words, axis=0)) == 3 * BATCH


def test_the_optimal_variance_is_the_minimum_over_the_variance():
    params, x = linear.exact_params(2.0), linear.examples(BATCH)
    _, terms = OPTIMAL(params, x, hyper(), keys())
    _, error = z_and_error(params, x, keys().noise)
    best = optimize.minimize_scalar(
        lambda log_variance: distortion(error, np.exp(log_variance)).mean(),
        bounds=(-10, 10),
        method="bounded",
        options={"xatol": 1e-9},
    )
    np.testing.assert_allclose(terms.distortion.mean(), best.fun, rtol=1e-6)
    # float32: some ten roundings of 6e-8; the optimum is the mean squared error
    expected = distortion(error, (error**2).mean())
    np.testing.assert_allclose(terms.distortion, expected, rtol=1e-6)
    # the variance that was set in the knobs does not matter
    knobs = linear.KNOBS._replace(variance=np.float32(7.0))
    _, again = OPTIMAL(params, x, hyper()._replace(knobs=knobs), keys())
    np.testing.assert_array_equal(again.distortion, terms.distortion)


def test_at_the_optimal_variance_the_gradient_is_that_of_this_variance_held_fixed():
    """The envelope theorem: the minimum over the variance adds nothing to a gradient."""
    params, x = linear.exact_params(2.0), linear.examples(BATCH)
    _, error = z_and_error(params, x, keys().noise)
    knobs = linear.KNOBS._replace(variance=np.float32((error**2).mean()))

    @partial(jax.jit, static_argnums=0)
    @partial(jax.grad, argnums=1)
    def gradient(objective, params, hyper):
        return jnp.mean(objective(params, x, hyper, keys())[0])

    free = gradient(OPTIMAL, params, hyper())
    fixed = gradient(PLAIN, params, hyper()._replace(knobs=knobs))
    for name, value in fixed.items():
        # float32, terms of order 1 that partly cancel
        np.testing.assert_allclose(free[name], value, rtol=1e-5, atol=1e-6)
