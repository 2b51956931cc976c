"""A decoder that is drawn anew in the middle of a run, against two runs by hand."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from jaxpr_primitives import primitives
from small_models import largest_difference

from vae_jax import likelihoods, training
from vae_jax.sweeps.devices._engine import make_engine, place_data, stack_members
from vae_jax.training import Hyper, Splits, pretraining_betas

NUM_STEPS, LOG_EVERY, BATCH, RESET = 12, 2, 6, 5
X = linear.examples(14)
DATA = Splits(X, X[:5])
ENCODER = ("encoder", "logvar")


def drawn(key):
    """Parameters that depend on the key."""
    exact = linear.exact_params()
    names = dict(zip(exact, jax.random.split(key, len(exact)), strict=True))
    return {
        name: leaf + jax.random.normal(names[name], leaf.shape)
        for name, leaf in exact.items()
    }


def own(path):
    return path[0] in ENCODER


def make(feedback=None):
    optimizer = training.adam(5.0)
    objective = training.make_objective(linear.vae(), likelihoods.gaussian())
    return training.make_program(
        drawn,
        training.make_step(objective, optimizer, feedback=feedback),
        optimizer,
        lambda keys, images: images,
        lambda state, key, hyper, data: {"order": state.order},
        BATCH,
        feedback=feedback,
    )


class Arm(NamedTuple):
    """A run's settings, with the step of the reset among them."""

    run: Hyper
    reset_step: np.int32

    @property
    def knobs(self):
        return self.run.knobs

    def at(self, step):
        return self.run.at(step)


FEEDBACK = training.Feedback(
    init=lambda hyper: jnp.ones(()),
    update=lambda factor, info, hyper: factor + 0.1,
    beta=lambda factor, hyper: factor,
)
BETAS = np.linspace(0.2, 1, NUM_STEPS, dtype=np.float32)


PLAIN = make(FEEDBACK)
PROGRAM = training.with_decoder_reset(PLAIN, lambda arm: arm.reset_step, is_encoder=own)
STEPS = {program: jax.jit(program.step) for program in (PLAIN, PROGRAM)}


def hyper(reset_step=RESET):
    return Hyper(
        beta=np.asarray(pretraining_betas(BETAS, reset_step)),
        learning_rate=np.full(NUM_STEPS, 0.03, np.float32),
        knobs=linear.KNOBS,
    )


def arm(reset_step=RESET):
    return Arm(hyper(reset_step), np.int32(reset_step))


def run(program, steps, key, settings, state=None):
    """The state before every step and after the last, and what was shown."""
    state = program.init(key, settings, DATA) if state is None else state
    states, infos = [state], []
    for t in steps:
        state, info = STEPS[program](state, jnp.int32(t), key, settings, DATA)
        states.append(state)
        infos.append(info)
    return states, infos


@pytest.fixture(scope="module")
def key():
    return training.member_key(4)


@pytest.fixture(scope="module")
def whole(key):
    return run(PROGRAM, range(NUM_STEPS), key, arm())


