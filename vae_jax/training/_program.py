"""A training run as three pure functions: what `fit` and the sweep engine execute."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Shaped

from vae_jax import records
from vae_jax.mapped import batch_split_over, own_share, shared_axis
from vae_jax.training._feedback import Feedback
from vae_jax.training._keys import Stream, example_keys, stream_key
from vae_jax.training._state import StepHyper, StepKeys, TrainState
from vae_jax.training._step import Step, check_whole, init_state
from vae_jax.training._streamed import Streamed, batch_of
from vae_jax.types import ArrayLike, Params
from vae_jax.vae import Knobs


class Program(NamedTuple):
    """What the engine runs; it knows nothing else.

    Attributes:
        init: `init(key, hyper, data) -> state`.
        step: `step(state, t, key, hyper, data) -> (state, info)`; `info` is a
            NamedTuple of scalars.
        evaluate: `evaluate(state, key, hyper, data) -> dict of named arrays`.
        params: `params(state, key, hyper, data)`, the final parameters worth keeping.

    >>> Program._fields
    ('init', 'step', 'evaluate', 'params')
    """

    init: Callable[..., Any]
    step: Callable[..., tuple[Any, Any]]
    evaluate: Callable[..., dict[str, Array]]
    params: Callable[..., Any]


class Hyper(NamedTuple):
    """The settings of one run; every field is data, so that members may differ.

    Attributes:
        beta: the weight of the rate at every step.
        learning_rate: at every step; None for an optimiser that has its own. See
            `StepHyper`.
        knobs: settings of the model.
        settings: see `StepHyper`; of records the rows are indexed as beta is.

    >>> Hyper(beta=jnp.ones(10), learning_rate=jnp.full(10, 1e-3)).at(3).beta
    Array(1., dtype=float32)
    """

    beta: Float[ArrayLike, " steps"]
    learning_rate: Float[ArrayLike, " steps"] | None = None
    knobs: Knobs = Knobs()
    settings: Any = ()

    def at(self, step: Int[ArrayLike, ""]) -> StepHyper:
        """The settings of one step; NaN, which stops a run, beyond the last row."""
        given = self.learning_rate
        rate = None if given is None else at_step(given, step)
        settings = records.at_step(self.settings, lambda row: at_step(row, step))
        return StepHyper(at_step(self.beta, step), rate, self.knobs, settings)


class Splits(NamedTuple):
    """Images on the device: those trained on, and those evaluated on.

    `train` may be streamed: its batches come as they are needed, and the set stays on the
    host. `validation` is None where nothing is decided by it; see `with_plateau`. `initial`
    are parameters to begin with, None where they are drawn.

    >>> Splits(jnp.zeros((5, 2)), jnp.zeros((3, 2))).train.shape
    (5, 2)
    """

    train: Shaped[ArrayLike, " train *event"] | Streamed
    evaluation: Shaped[ArrayLike, " evaluation *event"]
    validation: Shaped[ArrayLike, " validation *event"] | None = None
    initial: Params | None = None


class RunState(NamedTuple):
    """State of a run: the parameters, and the order of this epoch's examples.

    >>> RunState(TrainState({}, ()), jnp.arange(3)).order
    Array([0, 1, 2], dtype=int32)
    """

    train: TrainState
    order: Int[Array, " train"]


def at_step(row: Float[ArrayLike, "..."], step: Int[ArrayLike, ""]) -> Array:
    """A setting at one step: its row's entry, or the one number that it is.

    >>> float(at_step(3.0, 7)), float(at_step(jnp.array([1.0, 2.0]), 1))
    (3.0, 2.0)
    """
    row = jnp.asarray(row, jnp.float32)
    # plain indexing would go on with the last row
    return row.at[step].get(mode="fill") if row.ndim else row


Calibrate = Callable[..., Params]
"""`calibrate(params, key, knobs, images) -> params`, over the whole training set."""

Prepare = Callable[
    [Array, Shaped[Array, " batch *event"]], Shaped[Array, " batch *event"]
]
"""`prepare(keys, images) -> x`: scale, binarise or dequantise a batch."""


def make_program(
    init_params: Callable[[Array], Any],
    step: Step,
    optimizer: optax.GradientTransformation,
    prepare: Prepare,
    evaluate: Callable[..., dict[str, Array]],
    batch_size: int,
    *,
    feedback: Feedback | None = None,
    calibrate: Calibrate | None = None,
) -> Program:
    """Bind a step to its data: shuffle, gather, prepare, key, step.

        Every epoch visits the examples in a new order drawn from (seed, epoch), and leaves
        out the last `num_examples % batch_size` of it.

    Args:
            init_params: `init_params(key) -> params`; not called where data hold `initial`.
            step: from `make_step`, without an axis name: where several devices share a
                batch, the engine says so.
            optimizer: the one the step was made with.
            prepare: turns stored images into the model's input.
            evaluate: see `make_evaluate`.
            batch_size: examples a step.
            feedback: the controller that the step was made with, if any.
            calibrate: what turns trained parameters into those that are kept, where the
                model needs that; see `make_calibrate`.

    Returns:
            A `Program` over `Hyper`, `Splits` and `RunState`.

    Raises:
        ValueError: the step was made with an axis name.

    Needs a model and data to show; `assembly.program` makes one of a config.
    """
    check_whole(step, "make_program")

    def init(key, hyper, data):  # type: ignore[no-untyped-def]
        params = jax.tree.map(jnp.asarray, getattr(data, "initial", None))
        if params is None:
            params = init_params(stream_key(key, Stream.INIT, 0))
        order = jnp.arange(len(data.train), dtype=jnp.int32)
        first = None if feedback is None else hyper.at(0)
        return RunState(init_state(params, optimizer, feedback, first), order)

    def run_step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        order, rows = next_rows(state.order, t, key, batch_size)
        keys = [
            example_keys(key, stream, t, batch_size)
            for stream in (Stream.BINARISE, Stream.NOISE, Stream.DROPOUT)
        ]
        # devices that run a member together take a share of the batch each
        axis, (rows, keys) = shared_axis(), own_share((rows, keys))
        batch = prepare(keys[0], batch_of(data.train, rows, t))
        with batch_split_over(axis):
            train, info = step(state.train, batch, hyper.at(t), StepKeys(*keys[1:]))
        return RunState(train, order), info

    def params(state, key, hyper, data):  # type: ignore[no-untyped-def]
        if calibrate is None:
            return state.train.params
        return calibrate(state.train.params, key, hyper.knobs, data.train)

    return Program(init, run_step, evaluate, params)


def next_rows(
    order: Int[Array, " train"], step: Array, key: Array, batch_size: int
) -> tuple[Int[Array, " train"], Int[Array, " batch"]]:
    """This epoch's order, drawn anew at its first step, and the rows of this step.

    Raises:
        ValueError: a batch is larger than the training set.
    """
    if batch_size > len(order):
        raise ValueError(
            f"`batch_size` must be at most the {len(order)} training examples; got "
            f"{batch_size}."
        )
    steps_per_epoch = len(order) // batch_size
    epoch, index = jnp.divmod(step, steps_per_epoch)
    order = jax.lax.cond(
        index == 0,
        lambda: epoch_order(key, epoch, len(order)),
        lambda: order,
    )
    return order, jax.lax.dynamic_slice(order, (index * batch_size,), (batch_size,))


def epoch_order(
    key: Array, epoch: Int[ArrayLike, ""], size: int
) -> Int[Array, " size"]:
    """The order in which the run of a root key visits the examples in an epoch.

    >>> from vae_jax.training import member_key
    >>> sorted(epoch_order(member_key(0), 7, 3).tolist())
    [0, 1, 2]
    """
    return shuffled(stream_key(key, Stream.ORDER, epoch), size)


def shuffled(key: Array, size: int) -> Int[Array, " size"]:
    """Indices sorted by 32 random bits each: one round of `jax.random.permutation`.

    It takes two rounds above 1625 examples, and twice the time, for the sake of equal
    draws, which keep their order here: one pair is expected among 93 000 examples.

    >>> sorted(shuffled(jax.random.key(0), 3).tolist())
    [0, 1, 2]
    """
    draws = jax.random.bits(jax.random.split(key)[1], (size,), jnp.uint32)
    return jax.lax.sort_key_val(draws, jnp.arange(size, dtype=jnp.int32))[1]
