"""Aggressive inference: the encoder is trained first, until it stops improving.

Posteriors collapse early, while the encoder lags behind the true posterior of the decoder
as it is. So every update of the decoder waits for an inner loop of encoder updates, until
the mutual information between x and z stops growing; from then on both move together.

He, Spokoyny, Neubig, Berg-Kirkpatrick (2019), arXiv:1901.05534.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from vae_jax.training._encoder_share import (
    IsEncoder,
    encoder_mask,
    in_encoder,
    share_optimizers,
)
from vae_jax.training._feedback import Feedback
from vae_jax.training._inner_loop import InnerLoop, make_pursuit, share_of, with_share
from vae_jax.training._judgement import (
    MAX_MEASURED,
    Judgement,
    first_judgement,
    judge,
    make_measure,
)
from vae_jax.training._objective import Objective
from vae_jax.training._program import (
    Calibrate,
    Prepare,
    Program,
    RunState,
    make_program,
    next_rows,
)
from vae_jax.training._state import TrainState
from vae_jax.training._step import make_step
from vae_jax.training._steps import keep_where
from vae_jax.vae import VAE

DEFAULT_LOOP = InnerLoop()

LoopSettings = InnerLoop | Callable[[Any], InnerLoop]
"""The settings of the loop, or a function that reads them from the run's."""

Settle = Callable[..., tuple[TrainState, Int[Array, ""]]]
"""`settle(state, t, key, hyper, data) -> (train state, inner steps)`."""


class Counts(NamedTuple):
    """What a run has cost so far.

    Attributes:
        encoder_updates: inner ones, and those along with the decoder.
        decoder_updates: one a step.
        gradient_evaluations: of the whole objective, encoder and decoder; one gradient
            serves both updates once a run is not aggressive any more.

    >>> Counts._fields
    ('encoder_updates', 'decoder_updates', 'gradient_evaluations')
    """

    encoder_updates: Int[Array, ""]
    decoder_updates: Int[Array, ""]
    gradient_evaluations: Int[Array, ""]


class AggressiveState(NamedTuple):
    """State of an aggressive run: that of `RunState`, and what steers the inner loop.

    >>> AggressiveState._fields
    ('train', 'order', 'judgement', 'counts')
    """

    train: TrainState
    order: Int[Array, " train"]
    judgement: Judgement
    counts: Counts


class AggressiveInfo(NamedTuple):
    """`StepInfo` of the update on the current batch, and of the loop before it.

    Attributes:
        loss, distortion, rate, penalised_rate, beta, grad_norm, kl_per_unit: see
            `StepInfo`.
        inner_steps: encoder updates before it.
        aggressive: 1 if the encoder waited for it, else 0.
        mutual_information: in nats, measured at the last epoch's end; 0 before.

    >>> AggressiveInfo._fields[7:]
    ('inner_steps', 'aggressive', 'mutual_information')
    """

    loss: Float[Array, ""]
    distortion: Float[Array, ""]
    rate: Float[Array, ""]
    penalised_rate: Float[Array, ""]
    beta: Float[Array, ""]
    grad_norm: Float[Array, ""]
    kl_per_unit: Float[Array, " _"] | None
    inner_steps: Float[Array, ""]
    aggressive: Float[Array, ""]
    mutual_information: Float[Array, ""]