@pytest.mark.slow
def test_it_is_two_runs_with_one_encoder(whole, key):
    """The second starts with the first one's encoder; only the clock and order go on."""
    settings = hyper()
    first, _ = run(PLAIN, range(RESET), key, settings)
    for ours, theirs in zip(whole[0][: RESET + 1], first, strict=True):
        assert largest_difference(ours.train, theirs.train) < 1e-6
    fold = jax.random.fold_in
    # INIT, the step, and then as every run draws its own: INIT, 0
    params = drawn(fold(fold(fold(fold(key, 0), RESET), 0), 0))
    params |= {name: first[-1].train.params[name] for name in ENCODER}
    train = training.init_state(
        params, training.adam(5.0), FEEDBACK, settings.at(RESET)
    )
    second, infos = run(
        PLAIN, range(RESET, NUM_STEPS), key, settings, first[-1]._replace(train=train)
    )
    for ours, theirs in zip(whole[0][RESET + 1 :], second[1:], strict=True):
        # the same operations, perhaps fused otherwise
        assert largest_difference(ours.train, theirs.train) < 1e-5
        np.testing.assert_array_equal(ours.order, theirs.order)
    for ours, theirs in zip(whole[1][RESET:], infos, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_the_decoder_is_new_and_the_encoder_is_not(whole):
    before, after = (whole[0][t].train for t in (RESET, RESET + 1))
    for name, leaf in before.params.items():
        change = np.abs(after.params[name] - leaf).max()
        # one update of Adam against a draw from N(0, 1)
        assert change < 0.031 if name in ENCODER else change > 0.1
    assert int(before.opt_state[1].count) == RESET
    assert int(after.opt_state[1].count) == 1
    assert float(after.feedback) == np.float32(1.1)
    first = whole[0][0].train.params
    assert np.abs(after.params["decoder"] - first["decoder"]).max() > 0.1


def test_before_it_the_rate_costs_nothing(whole):
    _, infos = whole
    beta = np.array([info.beta for info in infos])
    # the controller counts anew from the reset
    factor = 1 + 0.1 * np.arange(NUM_STEPS - RESET)
    np.testing.assert_array_equal(beta[:RESET], 0)
    np.testing.assert_allclose(beta[RESET:], BETAS[RESET:] * factor, rtol=1e-6)
    for info in infos[:RESET]:
        np.testing.assert_allclose(info.loss, info.distortion, rtol=1e-6)
        assert info.rate > 0.1


@pytest.mark.slow
def test_members_of_a_sweep_may_differ_and_be_interrupted(key):
    """In chunks, saved between them: the same bits. In a group: numbers as alone."""
    arms = [arm(number) for number in (RESET, 0, 8, -1)]
    windows = NUM_STEPS // LOG_EVERY
    engine = make_engine(PROGRAM, arms, DATA, windows, LOG_EVERY, len(arms), "vmap")
    members, data = stack_members([4] * 4, arms, engine), place_data(DATA, engine)
    found = []
    for stops in ((NUM_STEPS,), (2 * LOG_EVERY, 2 * LOG_EVERY + 1, NUM_STEPS)):
        carry, first = engine.start(members, data), 0
        for last in stops:
            first, bounds = last, (np.int32(first), np.int32(last))
            carry = engine.advance(carry, members, data, *bounds)
            carry = jax.tree.map(lambda leaf: np.asarray(leaf).copy(), carry)
        found.append(carry)
    for a, b in zip(*(jax.tree.leaves(carry) for carry in found), strict=True):
        np.testing.assert_array_equal(a, b)
    for member, settings in enumerate(arms):
        alone = run(PROGRAM, range(NUM_STEPS), key, settings)[0][-1]
        ours = jax.tree.map(lambda leaf, i=member: leaf[i], found[0].state)
        assert largest_difference(ours, alone) < 1e-6


@pytest.mark.parametrize("never", [-1, NUM_STEPS])
def test_a_step_that_is_never_reached_resets_nothing(key, never):
    settings = hyper(-1)
    usual = run(PLAIN, range(NUM_STEPS), key, settings)[0][-1]
    other = run(PROGRAM, range(NUM_STEPS), key, Arm(settings, np.int32(never)))[0][-1]
    assert largest_difference(usual, other) < 1e-6


@pytest.mark.parametrize("shared", [True, False])
def test_the_draw_is_a_branch_while_all_members_share_the_step(shared):
    keys = jax.vmap(training.member_key)(np.arange(2))
    settings = jax.tree.map(lambda leaf: np.stack([leaf] * 2), hyper())
    reset = np.int32(RESET) if shared else np.full(2, RESET, np.int32)

    def step(state, t, key, settings, reset):
        return PROGRAM.step(state, t, key, Arm(settings, reset), DATA)

    axes = (0, None, 0, 0, None if shared else 0)
    states = jax.eval_shape(jax.vmap(PLAIN.init, (0, 0, None)), keys, settings, DATA)
    arguments = states, np.int32(0), keys, settings, reset
    found = primitives(jax.make_jaxpr(jax.vmap(step, axes))(*arguments).jaxpr)
    # that for the order of the data is one in any case
    assert list(found).count("cond") == 1 + shared


@pytest.mark.slow
def test_an_aggressive_program_can_be_pretrained(key):
    """Counts, order and flag go on; the optimisers of both shares start again."""
    program = training.make_aggressive_program(
        linear.vae()._replace(init=drawn),
        training.make_objective(linear.vae(), likelihoods.gaussian()),
        training.adam(),
        lambda keys, images: images,
        lambda state, key, hyper, data: {},
        BATCH,
        loop=training.InnerLoop(max_inner=4, window=9),
        is_encoder=own,
    )
    program = training.with_decoder_reset(program, 1, is_encoder=own)
    step, states = jax.jit(program.step), [program.init(key, hyper(), DATA)]
    for t in range(2):
        states.append(step(states[-1], jnp.int32(t), key, hyper(), DATA)[0])
    assert [int(state.counts.encoder_updates) for state in states] == [0, 3, 6]
    assert [[int(share[0]) for share in state.train.opt_state] for state in states] == [
        [0, 0],
        [3, 1],
        [3, 1],
    ]
    moved = {
        name: np.abs(states[2].train.params[name] - leaf).max()
        for name, leaf in states[1].train.params.items()
    }
    assert {name: change > 0.1 for name, change in moved.items()} == {
        name: name not in ENCODER for name in moved
    }


def test_the_row_of_betas():
    row = np.array([0.5, 0.25, 1, 1], np.float32)
    for reset, expected in (
        (0, row),
        (-3, row),
        (2, [0, 0, 1, 1]),
        (4, [0, 0, 0, 0]),
        (9, [0, 0, 0, 0]),
    ):
        np.testing.assert_array_equal(pretraining_betas(row, reset), expected)
    many = jax.jit(jax.vmap(pretraining_betas, (None, 0)))(row, jnp.arange(3))
    np.testing.assert_array_equal(many[:, :2], [[0.5, 0.25], [0, 0.25], [0, 0]])
    assert pretraining_betas(jnp.ones(2, jnp.bfloat16), 1).dtype == jnp.float32


def test_betas_that_are_no_row_are_refused(users_view):
    with pytest.raises(
        ValueError, match=r"one row, a number a step; got the shape \(\)"
    ):
        pretraining_betas(1.0, 3)


def test_a_model_whose_encoder_is_not_found_is_refused(key):
    program = training.with_decoder_reset(PLAIN, 3, is_encoder=lambda path: False)
    state = jax.eval_shape(PLAIN.init, key, hyper(), DATA)
    with pytest.raises(ValueError, match="`is_encoder` must be true of some"):
        jax.eval_shape(program.step, state, np.int32(0), key, hyper(), DATA)
