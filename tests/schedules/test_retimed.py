"""Delay, stairs and restarts: whole-number arithmetic as the truth."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import schedules

RAMP = partial(schedules.linear, 0.0, 1.0)
STEPS = np.arange(400)


@partial(jax.jit, static_argnums=0)
def asked(retime, steps, *hyper):
    """The steps at which the inner schedule is asked; settings are data."""
    return retime(lambda step: step, *hyper)(steps)


def restarts(steps, period, growth):
    """Steps since the last restart, counted in Python's whole numbers."""
    since, begin, length = [], 0, period
    for step in steps.tolist():
        while step >= begin + length:
            begin, length = begin + length, length * growth
        since.append(step - begin)
    return since


def test_literal_steps():
    steps = np.arange(8)
    assert asked(schedules.delay, steps, 3).tolist() == [0, 0, 0, 0, 1, 2, 3, 4]
    assert asked(schedules.staircase, steps, 3).tolist() == [0, 0, 0, 3, 3, 3, 6, 6]
    assert asked(schedules.warm_restarts, steps, 3).tolist() == [0, 1, 2] * 2 + [0, 1]
    grown = asked(schedules.warm_restarts, steps, 2, 2.0)
    assert grown.tolist() == [0, 1, 0, 1, 2, 3, 0, 1]


def test_fractional_settings():
    """A quarter of a run of 10 steps; every number here is exact in float32."""
    steps = np.arange(6)
    assert asked(schedules.delay, steps, 2.5).tolist() == [0, 0, 0, 0.5, 1.5, 2.5]
    assert asked(schedules.staircase, steps, 2.5).tolist() == [0, 0, 0, 2.5, 2.5, 5]
    assert asked(schedules.warm_restarts, steps, 2.5).tolist() == [0, 1, 2, 0.5, 1.5, 0]
    grown = asked(schedules.warm_restarts, steps, 2.0, 1.5)  # cycles at 0, 2 and 5
    assert grown.tolist() == [0, 1, 0, 1, 2, 0]


@pytest.mark.parametrize("period", [41, 47, 55])
def test_blocks_are_exact_when_their_length_is_a_constant(period):
    """A compiled constant divisor becomes a product with a rounded reciprocal."""
    steps = np.arange(100 * period)
    held = jax.jit(schedules.staircase(lambda step: step, period))(steps)
    np.testing.assert_array_equal(held, steps - steps % period)
    since = jax.jit(schedules.warm_restarts(lambda step: step, period))(steps)
    np.testing.assert_array_equal(since, steps % period)


@pytest.mark.parametrize("growth", [1, 2, 3, 10])
def test_every_cycle_begins_on_its_step(growth):
    for period in (1, 2, 7, 41, 100):
        since = asked(schedules.warm_restarts, STEPS, period, np.float32(growth))
        assert since.tolist() == restarts(STEPS, period, growth)


@pytest.mark.parametrize(("period", "growth"), [(1, 2), (3, 2), (7, 3), (5, 11)])
def test_cycles_are_exact_as_far_as_float32_counts(period, growth):
    begins, length = [0], period
    while begins[-1] + length < 2**24:
        begins.append(begins[-1] + length)
        length *= growth
    begins = np.resize(begins, 30)  # one program for all lists
    since = partial(asked, schedules.warm_restarts)
    assert not np.any(since(begins, period, np.float32(growth)))
    ends = np.array([begin for begin in begins if begin]) - 1
    before = since(np.resize(ends, 30), period, np.float32(growth))
    lengths = {b: b - a for a, b in itertools.pairwise(sorted(set(begins.tolist())))}
    expected = [lengths[end + 1] - 1 for end in np.resize(ends, 30).tolist()]
    np.testing.assert_array_equal(before, expected)


@pytest.mark.parametrize("growth", [0.5, 0.0, -2.0, np.nan])
def test_shrinking_cycles_are_not_numbers(growth):
    assert np.isnan(asked(schedules.warm_restarts, STEPS, 10, np.float32(growth))).all()


