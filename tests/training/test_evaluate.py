"""Evaluation: every example once, at beta = 1, without dropout, with its own noise."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest

from vae_jax import training
from vae_jax.training import Splits, Stream
from vae_jax.vae import VAE, DiagGaussian, Knobs


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 7, 100])
def test_every_example_counts_once_whatever_the_batch(batch_size):
    for size in (1, 2, 6, 7):
        numbers, pairs = jnp.arange(size), jnp.arange(2 * size).reshape(size, 2)
        once, summed = training.map_batches(
            lambda i, p: (i, {"sum": p.sum(axis=1)}), batch_size, numbers, pairs
        )
        np.testing.assert_array_equal(once, numbers)
        np.testing.assert_array_equal(summed["sum"], pairs.sum(axis=1))


@pytest.mark.slow
def test_the_batch_size_changes_nothing_also_with_random_data(no_report):
    """Noise belongs to the example: of the data and of its z."""

    def noisy(keys, images):
        return images + jax.vmap(lambda key: jax.random.normal(key, (5,)))(keys)

    params, x = linear.exact_params(2.0), linear.examples(50)
    found = []
    for batch_size in (7, 64):
        run = linear.make_evaluate(prepare=noisy, num_samples=3, batch_size=batch_size)
        state, splits = linear.run_state(params), Splits(x, x)
        found.append(jax.jit(run)(state, linear.MEMBER, linear.HYPER, splits))
    assert set(found[0]) == {"distortion", "rate", "nll"}
    for name, value in found[0].items():
        # the same numbers drawn: only the sums of float32 may round otherwise
        np.testing.assert_allclose(found[1][name], value, rtol=1e-6)


def test_equals_a_loop_over_examples_in_numpy(evaluate):
    params, x = linear.exact_params(inflation=2.0), linear.examples(linear.SIZE)
    found = evaluate(params, x)
    p = linear.double(params)
    _, own, _ = jax.random.split(
        training.stream_key(linear.MEMBER, Stream.EVALUATE, 0), 3
    )
    distortion, nll = [], []
    for index, example in enumerate(x):
        noise_key = jax.random.split(jax.random.fold_in(own, index))[1]
        mean = p["encoder"] @ (example - p["offset"])
        log_likelihood, log_weight = [], []
        for sample in range(4):
            folded = jax.random.fold_in(noise_key, sample)
            noise = np.asarray(jax.random.normal(folded, (linear.LATENT,)), np.float64)
            z = mean + np.exp(p["logvar"] / 2) * noise
            error = example - p["offset"] - p["decoder"] @ z
            log_p = -((error**2) / 0.5 + np.log(2 * np.pi * 0.5)).sum() / 2
            log_likelihood.append(log_p)
            log_weight.append(log_p + (noise**2 + p["logvar"] - z**2).sum() / 2)
        distortion.append(-np.mean(log_likelihood))
        nll.append(-np.log(np.mean(np.exp(log_weight))))
    # float32: some ten roundings of 6e-8
    np.testing.assert_allclose(found["distortion"], np.mean(distortion), rtol=1e-6)
    np.testing.assert_allclose(found["nll"], np.mean(nll), rtol=1e-6)


def test_beta_free_bits_and_learning_rate_do_not_matter(evaluate):
    params, x = linear.exact_params(2.0), linear.examples(linear.SIZE)
    other = linear.HYPER._replace(
        beta=np.zeros(1, np.float32),
        learning_rate=np.full(1, 9.0, np.float32),
        settings=np.float32(5.0),
    )
    plain, found = evaluate(params, x), evaluate(params, x, other)
    for name, value in plain.items():
        np.testing.assert_array_equal(value, found[name])
    # at beta = 1 the bound of one sample is distortion + rate; more are better
    assert plain["nll"] < plain["distortion"] + plain["rate"]


@pytest.mark.parametrize("optimal_variance", [False, True])
def test_no_key_for_dropout_is_ever_passed(optimal_variance):
    asked = []

    def listening(function):
        def call(*arguments, key=None, knobs=None):
            asked.append(key)
            return function(*arguments, key=key, knobs=knobs)

        return call

    model = VAE(None, listening(linear.encode), listening(linear.decode))
    run = linear.make_evaluate(model, optimal_variance=optimal_variance)
    x = linear.examples(linear.SIZE)
    state = linear.run_state(linear.exact_params())
    jax.eval_shape(run, state, linear.MEMBER, linear.HYPER, Splits(x, x))
    assert len(asked) >= 3
    assert set(asked) == {None}


def test_the_noise_of_the_data_and_of_z_are_independent(no_report):
    """x and z are standard normal and independent: E (x - z)^2 = 2 for every pixel."""

    def encode(params, x, *, key=None, knobs=None):
        return DiagGaussian(jnp.zeros_like(x), jnp.zeros_like(x))

    def decode(params, z, x=None, *, key=None, knobs=None):
        return DiagGaussian(z, jnp.log(jnp.asarray(knobs.variance)))

    def standard_normal(keys, images):
        return jax.vmap(lambda key: jax.random.normal(key, (4,)))(keys)

    run = linear.make_evaluate(
        VAE(None, encode, decode),
        standard_normal,
        num_samples=1,
        batch_size=1000,
        optimal_variance=True,
    )
    x, hyper = np.zeros((1000, 4), np.float32), linear.HYPER._replace(knobs=Knobs())
    found = jax.jit(run)(linear.run_state({}), linear.MEMBER, hyper, Splits(x, x))
    # (x - z)^2 has mean 2 and variance 8, here over 4000 pixels: 4 standard errors
    tolerance = 4 * np.sqrt(8 / 4000)
    variance = float(found["optimal_variance"])
    assert abs(variance - 2) < tolerance
    squared = (found["distortion"] * 2 / 4 - np.log(2 * np.pi * variance)) * variance
    assert abs(squared - 2) < tolerance
