"""The sweep engine as an arm of a benchmark."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from experiments.benchmarks._cases import Case
from experiments.benchmarks._timing import Arm
from vae_jax import assembly, sweeps, training
from vae_jax.sweeps.devices import _engine, _strategy
from vae_jax.training import Program

OFTEN = 16
"""Members of arms that are in every round."""


def engine_arms(case: Case, least: int | None = None) -> list[Arm]:
    """One for each number of members."""
    return [
        Arm(
            "engine",
            lambda number=number: train(case, number),
            members=number,
            least=case.least if least is None else least,
            seldom=number > OFTEN,
        )
        for number in case.members
    ]


def train(
    case: Case, num_members: int, *, program: Program | None = None
) -> Callable[[int], None]:
    """A function that trains a sweep of beta for so many steps.

    Args:
        case: the model.
        num_members: of the sweep.
        program: what is run; that of the case where none is given.

    Raises:
        FloatingPointError: a member has diverged, so that its steps would be no training.
    """
    config, dataset = case.run(), case.dataset()
    # what members share is cheaper than what is their own
    betas = np.linspace(0.5, 2.0, num_members).tolist()
    hypers = [assembly.hyper(config.changed(beta=beta)) for beta in betas]
    splits = assembly.splits(config, dataset)
    own = program or assembly.program(assembly.facts_of(dataset))
    windows = config.num_steps // config.log_every
    engine = sweeps.make_engine(
        own, hypers, splits, windows, config.log_every, num_members
    )
    members = _engine.stack_members(range(num_members), hypers, engine)
    placed = _engine.place_data(splits, engine)
    held: dict[str, Any] = {"carry": engine.start(members, placed), "done": 0}

    def run(num_steps: int) -> None:
        first, held["done"] = held["done"], held["done"] + num_steps
        held["carry"] = engine.advance(
            held["carry"], members, placed, np.int32(first), np.int32(held["done"])
        )
        check_alive(np.asarray(held["carry"].first_bad_step)[:num_members])

    return run


def check_alive(first_bad_step: np.ndarray) -> None:
    """Refuse to time what no longer trains."""
    if (first_bad_step >= 0).any():
        raise FloatingPointError(
            f"{(first_bad_step >= 0).sum()} members have diverged, the first at step "
            f"{first_bad_step[first_bad_step >= 0].min()}: nothing is trained any more. "
            "Shorten --seconds, so that a run has steps enough."
        )


def flop_per_step(case: Case) -> float:
    """In matrix products of the engine's step of one member, forward and backward."""
    config, dataset = case.run(), case.dataset()
    program, hyper = (
        assembly.program(assembly.facts_of(dataset)),
        assembly.hyper(config),
    )
    splits, key = assembly.splits(config, dataset), training.member_key(0)
    state = jax.eval_shape(program.init, key, hyper, splits)
    return _strategy.step_flop(program.step, state, np.int32(0), key, hyper, splits)
