"""Controllers: closed loops whose end is known exactly, and the rules written by hand.

The plants are linear VAEs on the digits: at the water level s their rate is
`sum log+(eigenvalue / s) / 2` and their squared error `sum min(s, eigenvalue)`.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize
from sklearn.datasets import load_digits

from vae_jax import analytic, schedules

SPECTRUM = np.asarray(analytic.eigenvalues(load_digits().data / 16), np.float64)
KEPT, LOST = SPECTRUM[:10], SPECTRUM[10:].sum()  # ten latents

MAKERS = {
    "geco": lambda aim, speed: schedules.geco(aim, speed=speed),
    "dual_ascent": lambda aim, speed: schedules.dual_ascent(aim, speed=speed),
    "target_rate": lambda aim, speed: schedules.target_rate(aim, speed=speed),
    "control_vae": lambda aim, speed: schedules.control_vae(
        aim, integral=speed, proportional=0.1, maximum=3.0
    ),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def rate(level, lib=jnp):
    return 0.5 * lib.sum(lib.log(lib.maximum(KEPT.astype("f") / level, 1.0)))


def squared_error(level, lib=jnp):
    return lib.sum(lib.minimum(level, KEPT.astype("f"))) + LOST


def level_of(plant, wanted):
    """Where the plant shows what is wanted, in float64."""
    return optimize.brentq(lambda s: plant(s, np) - wanted, 1e-4, 0.7, xtol=1e-12)


def closed_loop(controller, level_from, plant, lag=1.0, num_steps=4000):
    """The loop of a training run; a plant with a lag moves to its level by and by."""

    def step(carry, _):
        state, level = carry
        value = controller.value(state)
        level = level + lag * (level_from(value) - level)
        return (controller.update(state, plant(level)), level), value

    start = controller.init(), level_from(controller.value(controller.init()))
    (state, _), values = jax.lax.scan(step, start, length=num_steps)
    return state, values


def sweep(make, wanted, **loop):
    """The last value for every setting, in one program."""
    run = jax.jit(jax.vmap(lambda aim: closed_loop(make(aim), **loop)[1]))
    return np.asarray(run(np.float32(wanted)))


@pytest.mark.parametrize("lag", [1.0, 0.05])
def test_geco_finds_the_multiplier_of_its_tolerance(lag):
    tolerances = [1.5, 2.0, 3.0]
    make = partial(schedules.geco, speed=4e-3, max_change=0.1)
    loop = {"level_from": lambda m: 0.5 / m, "plant": squared_error}
    last = sweep(make, tolerances, lag=lag, num_steps=8000, **loop)[:, -1]
    exact = [0.5 / level_of(squared_error, aim) for aim in tolerances]
    # the log stops moving when speed times the error is under half its last digit,
    # 1.2e-7, of which the error's slope, 0.27 at the least, makes 1.1e-4
    np.testing.assert_allclose(last, exact, rtol=2e-4)
    np.testing.assert_allclose(exact, [18.421, 6.482, 2.697], rtol=1e-4)


def test_the_minimum_desired_rate_finds_its_multiplier():
    minima = [2.0, 5.0, 10.0]  # of a model that collapses altogether by itself
    loop = {"level_from": lambda u: 1.0 - u, "plant": rate}
    make = partial(schedules.dual_ascent, speed=2e-3)
    path = sweep(make, minima, **loop)
    exact = [1.0 - level_of(rate, aim) for aim in minima]
    # as above: 3e-8 over the speed and the slope, 14 nats at the least
    np.testing.assert_allclose(path[:, -1], exact, atol=3e-6)
    np.testing.assert_allclose(exact, [0.7805, 0.8918, 0.9602], atol=6e-5)
    assert ((path >= 0.0) & (path < 1.0)).all()


def test_a_constraint_that_holds_by_itself_costs_nothing():
    loop = {"level_from": lambda u: 0.01 * (1.0 - u), "plant": rate}
    values = sweep(partial(schedules.dual_ascent, speed=2e-3), [2.0, 5.0], **loop)
    assert not values.any()


VARIANCE = 0.1


@pytest.mark.parametrize("lag", [1.0, 0.05])
@pytest.mark.parametrize("name", ["target_rate", "control_vae"])
def test_beta_is_steered_to_the_rate(name, lag):
    targets = [2.0, 5.0, 10.0]
    make = {
        "target_rate": partial(schedules.target_rate, speed=4e-3),
        "control_vae": partial(
            schedules.control_vae, integral=4e-3, minimum=0.01, maximum=5.0
        ),
    }[name]
    loop = {"level_from": lambda beta: VARIANCE * beta, "plant": rate}
    last = sweep(make, targets, lag=lag, **loop)[:, -1]
    exact = [level_of(rate, aim) / VARIANCE for aim in targets]
    # as above: 1.2e-7 over the speed, and over a slope of 1.3 nats at the least
    np.testing.assert_allclose(last, exact, atol=1e-4)


# The rules, written by hand in Python's float64.


def geco_by_hand(seen, aim, speed, decay, change, bounds):
    multiplier, average, values = 1.0, None, []
    for observed in seen:
        constraint = observed - aim
        if average is None:
            average = constraint
        average = decay * average + (1 - decay) * constraint
        multiplier *= math.exp(min(max(speed * average, -change), change))
        multiplier = min(max(multiplier, bounds[0]), bounds[1])
        values.append(multiplier)
    return values


def dual_by_hand(seen, minimum, speed, maximum):
    u, values = 0.0, []
    for observed in seen:
        u = min(max(u + speed * (minimum - observed), 0.0), maximum)
        values.append(u)
    return values


def target_by_hand(seen, aim, speed, change, bounds):
    beta, values = 1.0, []
    for observed in seen:
        beta *= math.exp(min(max(speed * (observed - aim), -change), change))
        beta = min(max(beta, bounds[0]), bounds[1])
        values.append(beta)
    return values


def shao_by_hand(seen, aim, k_p, k_i, low, high, freeze):
    """Algorithm 1; `freeze(beta, e)` says whether an error is left out of the sum."""
    total, beta, values = 0.0, low, []
    for observed in seen:
        error = aim - observed
        if not freeze(beta, error):
            total -= k_i * error
        beta = k_p / (1 + math.exp(error)) + total + low
        values.append(min(max(beta, low), high))
    return values


def frozen_outward(low, high):
    return lambda beta, e: (beta < low and e > 0) or (beta > high and e < 0)


def frozen_outside(low, high):
    return lambda beta, e: not low <= beta <= high


def trajectory(controller, seen, state=None):
    """The value after every update."""

    def step(state, observed):
        state = controller.update(state, observed)
        return state, controller.value(state)

    start = controller.init() if state is None else state
    return jax.lax.scan(step, start, jnp.asarray(seen, jnp.float32))


@jax.jit
def values_of_all(seen):
    """Every controller at settings that reach their bounds."""
    return {
        "geco": trajectory(
            schedules.geco(
                5.0, speed=0.1, decay=0.8, max_change=0.3, minimum=0.5, maximum=2.5
            ),
            seen,
        )[1],
        "dual": trajectory(schedules.dual_ascent(5.0, speed=0.1, maximum=1.5), seen)[1],
        "target": trajectory(
            schedules.target_rate(
                5.0, speed=0.1, max_change=0.3, minimum=0.4, maximum=3.0
            ),
            seen,
        )[1],
        "control": trajectory(
            schedules.control_vae(
                5.0, proportional=0.3, integral=0.05, minimum=0.2, maximum=1.1
            ),
            seen,
        )[1],
    }


def test_the_rules_are_those_written_by_hand():
    rng = np.random.default_rng(0)
    drift = np.repeat([0, 2, -2, 1], 50)  # long enough to meet the bounds
    seen = np.float32(5 + drift + 3 * rng.standard_normal(200))
    expected = {
        "geco": geco_by_hand(seen.tolist(), 5, 0.1, 0.8, 0.3, (0.5, 2.5)),
        "dual": dual_by_hand(seen.tolist(), 5, 0.1, 1.5),
        "target": target_by_hand(seen.tolist(), 5, 0.1, 0.3, (0.4, 3.0)),
        "control": shao_by_hand(
            seen.tolist(), 5, 0.3, 0.05, 0.2, 1.1, frozen_outward(0.2, 1.1)
        ),
    }
    bounds = {"geco": (0.5, 2.5), "dual": (0, 1.5), "target": (0.4, 3)}
    for name, values in values_of_all(seen).items():
        # 200 roundings of sums of the size of one
        np.testing.assert_allclose(values, expected[name], rtol=3e-5, atol=3e-5)
        low, high = bounds.get(name, (0.2, 1.1))
        assert np.min(values) == pytest.approx(low, abs=1e-6)
        assert np.max(values) == pytest.approx(high, abs=1e-6)


def test_control_vae_is_the_papers_while_beta_is_in_range():
    rng = np.random.default_rng(1)
    seen = np.float32(18 + rng.standard_normal(200))
    setting = {"proportional": 0.5, "integral": 1e-3, "minimum": 0.0, "maximum": 2.0}
    _, values = jax.jit(
        lambda seen: trajectory(schedules.control_vae(17.0, **setting), seen)
    )(seen)
    hand = shao_by_hand(seen.tolist(), 17, 0.5, 1e-3, 0, 2, frozen_outside(0, 2))
    np.testing.assert_allclose(values, hand, atol=3e-5)
    assert 0 < min(hand) < max(hand) < 2


def test_control_vae_does_not_wind_up():
    """After 1000 steps out of range, the first error the other way moves beta back."""
    setting = {"proportional": 0.1, "integral": 0.01, "minimum": 0.5, "maximum": 1.5}
    run = jax.jit(partial(trajectory, schedules.control_vae(5.0, **setting)))
    for stuck, back, bound in ((4.0, 15.0, 0.5), (6.0, -5.0, 1.5)):
        state, values = run(np.full(1000, stuck))
        assert values[-1] == bound
        sum_before = float(state.integral)
        # at most one error further than the range and the proportional part allow
        assert abs(sum_before) <= 1.0 + 0.1 + 0.01
        state, values = run(np.array([back]), state=state)
        assert float(state.integral) == pytest.approx(sum_before + 0.01 * (back - 5))
        assert 0.5 < values[0] < 1.5


def test_control_vae_leaves_a_bound_that_would_hold_the_papers_rule():
    """One large error at the start puts the sum below anything K_p can lift."""
    seen = np.concatenate([[0.0, 0.0], np.full(300, 15.0)])
    setting = {"proportional": 0.01, "integral": 0.01, "minimum": 0.0, "maximum": 1.0}
    _, values = jax.jit(partial(trajectory, schedules.control_vae(5.0, **setting)))(
        seen
    )
    paper = shao_by_hand(seen.tolist(), 5, 0.01, 0.01, 0, 1, frozen_outside(0, 1))
    assert set(paper) == {0.0}
    assert values[1] == 0.0
    assert values[-1] == 1.0


def test_bounds_are_left_at_once():
    """A tolerance, or a target, that was out of reach for 10000 steps."""
    setting = {"speed": 0.1, "max_change": 0.1, "maximum": 100.0}
    for controller in (
        schedules.geco(5.0, decay=0.5, **setting),
        schedules.target_rate(5.0, **setting),
    ):
        run = jax.jit(partial(trajectory, controller))
        state, values = run(np.full(10_000, 1e3))
        assert values[-1] == pytest.approx(100.0, rel=1e-6)
        # far enough below for an average of half and half to turn negative at once
        _, values = run(np.full(2, -2e3), state=state)
        np.testing.assert_allclose(values, 100 * np.exp([-0.1, -0.2]), rtol=1e-6)


@every
def test_eager_scanned_and_vmapped_agree(make):
    seen = np.float32(5 + np.random.default_rng(2).standard_normal((2, 30)))
    aims, speeds = np.float32([4.0, 5.5]), np.float32([0.05, 0.02])
    traces = []

    @jax.jit
    def run(aim, speed, seen):
        traces.append(aim)
        return trajectory(make(aim, speed), seen)

    scanned = [run(*row) for row in zip(aims, speeds, seen, strict=True)]
    assert len(traces) == 1
    swept = jax.jit(jax.vmap(lambda *row: trajectory(make(*row[:2]), row[2])))
    at_once = jax.jit(lambda aim, speed, seen: trajectory(make(aim, speed), seen.T))
    by_vmap, by_arrays = swept(aims, speeds, seen), at_once(aims, speeds, seen)
    for i, (state, values) in enumerate(scanned):
        controller = make(float(aims[i]), float(speeds[i]))
        eager = controller.init()
        for observed in seen[i, :3]:
            eager = controller.update(eager, observed)
        # 30 steps compiled in several ways, each rounding sums of the size of one
        np.testing.assert_allclose(controller.value(eager), values[2], rtol=2e-6)
        np.testing.assert_allclose(by_vmap[1][i], values, rtol=2e-6, atol=2e-8)
        np.testing.assert_allclose(by_arrays[1][:, i], values, rtol=2e-6, atol=2e-8)
        for leaf, row in zip(state, by_vmap[0], strict=True):
            np.testing.assert_allclose(row[i], leaf, rtol=1e-5, atol=1e-6)


@every
def test_state_is_explicit_and_evaluation_leaves_it(make):
    controller = make(4.0, 0.05)
    first = controller.update(controller.init(), 6.0)
    kept = jax.tree.map(np.array, first)
    values = {float(controller.value(first)) for _ in range(3)}
    controller.update(first, 100.0)  # another branch of the same history
    assert len(values) == 1
    for leaf, before in zip(first, kept, strict=True):
        assert leaf.dtype == jnp.float32
        np.testing.assert_array_equal(leaf, before)
    again = controller.update(controller.init(), 6.0)
    np.testing.assert_array_equal(again, first)


@every
def test_what_is_not_a_number_stays_so(make):
    """From the start, in range and out of it on both sides."""
    seen = np.full((4, 30), 5.0, np.float32)
    seen[1, :10], seen[2, :10] = 1e3, -1e3
    seen[0, 0] = seen[1:, 10] = np.nan
    controller = make(5.0, 0.05)
    states, values = jax.jit(jax.vmap(partial(trajectory, controller)))(seen)
    assert np.isnan(values[0]).all()
    assert np.isnan(values[1:, 10:]).all()
    assert np.isfinite(values[1:, :10]).all()
    assert np.isnan(controller.value(jax.tree.map(lambda leaf: leaf[0], states)))


@every
def test_extreme_observations_end_at_finite_values(make):
    seen = np.float32([[0, 1e30, 0], [0, -1e30, 0], [1e4, 0, 1e4], [-1e4, 0, -1e4]])
    controller = make(5.0, 0.01)
    _, values = jax.jit(jax.vmap(partial(trajectory, controller)))(seen)
    assert np.isfinite(values).all()
    assert (np.asarray(values) >= 0).all()


@every
def test_observations_of_every_kind(make):
    controller = make(4.0, 0.05)
    state = controller.init()
    expected = controller.value(controller.update(state, 6.0))
    for observed in (6, np.int32(6), jnp.array(6, jnp.bfloat16), np.array(6.0)):
        updated = controller.update(state, observed)
        assert {leaf.dtype for leaf in updated} == {jnp.dtype("float32")}
        assert float(controller.value(updated)) == float(expected)
    with jax.enable_x64(True):
        updated = controller.update(state, jnp.array(6.0, jnp.float64))
        assert {leaf.dtype for leaf in updated} == {jnp.dtype("float32")}


@every
def test_a_batch_that_was_not_averaged_is_refused(make):
    controller = make(4.0, 0.05)
    said = (
        r"`observed` must have the shape of the controller's state, \(\); got \(32,\)"
    )
    with pytest.raises(ValueError, match=said):
        controller.update(controller.init(), np.ones(32, np.float32))
    members = make(np.float32([4.0, 5.0]), 0.05)
    state = members.init()
    with pytest.raises(ValueError, match=r"\(2,\); got \(\). Take its mean"):
        members.update(state, 3.0)


@every
def test_gradients_reach_the_settings_and_not_the_model(make):
    def after(aim, observed):
        controller = make(aim, 0.05)
        return controller.value(controller.update(controller.init(), observed))

    in_aim, in_observed = jax.jit(jax.grad(after, (0, 1)))(4.0, 4.125)
    assert float(in_observed) == 0.0
    up, down = (float(after(4.0 + step, 4.125)) for step in (2**-6, -(2**-6)))
    # a central difference of float32: 6e-8 over the step, and its square's curvature
    assert float(in_aim) == pytest.approx((up - down) * 2**5, abs=2e-4)
