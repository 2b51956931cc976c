"""Aggressive training against a plain loop of its steps, and alone against in a sweep."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from aggressive_by_hand import (
    BATCH,
    CLIP,
    DATA,
    FEEDBACK,
    MEASURED,
    NAMES,
    OBJECTIVE,
    ByHand,
    calibrate,
    noisy,
)
from jaxpr_primitives import primitives
from small_models import largest_difference

from vae_jax import training
from vae_jax.sweeps.devices._engine import make_engine, place_data, stack_members
from vae_jax.training import Hyper, InnerLoop

NUM_STEPS, LOG_EVERY = 20, 2
WINDOWS = NUM_STEPS // LOG_EVERY


class Arm(NamedTuple):
    """Settings of a run that has those of the inner loop among them."""

    run: Hyper
    loop: InnerLoop

    @property
    def knobs(self):
        return self.run.knobs

    def at(self, step):
        return self.run.at(step)


def arm(rate=0.03, aggressive=True, max_inner=12, window=5, patience=1):
    run = Hyper(
        beta=np.linspace(0.5, 1, NUM_STEPS, dtype=np.float32),
        learning_rate=np.linspace(rate, rate / 2, NUM_STEPS, dtype=np.float32),
        knobs=linear.KNOBS,
    )
    counts = (np.int32(number) for number in (max_inner, window, patience))
    return Arm(run, InnerLoop(*counts, np.bool_(aggressive)))


ARMS = [arm(), arm(rate=0.1, window=1, patience=2), arm(aggressive=False)]
SEEDS = [0, 3, 0]


def make(**options):
    return training.make_aggressive_program(
        linear.vae()._replace(init=lambda key: linear.exact_params(inflation=3.0)),
        OBJECTIVE,
        training.adam(CLIP),
        noisy,
        lambda state, key, hyper, data: {"offset": state.train.params["offset"]},
        BATCH,
        **{"is_encoder": lambda path: path[0] in NAMES["encoder"]} | options,
    )


PROGRAM = make(
    loop=lambda hyper: hyper.loop,
    num_measured=MEASURED,
    feedback=FEEDBACK,
    calibrate=calibrate,
)


@pytest.fixture(scope="module")
def by_hand():
    runs = [ByHand(*pair) for pair in zip(ARMS, SEEDS, strict=True)]
    return [[run.step(t) for t in range(NUM_STEPS)][-1] for run in runs]


@pytest.fixture(scope="module")
def sweep():
    """`sweep(*stops)`: members through the engine one by one, saved at every stop."""
    engine = make_engine(PROGRAM, ARMS, DATA, WINDOWS, LOG_EVERY, len(ARMS), "map")
    members, data = stack_members(SEEDS, ARMS, engine), place_data(DATA, engine)

    def run(*stops):
        carry, first = engine.start(members, data), 0
        for last in (*stops, NUM_STEPS):
            first, bounds = last, (np.int32(first), np.int32(last))
            carry = engine.advance(carry, members, data, *bounds)
            # what a checkpoint does
            carry = jax.tree.map(lambda leaf: np.asarray(leaf).copy(), carry)
        kept = engine.params(carry, members, data)
        found = engine.evaluate(carry, members, data), kept
        return carry, *jax.tree.map(np.asarray, found)

    return run


@pytest.fixture(scope="module")
def swept(sweep):
    return sweep(3)


@pytest.fixture(scope="module")
def together():
    """`start` and `step` of three members under `vmap`, the step shared."""
    start = jax.vmap(PROGRAM.init, (0, 0, None))
    step = jax.jit(jax.vmap(PROGRAM.step, (0, None, 0, 0, None)))
    return start, step


def stack(arms):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *arms)


@pytest.mark.slow
def test_the_program_is_the_loop_of_he_et_al(swept, by_hand):
    carry, metrics, kept = swept
    names = "loss", "inner_steps", "aggressive", "mutual_information"
    rows = np.stack([getattr(carry.history, name) for name in names], axis=1)
    for member, run in enumerate(by_hand):
        expected = np.array(run.found).reshape(-1, LOG_EVERY, len(names)).mean(1).T
        # losses of some ten nats, a hundred updates that amplify rounding
        np.testing.assert_allclose(rows[member], expected, rtol=0, atol=2e-5)
        np.testing.assert_array_equal(rows[member, 1:3], expected[1:3])
        params = jax.tree.map(lambda leaf, i=member: leaf[i], carry.state.train.params)
        assert largest_difference(params, run.params) < 5e-6
        made, waited = np.array(run.found).T[1:3]
        along = NUM_STEPS - int(waited.sum())
        assert metrics["encoder_updates"][member] == made.sum() + along
        assert metrics["decoder_updates"][member] == NUM_STEPS
        assert metrics["gradient_evaluations"][member] == made.sum() + NUM_STEPS
        np.testing.assert_array_equal(metrics["offset"][member], params["offset"])
        np.testing.assert_array_equal(kept["logvar"][member], params["logvar"] - 0.5)


@pytest.mark.slow
def test_what_was_compared_has_all_that_can_happen(by_hand):
    """Loops that end early and at the limit, runs that stop being aggressive."""
    _, made, waited, _ = np.array([run.found for run in by_hand]).transpose(2, 0, 1)
    inner = made[:2][waited[:2] == 1]
    assert inner.max() == 11
    assert inner.min() < 10
    assert by_hand[1].bad >= 2
    assert 0 < waited[0].sum() != waited[1].sum() < NUM_STEPS
    assert made[2].sum() == waited[2].sum() == 0


@pytest.mark.slow
def test_members_do_not_depend_on_each_other(swept, together):
    """Under `vmap` all wait for the one with the longest loop, and none is changed."""
    (start, step), carry = together, swept[0]
    keys, arms = jax.vmap(training.member_key)(np.array(SEEDS)), stack(ARMS)
    state, shown = start(keys, arms, DATA), []
    for t in range(NUM_STEPS):
        state, info = step(state, jnp.int32(t), keys, arms, DATA)
        shown.append([info.inner_steps, info.aggressive])
    assert largest_difference(state.train, carry.state.train) < 1e-6
    np.testing.assert_array_equal(state.counts, carry.state.counts)
    rows = np.array(shown).reshape(WINDOWS, LOG_EVERY, 2, len(ARMS)).mean(1)
    np.testing.assert_array_equal(rows[:, 0].T, carry.history.inner_steps)
    np.testing.assert_array_equal(rows[:, 1].T, carry.history.aggressive)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_the_same_bits(swept, sweep):
    for a, b in zip(jax.tree.leaves(swept), jax.tree.leaves(sweep(3, 14)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_information_is_finite_from_the_first_step(swept):
    carry, *_ = swept
    assert (carry.first_bad_step == training.ALIVE).all()
    assert all(np.isfinite(row).all() for row in carry.history)
    # three steps an epoch: nothing measured in the first window
    assert (carry.history.mutual_information[:, 0] == 0).all()
    assert (carry.history.mutual_information[:, 2:] != 0).all()


@pytest.fixture(scope="module")
def first_step(together):
    """`first_step(arms, params) -> (before, after, info)` for each of three members."""
    start, step = together

    def run(arms, params=None):
        keys, arms = jax.vmap(training.member_key)(np.zeros(3, int)), stack(arms)
        state = start(keys, arms, DATA)
        if params is not None:
            params = stack([params] * 3)
            state = state._replace(train=state.train._replace(params=params))
        after, info = step(state, jnp.int32(0), keys, arms, DATA)
        return [
            jax.tree.map(lambda leaf, i=i: leaf[i], (state.train, after.train, info))
            for i in range(3)
        ]

    return run


def moved(before, after, share):
    return np.concatenate(
        [np.abs(after.params[n] - before.params[n]).ravel() for n in NAMES[share]]
    )


def rounding(share):
    """How far from the rate Adam's first update of a share may be.

    It moves by `rate g / (|g| + 1e-8)`, and parameters of order 1 are rounded. The state is
    the count, the first moments, which are a tenth of g by then, and the second.
    """
    moments = share[1 : 1 + len(share) // 2]
    smallest = min(np.abs(leaf).min() for leaf in moments) / 0.1
    assert smallest > 1e-5
    return 1e-6 + 0.03 * 1e-8 / smallest


def test_what_moves_and_how_often(first_step):
    """Adam's first update moves by the rate, but for its epsilon."""
    arms = [arm(max_inner=0), arm(max_inner=5), arm(max_inner=5, aggressive=False)]
    for (before, after, info), updates in zip(
        first_step(arms), [(0, 1), (4, 1), (1, 1)], strict=True
    ):
        assert float(info.inner_steps) == (4 if updates[0] == 4 else 0)
        assert float(info.aggressive) == (updates[0] != 1)
        assert tuple(int(share[0]) for share in after.opt_state) == updates
        # the inner loop leaves the rest alone
        rest = moved(before, after, "rest")
        np.testing.assert_allclose(rest, 0.03, atol=rounding(after.opt_state.rest))
        encoder = moved(before, after, "encoder")
        if updates[0] == 0:
            # it waits, bit for bit
            assert (encoder == 0).all()
        elif updates[0] == 1:
            allowed = rounding(after.opt_state.encoder)
            np.testing.assert_allclose(encoder, 0.03, atol=allowed)
        else:
            assert 0.06 < encoder.max() <= 4 * 0.03


