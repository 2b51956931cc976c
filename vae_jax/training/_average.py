"""An exponential moving average of the parameters, which is evaluated and kept.

Polyak & Juditsky (1992), SIAM J. Control Optim. 30(4); in the form of Kingma & Ba (2015),
Section 7.2, without the bias towards the parameters that a run begins with.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax.training._program import Program
from vae_jax.training._state import TrainState, with_train
from vae_jax.types import ArrayLike, Params


class AverageState(NamedTuple):
    """State of a run, and the average of its parameters.

    >>> AverageState(None, {}).average
    {}
    """

    run: Any
    average: Params

    @property
    def train(self) -> TrainState:
        """The train state of the run, as every other program has it."""
        train: TrainState = self.run.train
        return train


def with_average(program: Program, decay: Float[ArrayLike, ""]) -> Program:
    """A program that trains as before, and evaluates and keeps an average.

    After step t, the first being 1, the average of the parameters p is
    `sum_s d^(t-s) p_s / sum_s d^(t-s)` over the steps s from 1 to t: what a run begins with
    has no part in it.

    Args:
        program: whose state has a `train: TrainState`, as that of `make_program`.
        decay: d, at least 0 and below 1; data. At 0 the average is the last parameters.

    Returns:
        A program over `AverageState`.

    Needs a program to show; see `make_program`.
    """

    def init(key, hyper, data):  # type: ignore[no-untyped-def]
        run = program.init(key, hyper, data)
        return AverageState(run, run.train.params)

    def step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        run, info = program.step(state.run, t, key, hyper, data)
        average = averaged(state.average, run.train.params, decay, t + 1)
        return AverageState(run, average), info

    def evaluate(state, key, hyper, data):  # type: ignore[no-untyped-def]
        return program.evaluate(average_run(state), key, hyper, data)

    def params(state, key, hyper, data):  # type: ignore[no-untyped-def]
        return program.params(average_run(state), key, hyper, data)

    return Program(init, step, evaluate, params)


def averaged(
    average: Params,
    params: Params,
    decay: Float[ArrayLike, ""],
    count: Int[ArrayLike, ""],
) -> Params:
    """The average of `count` parameters, of which these are the last.

    >>> before = averaged(7.0, 1.0, 0.5, 1)  # of one alone, whatever was there
    >>> float(before), round(float(averaged(before, 4.0, 0.5, 2)), 6)
    (1.0, 3.0)
    """
    log_decay = jnp.log(jnp.asarray(decay, jnp.float32))
    count = jnp.asarray(count, jnp.float32)
    # (1 - d) / (1 - d^t), to the last digit also where d is near 1
    share = jnp.expm1(log_decay) / jnp.expm1(count * log_decay)

    def one(old: ArrayLike, new: ArrayLike) -> Array:
        new = jnp.asarray(new)
        if not jnp.issubdtype(new.dtype, jnp.inexact):
            return new
        part = jnp.asarray(share, new.dtype)
        return jnp.asarray((1 - part) * old + part * new, new.dtype)

    return jax.tree.map(one, average, params)


def average_run(state: AverageState) -> Any:
    """The run with the average in the place of its parameters."""
    train = state.train._replace(params=state.average)
    return with_train(state.run, train)
