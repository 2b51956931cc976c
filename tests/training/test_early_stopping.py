"""A run stops by its validation loss, and is frozen whatever others do beside it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_plateau import (
    BATCH,
    DATA,
    DENSITY,
    HYPER,
    KEY,
    MODEL,
    STEPS,
    Counter,
    base,
    prepare,
    run,
    scripted,
)

from vae_jax import training
from vae_jax.training import Splits

LOSSES = [5.0, 4.0, 4.5, 4.0, 3.0, 3.5, 3.5, 9.0]
"""By epoch, three steps each; the least of the first two waits is that of epoch 2."""


@pytest.mark.parametrize(
    ("patience", "stopped_at", "best_step"),
    [(1, 9, 6), (2, 12, 6), (3, 24, 15), (100, 24, 15)],
)
def test_it_stops_after_so_many_epochs_and_keeps_the_best(
    patience, stopped_at, best_step
):
    program = training.with_early_stopping(
        Counter.program(), scripted(LOSSES), BATCH, patience
    )
    states, _ = run(program)
    found = program.evaluate(states[-1], KEY, HYPER, DATA)
    assert int(found["stopped_at"]) == stopped_at
    assert int(found["best_step"]) == best_step
    assert float(found["best_validation_loss"]) == min(LOSSES[: stopped_at // 3])
    # what is evaluated and kept is of the best epoch
    assert float(found["epoch"]) == best_step / 3
    kept = program.params(states[-1], KEY, HYPER, DATA)
    assert float(kept["epoch"]) == best_step / 3
    # nothing moves any more
    for state in states[stopped_at:]:
        for a, b in zip(*map(jax.tree.leaves, (state, states[-1])), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_stopped_member_is_frozen_and_the_other_goes_on_as_alone():
    """One program, a patience of each: the bits are those of either by itself."""
    validate = training.make_validate(MODEL, DENSITY, prepare, BATCH)

    def after(patience):
        # a rate so large that the loss soon rises
        hyper = HYPER._replace(learning_rate=np.full(STEPS, 0.3, np.float32))
        program = training.with_early_stopping(base(), validate, BATCH, patience)
        state = program.init(KEY, hyper, DATA)

        def one(t, state):
            return program.step(state, t, KEY, hyper, DATA)[0]

        return jax.lax.fori_loop(0, STEPS, one, state)

    alone = [jax.jit(after)(jnp.int32(p)) for p in (1, 100)]
    both = jax.jit(jax.vmap(after))(jnp.array([1, 100], jnp.int32))
    assert int(alone[0].stopping.steps) < STEPS == int(alone[1].stopping.steps)
    for i, state in enumerate(alone):
        for a, b in zip(*map(jax.tree.leaves, (state, both)), strict=True):
            np.testing.assert_allclose(a, b[i], rtol=1e-5, atol=1e-6)


def test_until_it_stops_it_trains_as_without():
    validate = scripted(LOSSES)
    stopping = training.with_early_stopping(Counter.program(), validate, BATCH, 100)
    one, _ = run(stopping)
    other, _ = run(Counter.program())
    for a, b in zip(one, other, strict=True):
        for x, y in zip(*map(jax.tree.leaves, (a.run, b)), strict=True):
            np.testing.assert_array_equal(x, y)


def test_epochs_count_from_where_beta_has_arrived():
    """Ever larger losses, and a ramp that arrives at step 12: the best is of epoch 5."""
    rise = np.minimum(np.arange(STEPS) / 12, 1).astype(np.float32)
    hyper = HYPER._replace(beta=rise)
    program = training.with_early_stopping(
        Counter.program(), scripted(range(1, 9)), BATCH, 2
    )
    states, _ = run(program, hyper=hyper)
    found = program.evaluate(states[-1], KEY, hyper, DATA)
    assert (int(found["best_step"]), int(found["stopped_at"])) == (15, 21)


def test_without_a_counted_epoch_the_last_parameters_are_kept():
    hyper = HYPER._replace(beta=np.arange(STEPS, dtype=np.float32))
    program = training.with_early_stopping(
        Counter.program(), scripted(LOSSES), BATCH, 1
    )
    states, _ = run(program, hyper=hyper)
    found = program.evaluate(states[-1], KEY, hyper, DATA)
    assert (int(found["best_step"]), int(found["stopped_at"])) == (STEPS, STEPS)
    assert float(found["epoch"]) == 8


def test_what_it_needs_is_said():
    program = training.with_early_stopping(base(), scripted(LOSSES), BATCH, 1)
    with pytest.raises(ValueError, match="needs `validation` images"):
        program.init(KEY, HYPER, Splits(DATA.train, DATA.evaluation))


def test_the_loss_is_the_one_of_beta():
    """At beta 2 the rate counts twice: the very validation loss of the plateau."""
    validate = training.make_validate(MODEL, DENSITY, prepare, BATCH)
    hyper = HYPER._replace(beta=np.full(STEPS, 2.0, np.float32))
    program = training.with_early_stopping(base(), validate, BATCH, 100)
    states, _ = run(program, num_steps=3, hyper=hyper)
    exact = validate(states[2].train.params, KEY, hyper.knobs, DATA.validation, 2.0)
    np.testing.assert_allclose(states[2].stopping.best_loss, exact, rtol=1e-6)
