"""What a sweep would do, before anything is compiled or written."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from vae_jax import assembly, training
from vae_jax.configs import Run
from vae_jax.sweeps._prepare import assemble, refuse_nothing, refuse_unjudged
from vae_jax.sweeps.devices._measured import is_open
from vae_jax.sweeps.devices._memory import num_bytes
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.devices._strategy import Strategy
from vae_jax.sweeps.devices._stream import Flow, shapes_of, traced_as
from vae_jax.sweeps.queue._work import Cohort
from vae_jax.sweeps.spec._identity import refuse_twins


class CohortPlan(NamedTuple):
    """Members that share one compiled program.

    Bytes are those of arrays that last: what a step computes on its way comes on top.

    Attributes:
        members: their numbers in the list of configs.
        resident: how many of them are on the devices at once.
        strategy: `map` or `vmap` on each device, by the rule of sizes.
        num_steps: member-steps in all.
        state_bytes: of parameters, optimisers and history of the resident ones, on all
            devices together.
        data_bytes: of the data, on each device.
        params_bytes: of the final parameters of all members, as they are stored.
        kept_bytes: of the states that all members end with, where they are kept.
        measured: whether a run times both strategies first and takes the quicker one.

    >>> CohortPlan._fields[:2]
    ('members', 'resident')
    """

    members: tuple[int, ...]
    resident: int
    strategy: Strategy
    num_steps: int
    state_bytes: int
    data_bytes: int
    params_bytes: int
    kept_bytes: int = 0
    measured: bool = False


def plan(
    configs: Sequence[Run],
    options: Options = Options(),  # noqa: B008
) -> list[CohortPlan]:
    """The cohorts of a sweep, each with one program, traced and not compiled.

    Raises:
        ValueError: as `run` does, before it compiles.

    >>> [cohort] = plan([Run(seed=seed) for seed in range(3)])
    >>> cohort.members, cohort.num_steps
    ((0, 1, 2), 4500)
    """
    configs = list(configs)
    refuse_nothing(configs, options)
    refuse_twins(configs)
    cohorts, _ = assemble(configs, options, assembly.job)
    refuse_unjudged(cohorts, options)
    return [planned(cohort, configs, options) for cohort in cohorts]


def planned(cohort: Cohort, configs: Sequence[Run], options: Options) -> CohortPlan:
    """One cohort, of its traced program."""
    engine = cohort.trace(options)
    data = traced_as(cohort.job.splits, engine.flow)
    members, job = tuple(cohort.hypers), cohort.job
    params = jax.eval_shape(
        job.program.params,
        engine.like.state,
        training.member_key(0),
        job.hyper,
        data,
    )
    steps = sum(configs[member].num_steps for member in members)
    return CohortPlan(
        members,
        engine.size,
        engine.strategy,
        steps,
        engine.size * num_bytes(engine.like),
        data_bytes(job.splits, engine.flow),
        len(members) * num_bytes(params) if options.keep_params else 0,
        len(members) * num_bytes(engine.like) if options.keep_state else 0,
        options.strategy is None and is_open(engine, steps, data),
    )


def data_bytes(splits: Any, flow: Flow | None) -> int:
    """Of the data on a device: all, or two windows in the place of what is streamed."""
    if flow is None:
        return num_bytes(shapes_of(splits))
    return num_bytes(splits._replace(train=None)) + 2 * flow.window_bytes
