"""One rise: formulas in float64, exact ends however compiled, laws at random settings."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from vae_jax import schedules

EPS = 2.0**-23  # of float32
RAMPS = [schedules.linear, schedules.cosine]
SETTINGS = {"max_examples": 40, "deadline": None, "derandomize": True}
# numbers that the compiler rounds when it divides by them as constants
LENGTHS = [1, 41, 97, 12345]

level = st.just(0.0) | st.floats(2**-10, 10, width=32)
length = st.integers(1, 10**6)


@partial(jax.jit, static_argnums=0)
def evaluate(make, steps, *hyper):
    """Hyper-parameters are data: one program for all of them."""
    return make(*hyper)(steps)


def steps_through(num_steps):
    """Before, at and after the last step; always 64 of them."""
    inner = np.floor(np.linspace(0, 1.5 * num_steps, 61))
    around = [max(num_steps - 1, 0), num_steps, num_steps + 1]
    return np.sort(np.concatenate([inner, around])).astype(np.float32)


def share(make, steps, *hyper):
    """The formula of each docstring in float64."""
    steps = np.float64(steps)
    if make is schedules.linear:
        return np.clip(steps / hyper[0], 0, 1)
    if make is schedules.cosine:
        return (1 - np.cos(np.pi * np.clip(steps / hyper[0], 0, 1))) / 2
    return special.expit(hyper[1] * (steps - hyper[0]))


@pytest.mark.parametrize("make", RAMPS)
@settings(**SETTINGS)
@given(level, level, length)
def test_ramps(make, start, stop, num_steps):
    steps = steps_through(num_steps)
    value = np.asarray(evaluate(make, steps, start, stop, num_steps))
    truth = start + (stop - start) * share(make, steps, num_steps)
    # a few roundings of numbers of the size of the larger end
    slack = 4 * EPS * max(start, stop)
    np.testing.assert_allclose(value, truth, atol=slack)
    assert value[0] == np.float32(start)
    np.testing.assert_array_equal(value[steps >= num_steps], np.float32(stop))
    assert value.min() >= min(start, stop) - slack
    assert value.max() <= max(start, stop) + slack
    assert (np.diff(value) * np.sign(stop - start) >= -slack).all()


@settings(**SETTINGS)
@given(level, level, length, st.floats(2**-10, 10, width=32))
def test_sigmoid(start, stop, midpoint, width):
    """`width` is how often its own midpoint the logistic is steep: scale-free."""
    steepness = np.float32(width / midpoint)
    steps = steps_through(midpoint)
    value = evaluate(schedules.sigmoid, steps, start, stop, midpoint, steepness)
    value = np.asarray(value)
    truth = start + (stop - start) * share(
        schedules.sigmoid, steps, midpoint, np.float64(steepness)
    )
    slack = 8 * EPS * max(start, stop)
    np.testing.assert_allclose(value, truth, atol=slack)
    assert (np.diff(value) * np.sign(stop - start) >= -slack).all()
    middle = value[np.searchsorted(steps, midpoint)]
    assert float(middle) == pytest.approx((start + stop) / 2, abs=slack)


def test_sigmoid_only_approaches_its_stop():
    steps = np.array([0, 50, 100, 150, 200, 250], np.float32)
    value = np.asarray(evaluate(schedules.sigmoid, steps, 0.0, 2.0, 100, 0.1))
    assert value[0] > 0
    assert (np.diff(value) > 0).all()
    assert value[-1] < 2  # by 2 e^-15, which float32 can tell
    np.testing.assert_allclose(value[:5] + value[4::-1], 2, atol=4 * EPS)


@pytest.mark.parametrize("make", RAMPS)
@pytest.mark.parametrize("num_steps", LENGTHS)
def test_the_end_is_exact_when_the_length_is_a_constant(make, num_steps):
    """A compiled constant divisor becomes a product with a rounded reciprocal."""
    stop = np.float32(0.7)
    compiled = jax.jit(make(0.1, stop, num_steps))
    steps = np.array([num_steps - 1, num_steps, 3 * num_steps])
    before, *after = np.asarray(compiled(steps))
    # a cosine is flat at its end: at 12344 of 12345 it has rounded to the stop
    assert before < stop or (make is schedules.cosine and num_steps > 1000)
    np.testing.assert_array_equal(after, stop)


@pytest.mark.parametrize("make", RAMPS)
def test_the_end_is_exact_at_every_length(make):
    lengths = np.arange(5000, dtype=np.float32)
    ends = jax.vmap(lambda n: evaluate(make, n, 0.1, 0.7, n))(lengths)
    np.testing.assert_array_equal(ends, np.float32(0.7))
    before = jax.vmap(lambda n: evaluate(make, n - 1, 0.1, 0.7, n))(lengths[1:1000])
    assert (np.asarray(before) < np.float32(0.7)).all()


@settings(**SETTINGS)
@given(level, level, length, st.floats(2**-10, 8, width=32))
def test_tanh(start, stop, num_steps, end):
    """`end` is what the tanh is taken of after `num_steps`: scale-free."""
    rate = np.float32(end / num_steps)
    steps = steps_through(num_steps)
    value = np.asarray(evaluate(schedules.tanh, steps, start, stop, rate))
    truth = start + (stop - start) * np.tanh(np.float64(rate) * steps)
    # a few roundings; the compiled tanh is within 3e-7
    slack = 4 * EPS * max(start, stop)
    np.testing.assert_allclose(value, truth, atol=slack)
    assert value[0] == np.float32(start)
    assert (np.diff(value) * np.sign(stop - start) >= -slack).all()


def test_tanh_only_approaches_its_stop():
    """And where float32 rounds it there, it is there, to the last bit of a tanh."""
    steps = np.array([0, 100, 300, 700, 900, 5000, 10**9], np.float32)
    value = np.asarray(evaluate(schedules.tanh, steps, 0.1, 0.7, 0.01))
    assert (np.diff(value[:4]) > 0).all()
    assert value[3] < np.float32(0.7)  # by 1.2 e^-14
    np.testing.assert_allclose(value[4:], np.float32(0.7), rtol=2e-7)


@pytest.mark.parametrize("make", RAMPS)
def test_no_warm_up_is_the_stop_from_the_first_step(make):
    assert evaluate(make, np.arange(3), 0.0, 2.0, 0).tolist() == [2.0, 2.0, 2.0]


def test_constant():
    schedule = schedules.constant(0.3)
    assert schedule(7).dtype == jnp.float32
    np.testing.assert_array_equal(jax.jit(schedule)(np.arange(5)), np.full(5, 0.3, "f"))


HYPER = {
    schedules.constant: [[0.0, 0.5, 4.0]],
    schedules.linear: [[0.0, 0.5, 1.0], [1.0, 1.0, 0.0], [41, 1, 100]],
    schedules.cosine: [[0.0, 0.5, 1.0], [1.0, 1.0, 0.0], [41, 1, 100]],
    schedules.sigmoid: [[0.0, 0.5, 1.0], [1.0, 1.0, 0.0], [41, 1, 99], [0.1, 1, 0.3]],
    schedules.tanh: [[0.0, 0.5, 1.0], [1.0, 1.0, 0.0], [0.01, 1, 0.05]],
}


@pytest.mark.parametrize("make", HYPER)
def test_a_sweep_is_one_program_and_equals_the_loop(make):
    columns = [np.array(column, np.float32) for column in HYPER[make]]
    steps, traces = np.arange(120), []

    @jax.jit
    def run(steps, *hyper):
        traces.append(hyper)
        return make(*hyper)(steps)

    swept = jax.jit(jax.vmap(lambda *hyper: make(*hyper)(steps)))(*columns)
    for row, hyper in zip(swept, zip(*columns, strict=True), strict=True):
        # the same formula compiled in two ways
        np.testing.assert_allclose(row, run(steps, *hyper), atol=2 * EPS)
    assert len(traces) == 1


@pytest.mark.parametrize("make", HYPER)
def test_a_single_step_without_jit(make):
    hyper = [column[0] for column in HYPER[make]]
    table = evaluate(make, np.arange(120), *hyper)
    assert float(make(*hyper)(41)) == pytest.approx(float(table[41]), abs=2 * EPS)
