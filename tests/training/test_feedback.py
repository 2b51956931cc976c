"""A controller in the step: what it sees, what it steers, where its memory lies."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from compiled import Counted
from small_models import keys, largest_difference

from vae_jax import likelihoods, schedules, training
from vae_jax.training import StepHyper

MEMBER = training.member_key(0)
BATCH, NUM_STEPS = 8, 5
X = linear.examples(NUM_STEPS * BATCH)
TARGET, SPEED = 3.0, 0.05
CONTROLLERS = {
    "geco": (training.geco_feedback, schedules.geco, "distortion"),
    "minimum_rate": (training.minimum_rate_feedback, schedules.dual_ascent, "rate"),
    "target_rate": (training.target_rate_feedback, schedules.target_rate, "rate"),
}
WEIGHT = {
    "geco": lambda value: 1 / value,
    "minimum_rate": lambda value: 1 - value,
    "target_rate": lambda value: value,
}


def hyper(beta=2.0):
    numbers = (np.float32(value) for value in (beta, 0.01))
    return StepHyper(*numbers, knobs=linear.KNOBS)


def make(feedback, axis_name=None):
    objective = training.make_objective(linear.vae(), likelihoods.gaussian())
    return training.make_step(objective, training.sgd(), axis_name, feedback=feedback)


def start(feedback, settings):
    return training.init_state(
        linear.exact_params(2.0), training.sgd(), feedback, settings
    )


@pytest.mark.parametrize("name", CONTROLLERS)
def test_beta_is_the_schedule_times_what_the_controller_says(name):
    made, controller, observed = CONTROLLERS[name]
    feedback = made(TARGET, SPEED)
    step, state = training.jit_step(make(feedback)), start(feedback, hyper())
    alone = controller(TARGET, speed=SPEED)
    memory = alone.init()
    for t in range(NUM_STEPS):
        batch = X[t * BATCH : (t + 1) * BATCH]
        state, info = step(state, batch, hyper(), keys(MEMBER, t, BATCH))
        expected = 2 * WEIGHT[name](alone.value(memory))
        # one product or quotient in float32
        np.testing.assert_allclose(info.beta, expected, rtol=1e-6)
        charged = info.distortion + info.beta * info.penalised_rate
        np.testing.assert_allclose(info.loss, charged, rtol=1e-6)
        memory = alone.update(memory, getattr(info, observed))
        assert largest_difference(state.feedback, memory) < 1e-6
    assert abs(float(info.beta) - 2) > 1e-3


def test_its_settings_are_data():
    @Counted
    @jax.jit
    def step(state, target, noise):
        feedback = training.target_rate_feedback(target, SPEED)
        return make(feedback)(state, X[:BATCH], hyper(), noise)

    found = []
    for target in np.float32([0.1, 1.0, 10.0]):
        state = start(training.target_rate_feedback(target, SPEED), hyper())
        for t in range(2):
            state, info = step(state, target, keys(MEMBER, t, BATCH))
        found.append(float(info.beta))
    assert step.programs == 1
    assert found[0] > found[1] > found[2]


def test_devices_that_split_a_batch_agree_on_what_was_seen():
    feedback = training.minimum_rate_feedback(TARGET, SPEED)
    whole, parts = make(feedback), make(feedback, "devices")
    state, noise = start(feedback, hyper()), keys(MEMBER, 0, BATCH)
    expected, _ = jax.jit(whole)(state, X[:BATCH], hyper(), noise)
    split = jax.tree.map(lambda leaf: leaf.reshape(2, -1, *leaf.shape[1:]), noise)
    mapped = jax.vmap(parts, in_axes=(None, 0, None, 0), axis_name="devices")
    found, _ = jax.jit(mapped)(state, X[:BATCH].reshape(2, -1, 5), hyper(), split)
    for device in range(2):
        own = jax.tree.map(lambda leaf, d=device: leaf[d], found)
        # means over 8 examples, summed in another order
        assert largest_difference(own, expected) < 1e-6


def test_no_gradient_reaches_the_controller_and_none_is_there_without():
    state = training.init_state(linear.exact_params(), training.sgd())
    assert state.feedback == ()
    with pytest.raises(ValueError, match="`hyper`; got None"):
        training.init_state({}, training.sgd(), training.geco_feedback(TARGET, SPEED))


def test_a_program_starts_it_from_its_settings():
    feedback = training.control_vae_feedback(4.0, 1e-3)
    program = training.make_program(
        lambda key: linear.exact_params(),
        make(feedback),
        training.sgd(),
        lambda keys, images: images,
        lambda state, key, hyper, data: {},
        BATCH,
        feedback=feedback,
    )
    settings = training.Hyper(jnp.ones(3), jnp.full(3, 0.01), knobs=linear.KNOBS)
    data = training.Splits(X, X)
    state = program.init(MEMBER, settings, data)
    before = state.train.feedback
    state, info = jax.jit(program.step)(state, jnp.int32(0), MEMBER, settings, data)
    assert float(info.beta) == 0  # ControlVAE starts at its least
    assert largest_difference(state.train.feedback, before) > 0
