"""The generator that trains one run."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax

from vae_jax.training._checks import check_run
from vae_jax.training._keys import member_key
from vae_jax.training._program import Program
from vae_jax.training._steps import ALIVE, init_carry, run_steps


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
        ValueError: `num_steps` is not a multiple of `log_every`; or, where the settings
            are a `Hyper`, one of them or the data are not finite, or a row is too short.
        FloatingPointError: the run diverged; names the first bad step.

    >>> from typing import NamedTuple
    >>> import jax.numpy as jnp
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
    check_run(hyper, data, num_steps)
    num_windows, per_chunk = num_steps // log_every, -(-chunk_steps // log_every)
    key = member_key(seed)
    advance = jax.jit(partial(run_steps, program, log_every))
    carry = jax.jit(partial(init_carry, program, num_windows=num_windows))(
        key, hyper, data
    )
    for start in range(0, num_windows, per_chunk):
        stop = min(start + per_chunk, num_windows)
        carry = advance(carry, key, hyper, data, start * log_every, stop * log_every)
        if int(carry.first_bad_step) != ALIVE:
            raise FloatingPointError(
                f"the run diverged at step {int(carry.first_bad_step)}: its loss or "
                "gradient is not finite, and its data and settings were. Lower the "
                "learning rate or clip gradients."
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
