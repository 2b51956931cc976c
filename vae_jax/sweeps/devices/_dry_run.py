"""A program of one member, traced whole before anything is compiled."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from vae_jax import training
from vae_jax.mapped import shared_over
from vae_jax.sweeps.devices._mesh import BATCH, EVERYWHERE, batch_devices_of
from vae_jax.sweeps.devices._strategy import inner_programs
from vae_jax.training import Carry, Program


def sharing(function: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """The function of a member as the devices of a row of the mesh run it together.

    >>> from vae_jax.sweeps.devices._mesh import member_mesh
    >>> sharing(len, member_mesh()) is len
    True
    """
    if batch_devices_of(mesh) == 1:
        return function

    def run(*args: Any) -> Any:
        with shared_over(BATCH):
            return function(*args)

    return run


def traced_once(program: Program) -> Program:
    """The same program, whose functions are read once for all who trace with them.

    A step is asked for its information, its operations and its shapes before it becomes a
    part of the loop that is compiled; Python takes as long for each as XLA for a small
    program. What is traced is the same, equation by equation.

    >>> names = []
    >>> step = lambda x: names.append("read") or x + 1
    >>> once = traced_once(Program(step, step, step, step)).step
    >>> [jax.eval_shape(once, np.float32(0)).shape for _ in range(3)], names
    ([(), (), ()], ['read'])
    """
    # a partial is new to JAX, and may be of what has no hash
    return Program(*(jax.jit(partial(own), inline=True) for own in program))


def dry_run(
    program: Program,
    init: Callable[..., Carry],
    log_every: int,
    hyper: Any,
    data: Any,
    mesh: Mesh,
) -> tuple[Carry, Any]:
    """Trace a run from start to evaluation without compiling.

    Args:
        program: from `traced_once`; what is compiled later is not traced again.
        init: of its carry.
        log_every: steps a row.
        hyper: settings of a member, with dtypes as they are when they are stacked.
        data: as a member sees them.
        mesh: on which it will run.

    Returns:
        The shapes of its carry, and the traced program of a step.

    Raises:
        ValueError: a batch is to be split, and the program does not.
    """
    key, zero = training.member_key(0), np.int32(0)
    alone = partial(_on_a_row, mesh)
    carry: Carry = jax.eval_shape(alone(init), key, hyper, data)
    run = partial(training.run_steps, program, log_every)
    carry = jax.eval_shape(alone(run), carry, key, hyper, data, zero, zero)
    made = jax.make_jaxpr(alone(program.step))(carry.state, zero, key, hyper, data)
    # what the devices of a row do is one equation of the whole
    [step] = inner_programs(made.jaxpr.eqns[-1])
    if batch_devices_of(mesh) > 1:
        check_split(step, batch_devices_of(mesh))
    jax.eval_shape(alone(program.evaluate), carry.state, key, hyper, data)
    jax.eval_shape(alone(program.params), carry.state, key, hyper, data)
    return carry, step


def check_split(step: Any, batch_devices: int) -> None:
    """Refuse a step in which devices of one member exchange nothing.

    Each would train on the whole batch, and the others be of no use.

    Raises:
        ValueError: names the number of devices, and what splits a batch.
    """
    if not exchanges(step):
        raise ValueError(
            "`batch_devices` must be 1 for a program that takes its batches whole; got "
            f"{batch_devices}. `training.make_program` splits them, and "
            "`vae_jax.mapped.own_share` does in a program of your own."
        )


def exchanges(jaxpr: Any) -> bool:
    """Whether the devices that share a batch tell each other anything in a program."""
    for equation in jaxpr.eqns:
        names = equation.params.get("axes", equation.params.get("axis_name", ()))
        names = (names,) if isinstance(names, str) else names
        if equation.primitive.name != "axis_index" and BATCH in tuple(names or ()):
            return True
        if any(exchanges(own) for own in inner_programs(equation)):
            return True
    return False


def _on_a_row(mesh: Mesh, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function on the devices of one row, in the terms in which it is compiled."""
    return jax.shard_map(
        sharing(function, mesh),
        mesh=mesh,
        in_specs=EVERYWHERE,
        out_specs=EVERYWHERE,
        check_vma=False,
    )
