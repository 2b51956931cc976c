"""The compiled functions of one cohort: start, advance and evaluate its members."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from vae_jax import training
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._dry_run import dry_run, sharing, traced_once
from vae_jax.sweeps.devices._mesh import (
    EVERYWHERE,
    MEMBERS,
    member_devices,
    mesh_for,
)
from vae_jax.sweeps.devices._settings import Members, Settings, split_settings
from vae_jax.sweeps.devices._strategy import (
    Strategy,
    over_members,
    pad_members,
    strategy_for,
)
from vae_jax.sweeps.devices._stream import Flow, specs_of, traced_as
from vae_jax.training import Carry, Program


class Engine(NamedTuple):
    """A cohort, compiled once and used for each of its shards.

    Attributes:
        start: `start(members, data) -> carry`.
        advance: `advance(carry, members, data, first, last) -> carry`, in steps.
        evaluate: `evaluate(carry, members, data) -> named arrays, a row a member`.
            `members` is from `stack_members`, `data` from `place_data`.
        params: `params(carry, members, data)`, the final parameters, a row a member.
        mesh: the devices, no more rows of them than there are members.
        strategy: `map` or `vmap`.
        size: members resident at once, a multiple of the number of rows.
        settings: which settings the members share.
        like: shapes and dtypes of the carry of one member.
        programs: `advance`, once it is compiled.
        flow: how the training set is streamed; None where it is resident.
        step: the traced program of a step of a member.

    >>> Engine._fields[:3]
    ('start', 'advance', 'evaluate')
    """

    start: Callable[..., Carry]
    advance: Callable[..., Carry]
    evaluate: Callable[..., dict[str, jax.Array]]
    params: Callable[..., Any]
    mesh: Mesh
    strategy: Strategy
    size: int
    settings: Settings
    like: Carry
    programs: list[Callable[..., Carry]]
    flow: Flow | None = None
    step: Any = None

    def compiled(
        self, carry: Carry, members: "Residents", data: Any
    ) -> Callable[..., Carry]:
        """`advance`, compiled before any state is handed over."""
        if not self.programs:
            step = np.int32(0)
            lowered = self.advance.lower(carry, members, data, step, step)  # type: ignore[attr-defined]
            self.programs.append(lowered.compile())
        return self.programs[0]


class Residents(NamedTuple):
    """The members that are resident at once.

    Attributes:
        settings: stacked, filled up to the engine's size.
        num_real: how many of them are members.

    >>> Residents._fields
    ('settings', 'num_real')
    """

    settings: Members
    num_real: Any


def make_engine(
    program: Program,
    hypers: Sequence[Any],
    data: Any,
    num_windows: int,
    log_every: int,
    num_members: int,
    strategy: Strategy | None = None,
    flow: Flow | None = None,
    batch_devices: int = 1,
) -> Engine:
    """Wrap a program for stacked members; nothing is compiled yet.

    The whole program is traced once by `eval_shape`, so that an error of shape or type
    appears here, in a fraction of a second, and not after a compile.

    Args:
        program: what to run.
        hypers: settings of all members of the cohort.
        data: what they share.
        num_windows: rows of history.
        log_every: steps a row.
        num_members: resident at once; filled up to a multiple of the devices.
        strategy: overrides the choice by platform and size.
        flow: how the training set is streamed; it is resident where none is given.
        batch_devices: devices that share the batches of a member.

    Raises:
        ValueError: the program needs the whole of a training set that is streamed, or of a
            batch that is split, or there are no such devices.
    """
    specs = ((specs_of(data, flow), EVERYWHERE), EVERYWHERE, EVERYWHERE)
    data = traced_as(data, flow)
    settings, program = split_settings(hypers), traced_once(program)
    # one row of what is stacked
    own = [np.asarray(leaf) for leaf in settings.own(hypers[0])]
    hyper = settings.join(own, settings.shared)
    init = partial(training.init_carry, program, num_windows=num_windows)
    # a device that had no member would train a copy
    mesh = mesh_for(num_members, batch_devices)
    carry, step = dry_run(program, init, log_every, hyper, data, mesh)
    if strategy is None:
        strategy = strategy_for(step)
    start, advance, evaluate, params = (
        over_members(sharing(function, mesh), mesh, strategy, *where)
        for function, where in zip(
            one_member(program, init, log_every, settings, strategy == "vmap"),
            ((specs[0],), (specs,), (), ()),
            strict=True,
        )
    )
    # the same placement in and out of every chunk, so that `advance` compiles once
    split = NamedSharding(mesh, MEMBERS)
    return Engine(
        jax.jit(
            lambda members, data: start(members.settings, data, members.num_real),
            out_shardings=split,
        ),
        jax.jit(
            lambda carry, members, data, first, last: advance(
                (carry, members.settings), (data, first, last), members.num_real
            ),
            donate_argnums=0,
            out_shardings=split,
        ),
        finally_of(evaluate),
        finally_of(params),
        mesh,
        strategy,
        -(-num_members // member_devices(mesh)) * member_devices(mesh),
        settings,
        carry,
        [],
        flow,
        step,
    )


def finally_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """What is computed of the members when they have ended, compiled."""
    return jax.jit(
        lambda carry, members, data: function(
            (carry, members.settings), data, members.num_real
        )
    )


def one_member(
    program: Program,
    init: Callable[..., Carry],
    log_every: int,
    settings: Settings,
    beside_others: bool,
) -> tuple[Callable[..., Any], ...]:
    """Start, advance and evaluate one member, and its parameters: `f(own, shared)`."""
    run_steps = partial(training.run_steps, beside_others=beside_others)

    def start(member: Members, shared: Any) -> Carry:
        data, common = shared
        hyper = settings.join(member.own, common)
        data = training.for_seed(data, member.seed)
        return init(training.member_key(member.seed), hyper, data)

    def advance(own: tuple[Carry, Members], shared: Any) -> Carry:
        (carry, member), ((data, common), first, last) = own, shared
        key, hyper = training.member_key(member.seed), settings.join(member.own, common)
        data = training.for_seed(data, member.seed)
        return run_steps(program, log_every, carry, key, hyper, data, first, last)

    def evaluate(own: tuple[Carry, Members], shared: Any) -> dict[str, jax.Array]:
        (carry, member), (data, common) = own, shared
        key, hyper = training.member_key(member.seed), settings.join(member.own, common)
        return program.evaluate(carry.state, key, hyper, data)

    def params(own: tuple[Carry, Members], shared: Any) -> Any:
        (carry, member), (data, common) = own, shared
        key, hyper = training.member_key(member.seed), settings.join(member.own, common)
        return program.params(carry.state, key, hyper, data)

    return start, advance, evaluate, params


def stack_members(
    seeds: Sequence[int], hypers: Sequence[Any], engine: Engine
) -> Residents:
    """Settings of a shard's members, filled up to the engine's size and placed."""
    rows = zip(*(engine.settings.own(hyper) for hyper in hypers), strict=True)
    stacked = [np.stack(row) for row in rows]
    members = Members(np.asarray(seeds, np.int32), stacked)
    return Residents(place_members(members, engine), np.int32(len(seeds)))


def place_members(tree: Any, engine: Engine) -> Any:
    """Stacked arrays filled up to the engine's size, split over its devices."""
    padded = pad_members(tree, engine.size)
    return _hosts.placed(padded, NamedSharding(engine.mesh, MEMBERS))


def place_data(data: Any, engine: Engine) -> Any:
    """The data set and the shared settings, whole on every device."""
    shared = data, engine.settings.shared
    return _hosts.placed(shared, NamedSharding(engine.mesh, EVERYWHERE))