def make_aggressive_program(
    vae: VAE,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    prepare: Prepare,
    evaluate: Callable[..., dict[str, Array]],
    batch_size: int,
    *,
    loop: LoopSettings = DEFAULT_LOOP,
    is_encoder: IsEncoder = in_encoder,
    num_measured: int = MAX_MEASURED,
    feedback: Feedback | None = None,
    calibrate: Calibrate | None = None,
) -> Program:
    """`make_program` with aggressive training of the encoder.

    A step, while a run is aggressive: update the encoder alone, at first on the current
    batch and then on batches drawn from those of the epoch, as `InnerLoop` says; then
    update all other parameters, on the current batch. Later both are updated at once, on
    that batch. Beta and learning rate are those of the step throughout. Under `vmap` over
    members of a sweep a step takes as long as the longest of their loops.

    At every epoch's end the mutual information is estimated from the first `num_measured`
    *training* examples. He et al. use a validation set, and a mixture over a minibatch;
    see `diagnostics.mutual_information`.

    Args:
        vae: the model.
        objective: of the model; see `make_objective`.
        optimizer: as of `make_step`. Encoder and rest have their own moments, and count
            their updates by themselves: a schedule inside of it runs at the pace of each.
            A clip in it acts on the gradient of *all* parameters, also in the inner loop,
            as He et al. have it.
        prepare: turns stored images into the model's input.
        evaluate: see `make_evaluate`. The `Counts` are added to what it returns.
        batch_size: examples a step, of the inner loop too.
        loop: its settings; a function of the run's where a sweep varies them.
        is_encoder: `is_encoder(path) -> bool`, path being the names on the way to a leaf
            of the parameters.
        num_measured: examples of which the mutual information is measured.
        feedback: a controller; it sees the current batch only, and holds in the loop.
        calibrate: see `make_program`; applied before mutual information is measured, too.

    Returns:
        A `Program` over `Hyper`, `Splits`, `AggressiveState` and `AggressiveInfo`. The
        address of what the loop draws is (seed, `Stream.INNER`, step, inner step, example).

    Raises:
        ValueError: when it is run, if `is_encoder` is true of all parameters or of none.

    Needs a model and data to show; `assembly.program` makes one of a config.
    """
    both = share_optimizers(optimizer, is_encoder).both
    base = make_program(
        vae.init,
        make_step(objective, both, feedback=feedback),
        both,
        prepare,
        evaluate,
        batch_size,
        feedback=feedback,
        calibrate=calibrate,
    )
    settle = make_settle(
        objective,
        optimizer,
        prepare,
        batch_size,
        loop=loop,
        is_encoder=is_encoder,
        feedback=feedback,
    )
    measure = make_measure(vae, prepare, batch_size, num_measured)

    def init(key, hyper, data):  # type: ignore[no-untyped-def]
        judgement = first_judgement(read_loop(loop, hyper).aggressive)
        counts = Counts(*[jnp.zeros((), jnp.int32)] * 3)
        run = base.init(key, hyper, data)
        return AggressiveState(run.train, run.order, judgement, counts)

    def step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        patience = read_loop(loop, hyper).patience
        waits = state.judgement.aggressive
        train, inner_steps = settle(state, t, key, hyper, data)
        run, info = base.step(RunState(train, state.order), t, key, hyper, data)
        mask = encoder_mask(train.params, is_encoder)
        held = with_share(run.train, share_of(train, mask), mask)
        run = run._replace(train=keep_where(waits, held, run.train))

        def judged() -> Judgement:
            params = base.params(run, key, hyper, data)
            found = measure(params, t, key, hyper.knobs, data.train)
            return judge(state.judgement, found, patience)

        # of t alone, which all members of a sweep share: under vmap it stays a branch
        ends_epoch = (t + 1) % (len(data.train) // batch_size) == 0
        judgement = jax.lax.cond(ends_epoch, judged, lambda: state.judgement)
        shown = inner_steps, waits, judgement.information
        info = AggressiveInfo(*info, *(jnp.asarray(x, jnp.float32) for x in shown))
        counts = count(state.counts, inner_steps, waits)
        return AggressiveState(run.train, run.order, judgement, counts), info

    def evaluate_run(state, key, hyper, data):  # type: ignore[no-untyped-def]
        return evaluate(state, key, hyper, data) | state.counts._asdict()

    return Program(init, step, evaluate_run, base.params)


def make_settle(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    prepare: Prepare,
    batch_size: int,
    *,
    loop: LoopSettings = DEFAULT_LOOP,
    is_encoder: IsEncoder = in_encoder,
    feedback: Feedback | None = None,
) -> Settle:
    """The inner loop of a step: what the decoder's update of that step waits for.

    On the way through a run it shows what the encoder knows of the decoder as it is, where
    the state between two steps has a decoder that is one update ahead.

    Args:
        objective: as given to `make_aggressive_program`, and so are all others.
        optimizer: moves the encoder's share.
        prepare: turns stored images into the model's input.
        batch_size: examples an update.
        loop: when it ends.
        is_encoder: what the encoder's share is.
        feedback: a controller, which holds.

    Returns:
        `settle(state, t, key, hyper, data) -> (train state, inner steps)`; `state` is an
        `AggressiveState` before step t. Once it is not aggressive any more, no step.

    See `make_aggressive_program`.
    """
    step = make_step(
        objective, share_optimizers(optimizer, is_encoder).encoder, feedback=feedback
    )
    pursue = make_pursuit(step, prepare, batch_size, is_encoder)

    def settle(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        order, _ = next_rows(state.order, t, key, batch_size)
        inner, waits = read_loop(loop, hyper), state.judgement.aggressive
        return pursue(state.train, order, t, key, hyper, data, inner, waits)

    return settle


def read_loop(loop: LoopSettings, hyper: Any) -> InnerLoop:
    """The settings of the loop of one run.

    >>> read_loop(InnerLoop(window=10), None).window
    10
    """
    return loop(hyper) if callable(loop) else loop


def count(
    before: Counts, inner_steps: Int[Array, ""], waits: Bool[Array, ""]
) -> Counts:
    """One step more; the encoder moved in the loop, and in the step unless it waits.

    >>> zero = jnp.zeros((), jnp.int32)
    >>> after = count(Counts(zero, zero, zero), zero + 7, zero > 0)
    >>> [int(number) for number in after]
    [8, 1, 8]
    """
    along = 1 - waits.astype(jnp.int32)
    step = Counts(inner_steps + along, jnp.int32(1), inner_steps + 1)
    return Counts(*(old + new for old, new in zip(before, step, strict=True)))
