"""Many steps in one dispatch, of which a bad one leaves no trace but its number."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from vae_jax.training._program import Program
from vae_jax.types import ArrayLike

ALIVE = -1
"""`first_bad_step` of a run that has not diverged."""


class Carry(NamedTuple):
    """A run in progress: all that must be saved to go on exactly, after any step.

    Attributes:
        state: of the program; of a run that has diverged, before its first bad step.
        history: information averaged over each window of steps, summed over the steps of
            the window in hand, 0 where still to come. See `recorded`.
        first_bad_step: the step whose information was not finite, `ALIVE` if none.

    >>> Carry._fields
    ('state', 'history', 'first_bad_step')
    """

    state: Any
    history: Any
    first_bad_step: Int[Array, ""]


def init_carry(
    program: Program, key: Array, hyper: Any, data: Any, num_windows: int
) -> Carry:
    """The run before its first step, with room for `num_windows` rows of history.

    See `fit` for an example.
    """
    state = program.init(key, hyper, data)
    zero = jnp.zeros((), jnp.int32)
    _, info = jax.eval_shape(program.step, state, zero, key, hyper, data)
    # zeros, since NaN in a healthy run would stop it under `jax_debug_nans`
    history = jax.tree.map(
        lambda leaf: jnp.zeros((num_windows, *leaf.shape), _inexact(leaf.dtype)), info
    )
    return Carry(state, history, jnp.full((), ALIVE, jnp.int32))


def run_steps(
    program: Program,
    log_every: int,
    carry: Carry,
    key: Array,
    hyper: Any,
    data: Any,
    first: Int[ArrayLike, ""],
    last: Int[ArrayLike, ""],
    *,
    beside_others: bool = False,
) -> Carry:
    """Run the steps `first` to `last - 1` in one loop.

    `first` and `last` are data, so that one compiled program serves chunks of any length,
    and a chunk may end anywhere: the bits are those of one long loop. A run whose
    information stops being finite is frozen as it was before that step.

    `beside_others` is for runs under `jax.vmap`, and changes nothing but the time: there a
    loop that ends at another step for each run costs more than one that undoes bad steps.

    See `fit` for an example.
    """
    first, last = jnp.asarray(first, jnp.int32), jnp.asarray(last, jnp.int32)

    def step(state: Any, t: Array) -> tuple[Any, Any]:
        return program.step(state, t, key, hyper, data)

    run = _run_beside if beside_others else _run_alone
    return run(step, log_every, carry, first, last)


_Step = Callable[[Any, Array], tuple[Any, Any]]
"""`step(state, t) -> (state, info)`, of one run."""


def _run_beside(
    step: _Step, log_every: int, carry: Carry, first: Array, last: Array
) -> Carry:
    """All steps, each of which is undone if it was bad: for runs beside one another."""

    def one(t: Array, carry: Carry) -> Carry:
        state, info = step(carry.state, t)
        alive = carry.first_bad_step == ALIVE
        fine = alive & is_finite(info)
        history = _logged(carry.history, info, t, log_every, fine)
        bad = jnp.where(alive & ~fine, t, carry.first_bad_step)
        return Carry(keep_where(fine, state, carry.state), history, bad)

    ended: Carry = jax.lax.fori_loop(first, last, one, carry)
    return ended


def _run_alone(
    step: _Step, log_every: int, carry: Carry, first: Array, last: Array
) -> Carry:
    """Steps up to the first bad one, and once more from the start to before it."""

    def attempt(found: _Attempt) -> _Attempt:
        state, history, bad = _run_until_bad(step, log_every, carry, first, found.stop)
        again = bad != ALIVE
        return _Attempt(
            state,
            history,
            jnp.where(again, bad, found.stop),
            jnp.where(again, bad, found.first_bad_step),
            again,
        )

    stop = jnp.where(carry.first_bad_step == ALIVE, last, first)
    start = _Attempt(*carry[:2], stop, carry.first_bad_step, jnp.array(True))
    found = jax.lax.while_loop(lambda found: found.again, attempt, start)
    return Carry(found.state, found.history, found.first_bad_step)


class _Attempt(NamedTuple):
    """A chunk of steps up to `stop`, which comes `again` if one of them was bad.

    To keep the state before each step, in case that it is the bad one, costs a tenth of a
    step (784-500-20, batch 128, on one core). So a chunk is run without, and once more up
    to its bad step if there was one. Where equal steps give unequal bits, as on some
    accelerators, the next bad step may be an earlier one, so that this comes to an end.
    """

    state: Any
    history: Any
    stop: Int[Array, ""]
    first_bad_step: Int[Array, ""]
    again: Bool[Array, ""]


def _run_until_bad(
    step: _Step, log_every: int, carry: Carry, first: Array, stop: Array
) -> tuple[Any, Any, Int[Array, ""]]:
    """State and history after the last step, and the bad step if that was one."""

    def one(running: tuple[Array, Any, Any, Array]) -> tuple[Array, Any, Any, Array]:
        t, state, history, _ = running
        state, info = step(state, t)
        history = _logged(history, info, t, log_every)
        return t + 1, state, history, jnp.where(is_finite(info), ALIVE, t)

    def goes_on(running: tuple[Array, Any, Any, Array]) -> Array:
        t, _, _, bad = running
        return (t < stop) & (bad == ALIVE)

    alive = jnp.full((), ALIVE, jnp.int32)
    ended = jax.lax.while_loop(goes_on, one, (first, *carry[:2], alive))
    return ended[1:]


def _logged(
    history: Any, info: Any, t: Array, log_every: int, fine: Array | bool = True
) -> Any:
    """The history with a step more in its window, as it was where that is not fine."""
    # a window ends by its mean
    row, count = t // log_every, jnp.where((t + 1) % log_every == 0, log_every, 1)

    def added(rows: Array, new: Array) -> Array:
        old = rows[row]
        total = (old + jnp.asarray(new, old.dtype)) / count.astype(old.dtype)
        return rows.at[row].set(jnp.where(fine, total, old))

    return jax.tree.map(added, history, info)


def _inexact(dtype: Any) -> Any:
    """The dtype itself where it holds fractions, else float32: a mean has some."""
    return dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.float32


def is_finite(info: Any) -> Bool[Array, ""]:
    """Whether every number of a step's information is finite.

    >>> bool(is_finite({"loss": jnp.array(1.0), "rate": jnp.array([2.0, jnp.inf])}))
    False
    """
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(info)]).all()


def recorded(carry: Carry, log_every: int) -> Any:
    """The history on the host, NaN from the window on in which the run diverged.

    Leaves may have leading axes of members, as `first_bad_step` then has.

    >>> carry = Carry((), {"loss": jnp.ones(4)}, jnp.int32(7))
    >>> recorded(carry, log_every=4)["loss"].tolist()
    [1.0, nan, nan, nan]
    """
    bad = np.asarray(carry.first_bad_step)

    def hidden(leaf: Any) -> np.ndarray:
        rows: np.ndarray = np.array(leaf)
        windows = np.arange(rows.shape[bad.ndim])
        lost = (bad[..., None] != ALIVE) & (windows >= bad[..., None] // log_every)
        rows[lost] = np.nan
        return rows

    return jax.tree.map(hidden, carry.history)


def keep_where(condition: Array, new: Any, old: Any) -> Any:
    """`new` where the condition holds, else `old`, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)
