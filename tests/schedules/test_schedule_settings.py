"""Settings of schedules and controllers: what they mean at their ends, and beyond."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import schedules

pytestmark = pytest.mark.usefixtures("users_view")


@pytest.mark.slow
def test_a_boundary_between_two_steps_is_one_boundary():
    """For integer and float steps, in a table and behind a delay."""
    ramp = schedules.linear(0.0, 10.0, 10)
    joined = schedules.join([schedules.constant(-1.0), ramp], [33.5])
    expected = [-1.0, -1.0, 0.5, 1.5]
    np.testing.assert_allclose(joined(np.arange(32, 36)), expected)
    np.testing.assert_allclose(joined(np.arange(32.0, 36.0)), expected)
    table = schedules.tabulate(joined, 36)
    np.testing.assert_allclose(table[32:], expected)
    late = schedules.tabulate(schedules.delay(joined, 5), 41)
    np.testing.assert_array_equal(late[5:], table)


@pytest.mark.parametrize(
    "boundaries", [[20, 10], [-1, 5], [np.nan, 1], [1, np.ones(2)]]
)
def test_boundaries_are_steps_in_order(boundaries):
    with pytest.raises(ValueError, match="`boundary` must be"):
        schedules.join([jnp.sin, jnp.cos, jnp.tan], boundaries)


def test_a_ramp_of_no_steps_is_no_division():
    with jax.debug_nans(True):
        for make in (schedules.linear, schedules.cosine):
            assert float(make(0.0, 2.0, 0)(0)) == 2.0
            ends = jax.grad(lambda stop, n, make=make: make(0.0, stop, n)(0.0), (0, 1))
            assert np.array(ends(2.0, 0.0)).tolist() == [1.0, 0.0]


@pytest.mark.slow
def test_schedules_are_healthy_where_nan_is_an_error():
    steps = np.arange(30)
    with jax.debug_nans(True):
        for schedule in (
            schedules.cyclical(0.0, 1.0, 10, 1.0, "cosine"),
            schedules.warm_restarts(schedules.tanh(0.0, 1.0, 0.1), 5, 2.0),
            schedules.staircase(schedules.sigmoid(0.0, 1.0, 15, 1.0), 7),
            schedules.join([schedules.linear(0, 1, 0), schedules.constant(2)], [4]),
        ):
            assert np.isfinite(schedules.tabulate(schedule, 30)).all()
            assert np.isfinite(jax.jit(schedule)(steps)).all()


def test_traced_settings_are_checked_by_nobody_and_shown_by_the_value():
    periods = np.array([4.0, 0.0])
    betas = jax.vmap(lambda p: schedules.cyclical(0.0, 1.0, p)(1))(periods)
    np.testing.assert_array_equal(betas, [0.5, np.nan])


@pytest.mark.parametrize("steps", [3, 4])
def test_a_vector_of_settings_does_not_meet_the_steps(steps):
    betas = np.linspace(1.0, 2.0, 3)
    with pytest.raises(ValueError, match=r"`stop` must be one number; .* `jax.vmap`"):
        schedules.tabulate(schedules.linear(0.0, betas, 2), steps)
    rows = jax.vmap(lambda b: schedules.tabulate(schedules.linear(0.0, b, 2), steps))
    np.testing.assert_allclose(rows(betas)[:, -1], betas)
    with pytest.raises(
        ValueError, match=r"`schedule` must give a number for each of 5"
    ):
        schedules.tabulate(lambda t: betas, 5)


CONTROLLERS = {
    "geco": lambda: schedules.geco(2.0),
    "dual_ascent": lambda: schedules.dual_ascent(2.0, initial=0.5),
    "target_rate": lambda: schedules.target_rate(2.0),
    "control_vae": lambda: schedules.control_vae(2.0),
}


@pytest.mark.parametrize("name", CONTROLLERS)
@pytest.mark.parametrize("observed", [np.inf, -np.inf, np.nan])
def test_an_observation_that_is_not_finite_is_seen_for_good(name, observed):
    """In an average it would stay, and drive the weight up for ever, finite and quiet."""
    controller = CONTROLLERS[name]()
    state = controller.update(controller.init(), observed)
    for _ in range(3):
        assert np.isnan(controller.value(state))
        state = controller.update(state, 2.0)


def test_settings_of_members_are_a_grid():
    """One state for each pair of a column of tolerances and a row of speeds."""
    tolerances, speeds = np.array([[1.0], [3.0]]), np.array([0.1, 0.2, 0.4])
    grid = schedules.geco(tolerances, speed=speeds, max_change=9.0)
    state = grid.update(grid.init(), jnp.full((2, 3), 2.0))
    expected = np.exp(speeds * (2.0 - tolerances))
    np.testing.assert_allclose(grid.value(state), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: schedules.cyclical(0, 1, 0),
            "`period` must be above 0 and finite; got 0",
        ),
        (
            lambda: schedules.cyclical(0, 1, 9, 2),
            "`ratio` must be above 0 and at most 1",
        ),
        (
            lambda: schedules.cyclical(0, 1, 9, -1),
            "`ratio` must be above 0 and at most 1",
        ),
        (lambda: schedules.dual_ascent(1, initial=-5), "`initial` must be at least 0"),
        (lambda: schedules.geco(1, initial=-1), "`initial` must be above 0"),
        (
            lambda: schedules.control_vae(1, minimum=2, maximum=1),
            "`minimum` must be at most `maximum`, 1.0; got 2.0",
        ),
        (
            lambda: schedules.geco(1, minimum=np.ones(2), maximum=np.full(3, 2)),
            r"`minimum` must broadcast against `maximum`, \(3,\); got \(2,\)",
        ),
        (lambda: schedules.steps_from_epochs(-1, 9, 3), "`epochs` must be at least 0"),
        (
            lambda: schedules.steps_from_epochs(1, np.int64(9), np.int64(10)),
            "between 1 and the 9 examples; got 10",
        ),
    ],
)
def test_what_a_range_excludes_is_named(ask, said):
    with pytest.raises(ValueError, match=said):
        ask()


def test_whole_numbers_of_every_library_are_whole_numbers():
    count = schedules.steps_from_epochs(np.float32(2.5), jnp.asarray(60), np.uint8(10))
    assert (count, type(count)) == (15, int)
    with pytest.raises(TypeError, match="`batch_size` must be a whole number; got 2.5"):
        schedules.steps_from_epochs(1, 60, 2.5)
