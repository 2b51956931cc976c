"""A learning rate that is halved where the validation loss stops falling.

The recipe of text VAEs: He et al. (2019), arXiv:1901.05534, in their public code. Epochs
count once the weight of the rate has arrived: theirs rises over 10 epochs, and on text they
make no cut before epoch 15. Theirs differs in three ways: after a cut it compares with the
loss that failed, here always with the least so far; it starts the optimisers anew; and it
knows no weight but 1 to judge by.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax import likelihoods
from vae_jax.conditions import on_device
from vae_jax.training._arrival import last_of, schedules_arrived
from vae_jax.training._batches import map_batches
from vae_jax.training._evaluate import example_statistics
from vae_jax.training._judged import judged_run
from vae_jax.training._keys import Stream, fold_indices, split_each, stream_key
from vae_jax.training._objective import kl_to_prior
from vae_jax.training._program import Hyper, Prepare, Program, at_step
from vae_jax.training._state import TrainState, with_train
from vae_jax.training._steps import keep_where
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import VAE


class Patience(NamedTuple):
    """When the learning rate is cut; every field is data.

    Attributes:
        epochs: without a new least validation loss before a cut.
        factor: what the learning rate is multiplied by.
        cuts: with the last one it becomes 0, and the run stands still.

    >>> Patience().factor
    0.5
    """

    epochs: Int[ArrayLike, ""] = 2
    factor: Float[ArrayLike, ""] = 0.5
    cuts: Int[ArrayLike, ""] = 5


class Plateau(NamedTuple):
    """What the cuts are decided by.

    Attributes:
        best_loss: least validation loss so far, in nats; infinite before the first one.
        best: the parameters that had it.
        failures: epochs since then, or since the last cut.
        cuts: made so far.
        scale: of the learning rate now.
        trained_steps: updates made before the learning rate was 0.
        best_step: how many of them lie behind `best`.

    >>> Plateau._fields[:5]
    ('best_loss', 'best', 'failures', 'cuts', 'scale')
    """

    best_loss: Float[Array, ""]
    best: Params
    failures: Int[Array, ""]
    cuts: Int[Array, ""]
    scale: Float[Array, ""]
    trained_steps: Int[Array, ""]
    best_step: Int[Array, ""]


class PlateauState(NamedTuple):
    """State of a run, and what its learning rate is cut by.

    >>> PlateauState(None, None)._fields
    ('run', 'plateau')
    """

    run: Any
    plateau: Any

    @property
    def train(self) -> TrainState:
        """The train state of the run, as every other program has it."""
        train: TrainState = self.run.train
        return train


DEFAULT_PATIENCE = Patience()

Validate = Callable[..., Float[Array, ""]]
"""`validate(params, key, knobs, images, beta) -> nats`."""


def with_plateau(
    program: Program,
    validate: Validate,
    batch_size: int,
    *,
    patience: Patience = DEFAULT_PATIENCE,
) -> Program:
    """A program whose learning rate is cut where `data.validation` stops improving.

    At an epoch's end the validation loss is computed: `distortion + beta * rate` at the
    beta with which the run ends. Epochs count from where beta, and a capacity with a
    weight, have arrived: before, every epoch has another objective, and a run must not end
    at one that nobody asked for. After `patience.epochs` epochs that did not lower the loss
    the learning rate is multiplied by `patience.factor` and training goes on from the best
    parameters; with the last cut it ends. Evaluated and kept are the best parameters; where
    no epoch has counted, the last ones.

    Args:
        program: over `Hyper` and `Splits` with a validation set; its state has a `train`.
        validate: see `make_validate`.
        batch_size: examples a step, which with the data says when an epoch ends.
        patience: when to cut.

    Returns:
        A program over `PlateauState`, whose evaluation says what was done: `trained_steps`,
        the updates made before the learning rate was 0; `kept_step`, how many of them lie
        behind the parameters that are kept; `learning_rate_cuts`; `final_beta` of the last
        of the updates; and `final_learning_rate`, 0 where training was ended.

    Raises:
        ValueError: when it is run, if the data have no validation set, the settings no
            learning rate, which then would be the optimiser's own, or a controller steers
            beta, which then never arrives.

    Needs a program to show; see `make_program`.
    """

    def init(key, hyper, data):  # type: ignore[no-untyped-def]
        if hyper.learning_rate is None:
            raise ValueError(
                "`learning_rate` must be given in `Hyper`, for it is what is cut on a "
                "plateau; got None. Give it, with an optimiser that takes it, such as "
                "`training.adam()`."
            )
        run = judged_run(
            "a learning rate that is cut on a plateau", program, key, hyper, data
        )
        return PlateauState(run, first_plateau(run.train.params))

    def step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        rate = at_step(hyper.learning_rate, t) * state.plateau.scale
        hyper = hyper._replace(learning_rate=rate)
        run, info = program.step(state.run, t, key, hyper, data)
        before = count_step(state.plateau)

        def judged() -> PlateauState:
            params = run.train.params
            kept = program.params(run, key, hyper, data)
            beta = last_of(hyper.beta)
            loss = validate(kept, key, hyper.knobs, data.validation, beta)
            after = judge_plateau(before, loss, params, patience)
            after = keep_where(schedules_arrived(hyper, t), after, before)
            cut = after.cuts > before.cuts
            params = keep_where(cut, after.best, params)
            train = run.train._replace(params=params)
            return PlateauState(with_train(run, train), after)

        # of t alone, which all members of a sweep share: under vmap it stays a branch
        ends_epoch = (t + 1) % (len(data.train) // batch_size) == 0
        state = jax.lax.cond(ends_epoch, judged, lambda: PlateauState(run, before))
        return state, info

    def evaluate(state, key, hyper, data):  # type: ignore[no-untyped-def]
        found = program.evaluate(best_run(state), key, hyper, data)
        return found | what_was_done(state.plateau, hyper)

    def params(state, key, hyper, data):  # type: ignore[no-untyped-def]
        return program.params(best_run(state), key, hyper, data)

    return Program(init, step, evaluate, params)


def count_step(plateau: Plateau) -> Plateau:
    """One update more, unless the learning rate is 0.

    >>> int(count_step(first_plateau({})).trained_steps)
    1
    """
    moves = (plateau.scale > 0).astype(jnp.int32)
    return plateau._replace(trained_steps=plateau.trained_steps + moves)


def what_was_done(plateau: Plateau, hyper: Hyper) -> dict[str, Array]:
    """The columns that tell a run that was ended from one that was not.

    >>> found = what_was_done(first_plateau({}), Hyper(jnp.ones(3), jnp.ones(3)))
    >>> int(found["trained_steps"]), float(found["final_learning_rate"])
    (0, 1.0)
    """
    assert hyper.learning_rate is not None, "refused when the run began"
    steps = plateau.trained_steps
    judged = jnp.isfinite(plateau.best_loss)
    return {
        "trained_steps": steps,
        "kept_step": jnp.where(judged, plateau.best_step, steps),
        "learning_rate_cuts": plateau.cuts,
        "final_beta": at_step(hyper.beta, jnp.maximum(steps - 1, 0)),
        "final_learning_rate": last_of(hyper.learning_rate) * plateau.scale,
    }


def first_plateau(params: Params) -> Plateau:
    """Before the first epoch's end.

    >>> float(first_plateau({}).scale)
    1.0
    """
    zero = jnp.zeros((), jnp.int32)
    worst, one = jnp.full((), jnp.inf, jnp.float32), jnp.ones((), jnp.float32)
    return Plateau(worst, params, zero, zero, one, zero, zero)


def judge_plateau(
    before: Plateau, loss: Float[Array, ""], params: Params, patience: Patience
) -> Plateau:
    """An epoch's end: a new best, a failure, or the failure that cuts.

    >>> seen = first_plateau({"w": jnp.array(0.0)})
    >>> for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.0, 4.0]):
    ...     params = {"w": jnp.array(float(epoch))}
    ...     seen = judge_plateau(seen, jnp.array(loss), params, Patience())
    >>> float(seen.best["w"]), int(seen.failures), int(seen.cuts), float(seen.scale)
    (1.0, 1, 1, 0.5)
    """
    loss = jnp.asarray(loss, jnp.float32)
    better = loss < before.best_loss
    failures = jnp.where(better, 0, before.failures + 1)
    cut = (failures >= patience.epochs) & (before.cuts < patience.cuts)
    cuts = before.cuts + cut.astype(jnp.int32)
    scale = jnp.where(cut, before.scale * patience.factor, before.scale)
    return Plateau(
        jnp.where(better, loss, before.best_loss),
        keep_where(better, params, before.best),
        jnp.where(cut, 0, failures),
        cuts,
        jnp.where(cuts >= patience.cuts, 0, scale),
        before.trained_steps,
        jnp.where(better, before.trained_steps, before.best_step),
    )


def best_run(state: PlateauState) -> Any:
    """The run with its best parameters; as it is where none was judged yet."""
    judged = jnp.isfinite(state.plateau.best_loss)
    params = keep_where(judged, state.plateau.best, state.train.params)
    return with_train(state.run, state.train._replace(params=params))


def make_validate(
    vae: VAE, likelihood: likelihoods.Likelihood, prepare: Prepare, batch_size: int
) -> Validate:
    """`distortion + beta * rate` in nats an example, without dropout, from one z each.

    The z of an example has the same noise at every epoch, so that epochs are compared in
    pairs.

    See `with_plateau`.
    """

    def validate(params, key, knobs, images, beta=1.0):  # type: ignore[no-untyped-def]
        root = stream_key(key, Stream.VALIDATE, 0)

        def losses_of(images: Any, indices: Array) -> Array:
            prepare_keys, noise_keys = split_each(fold_indices(root, indices))
            x = prepare(prepare_keys, images)
            found = example_statistics(vae, likelihood, params, noise_keys, x, knobs, 1)
            kl = kl_to_prior(vae, params, found.mean, found.logvar, found.z)
            return found.distortion + weight * jnp.sum(kl, axis=-1)

        weight = jnp.asarray(beta, jnp.float32)
        images = on_device(images)
        losses = map_batches(losses_of, batch_size, images, jnp.arange(len(images)))
        return jnp.mean(losses)

    return validate
