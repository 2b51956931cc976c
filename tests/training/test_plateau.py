"""A learning rate cut by the validation loss; what a run looked like on the way."""

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import optax
import pytest

from vae_jax import configs, likelihoods, training
from vae_jax.training import Hyper, Patience, Splits

BATCH, STEPS = 4, 24  # eight epochs of three steps
X = linear.examples(12)
DATA = Splits(X, X[:5], X[5:9])
HYPER = Hyper(
    beta=np.ones(STEPS, np.float32),
    learning_rate=np.full(STEPS, 0.01, np.float32),
    knobs=linear.KNOBS,
)
KEY = training.member_key(0)
MODEL, DENSITY = linear.vae(), likelihoods.gaussian()


def prepare(keys, images):
    return images


def evaluate(state, key, hyper, data):
    return {"weight": jax.tree.leaves(state.train.params)[0]}


def base():
    objective = training.make_objective(MODEL, DENSITY)
    return training.make_program(
        lambda key: linear.exact_params(inflation=2.0),
        training.make_step(objective, training.sgd()),
        training.sgd(),
        prepare,
        evaluate,
        BATCH,
    )


def scripted(losses):
    """A validation loss by epoch, whatever the parameters: counted by the rate's cuts."""
    table = jnp.asarray(losses, jnp.float32)

    def validate(params, key, knobs, images, beta):
        # the epoch is not an argument: the parameters carry it
        return table[params["epoch"].astype(jnp.int32) - 1]

    return validate


class Counter:
    """A program whose parameter is the number of epochs, three steps each."""

    @staticmethod
    def program():
        def init(key, hyper, data):
            params = {"epoch": jnp.zeros(()), "step": jnp.zeros(())}
            return training.RunState(
                training.TrainState(params, ()), jnp.zeros(1, jnp.int32)
            )

        def step(state, t, key, hyper, data):
            epoch = (t + 1) // 3
            params = {
                "epoch": epoch.astype(jnp.float32),
                "step": t.astype(jnp.float32),
            }
            rate = hyper.at(t).learning_rate
            return state._replace(train=state.train._replace(params=params)), {
                "rate": rate
            }

        def params(state, key, hyper, data):
            return state.train.params

        return training.Program(init, step, lambda s, *_: dict(s.train.params), params)


def run(program, num_steps=STEPS, hyper=HYPER):
    """The state after every step, and what each showed."""
    step = jax.jit(program.step)
    state, states, infos = program.init(KEY, hyper, DATA), [], []
    for t in range(num_steps):
        state, info = step(state, jnp.int32(t), KEY, hyper, DATA)
        states.append(state)
        infos.append(info)
    return states, infos


def test_the_rate_is_cut_after_two_failures_and_ends_with_the_last_cut():
    losses = [5.0, 4.0, 4.5, 4.0, 3.0, 3.5, 3.5, 9.0]
    program = training.with_plateau(
        Counter.program(), scripted(losses), BATCH, patience=Patience(cuts=2)
    )
    states, infos = run(program)
    rates = np.array([float(info["rate"]) for info in infos]).reshape(8, 3)[:, 0]
    # epochs 3 and 4 fail: a half from epoch 5 on; 6 and 7 fail: the second cut, 0
    np.testing.assert_allclose(rates, 0.01 * np.array([1, 1, 1, 1, 0.5, 0.5, 0.5, 0]))
    assert float(states[-1].plateau.best_loss) == 3.0
    # what is evaluated and kept is of the best epoch, the fifth
    found = program.evaluate(states[-1], KEY, HYPER, DATA)
    assert float(found["epoch"]) == 5.0
    assert float(program.params(states[-1], KEY, HYPER, DATA)["epoch"]) == 5.0
    # a cut goes on from the best parameters: those of epoch 2 after epoch 4
    assert float(states[11].train.params["epoch"]) == 2.0


def ramp_to(beta, arrives_at):
    """A weight that rises until a step, and what the run does under ever larger losses."""
    rise = np.minimum(np.arange(STEPS) / arrives_at, 1).astype(np.float32)
    hyper = HYPER._replace(beta=beta * rise)
    program = training.with_plateau(
        Counter.program(), scripted(range(1, 9)), BATCH, patience=Patience(1, cuts=2)
    )
    states, _ = run(program, hyper=hyper)
    found = program.evaluate(states[-1], KEY, hyper, DATA)
    return states, {name: float(value) for name, value in found.items()}


