"""Whether a run of more steps is one of fewer steps gone on with, bit for bit.

It is where the program of a step is the same and every step of the shorter run has the
same settings in the longer one. Both are looked at as they are, row by row and operation by
operation, so that a schedule or a remedy of the user's own is judged as a ready one is.
"""

import re
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vae_jax import assembly, training
from vae_jax.configs import Run
from vae_jax.sweeps.devices._stream import shapes_of
from vae_jax.training import Carry

_ADDRESS = re.compile(r"0x[0-9a-f]+")


def why_other(
    earlier: tuple[Run, assembly.Job], later: tuple[Run, assembly.Job]
) -> str | None:
    """Which setting makes the later run another one; None if none does.

    Args:
        earlier: a run, and what it stands for.
        later: the same run with more steps.

    >>> runs = [Run.of(model="linear", num_steps=n) for n in (50, 100)]
    >>> why_other(*((run, assembly.job(run)) for run in runs)) is None
    True
    """
    (_, old), (run, new) = earlier, later
    first = earlier[0].num_steps
    before, after = _leaves(old.hyper), _leaves(new.hyper)
    if before.keys() != after.keys():
        return "its settings have another structure."
    for name, row in after.items():
        told = _differs(before[name], row, first, run.num_steps)
        if told is not None:
            return f"{told} {_whose(name, run)}".rstrip()
    judged = [one.said for one in run.remedies if one.validates]
    moving = [n for n, row in after.items() if _moves(row, first, run.num_steps)]
    if judged and moving:
        return (
            f"{judged[0]} judges by the `{_short(moving[0])}` that a run ends with, which "
            f"changes after step {first}. {_whose(moving[0], run)}"
        ).rstrip()
    return None


def same_step(old: assembly.Job, new: assembly.Job) -> bool:
    """Whether both programs compute the same at a step, operation by operation.

    The first is traced with the arrays of the second, so that what is left to differ is
    what a program makes of the number of steps by itself.

    >>> jobs = [assembly.job(Run.of(model="linear", num_steps=n)) for n in (50, 100)]
    >>> same_step(*jobs)
    True
    """
    leaves, shape = jax.tree.leaves(new.hyper), jax.tree.structure(old.hyper)
    texts, constants = zip(
        *(
            _traced(old, jax.tree.unflatten(shape, leaves), shapes_of(new.splits)),
            _traced(new, new.hyper, shapes_of(new.splits)),
        ),
        strict=True,
    )
    return texts[0] == texts[1] and all(
        np.array_equal(a, b) for a, b in zip(*constants, strict=True)
    )


def shorter(like: Carry, num_windows: int) -> Carry:
    """The shapes of a carry with so many rows of history.

    >>> one = jax.ShapeDtypeStruct((4,), np.float32)
    >>> shorter(Carry((), {"loss": one}, one), 2).history["loss"].shape
    (2,)
    """
    history = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((num_windows, *leaf.shape[1:]), leaf.dtype),
        like.history,
    )
    return like._replace(history=history)


def lengthened(state: Carry, like: Carry) -> Carry:
    """A carry with room for the history of a longer run, which is 0 where still to come.

    >>> rows = {"loss": np.ones(2)}
    >>> like = Carry((), {"loss": np.zeros(4)}, None)
    >>> lengthened(Carry((), rows, None), like).history["loss"].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """

    def filled(rows: Any, wanted: Any) -> Any:
        more = np.zeros((len(wanted) - len(rows), *rows.shape[1:]), rows.dtype)
        return np.concatenate([rows, more])

    sized = jax.tree.map(lambda leaf: np.broadcast_to(0, leaf.shape), like.history)
    return state._replace(history=jax.tree.map(filled, state.history, sized))


def _traced(job: assembly.Job, hyper: Any, data: Any) -> tuple[str, list[Any]]:
    key, step = training.member_key(0), np.int32(0)
    state = jax.eval_shape(job.program.init, key, hyper, data)
    make: Callable[..., Any] = jax.make_jaxpr(job.program.step)
    closed = make(state, step, key, hyper, data)
    return _ADDRESS.sub("", str(closed.jaxpr)), list(closed.consts)


def _leaves(hyper: Any) -> dict[str, np.ndarray]:
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(hyper)
    }


def _is_row(row: np.ndarray, num_steps: int) -> bool:
    return row.ndim > 0 and len(row) == num_steps


def _differs(old: np.ndarray, new: np.ndarray, first: int, last: int) -> str | None:
    """Where a setting is another one, in words."""
    if _is_row(old, first) and _is_row(new, last):
        new = new[:first]
    if old.shape != new.shape:
        return f"a setting has the shape {new.shape}, and had {old.shape}."
    if np.array_equal(old, new):
        return None
    step = int(np.argwhere(np.atleast_1d(old != new))[0][0])
    had, has = np.atleast_1d(old)[step], np.atleast_1d(new)[step]
    return f"step {step} would have {has:.4g} where it had {had:.4g}, by"


def _moves(row: np.ndarray, first: int, last: int) -> bool:
    """Whether a row changes after the end of the shorter run."""
    return _is_row(row, last) and bool(np.any(row[first:] != row[first - 1]))


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _whose(name: str, run: Run) -> str:
    """Which setting a row is made of."""
    if name == "beta":
        return f"schedule={run.beta.chosen_name!r} of beta. {run.beta.shares}"
    if name == "learning_rate":
        kind = run["learning_rate_schedule"]
        return f"learning_rate_schedule={kind!r}, which is made for the whole run."
    return f"`{_short(name)}`."
