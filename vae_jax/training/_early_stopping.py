"""A run that stops where the validation loss has stopped falling, and keeps its best.

Prechelt (1998), "Early Stopping - But When?": the criterion UP, with epochs for strips.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vae_jax.training._arrival import last_of, schedules_arrived
from vae_jax.training._judged import judged_run
from vae_jax.training._plateau import Validate
from vae_jax.training._program import Program
from vae_jax.training._state import TrainState, with_train
from vae_jax.training._steps import keep_where
from vae_jax.types import ArrayLike, Params


class Stopping(NamedTuple):
    """What a run is stopped by.

    Attributes:
        best_loss: least validation loss so far, in nats; infinite before the first one.
        best: the parameters that had it.
        best_step: updates that lie behind them.
        failures: epochs since then.
        steps: updates made.
        stopped: once True, for good.

    >>> Stopping._fields[:3]
    ('best_loss', 'best', 'best_step')
    """

    best_loss: Float[Array, ""]
    best: Params
    best_step: Int[Array, ""]
    failures: Int[Array, ""]
    steps: Int[Array, ""]
    stopped: Bool[Array, ""]


class StoppingState(NamedTuple):
    """State of a run, what it is stopped by, and what its last update showed.

    >>> StoppingState(None, None, None)._fields
    ('run', 'stopping', 'info')
    """

    run: Any
    stopping: Any
    info: Any

    @property
    def train(self) -> TrainState:
        """The train state of the run, as every other program has it."""
        train: TrainState = self.run.train
        return train


def with_early_stopping(
    program: Program,
    validate: Validate,
    batch_size: int,
    patience: Int[ArrayLike, ""],
) -> Program:
    """A program that stands still once `data.validation` has not improved for some epochs.

    At an epoch's end the validation loss is computed: `distortion + beta * rate` at the
    beta with which the run ends. Epochs count from where beta, and a capacity with a
    weight, have arrived: before, every epoch has another objective. After `patience` epochs
    that did not lower the loss the run is frozen, whatever its members in the same program
    do, and its history repeats what the last update showed. Evaluated and kept are the best
    parameters; where no epoch has counted, the last ones.

    Args:
        program: over `Hyper` and `Splits` with a validation set; its state has a `train`.
        validate: see `make_validate`.
        batch_size: examples a step, which with the data says when an epoch ends.
        patience: epochs, at least 1; data.

    Returns:
        A program over `StoppingState`, whose evaluation has `stopped_at`, the updates that
        were made (all where it was not stopped), `best_step`, how many of them lie behind
        the parameters that are kept, and `best_validation_loss`, infinite where no epoch
        has counted.

    Raises:
        ValueError: when it is run, if the data have no validation set, or a controller
            steers beta, which then never arrives.

    Needs a program to show; see `make_program`.
    """

    def init(key, hyper, data):  # type: ignore[no-untyped-def]
        run = judged_run(
            "a run that is stopped by its validation loss", program, key, hyper, data
        )
        step = jnp.zeros((), jnp.int32)
        _, shown = jax.eval_shape(program.step, run, step, key, hyper, data)
        empty = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), shown)
        return StoppingState(run, first_stopping(run.train.params), empty)

    def step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        def going() -> Any:
            run, info = program.step(state.run, t, key, hyper, data)
            before = state.stopping._replace(steps=state.stopping.steps + 1)

            def judged() -> Stopping:
                kept = program.params(run, key, hyper, data)
                beta = last_of(hyper.beta)
                loss = validate(kept, key, hyper.knobs, data.validation, beta)
                after = judge_stopping(before, loss, run.train.params, patience)
                return keep_where(schedules_arrived(hyper, t), after, before)  # type: ignore[no-any-return]

            # of t alone, which all members of a sweep share: under vmap it stays a branch
            ends_epoch = (t + 1) % (len(data.train) // batch_size) == 0
            stopping = jax.lax.cond(ends_epoch, judged, lambda: before)
            return StoppingState(run, stopping, info), info

        def frozen() -> Any:
            return state, state.info

        return jax.lax.cond(state.stopping.stopped, frozen, going)

    def evaluate(state, key, hyper, data):  # type: ignore[no-untyped-def]
        seen = state.stopping
        judged = jnp.isfinite(seen.best_loss)
        found = program.evaluate(best_of(state), key, hyper, data)
        return found | {
            "stopped_at": seen.steps,
            "best_step": jnp.where(judged, seen.best_step, seen.steps),
            "best_validation_loss": seen.best_loss,
        }

    def params(state, key, hyper, data):  # type: ignore[no-untyped-def]
        return program.params(best_of(state), key, hyper, data)

    return Program(init, step, evaluate, params)


def first_stopping(params: Params) -> Stopping:
    """Before the first epoch's end.

    >>> bool(first_stopping({}).stopped)
    False
    """
    zero, worst = jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, jnp.float32)
    return Stopping(worst, params, zero, zero, zero, jnp.zeros((), jnp.bool_))


def judge_stopping(
    before: Stopping,
    loss: Float[ArrayLike, ""],
    params: Params,
    patience: Int[ArrayLike, ""],
) -> Stopping:
    """An epoch's end: a new best, a failure, or the failure that stops.

    >>> seen = first_stopping({"w": jnp.array(0.0)})
    >>> for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.0]):
    ...     params = {"w": jnp.array(float(epoch))}
    ...     seen = judge_stopping(seen, jnp.array(loss), params, 2)
    >>> float(seen.best["w"]), int(seen.failures), bool(seen.stopped)
    (1.0, 2, True)
    """
    loss = jnp.asarray(loss, jnp.float32)
    better = loss < before.best_loss
    failures = jnp.where(better, 0, before.failures + 1)
    return before._replace(
        best_loss=jnp.where(better, loss, before.best_loss),
        best=keep_where(better, params, before.best),
        best_step=jnp.where(better, before.steps, before.best_step),
        failures=failures,
        stopped=before.stopped | (failures >= patience),
    )


def best_of(state: StoppingState) -> Any:
    """The run with its best parameters; as it is where none was judged yet."""
    judged = jnp.isfinite(state.stopping.best_loss)
    params = keep_where(judged, state.stopping.best, state.train.params)
    return with_train(state.run, state.train._replace(params=params))