def test_no_run_ends_before_its_beta_has_arrived():
    """Epochs of a warm-up are of other objectives: none of them is a failure, or a best."""
    states, found = ramp_to(4.0, arrives_at=11)
    cuts = [int(state.plateau.cuts) for state in states[2::3]]
    # beta is 4 from step 11 on, the last of epoch 4, which is the first that counts
    assert cuts == [0, 0, 0, 0, 1, 2, 2, 2]
    assert found["final_beta"] == 4.0
    assert found["trained_steps"] == 18
    assert found["final_learning_rate"] == 0.0
    assert found["learning_rate_cuts"] == 2
    # the least loss is that of epoch 4, not the lower ones of the warm-up
    assert (found["epoch"], found["kept_step"]) == (4.0, 12)


def test_a_warm_up_as_long_as_the_run_is_never_cut():
    _, found = ramp_to(4.0, arrives_at=STEPS)
    assert found["learning_rate_cuts"] == 0
    assert found["trained_steps"] == found["kept_step"] == STEPS
    assert found["final_learning_rate"] == pytest.approx(0.01)
    assert found["final_beta"] == pytest.approx(4.0 * (STEPS - 1) / STEPS)


def test_a_run_is_judged_at_the_beta_that_it_trains():
    """The rate rises and the distortion falls: a gain at beta 1, a loss at beta 4."""
    rate = jnp.arange(8.0)

    def validate(params, key, knobs, images, beta):
        rose = rate[params["epoch"].astype(jnp.int32) - 1]
        return (20.0 - 2.0 * rose) + beta * rose

    cuts = {}
    for beta in (1.0, 4.0):
        hyper = HYPER._replace(beta=np.full(STEPS, beta, np.float32))
        program = training.with_plateau(Counter.program(), validate, BATCH)
        states, _ = run(program, hyper=hyper)
        cuts[beta] = int(states[-1].plateau.cuts)
    assert cuts == {1.0: 0, 4.0: 3}


def test_a_capacity_has_to_arrive_as_well():
    for weight, first in ((0.0, 2), (10.0, 5)):
        used = configs.Run.of(
            capacity_weight=weight, capacity=5.0, capacity_warmup=11, num_steps=50
        ).remedies
        settings = tuple(remedy.on_device(STEPS) for remedy in used)
        hyper = HYPER._replace(settings=settings)
        program = training.with_plateau(
            Counter.program(),
            scripted(range(1, 9)),
            BATCH,
            patience=Patience(1, cuts=9),
        )
        states, _ = run(program, hyper=hyper)
        cuts = [int(state.plateau.cuts) for state in states[2::3]]
        assert cuts.index(1) + 1 == first


def test_a_controller_never_arrives_and_is_refused():
    def init(key, hyper, data):
        state = Counter.program().init(key, hyper, data)
        return state._replace(train=state.train._replace(feedback=jnp.ones(())))

    steered = Counter.program()._replace(init=init)
    program = training.with_plateau(steered, scripted([1.0]), BATCH)
    with pytest.raises(ValueError, match="got a feedback controller"):
        program.init(KEY, HYPER, DATA)


def test_before_the_first_epochs_end_parameters_are_kept_as_they_are():
    program = training.with_plateau(Counter.program(), scripted([1.0]), BATCH)
    states, _ = run(program, num_steps=2)
    kept = program.params(states[-1], KEY, HYPER, DATA)
    assert float(kept["step"]) == 1.0


def test_validation_loss_is_the_negative_elbo():
    """A linear VAE's ELBO at one z, written out from the same noise."""
    params = linear.exact_params(inflation=2.0)
    validate = training.make_validate(MODEL, DENSITY, prepare, batch_size=3)

    @jax.jit
    def drawn(key):
        return validate(params, key, linear.KNOBS, DATA.validation)

    assert float(drawn(KEY)) == float(drawn(KEY))
    # at another beta the same rate weighs more
    doubled = validate(params, KEY, linear.KNOBS, DATA.validation, 2.0)
    halved = validate(params, KEY, linear.KNOBS, DATA.validation, 0.5)
    assert float(drawn(KEY)) == pytest.approx(float(doubled + 2 * halved) / 3, rel=1e-5)
    many = [drawn(training.member_key(seed)) for seed in range(200)]
    x = jnp.asarray(DATA.validation)
    mean, logvar = MODEL.encode(params, x, knobs=linear.KNOBS)
    kl = 0.5 * (mean**2 + jnp.exp(logvar) - logvar - 1).sum(axis=1)
    noise = jax.random.normal(jax.random.key(9), (4000, *mean.shape))
    z = mean[None] + jnp.exp(0.5 * logvar)[None] * noise
    rows = jax.vmap(
        lambda z: DENSITY.log_prob(MODEL.decode(params, z, knobs=linear.KNOBS), x)
    )(z)
    exact = float(kl.mean() - rows.mean())
    many = np.array(many)
    # four standard errors of 200 draws
    assert abs(many.mean() - exact) < 4 * many.std() / np.sqrt(200)


