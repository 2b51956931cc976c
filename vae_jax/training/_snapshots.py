"""What a run looked like on the way: observed at chosen steps, inside the program."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from vae_jax.training._program import Program
from vae_jax.training._state import TrainState
from vae_jax.types import Params


class SnapshotState(NamedTuple):
    """State of a run and what was observed so far, a row a chosen step.

    `seen` holds zeros where `reached` is False: what is not known yet is no NaN, for which
    JAX's debugging flag would end a healthy run.

    >>> SnapshotState(None, {}, jnp.zeros(2, bool))._fields
    ('run', 'seen', 'reached')
    """

    run: Any
    seen: Any
    reached: Bool[Array, " moments"]

    @property
    def train(self) -> TrainState:
        """The train state of the run, as every other program has it."""
        train: TrainState = self.run.train
        return train


def with_snapshots(
    program: Program,
    steps: Sequence[int],
    observe: Callable[..., dict[str, Array]],
    *,
    settle: Callable[..., Params] | None = None,
) -> Program:
    """A program that observes its parameters before chosen steps, and at the end.

    Args:
        program: whose state has a `train`.
        steps: numbers of updates done, in ascending order; 0 is before the first.
        observe: `observe(params, key, hyper, data) -> named arrays`.
        settle: `settle(state, t, key, hyper, data) -> params`, which are observed before
            step t in place of those of the state. It has the learning rate of `hyper`,
            without the cuts of a plateau.

    Returns:
        A program whose evaluation has every named array as `snapshots/name`, a row a chosen
        step and the last one of the parameters that are kept. The row of a step that the
        run does not reach is NaN; of whole numbers, the least one.

    Raises:
        ValueError: no steps, or some that are negative or not ascending.

    Needs a program to show; see `make_program`.
    """
    chosen = list(steps)
    if not chosen or chosen != sorted(set(chosen)) or chosen[0] < 0:
        raise ValueError(
            "`steps` must name at least one step, ascending from 0, each once; got "
            f"{chosen}."
        )
    table = jnp.asarray(chosen, jnp.int32)

    def init(key, hyper, data):  # type: ignore[no-untyped-def]
        run = program.init(key, hyper, data)
        shapes = jax.eval_shape(observe, run.train.params, key, hyper, data)
        empty = jax.tree.map(
            lambda one: jnp.zeros((len(chosen), *one.shape), one.dtype), shapes
        )
        return SnapshotState(run, empty, jnp.zeros(len(chosen), jnp.bool_))

    def step(state, t, key, hyper, data):  # type: ignore[no-untyped-def]
        hit = table == t

        def observed() -> Any:
            params = state.train.params
            if settle is not None:
                params = settle(state.run, t, key, hyper, data)
            found = observe(params, key, hyper, data)
            row = jnp.argmax(hit)
            return jax.tree.map(
                lambda rows, new: rows.at[row].set(new), state.seen, found
            )

        # of t alone, which all members of a sweep share: under vmap it stays a branch
        seen = jax.lax.cond(jnp.any(hit), observed, lambda: state.seen)
        run, info = program.step(state.run, t, key, hyper, data)
        return SnapshotState(run, seen, state.reached | hit), info

    def evaluate(state, key, hyper, data):  # type: ignore[no-untyped-def]
        kept = program.params(state.run, key, hyper, data)
        last = observe(kept, key, hyper, data)
        rows = jax.tree.map(
            lambda rows, new: jnp.concatenate(
                [_known(rows, state.reached), jnp.asarray(new)[None]]
            ),
            state.seen,
            last,
        )
        named = {f"snapshots/{name}": values for name, values in rows.items()}
        return program.evaluate(state.run, key, hyper, data) | named

    def params(state, key, hyper, data):  # type: ignore[no-untyped-def]
        return program.params(state.run, key, hyper, data)

    return Program(init, step, evaluate, params)


def _known(rows: Array, reached: Array) -> Array:
    """The rows, and what stands for an unknown one where a step was not reached."""
    # of numpy: a NaN that no array needs is none that JAX's flag would see
    if jnp.issubdtype(rows.dtype, jnp.inexact):
        unknown = np.asarray(np.nan, rows.dtype)
    elif jnp.issubdtype(rows.dtype, jnp.bool_):
        unknown = np.asarray(False)
    else:
        unknown = np.asarray(np.iinfo(rows.dtype).min, rows.dtype)
    reached = reached.reshape(-1, *[1] * (rows.ndim - 1))
    return jnp.where(reached, rows, unknown)
