"""Sequences, tables, epochs, and the warm-up that outlasts its run."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import schedules

UP = jax.jit(schedules.linear(0.0, 1.0, 10))
CYCLES = jax.jit(schedules.cyclical(0.0, 2.0, 6))
DOWN = jax.jit(schedules.cosine(1.0, 0.25, 4))
STEPS = np.arange(60)


def in_python(parts, boundaries, step):
    """The part that a step belongs to, which counts from its own beginning."""
    begins = [0, *boundaries]
    last = max(i for i, begin in enumerate(begins) if step >= begin)
    return float(parts[last](step - begins[last]))


@pytest.mark.parametrize("boundaries", [[10, 30], [1, 2], [15, 100], [0, 20]])
def test_joined_schedules_count_from_their_own_boundaries(boundaries):
    parts = [UP, CYCLES, DOWN]
    joined = schedules.join(parts, boundaries)
    expected = [in_python(parts, boundaries, t) for t in STEPS]
    for table in (joined(STEPS), joined(np.float32(STEPS))):
        # the same formulas compiled in two ways
        np.testing.assert_allclose(table, expected, atol=2.0**-22)


def test_boundaries_are_data():
    boundaries = np.array([[10, 30], [1, 2], [15, 100]])
    swept = jax.jit(
        jax.vmap(lambda pair: schedules.join([UP, CYCLES, DOWN], list(pair))(STEPS))
    )(boundaries)
    for row, pair in zip(swept, boundaries.tolist(), strict=True):
        expected = [in_python([UP, CYCLES, DOWN], pair, t) for t in STEPS]
        np.testing.assert_allclose(row, expected, atol=2.0**-22)


def test_a_table_is_the_beta_of_every_update():
    for schedule in (UP, CYCLES, DOWN):
        table = schedules.tabulate(schedule, 40)
        assert (table.shape, table.dtype) == ((40,), jnp.float32)
        expected = [float(schedule(t)) for t in range(40)]
        np.testing.assert_allclose(table, expected, atol=2.0**-22)


@pytest.mark.parametrize(
    "schedule",
    [schedules.constant(0.25), optax.constant_schedule(0.25), lambda step: 0.25],
)
def test_a_schedule_of_one_number_fills_its_row(schedule):
    assert schedules.tabulate(schedule, 3).tolist() == [0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("epochs", "num_examples", "batch_size", "steps"),
    [
        (10, 60_000, 128, 4680),
        (1, 100, 100, 1),
        (0.5, 1200, 100, 6),
        (2.5, 107, 10, 25),
    ],
)
def test_steps_of_so_many_epochs(epochs, num_examples, batch_size, steps):
    """The short last batch of an epoch is dropped."""
    assert schedules.steps_from_epochs(epochs, num_examples, batch_size) == steps


@pytest.mark.parametrize(
    ("schedule", "num_steps"),
    [
        (schedules.linear(0.0, 2.0, 100), 100),  # the last update is at 99 of 100
        (schedules.linear(0.0, 2.0, 0), 1),
        (schedules.cosine(0.0, 2.0, 100), 95),
        (schedules.sigmoid(0.0, 2.0, 50, 0.1), 97),  # logit 4.6 is a share of 0.99
        (schedules.constant(2.0), 1),
        (schedules.linear(8.0, 2.0, 10), 10),
    ],
)
def test_a_warm_up_that_arrives_is_accepted(schedule, num_steps):
    schedules.check_warmup(schedule, num_steps, 2.0)


@pytest.mark.parametrize(
    ("schedule", "num_steps", "last"),
    [
        (schedules.linear(0.0, 2.0, 101), 100, "1.96"),
        (schedules.linear(0.0, 2.0, 1000), 10, "0.018"),
        (schedules.cosine(0.0, 2.0, 100), 90, "1.941"),
        (schedules.sigmoid(0.0, 2.0, 50, 0.1), 96, "1.978"),
        (lambda step: step * jnp.nan, 10, "nan"),
    ],
)
def test_a_warm_up_that_outlasts_the_run_is_refused(schedule, num_steps, last):
    said = f"got a last beta of {last} of 2 after {num_steps} steps"
    with pytest.raises(ValueError, match=said):
        schedules.check_warmup(schedule, num_steps, 2.0)


def test_refuses_what_cannot_be_composed():
    with pytest.raises(ValueError, match="fewer than the 2 schedules; got 2"):
        schedules.join([UP, DOWN], [1, 2])
    with pytest.raises(ValueError, match="`num_steps` must be at least 1; got 0"):
        schedules.tabulate(UP, 0)
    for wrong in (0, 101):
        with pytest.raises(ValueError, match=f"1 and the 100 examples; got {wrong}"):
            schedules.steps_from_epochs(1, 100, wrong)