def test_the_encoder_catches_up_with_the_decoder_as_it_is(first_step):
    """The gap of the ELBO to log p(x) closes before the decoder has moved."""
    exact = linear.exact_params()
    far = exact | {name: 0 * exact[name] for name in NAMES["encoder"]}
    slow = arm(rate=1e-3, max_inner=6001, window=6001)
    slow = slow._replace(run=slow.run._replace(beta=np.ones(NUM_STEPS, np.float32)))
    before, after, info = first_step([slow] * 3, far)[0]
    assert float(info.inner_steps) == 6000
    learnt = before.params | {name: after.params[name] for name in NAMES["encoder"]}
    # the true posterior of a linear decoder is linear: nothing need be left
    gaps = [elbo_gap(params, 10 * DATA.train) for params in (far, learnt)]
    assert gaps[0] > 2
    assert 0 <= gaps[1] < 0.02


def elbo_gap(params, x):
    """Mean KL of q to the true posterior; the decoder is the exact one."""
    distortion, rate = linear.distortion_and_rate(params, x)
    return (distortion + rate - linear.negative_log_marginal(params, x)).mean()


@pytest.mark.parametrize("batched_step", [False, True])
def test_information_is_measured_at_epoch_ends_only_also_under_vmap(batched_step):
    """A branch on the step stays one for stacked members, as the engine has them."""
    keys = jax.vmap(training.member_key)(np.arange(2))
    arms = jax.tree.map(lambda *leaves: np.stack(leaves), *ARMS[:2])
    states = jax.eval_shape(jax.vmap(PROGRAM.init, (0, 0, None)), keys, arms, DATA)
    step = jax.vmap(PROGRAM.step, (0, 0 if batched_step else None, 0, 0, None))
    t = np.zeros(2, np.int32) if batched_step else np.int32(0)
    names = list(primitives(jax.make_jaxpr(step)(states, t, keys, arms, DATA).jaxpr))
    # two for the order, of the loop and of the step, and that of the measurement
    assert names.count("cond") == (0 if batched_step else 3)
    assert names.count("while") == 1


def test_evaluation_of_the_package_reads_the_state(no_report):
    program, key = make(), training.member_key(0)
    state = jax.eval_shape(program.init, key, ARMS[0].run, DATA)
    evaluate = linear.make_evaluate(num_samples=2, batch_size=5)
    found = jax.eval_shape(evaluate, state, key, ARMS[0].run, DATA)
    assert found["nll"].shape == ()


def test_a_model_whose_encoder_is_not_found_is_refused():
    program = make(is_encoder=lambda path: path == ("q",))
    with pytest.raises(ValueError, match="`is_encoder` must be true of some"):
        program.init(training.member_key(0), ARMS[0].run, DATA)
