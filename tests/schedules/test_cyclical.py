"""Cycles: whole-number arithmetic as the truth, exact periods, exact plateaus."""

from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from vae_jax import schedules

EPS = 2.0**-23  # of float32
SHAPES = ["linear", "cosine", "sigmoid"]
SETTINGS = {"max_examples": 30, "deadline": None, "derandomize": True}
# the rise ends on a whole step, but float32 puts it an ulp later
ROUNDED = [(13, 7), (21, 3)]

level = st.just(0.0) | st.floats(2**-10, 10, width=32)

BEND = {
    "linear": lambda v: v,
    "cosine": lambda v: (1 - np.cos(np.pi * v)) / 2,
    "sigmoid": lambda v: special.expit(12 * v - 6),
}


@partial(jax.jit, static_argnums=0)
def evaluate(shape, steps, start, stop, period, ratio):
    """Hyper-parameters are data: one program a shape."""
    return schedules.cyclical(start, stop, period, ratio, shape)(steps)


def truth(shape, steps, start, stop, period, rise):
    """Fu et al. (2019), Eq. 6 and 7, with a rise of a whole number of steps."""
    tau = steps % period
    bent = np.where(tau < rise, BEND[shape](np.minimum(tau / rise, 1)), 1)
    return start + (stop - start) * bent


@pytest.mark.parametrize("shape", SHAPES)
@settings(**SETTINGS)
@given(st.data())
def test_cycles(shape, data):
    start, stop = data.draw(level), data.draw(level)
    period = data.draw(st.integers(1, 5000))
    rise = data.draw(st.integers(1, period))
    steps = np.array(data.draw(st.lists(st.integers(0, 10**6), min_size=9, max_size=9)))
    steps = np.concatenate([steps, [0, rise - 1, rise, period - 1, period, 7 * period]])
    hyper = start, stop, period, rise / period
    value = np.asarray(evaluate(shape, steps, *hyper))

    # a few roundings of the share, up to 12 of them in the logistic, and of the value
    slack = 12 * EPS * max(start, stop)
    expected = truth(shape, steps, start, stop, period, rise)
    np.testing.assert_allclose(value, expected, atol=slack)
    held = steps % period >= rise
    np.testing.assert_array_equal(value[held], np.float32(stop))
    if shape != "sigmoid":
        np.testing.assert_array_equal(value[[9, 13, 14]], np.float32(start))
    assert value.min() >= min(start, stop) - slack
    assert value.max() <= max(start, stop) + slack
    # exactly periodic, bit for bit
    later = evaluate(shape, steps + 3 * period, *hyper)
    np.testing.assert_array_equal(value, later)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_rise_of_a_whole_number_of_steps_ends_on_its_step(shape):
    periods, rises = np.array([(p, k) for p in range(2, 300) for k in range(1, p)]).T
    at = jax.vmap(partial(evaluate, shape), in_axes=(0, None, None, 0, 0))
    hyper = 0.1, 0.7, np.float32(periods), np.float32(rises / periods)
    for steps in (rises, (rises + periods) // 2, periods - 1):
        np.testing.assert_array_equal(
            at(np.maximum(steps, rises), *hyper), np.float32(0.7)
        )
    assert (np.asarray(at(rises - 1, *hyper)) < np.float32(0.7)).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("period", "rise"), ROUNDED)
def test_plateaus_are_exact_when_the_settings_are_constants(shape, period, rise):
    schedule = jax.jit(schedules.cyclical(0.1, 0.7, period, rise / period, shape))
    steps = np.arange(3 * period)
    held = np.asarray(schedule(steps)) == np.float32(0.7)
    np.testing.assert_array_equal(held, steps % period >= rise)


def test_literal_cycles():
    """Four cycles in 20 steps: the ones that public code gets wrong."""
    steps = np.arange(20)
    linear = evaluate("linear", steps, 0.0, 1.0, 5, 0.8)
    np.testing.assert_allclose(linear, [0, 0.25, 0.5, 0.75, 1] * 4, atol=EPS)
    whole = evaluate("linear", steps, 0.0, 1.0, 5, 1.0)
    np.testing.assert_allclose(whole, [0, 0.2, 0.4, 0.6, 0.8] * 4, atol=EPS)
    logistic = evaluate("sigmoid", steps, 0.0, 1.0, 5, 1.0)
    expected = special.expit(12 * np.arange(5) / 5 - 6)
    np.testing.assert_allclose(logistic, np.tile(expected, 4), atol=12 * EPS)
    default = jax.jit(schedules.cyclical(0.0, 1.0, period=4))(steps[:5])
    np.testing.assert_array_equal(default, [0, 0.5, 1, 1, 0])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sweep_is_one_program_and_equals_the_loop(shape):
    periods, ratios = np.float32([13, 21, 40]), np.float32([7 / 13, 1.0, 0.5])
    steps, traces = np.arange(60), []

    @jax.jit
    def run(period, ratio):
        traces.append(period)
        return schedules.cyclical(0.0, 2.0, period, ratio, shape)(steps)

    swept = jax.jit(
        jax.vmap(lambda *hyper: schedules.cyclical(0.0, 2.0, *hyper, shape)(steps))
    )(periods, ratios)
    for row, period, ratio in zip(swept, periods, ratios, strict=True):
        # the same formula compiled in two ways
        np.testing.assert_allclose(row, run(period, ratio), atol=12 * EPS)
    assert len(traces) == 1


@pytest.mark.usefixtures("users_view")
def test_refuses_an_unknown_shape():
    with pytest.raises(
        ValueError,
        match="`shape` must be one of 'linear', 'sigmoid', 'cosine'; got 'sq",
    ):
        schedules.cyclical(0.0, 1.0, 10, shape="square")
