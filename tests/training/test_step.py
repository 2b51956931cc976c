"""The one step against optax by hand, and its settings as data."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import optax
import pytest
from compiled import Counted
from small_models import keys, largest_difference, penalty

from vae_jax import likelihoods, training
from vae_jax.training import StepHyper, StepKeys, Terms

MEMBER = training.member_key(0)
OBJECTIVE = training.make_objective(linear.vae(), likelihoods.gaussian(), penalty())
BATCH, NUM_STEPS = 8, 10


def hyper(beta=1.0, rate=1e-2, free_bits=0.1):
    numbers = (np.float32(value) for value in (beta, rate))
    return StepHyper(*numbers, linear.KNOBS, np.float32(free_bits))


def train(update, state, **settings):
    """Ten steps on batches and keys that every caller sees alike."""
    x = linear.examples(NUM_STEPS * BATCH)
    for t in range(NUM_STEPS):
        batch = x[t * BATCH : (t + 1) * BATCH]
        state, _ = update(state, batch, hyper(**settings), keys(MEMBER, t, BATCH))
    return state


def by_hand(optimizer):
    """An update with `optax.apply_updates`, as anybody would write it."""

    @jax.jit
    def update(state, batch, hyper, keys):
        params, opt_state = state

        def loss(params):
            return jnp.mean(OBJECTIVE(params, batch, hyper, keys)[0])

        gradient = jax.grad(loss)(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), None

    return update


def clipped_adam(rate):
    return optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate))


@pytest.mark.parametrize(
    ("ours", "theirs", "rate"),
    [
        (training.adam(), optax.adam, 1e-2),
        (training.adam(clip_norm=0.5), clipped_adam, 1e-2),
        (training.sgd(), optax.sgd, 1e-2),
    ],
    ids=["adam", "clipped adam", "sgd"],
)
def test_equals_optax_with_the_rate_inside(ours, theirs, rate):
    params = linear.exact_params(2.0)
    step = training.jit_step(training.make_step(OBJECTIVE, ours))
    found = train(step, training.init_state(params, ours), rate=rate)
    optimizer = theirs(rate)
    expected, _ = train(by_hand(optimizer), (params, optimizer.init(params)), rate=rate)
    # float32 numbers of order 1, rounded in another order in each of ten steps
    assert largest_difference(found.params, expected) < 2e-6
    assert largest_difference(found.params, params) > rate


@pytest.mark.parametrize("num_steps", [1, 2, 1000])
def test_adam_is_that_of_optax_at_every_scale(num_steps):
    """Gradients from those whose square underflows to those of an exploding loss."""
    scales = jnp.array([[0.0, 1e-30, 1e-12, 1e-8, 1e-3, 1.0, 1e6, 1e15]])
    draws = jax.random.normal(jax.random.key(0), (num_steps, scales.size))
    found, state = last_update(training.adam(), draws * scales, learning_rate=1.0)
    expected, theirs = last_update(optax.scale_by_adam(), draws * scales)
    # eight roundings in the update, and one a step in the moments: a random walk
    rounding = 2**-23 * (8 + num_steps**0.5)
    np.testing.assert_allclose(-found, expected, rtol=rounding)
    np.testing.assert_allclose(state.mu, theirs.mu, rtol=rounding)
    np.testing.assert_allclose(state.nu, theirs.nu, rtol=rounding)
    assert state.count == num_steps


def last_update(optimizer, gradients, **extra):
    """What an optimiser answers to the last of some gradients."""

    def update(state, gradient):
        with jax.numpy_dtype_promotion("standard"):
            answer, state = optimizer.update(gradient, state, **extra)
        return state, answer

    state = optimizer.init(gradients[0])
    state, answers = jax.jit(lambda: jax.lax.scan(update, state, gradients))()
    return answers[-1], state


def test_the_kl_of_every_unit_is_that_of_the_posteriors():
    params, x = linear.exact_params(2.0), linear.examples(BATCH)
    optimizer = training.sgd()
    step = training.jit_step(training.make_step(OBJECTIVE, optimizer))
    _, info = step(
        training.init_state(params, optimizer), x, hyper(), keys(MEMBER, 0, BATCH)
    )
    mean, logvar = (np.asarray(part, np.float64) for part in linear.encode(params, x))
    exact = (mean**2 + np.exp(logvar) - logvar - 1).mean(axis=0) / 2
    np.testing.assert_allclose(info.kl_per_unit, exact, rtol=1e-5)


def test_an_objective_need_not_say_the_kl_of_units():
    optimizer = training.sgd()

    def objective(params, batch, hyper, keys):
        loss = (params - batch) ** 2
        return loss, Terms(loss, 0 * loss, 0 * loss)

    step = training.jit_step(training.make_step(objective, optimizer))
    state = training.init_state(jnp.array(0.0), optimizer)
    _, info = step(state, jnp.ones(BATCH), StepHyper(1.0, 0.1), keys(MEMBER, 0, BATCH))
    assert info.kl_per_unit is None


def test_beta_rate_floor_and_knobs_are_data():
    """Compiled once for all values, and a member a row under vmap."""
    optimizer = training.adam()
    pure = training.make_step(OBJECTIVE, optimizer)
    step, state = Counted(training.jit_step(pure)), None
    state = training.init_state(linear.exact_params(2.0), optimizer)
    x, noise = linear.examples(BATCH), keys(MEMBER, 0, BATCH)
    rows = [hyper(0.0, 1e-3, 0.0), hyper(1.0, 0.0, 0.5), hyper(3.0, 1e-2, 0.1)]
    alone = [step(state, x, row, noise) for row in rows]
    assert step.programs == 1
    stacked = jax.tree.map(
        lambda *leaves: jnp.stack(list(map(jnp.asarray, leaves))), *rows
    )
    together = jax.jit(jax.vmap(pure, in_axes=(None, None, 0, None)))
    states, infos = together(state, x, stacked, noise)
    for i, (one, info) in enumerate(alone):
        row = [leaf[i] for leaf in jax.tree.leaves((states.params, infos))]
        # float32 losses of some ten nats
        assert largest_difference(row, (one.params, info)) < 1e-5
    # at rate 0 the parameters stay; the two others go two ways
    assert largest_difference(alone[1][0].params, state.params) == 0
    assert largest_difference(alone[0][0].params, alone[2][0].params) > 5e-3


def weighted_sum(params, batch, hyper, keys):
    """A loss whose gradient is the example itself."""
    loss = batch @ jnp.concatenate([params["a"], params["b"]])
    return loss, Terms(loss, 0 * loss, 0 * loss)


def one_step(optimizer, batch):
    params = {"a": jnp.zeros(1), "b": jnp.zeros(1)}
    step = training.jit_step(training.make_step(weighted_sum, optimizer))
    noise = StepKeys(*jax.random.split(jax.random.key(0), (2, len(batch))))
    state = training.init_state(params, optimizer)
    state, info = step(state, jnp.array(batch), StepHyper(1.0, 1.0), noise)
    return [float(state.params[name][0]) for name in "ab"], float(info.grad_norm)


@pytest.mark.parametrize(
    ("clip", "expected"), [(5.0, [-3.0, -4.0]), (20.0, [-6.0, -8.0])]
)
def test_the_gradient_is_clipped_by_its_global_norm_after_the_mean(clip, expected):
    """Two examples with gradients of 1000 whose mean is (6, 8), one number a leaf."""
    batch = [[1006.0, 1008.0], [-994.0, -992.0]]
    found, norm = one_step(training.sgd(clip), batch)
    # one division by the norm in float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert norm == 10  # of the gradient before it is clipped


@pytest.mark.parametrize("repeats", [1, 5])
def test_the_loss_is_averaged_over_the_batch_once(repeats):
    found, _ = one_step(training.sgd(), [[1.0, 8.0], [4.0, 0.0]] * repeats)
    assert found == [-2.5, -4.0]


def test_information_is_the_batch_mean_of_every_term():
    params, x = linear.exact_params(), linear.examples(BATCH)
    settings, noise = hyper(3.0, free_bits=1.0), keys(MEMBER, 0, BATCH)
    step = training.jit_step(training.make_step(OBJECTIVE, training.sgd()))
    _, info = step(training.init_state(params, training.sgd()), x, settings, noise)
    loss, terms = jax.jit(OBJECTIVE)(params, x, settings, noise)
    found = info._asdict() | {"kl": info.kl_per_unit}
    for name, value in (("loss", loss), *terms._asdict().items()):
        expected = np.mean(np.asarray(value, np.float64), axis=0)
        np.testing.assert_allclose(found[name], expected, rtol=1e-6)
    charged = info.distortion + 3 * info.penalised_rate
    np.testing.assert_allclose(info.loss, charged, rtol=1e-6)
    assert float(info.beta) == 3
    _, rate = linear.distortion_and_rate(params, x)
    np.testing.assert_allclose(info.rate, rate.mean(), rtol=1e-6)
    # the second unit is under its floor of 1 nat: the loss pays more than the rate
    assert info.penalised_rate > info.rate + 0.1