@pytest.mark.slow
def test_a_real_run_is_that_of_the_program_until_a_cut():
    validate = training.make_validate(MODEL, DENSITY, prepare, BATCH)
    cut = training.with_plateau(base(), validate, BATCH, patience=Patience(epochs=100))
    states, infos = run(cut)
    plain, plain_infos = run(base())
    for a, b in zip(infos, plain_infos, strict=True):
        np.testing.assert_allclose(a.loss, b.loss, rtol=1e-6)
    for a, b in zip(
        jax.tree.leaves(states[-1].train.params),
        jax.tree.leaves(plain[-1].train.params),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_no_validation_set_is_refused():
    program = training.with_plateau(Counter.program(), scripted([1.0]), BATCH)
    with pytest.raises(ValueError, match="`validation` images"):
        program.init(KEY, HYPER, Splits(X, X))


def test_an_optimiser_with_its_own_rate_is_refused():
    program = training.with_plateau(Counter.program(), scripted([1.0]), BATCH)
    with pytest.raises(ValueError, match="it is what is cut on a plateau; got None"):
        program.init(KEY, HYPER._replace(learning_rate=None), Splits(X, X, X))


def test_sgd_is_optax():
    params = {"w": jnp.array([3.0, 4.0])}
    for clip, expected in ((None, [-1.5, -2.0]), (1.0, [-0.3, -0.4])):
        made = training.sgd(clip)
        updates, _ = made.update(params, made.init(params), learning_rate=0.5)
        np.testing.assert_allclose(updates["w"], expected, rtol=1e-6)
        assert isinstance(made, optax.GradientTransformation)


def test_snapshots_are_of_the_parameters_before_the_step_and_of_those_kept():
    program = training.with_snapshots(
        Counter.program(),
        (0, 4, 7),
        lambda params, key, hyper, data: {"step": params["step"]},
    )
    states, _ = run(program, num_steps=9)
    found = program.evaluate(states[-1], KEY, HYPER, DATA)
    # before step 4 the last one done is step 3; the last row is the end
    assert found["snapshots/step"].tolist() == [0.0, 3.0, 6.0, 8.0]
    assert float(found["step"]) == 8.0


def test_a_step_that_is_not_reached_is_unknown():
    names = {
        "step": lambda p: p["step"],
        "whole": lambda p: p["step"].astype(jnp.int32),
    }
    program = training.with_snapshots(
        Counter.program(),
        (0, 6),
        lambda params, *_: {name: read(params) for name, read in names.items()},
    )
    states, _ = run(program, num_steps=6)
    found = program.evaluate(states[-1], KEY, HYPER, DATA)
    assert np.isnan(found["snapshots/step"]).tolist() == [False, True, False]
    assert found["snapshots/whole"].tolist() == [0, np.iinfo(np.int32).min, 5]


def test_cuts_end_with_the_last_one():
    program = training.with_plateau(
        Counter.program(), scripted([1.0] * 8), BATCH, patience=Patience(1, cuts=2)
    )
    states, _ = run(program)
    assert int(states[-1].plateau.cuts) == 2
    assert float(states[-1].plateau.scale) == 0


@pytest.mark.slow
def test_wrappers_in_any_order():
    """A plateau over snapshots over a plain program, and a new decoder over both."""
    observed = training.with_snapshots(
        base(), (0,), lambda params, *_: {"size": jnp.ones(())}
    )
    validate = training.make_validate(MODEL, DENSITY, prepare, BATCH)
    both = training.with_plateau(observed, validate, BATCH)
    both = training.with_decoder_reset(both, 2)
    states, _ = run(both, num_steps=4)
    plain, _ = run(training.with_decoder_reset(base(), 2), num_steps=4)
    for a, b in zip(
        jax.tree.leaves(states[-1].train.params),
        jax.tree.leaves(plain[-1].train.params),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("steps", [(), (3, 1), (1, 1), (-1, 2)])
def test_snapshots_refuse_steps_out_of_order(steps):
    with pytest.raises(ValueError, match="ascending"):
        training.with_snapshots(Counter.program(), steps, lambda *_: {})
