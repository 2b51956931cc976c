"""Whatever optax has makes a step, by its own convention; a learning rate may be data."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest
from compiled import Counted
from slow_cases import slow_but

from vae_jax import data, likelihoods, models, training
from vae_jax.training import StepHyper, StepKeys, Terms

RATE, STEPS = 1e-3, 100
X = jnp.asarray(data.load("digits").train.images[:64] > 7, jnp.float32)
MODEL = models.linear((8, 8), 2, likelihood="bernoulli")
OBJECTIVE = training.make_objective(MODEL, likelihoods.bernoulli())
KEY = training.member_key(0)
SETS_ITS_RATE = {
    "adam": optax.adam(RATE),
    "adamw": optax.adamw(RATE),
    "sgd": optax.sgd(RATE),
    "lion": optax.lion(RATE),
    "rmsprop": optax.rmsprop(RATE),
    "muon": optax.contrib.muon(RATE),
    "chain": optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(RATE)),
    "schedule": optax.adam(optax.cosine_decay_schedule(RATE, STEPS)),
    "polyak": optax.polyak_sgd(max_learning_rate=RATE),
    "scheduled injection": optax.inject_hyperparams(optax.adamw)(
        learning_rate=optax.constant_schedule(RATE)
    ),
}
TAKES_ONE = {
    "injected adamw": optax.inject_hyperparams(optax.adamw)(learning_rate=0.0),
    "injected in a chain": optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.inject_hyperparams(optax.adamw)(learning_rate=0.0),
    ),
    "training.adam": training.adam(),
    "training.sgd": training.sgd(clip_norm=5.0),
}


def keys_at(t):
    return StepKeys.from_key(jax.random.fold_in(KEY, t), len(X))


def train(optimizer, rate=None, steps=STEPS):
    """Final state and the loss of every step, on the same batch."""
    step = training.make_step(OBJECTIVE, optimizer)
    hyper = StepHyper(beta=1.0, learning_rate=rate)
    state = training.init_state(MODEL.init(KEY), optimizer)
    return jax.lax.scan(
        lambda state, t: step(state, X, hyper, keys_at(t)), state, jnp.arange(steps)
    )


@pytest.mark.parametrize(
    "name",
    slow_but(
        ["chain", "injected in a chain", "training.adam"], [*SETS_ITS_RATE, *TAKES_ONE]
    ),
)
def test_the_loss_on_the_digits_falls(name):
    rate = RATE if name in TAKES_ONE else None
    optimizer = {**SETS_ITS_RATE, **TAKES_ONE}[name]
    _, info = jax.jit(lambda: train(optimizer, rate))()
    assert np.isfinite(info.loss).all()
    # nats, of about 45: the noise of the mean over 64 examples is below 0.1
    assert info.loss[-1] < info.loss[0] - 0.2


def weighted(params, batch, hyper, keys):
    """A loss whose gradient is the mean of the batch."""
    loss = batch @ jnp.asarray(params, jnp.float32)
    return loss, Terms(loss, 0 * loss, 0 * loss)


def trace_step(optimizer, rate):
    step, batch = training.make_step(weighted, optimizer), jnp.ones((2, 3))
    state = training.init_state(jnp.ones(3), optimizer)
    hyper = StepHyper(beta=1.0, learning_rate=rate)
    keys = StepKeys.from_key(KEY, 2)
    return jax.eval_shape(lambda s, x, k: step(s, x, hyper, k), state, batch, keys)


LINE_SEARCH = {"lbfgs": optax.lbfgs(), "unit": optax.scale_by_adam()}


@pytest.mark.parametrize("name", [*SETS_ITS_RATE, *LINE_SEARCH])
def test_a_rate_that_would_change_nothing_is_refused(name):
    optimizer = {**SETS_ITS_RATE, **LINE_SEARCH}[name]
    with pytest.raises(ValueError, match="`learning_rate` must be None .* got 0.5"):
        trace_step(optimizer, 0.5)
    trace_step(optimizer, None)


def test_a_jitted_update_that_ignores_the_rate_is_seen_through():
    plain = optax.chain(optax.sgd(0.1))
    update = jax.jit(
        lambda grads, state, params, learning_rate=0.0, **_: plain.update(
            grads, state, params
        )
    )

    def without_functions(grads, state, params, *, value_fn, **extra):
        return update(grads, state, params, **extra)

    optimizer = optax.GradientTransformationExtraArgs(plain.init, without_functions)
    with pytest.raises(ValueError, match="must be None"):
        trace_step(optimizer, 0.5)


@pytest.mark.parametrize("optimizer", [training.adam(), training.sgd()])
def test_a_missing_rate_and_a_row_of_rates_are_refused(optimizer):
    with pytest.raises(ValueError, match="`learning_rate` must be given .* got None"):
        trace_step(optimizer, None)
    with pytest.raises(ValueError, match=r"one number a step; got the shape \(3,\)"):
        trace_step(optimizer, jnp.ones(3))


def test_eight_learning_rates_are_one_program_for_adamw_too():
    rates = np.geomspace(1e-4, 1e-1, 8, dtype=np.float32)
    optimizer = TAKES_ONE["injected adamw"]
    run = Counted(jax.jit(jax.vmap(lambda rate: train(optimizer, rate, steps=20))))
    states, infos = run(rates)
    run(2 * rates)
    assert run.programs == 1
    # each is optax's own with that rate inside
    alone, info = jax.jit(lambda: train(optax.adamw(rates[5].item()), steps=20))()
    for row, one in zip(
        jax.tree.leaves((states.params, infos.loss)),
        jax.tree.leaves((alone.params, info.loss)),
        strict=True,
    ):
        # float32 losses of some 45 nats, rounded in another order in twenty steps
        np.testing.assert_allclose(row[5], one, rtol=2e-5, atol=2e-5)
    assert len(np.unique(infos.loss[:, -1])) == 8


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize(
    ("optimizer", "rate", "slope"),
    [
        # of float16 the squares, 90 000, would be infinite; those of optax are
        (training.adam(), 2.0**-6, 300.0),
        (training.adam(clip_norm=1e9), 2.0**-6, 300.0),
        (optax.adam(2.0**-6), None, 3.0),
        (
            optax.inject_hyperparams(optax.adamw, hyperparam_dtype=jnp.float32)(
                learning_rate=0.0, weight_decay=0.0
            ),
            2.0**-6,
            3.0,
        ),
    ],
    ids=["training.adam", "clipped", "optax.adam", "injected adamw"],
)
def test_parameters_and_state_keep_their_dtype(optimizer, rate, slope, dtype):
    """Under one gradient Adam moves by its rate a step: 1 becomes 1 - 8 / 64, exactly."""
    step = training.make_step(weighted, optimizer)
    state = training.init_state(jnp.ones(3, dtype), optimizer)
    hyper, keys = StepHyper(1.0, rate), StepKeys.from_key(KEY, 2)

    @jax.jit
    def run(state):
        # a scan refuses a state that changes its dtypes
        return jax.lax.scan(
            lambda state, _: step(state, jnp.full((2, 3), slope), hyper, keys),
            state,
            length=8,
        )

    after, info = run(state)
    assert after.params.dtype == dtype
    np.testing.assert_array_equal(after.params.astype(np.float32), np.full(3, 0.875))
    np.testing.assert_allclose(info.grad_norm, slope * 3**0.5, rtol=1e-6)


def test_second_moments_decay_in_half_precision_parameters():
    """In bfloat16 0.999 is 1: a moment would never be forgotten."""
    optimizer = training.adam()
    state = optimizer.init(jnp.ones(1, jnp.bfloat16))._replace(
        nu=jnp.ones(1, jnp.float32)
    )
    still = jnp.zeros(1, jnp.bfloat16)
    for _ in range(3):
        _, state = optimizer.update(still, state, learning_rate=1.0)
    np.testing.assert_allclose(state.nu, 0.999**3, rtol=1e-6)


def test_extra_arguments_of_optax_are_there():
    """A line search evaluates the loss anew: one step ends at the least of a parabola."""

    def parabola(params, batch, hyper, keys):
        loss = jnp.sum(jnp.square(params[None] - batch), axis=-1)
        return loss, Terms(loss, 0 * loss, 0 * loss)

    optimizer = optax.lbfgs()
    step = training.jit_step(training.make_step(parabola, optimizer))
    state = training.init_state(jnp.zeros(2), optimizer)
    batch, keys = jnp.array([[1.0, 4.0], [3.0, 6.0]]), StepKeys.from_key(KEY, 2)
    for _ in range(2):
        state, _ = step(state, batch, StepHyper(beta=1.0), keys)
    np.testing.assert_allclose(state.params, [2.0, 5.0], rtol=1e-5)
