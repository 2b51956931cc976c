"""Many steps in one dispatch, and the generator that trains one run."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from vae_jax.training._keys import member_key
from vae_jax.training._program import Program

ALIVE = -1
"""`first_bad_step` of a run that has not diverged."""


class Carry(NamedTuple):
    """A run in progress: all that must be saved to go on exactly.

    Attributes:
        state: of the program.
        history: information averaged over each window of steps, NaN where still to come.
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
    history = jax.tree.map(
        lambda leaf: jnp.full((num_windows, *leaf.shape), jnp.nan, leaf.dtype), info
    )
    return Carry(state, history, jnp.full((), ALIVE, jnp.int32))


def run_windows(
    program: Program,
    log_every: int,
    carry: Carry,
    key: Array,
    hyper: Any,
    data: Any,
    start: Int[Array, ""],
    stop: Int[Array, ""],
) -> Carry:
    """Run the windows `start` to `stop - 1`, each a `lax.scan` of `log_every` steps.

    `start` and `stop` are data, so that one compiled program serves chunks of any
    length. A run whose information stops being finite is frozen at the start of that
    window.

    See `fit` for an example.
    """

    def window(index, carry):  # type: ignore[no-untyped-def]
        steps = index * log_every + jnp.arange(log_every, dtype=jnp.int32)
        state, infos = jax.lax.scan(
            lambda state, t: program.step(state, t, key, hyper, data),
            carry.state,
            steps,
        )
        bad = first_bad(infos, steps)
        fine = (carry.first_bad_step == ALIVE) & (bad == ALIVE)
        history = jax.tree.map(
            lambda rows, row: rows.at[index].set(
                jnp.where(fine, jnp.mean(row, axis=0), jnp.nan)
            ),
            carry.history,
            infos,
        )
        return Carry(
            keep_where(fine, state, carry.state),
            history,
            jnp.where(carry.first_bad_step == ALIVE, bad, carry.first_bad_step),
        )

    carry = jax.lax.fori_loop(start, stop, window, carry)
    return Carry(*carry)


def first_bad(infos: Any, steps: Int[Array, " steps"]) -> Int[Array, ""]:
    """First step at which any information is not finite, else `ALIVE`."""
    leaves = [
        jnp.isfinite(leaf).reshape(len(steps), -1).all(axis=1)
        for leaf in jax.tree.leaves(infos)
    ]
    bad = ~jnp.stack(leaves).all(axis=0)
    return jnp.where(bad.any(), steps[jnp.argmax(bad)], ALIVE).astype(jnp.int32)


def keep_where(condition: Array, new: Any, old: Any) -> Any:
    """`new` where the condition holds, else `old`, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


def fit(
    program: Program,
    hyper: Any,
    data: Any,
    *,
    seed: int = 0,
    num_steps: int,
    log_every: int = 50,
    chunk_steps: int = 500,
) -> Iterator[tuple[Any, Any]]:
    """Train one run, a chunk of steps at a time.

    Args:
        program: what to run.
        hyper: its settings.
        data: its data.
        seed: of the run.
        num_steps: in all; a multiple of `log_every`.
        log_every: steps averaged into one row of information.
        chunk_steps: steps between two yields, rounded up to windows of `log_every`.

    Yields:
        (state, information of this chunk: a row a window).

    Raises:
        ValueError: `num_steps` is not a multiple of `log_every`.
        FloatingPointError: the run diverged; names the first bad step.

    >>> from typing import NamedTuple
    >>> class Info(NamedTuple):
    ...     loss: jax.Array
    >>> program = Program(
    ...     init=lambda key, hyper, data: jnp.array(8.0),
    ...     step=lambda x, t, key, hyper, data: (x - hyper * x, Info(x)),
    ...     evaluate=lambda x, key, hyper, data: {"x": x},
    ...     params=lambda x, key, hyper, data: x,
    ... )
    >>> run = fit(program, 0.5, None, num_steps=4, log_every=2, chunk_steps=2)
    >>> [(float(state), float(info.loss[0])) for state, info in run]
    [(2.0, 6.0), (0.5, 1.5)]
    """
    check_windows(num_steps, log_every)
    num_windows, per_chunk = num_steps // log_every, -(-chunk_steps // log_every)
    key = member_key(seed)
    advance = jax.jit(partial(run_windows, program, log_every))
    carry = jax.jit(partial(init_carry, program, num_windows=num_windows))(
        key, hyper, data
    )
    for start in range(0, num_windows, per_chunk):
        stop = min(start + per_chunk, num_windows)
        carry = advance(carry, key, hyper, data, start, stop)
        if int(carry.first_bad_step) != ALIVE:
            raise FloatingPointError(
                f"the run diverged at step {int(carry.first_bad_step)}: its loss or "
                "gradient is not finite. Lower the learning rate or clip gradients."
            )
        chunk = slice(start, stop)
        yield carry.state, jax.tree.map(lambda rows: rows[chunk], carry.history)  # noqa: B023


def check_windows(num_steps: int, log_every: int) -> None:
    """Refuse a number of steps that does not fill whole windows."""
    if num_steps % log_every:
        raise ValueError(
            f"`num_steps` must be a multiple of `log_every`; got {num_steps} and "
            f"{log_every}. Use {num_steps // log_every * log_every} or "
            f"{(num_steps // log_every + 1) * log_every} steps."
        )
