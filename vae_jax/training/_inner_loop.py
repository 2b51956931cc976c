"""The inner loop of aggressive training: encoder updates until they stop helping.

He, Spokoyny, Neubig, Berg-Kirkpatrick (2019), arXiv:1901.05534.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from vae_jax.mapped import batch_split_over, own_share, shared_axis
from vae_jax.training._encoder_share import IsEncoder, encoder_mask, put, take
from vae_jax.training._keys import Stream, example_keys, fold_indices, stream_key
from vae_jax.training._program import Prepare
from vae_jax.training._state import StepKeys, TrainState
from vae_jax.training._step import Step
from vae_jax.training._streamed import whole
from vae_jax.types import ArrayLike, Params


class InnerLoop(NamedTuple):
    """Settings of aggressive training; every field is data.

    Attributes:
        max_inner: the loop ends before this encoder update: at most `max_inner - 1` are
            made, 99 in He et al.
        window: encoder updates over which the loss is averaged, at least 1. The loop ends
            with the first window whose mean is larger than that of the one before. He et
            al. take 15 for text, 10 for images.
        patience: aggressive training ends when the mutual information has been below its
            best so far at this many epoch ends in all: 1 for text, 5 for images.
        aggressive: whether a run begins aggressively; False is ordinary training.

    >>> InnerLoop(window=10, patience=5).max_inner
    100
    """

    max_inner: Int[ArrayLike, ""] = 100
    window: Int[ArrayLike, ""] = 15
    patience: Int[ArrayLike, ""] = 1
    aggressive: Bool[ArrayLike, ""] = True


class Progress(NamedTuple):
    """Where the loop is.

    Attributes:
        share: what it moves.
        sub_step: number of the next update, from 1.
        going: whether it goes on.
        total: the losses of this window so far.
        previous: the mean loss of the window before.

    >>> Progress._fields
    ('share', 'sub_step', 'going', 'total', 'previous')
    """

    share: Any
    sub_step: Int[Array, ""]
    going: Bool[Array, ""]
    total: Float[Array, ""]
    previous: Float[Array, ""]


def improve(
    update: Callable[[Any, Int[Array, ""]], tuple[Any, Float[Array, ""]]],
    share: Any,
    loop: InnerLoop,
    going: Bool[Array, ""],
) -> tuple[Any, Int[Array, ""]]:
    """Update until a window's mean loss is larger than that of the one before.

    Args:
        update: `update(share, sub_step) -> (share, loss)`, counting from 1.
        share: what is moved.
        loop: when to end.
        going: False makes no update.

    Returns:
        What became of `share`, and how many updates were made.

    >>> losses = jnp.array([0.0, 5.0, 4.0, 3.0, 2.0, 2.0, 4.0, 1.0, 0.0])
    >>> update = lambda total, i: (total + losses[i], losses[i])
    >>> loop = InnerLoop(max_inner=9, window=2)
    >>> total, count = improve(update, jnp.array(0.0), loop, jnp.array(True))
    >>> float(total), int(count)
    (20.0, 6)
    """
    # of the loop alone, and no matter of JAX's x64 flag
    number = jnp.float32
    max_inner, window = (
        jnp.asarray(n, jnp.int32) for n in (loop.max_inner, loop.window)
    )

    def body(now: Progress) -> Progress:
        share, loss = update(now.share, now.sub_step)
        total = now.total + jnp.asarray(loss, number)
        mean, at_end = total / window.astype(number), now.sub_step % window == 0
        return Progress(
            share,
            now.sub_step + 1,
            now.going & ~(at_end & (mean > now.previous)),
            jnp.where(at_end, 0, total),
            jnp.where(at_end, mean, now.previous),
        )

    nothing, one = jnp.zeros((), number), jnp.ones((), jnp.int32)
    last = jax.lax.while_loop(
        lambda now: now.going & (now.sub_step < max_inner),
        body,
        Progress(share, one, jnp.asarray(going), nothing, nothing + jnp.inf),
    )
    return last.share, last.sub_step - 1


Pursuit = Callable[..., tuple[TrainState, Int[Array, ""]]]
"""`pursue(train, order, t, key, hyper, data, loop, going) -> (train, inner steps)`."""


def make_pursuit(
    step: Step, prepare: Prepare, batch_size: int, is_encoder: IsEncoder
) -> Pursuit:
    """The inner loop bound to its data: draw a batch, prepare, key, move the encoder.

    Only the encoder's share is carried through the loop: what it leaves alone is not
    copied, nor selected under `vmap` over runs that end at different times.

    Args:
        step: moves the encoder only; from `make_step` with `ShareOptimizers.encoder`.
        prepare: turns stored images into the model's input.
        batch_size: examples an update.
        is_encoder: what the encoder's share is.

    See `make_aggressive_program`.
    """

    def pursue(train, order, t, key, hyper, data, loop, going):  # type: ignore[no-untyped-def]
        mask, now = encoder_mask(train.params, is_encoder), hyper.at(t)
        images = whole(data.train, "the inner loop of aggressive inference")

        def update(share, sub_step):  # type: ignore[no-untyped-def]
            rows, prepared, keys = draw(order, t, sub_step, key, batch_size)
            axis, drawn = shared_axis(), own_share((rows, prepared, keys))
            rows, prepared, keys = drawn
            batch = prepare(prepared, images[rows])
            with batch_split_over(axis):
                moved, info = step(with_share(train, share, mask), batch, now, keys)
            return share_of(moved, mask), info.loss

        share, count = improve(update, share_of(train, mask), loop, going)
        return with_share(train, share, mask), count

    return pursue


def draw(
    order: Int[Array, " train"],
    t: Int[Array, ""],
    sub_step: Int[Array, ""],
    key: Key[Array, ""],
    batch_size: int,
) -> tuple[Int[Array, " batch"], Key[Array, " batch"], StepKeys]:
    """Rows of an inner update, and the keys to prepare them, and to encode and decode them.

    The first update is on the current batch, prepared as for the decoder's; each of the
    others on a batch drawn from those of this epoch.
    """
    num_batches = len(order) // batch_size
    root = jax.random.fold_in(stream_key(key, Stream.INNER, t), sub_step)
    pick, *roots = jax.random.split(root, 4)
    examples, is_first = jnp.arange(batch_size), sub_step == 1
    prepared, noise, dropout = (fold_indices(one, examples) for one in roots)
    drawn = jax.random.randint(pick, (), 0, num_batches, jnp.int32)
    batch = jnp.where(is_first, t % num_batches, drawn)
    rows = jax.lax.dynamic_slice(order, (batch * batch_size,), (batch_size,))
    current = example_keys(key, Stream.BINARISE, t, batch_size)
    return rows, jnp.where(is_first, current, prepared), StepKeys(noise, dropout)


def share_of(train: TrainState, mask: Params) -> tuple[list[Array], list[Array]]:
    """The encoder's parameters and its optimiser's state."""
    states: Any = train.opt_state
    return take(train.params, mask), states.encoder


def with_share(
    train: TrainState, share: tuple[list[Array], list[Array]], mask: Params
) -> TrainState:
    """The train state with another encoder and its optimiser's state."""
    states: Any = train.opt_state
    params, state = share
    return train._replace(
        params=put(params, train.params, mask),
        opt_state=states._replace(encoder=state),
    )
