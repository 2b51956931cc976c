"""Laws of every schedule at random settings: range, ends, periods, order, one program."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import pytest
from compiled import Counted
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_jax import schedules

EPS = 2.0**-23  # of float32
SETTINGS = {"max_examples": 15, "deadline": None, "derandomize": True}

level = st.just(0.0) | st.floats(2**-10, 10, width=32)
length = st.integers(1, 5000)
share = st.sampled_from([0.125, 0.25, 0.5, 1.0])  # of lengths that 8 divides: exact


def _restarts(start, stop, length, period, growth):
    return schedules.warm_restarts(
        schedules.cosine(start, stop, length), period, growth
    )


def _join(start, stop, length, boundary):
    """Up in a line, and down in a half-wave from the boundary on."""
    up = schedules.linear(start, stop, length)
    return schedules.join([up, schedules.cosine(stop, start, length)], [boundary])


class Case(NamedTuple):
    """A schedule of `start`, `stop` and lengths, and what it promises.

    `end(*lengths)` is the step from which it holds `last` (start or stop) exactly, in
    every period if it has one; `period(*lengths)` its exact period; `falls` how far a
    rise may fall, in roundings.
    """

    make: Callable
    lengths: tuple
    end: Callable | None = None
    last: str = "stop"
    period: Callable | None = None
    falls: float | None = None


def cyclical(shape):
    def make(start, stop, eighths, ratio):
        return schedules.cyclical(start, stop, 8 * eighths, ratio, shape)

    return Case(
        make,
        (length, share),
        end=lambda eighths, ratio: int(8 * eighths * ratio),
        period=lambda eighths, ratio: 8 * eighths,
    )


CASES = {
    "constant": Case(lambda start, stop: schedules.constant(stop), (), lambda: 0),
    "linear": Case(schedules.linear, (length,), lambda n: n, falls=0),
    # the half-wave and the exponentials are not rounded in order
    "cosine": Case(schedules.cosine, (length,), lambda n: n, falls=2),
    "sigmoid": Case(
        lambda start, stop, n, width: schedules.sigmoid(start, stop, n, width / n),
        (length, st.floats(2**-5, 20, width=32)),
        falls=2,
    ),
    "tanh": Case(
        lambda start, stop, n, end: schedules.tanh(start, stop, end / n),
        (length, st.floats(2**-5, 20, width=32)),
        falls=2,
    ),
    "linear cycles": cyclical("linear"),
    "cosine cycles": cyclical("cosine"),
    "sigmoid cycles": cyclical("sigmoid"),
    "delay": Case(
        lambda start, stop, n, late: schedules.delay(
            schedules.linear(start, stop, n), late
        ),
        (length, length),
        lambda n, late: late + n,
        falls=0,
    ),
    "staircase": Case(
        lambda start, stop, n, block: schedules.staircase(
            schedules.linear(start, stop, n), block
        ),
        (length, length),
        lambda n, block: -(-n // block) * block,
        falls=0,
    ),
    "restarts": Case(
        lambda *hyper: _restarts(*hyper, growth=1.0),
        (length, length),
        period=lambda n, period: period,
    ),
    "growing restarts": Case(
        _restarts, (length, st.integers(1, 99), st.integers(1, 9))
    ),
    "join": Case(_join, (length, length), lambda n, begin: begin + n, last="start"),
}


def _program(case):
    """One compiled program of a case, and the same over rows of settings."""

    def table(steps, start, stop, lengths):
        return case.make(start, stop, *lengths)(steps)

    swept = jax.vmap(table, in_axes=(None, 0, 0, 0))
    return Counted(jax.jit(table)), Counted(jax.jit(swept))


PROGRAMS = {name: _program(case) for name, case in CASES.items()}
every = pytest.mark.parametrize("name", CASES)


def drawn(data, case):
    """Start, stop and lengths as data, and 64 steps around all that may happen."""
    start, stop = np.float32(data.draw(level)), np.float32(data.draw(level))
    lengths = [data.draw(strategy) for strategy in case.lengths]
    whole = [n for n in lengths if isinstance(n, int)]
    marks = {0, sum(whole), *whole} | {
        f(*lengths) for f in (case.end, case.period) if f
    }
    around = {max(mark + i, 0) for mark in marks for i in (-1, 0, 1)}
    spread = np.linspace(0, 2 * sum(whole) + 10, 64 - len(around))
    steps = np.sort([*around, *np.floor(spread)]).astype(np.int32)
    return steps, start, stop, tuple(map(np.float32, lengths)), lengths


@every
@settings(**SETTINGS)
@given(st.data())
def test_laws(name, data):
    case, (run, swept) = CASES[name], PROGRAMS[name]
    steps, start, stop, hyper, lengths = drawn(data, case)
    value = np.asarray(run(steps, start, stop, hyper))
    # between the two ends, of which it may round to either but not beyond
    assert value.dtype == np.float32
    assert min(start, stop) <= value.min()
    assert value.max() <= max(start, stop)
    if case.end:
        since = steps % case.period(*lengths) if case.period else steps
        held = value[since >= case.end(*lengths)]
        assert held.size or case.period
        np.testing.assert_array_equal(held, {"start": start, "stop": stop}[case.last])
    if case.period:
        for cycles in (1, 7):
            later = steps + np.int32(cycles * case.period(*lengths))
            np.testing.assert_array_equal(run(later, start, stop, hyper), value)
    if case.falls is not None:
        fall = -np.diff(value) * np.sign(stop - start)
        assert fall.max() <= case.falls * EPS * max(start, stop)
    # two settings at once: the same formulas, compiled in another way
    rows = swept(
        steps,
        *(np.stack([a, b]) for a, b in ((start, stop), (stop, start))),
        tuple(np.stack([n, n]) for n in hyper),
    )
    turned = run(steps, stop, start, hyper)
    slack = 12 * EPS * max(start, stop)
    np.testing.assert_allclose(rows, [value, turned], rtol=0, atol=slack)
    # and one program for all that was ever drawn
    assert (run.programs, swept.programs) == (1, 1)


@every
@settings(**SETTINGS | {"max_examples": 3})
@given(st.data())
def test_compiled_or_not(name, data):
    case, (run, _) = CASES[name], PROGRAMS[name]
    steps, start, stop, hyper, _ = drawn(data, case)
    value = run(steps, start, stop, hyper)
    eager = case.make(start, stop, *hyper)(steps)
    constants = jax.jit(case.make(float(start), float(stop), *map(float, hyper)))(steps)
    # roundings of a share, of which the logistic and the tanh take up to 20 in
    slack = 20 * EPS * max(start, stop)
    np.testing.assert_allclose(eager, value, rtol=0, atol=slack)
    np.testing.assert_allclose(constants, value, rtol=0, atol=slack)


def _same(name, steps, start, stop, *lengths):
    run, _ = PROGRAMS[name]
    return np.asarray(run(steps, start, stop, tuple(map(np.float32, lengths))))


# One program at two settings, so that the inner schedule is the same bit for bit.


@settings(**SETTINGS)
@given(level, level, length, length)
def test_a_delayed_schedule_is_the_schedule_later(start, stop, num_steps, late):
    ends, steps = map(np.float32, (start, stop)), np.arange(64, dtype=np.int32)
    start, stop = ends
    plain = _same("delay", steps, start, stop, num_steps, 0)
    later = _same("delay", steps + late, start, stop, num_steps, late)
    np.testing.assert_array_equal(later, plain)
    before = _same("delay", np.minimum(steps, late), start, stop, num_steps, late)
    np.testing.assert_array_equal(before, start)


@settings(**SETTINGS)
@given(level, level, length, length, st.integers(0, 10**6))
def test_stairs_hold_what_their_block_begins_with(start, stop, num_steps, block, at):
    start, stop = np.float32(start), np.float32(stop)
    steps = np.arange(at, at + 64, dtype=np.int32)
    held = _same("staircase", steps, start, stop, num_steps, block)
    begins = steps - steps % block
    plain = _same("staircase", begins, start, stop, num_steps, 1)
    np.testing.assert_array_equal(held, plain)


@settings(**SETTINGS)
@given(level, level, length, length, st.integers(1, 9), st.integers(0, 10**6))
def test_restarts_begin_the_schedule_again(start, stop, num_steps, period, growth, at):
    start, stop = np.float32(start), np.float32(stop)
    steps = np.arange(at, at + 64, dtype=np.int32)
    begins = []
    for step in steps.tolist():
        begin, cycle = step - step % period if growth == 1 else 0, period
        while begin + cycle <= step:
            begin, cycle = begin + cycle, cycle * growth
        begins.append(begin)
    run = "growing restarts"
    again = _same(run, steps, start, stop, num_steps, period, growth)
    first = _same(run, steps - np.int32(begins), start, stop, num_steps, 2**24, 1)
    np.testing.assert_array_equal(again, first)


@settings(**SETTINGS)
@given(level, level, length, length)
def test_joined_schedules_begin_at_their_boundary(start, stop, num_steps, boundary):
    start, stop = np.float32(start), np.float32(stop)
    steps = np.arange(64, dtype=np.int32)
    second = _same("join", steps, start, stop, num_steps, 0)
    later = _same("join", steps + boundary, start, stop, num_steps, boundary)
    np.testing.assert_array_equal(later, second)
    first = np.maximum(boundary - 1 - steps, 0)
    before = _same("join", first, start, stop, num_steps, boundary)
    alone = _same("join", first, start, stop, num_steps, 2**24)
    np.testing.assert_array_equal(before, alone)
