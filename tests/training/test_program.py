"""A run as a program: the order of the data, the address of every random number."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import pytest
from small_models import largest_difference

from vae_jax import likelihoods, training
from vae_jax.training import Hyper, Splits, StepKeys, Stream
from vae_jax.training._program import next_rows

NUM_EXAMPLES, BATCH = 12, 4
HYPER = Hyper(
    beta=np.linspace(0, 1, 10, dtype=np.float32),
    learning_rate=np.linspace(0.02, 0.01, 10, dtype=np.float32),
    knobs=linear.KNOBS,
)
step_rows = jax.jit(next_rows, static_argnums=3)


def start(size=NUM_EXAMPLES):
    return jnp.arange(size, dtype=jnp.int32)


def epochs(seed, num_epochs, size=NUM_EXAMPLES, batch=BATCH, order=None):
    """The rows of every epoch, one after another."""
    order, found = start(size) if order is None else order, []
    for t in range(num_epochs * (size // batch)):
        order, rows = step_rows(order, jnp.int32(t), training.member_key(seed), batch)
        found.append(np.asarray(rows))
    return np.concatenate(found).reshape(num_epochs, -1)


def test_every_epoch_visits_every_example_once():
    for epoch in epochs(seed=0, num_epochs=5):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(NUM_EXAMPLES))


def test_the_order_changes_between_epochs_and_with_the_seed():
    found = np.concatenate([epochs(seed=0, num_epochs=4), epochs(seed=1, num_epochs=4)])
    # of 12! orders, two of eight are the same once in 10 million seeds
    assert len(np.unique(found, axis=0)) == 8


def test_the_order_depends_on_seed_and_epoch_only():
    usual = epochs(seed=3, num_epochs=3)
    # whatever was visited before
    other = epochs(seed=3, num_epochs=3, order=start()[::-1])
    np.testing.assert_array_equal(usual, other)
    # and whatever the batch: its address is (seed, ORDER, epoch)
    np.testing.assert_array_equal(usual, epochs(seed=3, num_epochs=3, batch=6))
    key = jax.random.fold_in(jax.random.fold_in(training.member_key(3), 1), 2)
    np.testing.assert_array_equal(usual[2], jax.random.permutation(key, NUM_EXAMPLES))


def test_what_does_not_fill_a_batch_is_left_out_and_another_each_epoch():
    found = epochs(seed=0, num_epochs=30, size=7, batch=3)
    left = [set(range(7)) - set(epoch.tolist()) for epoch in found]
    assert {len(rest) for rest in left} == {1}
    # in 7 (6/7)^30 = 7 % of seeds some example would be in every epoch
    assert set().union(*left) == set(range(7))


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ValueError, match="at most the 12 training examples; got 13"):
        next_rows(start(), jnp.int32(0), training.member_key(0), 13)


@pytest.fixture(scope="module")
def program():
    """Stored images are a tenth of the data, so that `prepare` can be seen to act."""
    optimizer = training.sgd()
    objective = training.make_objective(linear.vae(), likelihoods.gaussian())
    return training.make_program(
        lambda key: linear.exact_params(inflation=2.0),
        training.make_step(objective, optimizer),
        optimizer,
        noisy,
        lambda state, key, hyper, data: {},
        BATCH,
    )


def noisy(keys, images):
    noise = jax.vmap(lambda key: jax.random.normal(key, (linear.FEATURES,)))(keys)
    return 10 * images + 0.1 * noise


def splits():
    x = linear.examples(NUM_EXAMPLES) / np.float32(10)
    return Splits(x, x[:5])


def test_a_step_is_gather_prepare_and_make_step_with_keys_by_address(program):
    """Four steps, over the end of an epoch, written out by hand."""
    key = training.member_key(7)
    step = training.jit_step(
        training.make_step(
            training.make_objective(linear.vae(), likelihoods.gaussian()),
            training.sgd(),
        )
    )
    state, run = program.init(key, HYPER, splits()), jax.jit(program.step)
    by_hand = state.train
    order = epochs(seed=7, num_epochs=2).reshape(-1, BATCH)
    for t in range(4):
        state, info = run(state, jnp.int32(t), key, HYPER, splits())
        streams = (Stream.BINARISE, Stream.NOISE, Stream.DROPOUT)
        prepared, *keys = (
            training.example_keys(key, stream, t, BATCH) for stream in streams
        )
        batch = noisy(prepared, jnp.asarray(splits().train)[order[t]])
        settings = training.StepHyper(
            HYPER.beta[t], HYPER.learning_rate[t], linear.KNOBS
        )
        by_hand, expected = step(by_hand, batch, settings, StepKeys(*keys))
        assert float(info.beta) == HYPER.beta[t]
        # the same operations, fused otherwise, on numbers of some ten nats
        assert largest_difference(info, expected) < 1e-4
        assert largest_difference(state.train.params, by_hand.params) < 1e-5
    moved = largest_difference(state.train.params, linear.exact_params(2.0))
    assert moved > 1e-2
    np.testing.assert_array_equal(
        program.params(state, key, HYPER, splits())["decoder"],
        state.train.params["decoder"],
    )


def test_members_with_a_seed_share_parameters_data_order_and_noise():
    """Arms are compared in pairs: settings change neither the start nor the draws."""

    def show(state, batch, hyper, keys):
        return state, (batch, jax.random.key_data(keys.noise))

    made = training.make_program(
        lambda key: jax.random.normal(key, (3,)),
        show,
        training.sgd(),
        noisy,
        lambda state, key, hyper, data: {},
        BATCH,
    )
    step, found = jax.jit(made.step), []
    other = HYPER._replace(beta=2 * HYPER.beta, settings=1.0)
    for seed, hyper in ((0, HYPER), (0, other), (1, HYPER)):
        key = training.member_key(seed)
        state = made.init(key, hyper, splits())
        _, (batch, noise) = step(state, jnp.int32(0), key, hyper, splits())
        found.append((state.train.params, batch, noise))
    for first, paired, stranger in zip(*found, strict=True):
        np.testing.assert_array_equal(first, paired)
        assert not np.array_equal(first, stranger)


def test_settings_are_those_of_the_step_and_end_with_the_row():
    at = jax.jit(lambda hyper, step: hyper.at(step))
    for t in (0, 4, 9):
        found = at(HYPER, t)
        assert float(found.beta) == HYPER.beta[t]
        assert float(found.learning_rate) == HYPER.learning_rate[t]
    beyond = at(HYPER, 10)
    assert np.isnan(beyond.beta)
    assert np.isnan(beyond.learning_rate)


PROGRAM_OF_NOTHING = training.Program(
    init=lambda key, hyper, data: jnp.zeros(()),
    step=lambda x, t, key, hyper, data: (x, hyper.at(t)[:2]),
    evaluate=lambda x, key, hyper, data: {},
    params=lambda x, key, hyper, data: x,
)


def test_a_run_longer_than_its_settings_is_refused():
    run = training.fit(PROGRAM_OF_NOTHING, HYPER, None, num_steps=12, log_every=2)
    with pytest.raises(
        ValueError, match=r"each of the 12 steps; got the shape \(10,\)"
    ):
        next(run)
