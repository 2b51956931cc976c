"""Autoencoder pre-training: an encoder that knows the data meets a new decoder.

At first a model is trained without its rate, as an autoencoder. Then the decoder is drawn
anew and the encoder kept, so that a decoder that can do nothing yet is met by codes that
say much, and training goes on with the rate and free bits.

Li, He, Neubig, Berg-Kirkpatrick, Yang (2019), "A Surprisingly Effective Fix for Deep Latent
Variable Modeling of Text", arXiv:1909.00868.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax.numerics import as_float
from vae_jax.training._encoder_share import (
    IsEncoder,
    encoder_mask,
    in_encoder,
    put,
    take,
)
from vae_jax.training._keys import Stream, stream_key
from vae_jax.training._program import Program
from vae_jax.training._state import TrainState, with_train
from vae_jax.types import ArrayLike


def pretraining_betas(
    betas: Float[ArrayLike, " steps"], reset_step: Int[ArrayLike, ""]
) -> Float[Array, " steps"]:
    """The row of a run's betas with 0 before `reset_step`, and as given from it on.

    A warm-up in `betas` should begin at `reset_step`; free bits floor what beta
    multiplies, and so do nothing before it.

    Raises:
        ValueError: `betas` is not a row.

    >>> pretraining_betas(jnp.array([0.1, 0.2, 0.3, 0.4]), 2).tolist()[1:3]
    [0.0, 0.30000001192092896]
    """
    betas = as_float(betas)
    if betas.ndim != 1:
        raise ValueError(
            f"`betas` must be one row, a number a step; got the shape {betas.shape}."
        )
    return jnp.where(jnp.arange(len(betas)) < reset_step, 0, betas)


def with_decoder_reset(
    program: Program,
    reset_step: Int[ArrayLike, ""] | Callable[[Any], Int[ArrayLike, ""]],
    *,
    is_encoder: IsEncoder = in_encoder,
) -> Program:
    """A program that at `reset_step` starts anew, except for its encoder.

    Before the update of that step, all other parameters are drawn anew by the program's own
    `init`, from the address (seed, `Stream.INIT`, `reset_step`); the state of the optimiser
    and of a controller is that of a new run, a schedule inside the optimiser included. What
    lies beside `state.train` stays: the order of the data, counts.

    It is a `lax.cond` on the step: as long as all members of a sweep share `reset_step`,
    the draw is made once a run. Where they differ and run under `vmap`, it becomes a
    select, and every step draws parameters that it throws away.

    Args:
        program: whose state has a `train: TrainState`, such as that of `make_program` and
            `make_aggressive_program`.
        reset_step: the number of steps of pre-training, or a function that reads it from
            the settings of a run. A negative one, or one beyond the end, resets nothing.
        is_encoder: `is_encoder(path) -> bool`, path being the names on the way to a leaf
            of the parameters.

    Returns:
        A program over the same state. Give it `pretraining_betas` as `Hyper.beta`.

    Raises:
        ValueError: when it is run, if `is_encoder` is true of all parameters or of none.

    Needs a program to show; see `make_program`.
    """

    def step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        def renewed() -> TrainState:
            root = stream_key(key, Stream.INIT, t)
            fresh: TrainState = program.init(root, hyper, data).train
            mask = encoder_mask(fresh.params, is_encoder)
            kept = take(state.train.params, mask)
            return fresh._replace(params=put(kept, fresh.params, mask))

        when = reset_step(hyper) if callable(reset_step) else reset_step
        train = jax.lax.cond(t == when, renewed, lambda: state.train)
        return program.step(with_train(state, train), t, key, hyper, data)

    return program._replace(step=step)
