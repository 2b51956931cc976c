"""The average of the parameters is the sum that its definition says, and trains nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from test_plateau import DATA, HYPER, KEY, STEPS, base

from vae_jax import training
from vae_jax.training._average import averaged

PATH = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999, 0.99999])
def test_it_is_the_weighted_sum_of_all_steps(decay):
    average = jnp.full(3, 1e6, jnp.float32)  # what a run begins with has no part in it
    for count, params in enumerate(PATH, 1):
        average = averaged(average, params, decay, count)
        weights = np.float64(np.float32(decay)) ** np.arange(count - 1, -1, -1)
        exact = (weights[:, None] * PATH[:count]).sum(0) / weights.sum()
        # a rounding of float32 a step, of numbers of about 1
        np.testing.assert_allclose(average, exact, atol=count * 2**-24 * 4)


def test_it_is_the_average_that_optax_makes_without_its_bias():
    tracked = optax.ema(0.9, debias=True)
    state, average = tracked.init(jnp.zeros(3)), jnp.zeros(3)
    for count, params in enumerate(PATH, 1):
        with jax.numpy_dtype_promotion("standard"):
            expected, state = tracked.update(jnp.asarray(params), state)
        average = averaged(average, params, 0.9, count)
    np.testing.assert_allclose(average, expected, rtol=1e-5)


def test_counts_and_half_precision_keep_their_dtype():
    params = {"n": jnp.array(3, jnp.int32), "w": jnp.ones(2, jnp.bfloat16)}
    found = averaged(jax.tree.map(jnp.zeros_like, params), params, 0.5, 2)
    assert found["n"] == 3
    assert [x.dtype for x in jax.tree.leaves(found)] == [jnp.int32, jnp.bfloat16]


@pytest.mark.parametrize("decay", [0.0, 0.8])
def test_training_is_as_without_it_and_the_average_is_evaluated(decay):
    plain = base()
    program = training.with_average(plain, decay)
    run = jax.jit(program.init)(KEY, HYPER, DATA)
    alone = jax.jit(plain.init)(KEY, HYPER, DATA)
    step, step_alone = jax.jit(program.step), jax.jit(plain.step)
    average = alone.train.params
    for t in range(STEPS):
        run, info = step(run, jnp.int32(t), KEY, HYPER, DATA)
        alone, info_alone = step_alone(alone, jnp.int32(t), KEY, HYPER, DATA)
        average = averaged(average, alone.train.params, decay, t + 1)
        assert float(info.loss) == float(info_alone.loss)
    for found, expected in (
        (run.train.params, alone.train.params),
        (program.params(run, KEY, HYPER, DATA), average),
        (
            program.evaluate(run, KEY, HYPER, DATA)["weight"],
            jax.tree.leaves(average)[0],
        ),
    ):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, 1e-6), found, expected
        )
    last = jax.tree.leaves(alone.train.params)
    moved = any(
        np.abs(a - b).max() > 1e-4
        for a, b in zip(jax.tree.leaves(average), last, strict=True)
    )
    assert moved == (decay > 0)