def test_a_cycle_without_length_ends():
    """Not in an endless loop: by nothing per nothing."""
    for growth in (1.0, 2.0):
        asked(schedules.warm_restarts, STEPS, 0, np.float32(growth)).block_until_ready()


@pytest.mark.parametrize(
    ("schedule", "num_steps"),
    [
        (schedules.delay(RAMP(100), 50), 150),  # the ramp's last step is at 99 %
        (schedules.staircase(RAMP(100), 10), 101),
        (schedules.staircase(RAMP(95), 10), 101),
        (schedules.tanh(0.0, 1.0, 0.01), 266),  # artanh 0.99 = 2.647
        (schedules.delay(schedules.tanh(0.0, 1.0, 0.01), 34), 300),
    ],
)
def test_the_shortest_run_in_which_a_warm_up_arrives(schedule, num_steps):
    schedules.check_warmup(schedule, num_steps, 1.0)
    with pytest.raises(ValueError, match="must end within the run; got a last beta of"):
        schedules.check_warmup(schedule, num_steps - 1, 1.0)


def test_of_restarts_one_cycle_is_checked():
    ramp = schedules.cosine(0.0, 1.0, 60)
    schedules.check_warmup(ramp, num_steps=100, stop=1.0)
    cycles = schedules.warm_restarts(ramp, 100)
    with pytest.raises(ValueError, match="must end within the run"):
        schedules.check_warmup(cycles, num_steps=310, stop=1.0)


def test_they_nest_and_tabulate():
    """Held for 5 steps, then cycles of 10, in stairs of 2."""
    cycles = schedules.warm_restarts(schedules.linear(0.0, 1.0, 8), 10)
    schedule = schedules.delay(schedules.staircase(cycles, 2), 5)
    table = jax.jit(lambda: schedules.tabulate(schedule, 27))()
    cycle = np.repeat([0, 0.25, 0.5, 0.75, 1], 2)
    expected = np.concatenate([np.zeros(5), cycle, cycle, [0, 0]])
    np.testing.assert_array_equal(table, expected)


def test_restarts_of_a_linear_rise_are_cyclical():
    ramp = schedules.warm_restarts(schedules.linear(0.5, 2.0, 25), 50)
    cyclical = schedules.cyclical(0.5, 2.0, 50, ratio=0.5)
    # the same shares by other divisions
    rises, cycles = jax.jit(lambda steps: (ramp(steps), cyclical(steps)))(STEPS)
    np.testing.assert_allclose(rises, cycles, atol=2.0**-21)


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint32, jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(
    ("retime", "expected"),
    [
        (schedules.delay, [0, 0, 4]),
        (schedules.staircase, [0, 5, 5]),
        (schedules.warm_restarts, [3, 0, 4]),
    ],
)
def test_steps_of_every_kind(dtype, retime, expected):
    value = asked(retime, jnp.array([3, 5, 9], dtype), 5)
    assert (value.dtype, value.tolist()) == (jnp.float32, expected)
    assert float(retime(lambda step: step, 5)(9)) == expected[-1]


def test_gradients_in_levels_and_lengths():
    """Of a ramp at 0.4 of its length, whose stop weighs 0.4; of a delay and a period."""

    @jax.jit
    def at(level, delay, period):
        ramp = schedules.linear(0.0, level, 10)
        late = schedules.delay(ramp, delay)(9)
        return late, schedules.warm_restarts(ramp, period, 2.0)(34)

    slopes = jax.jit(jax.jacfwd(at, (0, 1, 2)))(2.0, 5.0, 10.0)
    np.testing.assert_allclose(slopes[0], [0.4, -0.2, 0], atol=1e-6)
    # step 34 is the fourth of the cycle that begins at three periods
    np.testing.assert_allclose(slopes[1], [0.4, 0, -3 * 0.2], atol=1e-6)
    reverse = jax.jit(jax.grad(lambda level: sum(at(level, 5.0, 10.0))))(2.0)
    assert float(reverse) == pytest.approx(0.8, abs=1e-6)
