"""A run in chunks is the same run; one that diverges says where."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from compiled import Counted
from small_models import largest_difference

from vae_jax import likelihoods, training
from vae_jax.training import ALIVE, Hyper, Program, Splits

NUM_STEPS, LOG_EVERY = 60, 10
HYPER = Hyper(
    beta=np.linspace(0, 1, NUM_STEPS, dtype=np.float32),
    learning_rate=np.full(NUM_STEPS, 1e-2, np.float32),
    knobs=linear.KNOBS,
)
DATA = Splits(linear.examples(32), linear.examples(8, seed=2))


class Info(NamedTuple):
    value: jax.Array
    pair: jax.Array


def counting(bad=(), what=jnp.nan):
    """x counts the steps; the information of the steps in `bad` is not finite."""

    def step(x, t, key, hyper, data):
        is_bad = jnp.isin(t, jnp.asarray(bad, jnp.int32)) if bad else False
        value = jnp.where(is_bad, what, t.astype(jnp.float32))
        return x + 1, Info(jnp.float32(1), jnp.stack([value, 2 * value]))

    return Program(
        init=lambda key, hyper, data: jnp.int32(0),
        step=step,
        evaluate=lambda x, key, hyper, data: {"x": x},
        params=lambda x, key, hyper, data: x,
    )


@pytest.fixture(scope="module")
def program():
    optimizer = training.adam()
    objective = training.make_objective(linear.vae(), likelihoods.gaussian())
    return training.make_program(
        lambda key: linear.exact_params(inflation=2.0),
        training.make_step(objective, optimizer),
        optimizer,
        lambda keys, images: images,
        lambda state, key, hyper, data: {},
        batch_size=8,
    )


def fit(program, hyper=HYPER, **options):
    options = {"num_steps": NUM_STEPS, "log_every": LOG_EVERY, "seed": 5} | options
    chunks = list(training.fit(program, hyper, DATA, **options))
    rows = jax.tree.map(lambda *parts: np.concatenate(parts), *(c[1] for c in chunks))
    return chunks, chunks[-1][0], rows


@pytest.fixture(scope="module")
def whole(program):
    return fit(program, chunk_steps=NUM_STEPS)


@pytest.mark.parametrize(
    ("chunk_steps", "lengths"), [(1, [1] * 6), (25, [3, 3]), (40, [4, 2])]
)
def test_chunks_do_not_change_the_bits(program, whole, chunk_steps, lengths):
    _, state, rows = whole
    chunks, other, other_rows = fit(program, chunk_steps=chunk_steps)
    assert [len(info.loss) for _, info in chunks] == lengths
    for one, two in zip(
        jax.tree.leaves((state, rows)),
        jax.tree.leaves((other, other_rows)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


def test_equals_one_scan_over_all_steps(program, whole):
    _, state, rows = whole
    key = training.member_key(5)

    @jax.jit
    def scan(start):
        return jax.lax.scan(
            lambda state, t: program.step(state, t, key, HYPER, DATA),
            start,
            jnp.arange(NUM_STEPS, dtype=jnp.int32),
        )

    final, infos = scan(program.init(key, HYPER, DATA))
    # the same step in another loop; XLA may fuse it otherwise, and 60 steps of Adam
    # amplify the rounding of numbers of order 1
    assert largest_difference(final.train.params, state.train.params) < 1e-5
    np.testing.assert_array_equal(final.order, state.order)
    windows = jax.tree.map(
        lambda leaf: leaf.reshape(-1, LOG_EVERY, *leaf.shape[1:]).mean(1), infos
    )
    # losses of some ten nats
    assert largest_difference(windows, rows) < 1e-4
    np.testing.assert_allclose(rows.beta, HYPER.beta.reshape(-1, 10).mean(1), rtol=1e-6)


def test_training_approaches_the_exact_posterior(program):
    """From a posterior twice as wide as the true one, whose ELBO misses 1 - log 2 nats."""
    hyper = HYPER._replace(
        beta=np.ones(NUM_STEPS, np.float32),
        learning_rate=np.linspace(0.1, 0, NUM_STEPS, dtype=np.float32),
    )
    _, state, _ = fit(program, hyper=hyper)
    params = state.train.params
    distortion, rate = linear.distortion_and_rate(params, DATA.train)
    gap = (distortion + rate - linear.negative_log_marginal(params, DATA.train)).mean()
    assert 0 <= gap < (1 - np.log(2)) / 10


def test_a_row_is_the_mean_over_its_window():
    chunks, state, rows = fit(counting(), num_steps=12, log_every=4, chunk_steps=8)
    assert int(state) == 12
    assert [int(state) for state, _ in chunks] == [8, 12]
    # the means of 0 ... 3, 4 ... 7 and 8 ... 11
    np.testing.assert_array_equal(rows.pair, [[1.5, 3], [5.5, 11], [9.5, 19]])


@pytest.mark.parametrize("what", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("bad", "first"), [((0,), 0), ((7, 9, 13), 7), ((11,), 11)])
def test_divergence_is_raised_with_its_first_step(bad, first, what):
    run = training.fit(
        counting(bad, what), HYPER, None, num_steps=12, log_every=4, chunk_steps=4
    )
    for _ in range(first // 4):
        state, info = next(run)
        assert np.isfinite(info.pair).all()
    with pytest.raises(FloatingPointError, match=f"diverged at step {first}: "):
        next(run)


@pytest.mark.parametrize("beside_others", [False, True])
def test_a_run_that_diverges_is_frozen_before_that_step(beside_others):
    program, key = counting((7, 9)), training.member_key(0)
    carry = training.init_carry(program, key, HYPER, None, 4)
    assert int(carry.first_bad_step) == ALIVE
    run = partial(training.run_steps, program, 4, beside_others=beside_others)
    advance = Counted(jax.jit(run))
    for first, last in ((0, 3), (3, 4), (4, 16)):
        carry = advance(carry, key, HYPER, None, first, last)
    assert int(carry.state) == 7
    assert int(carry.first_bad_step) == 7
    rows = training.recorded(carry, 4)
    np.testing.assert_array_equal(rows.value, [1, np.nan, np.nan, np.nan])
    # chunks of any length are one program
    assert advance.programs == 1


@pytest.mark.parametrize("beside_others", [False, True])
@pytest.mark.parametrize("lengths", [[12], [1] * 12, [5, 1, 6], [4, 4, 4], [11, 1]])
def test_a_chunk_may_end_after_any_step(lengths, beside_others):
    program, key = counting(), training.member_key(0)
    carry = training.init_carry(program, key, HYPER, None, 3)
    for last, length in zip(np.cumsum(lengths), lengths, strict=True):
        span = last - length, last
        carry = training.run_steps(
            program, 4, carry, key, HYPER, None, *span, beside_others=beside_others
        )
    rows = training.recorded(carry, 4)
    np.testing.assert_array_equal(rows.pair, [[1.5, 3], [5.5, 11], [9.5, 19]])


def test_a_healthy_run_holds_no_nan():
    """What `jax_debug_nans` would stop."""
    carry = training.init_carry(counting(), training.member_key(0), HYPER, None, 4)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(carry))


@pytest.mark.parametrize(("num_steps", "advice"), [(55, "50 or 60"), (5, "0 or 10")])
def test_a_run_that_does_not_fill_its_windows_is_refused(num_steps, advice):
    run = training.fit(counting(), HYPER, None, num_steps=num_steps, log_every=10)
    with pytest.raises(ValueError, match=f"got {num_steps} and 10. Use {advice} steps"):
        next(run)
