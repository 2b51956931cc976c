"""Arms of a benchmark: the sweep engine, and how arms are timed beside one another."""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from experiments._pages import page_parser
from vae_jax import assembly, data, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.devices import _engine, _strategy
from vae_jax.training import Program

NUM_MEMBERS = 16
Arm = Callable[[int], Any]
"""Trains for so many steps; from the engine, of every member."""


def speed_parser(doc: str | None, models: Sequence[str]) -> argparse.ArgumentParser:
    """The options of a page that times arms beside one another."""
    parser = page_parser(doc)
    parser.add_argument("--one-core", action="store_true", help="CPU time of one core")
    parser.add_argument("--seconds", type=float, default=2.0, help="a window")
    parser.add_argument("--models", nargs="+", default=list(models), choices=models)
    return parser


def has_torch() -> bool:
    """Whether there is something to compare with."""
    return importlib.util.find_spec("torch") is not None


def prepare_clock(one_core: bool) -> Callable[[], float]:
    """Cores and threads as the options say, and the clock that suits them."""
    if one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if has_torch():
        import torch

        torch.set_num_threads(sweeps.num_cores())
    else:
        print("PyTorch is not installed: the engine is timed without it")
    sweeps.setup_jax()
    return time.process_time if one_core else time.perf_counter


def plain_dataset(examples: np.ndarray, max_value: int) -> data.Dataset:
    """Examples without classes as all three splits."""
    split = data.Split(examples, np.zeros(len(examples), np.int32))
    return data.Dataset("random", split, split, split, max_value)


def engine_arm(
    config: Run,
    dataset: data.Dataset,
    *,
    program: Program | None = None,
    strategy: _strategy.Strategy | None = None,
    num_members: int = NUM_MEMBERS,
) -> Arm:
    """The sweep engine over a sweep of beta; steps come in chunks of at least 100."""
    # what members share is cheaper than what is their own
    betas = np.linspace(0.5, 2.0, num_members).tolist()
    hypers = [assembly.hyper(config.changed(beta=beta)) for beta in betas]
    splits = assembly.splits(config, dataset)
    engine = sweeps.make_engine(
        program or assembly.program(assembly.facts_of(dataset)),
        hypers,
        splits,
        config.num_steps // config.log_every,
        config.log_every,
        num_members,
        strategy,
    )
    members = _engine.stack_members(range(num_members), hypers, engine)
    placed = _engine.place_data(splits, engine)
    state: dict[str, Any] = {"carry": engine.start(members, placed), "done": 0}
    print(f"  engine: {engine.strategy} on {engine.mesh.size} device(s)")

    def run(num_steps: int) -> None:
        first = state["done"]
        last = first + num_steps
        state["carry"] = engine.advance(
            state["carry"], members, placed, np.int32(first), np.int32(last)
        )
        jax.block_until_ready(state["carry"].first_bad_step)
        state["done"] = last

    return run


def measure(
    arms: dict[str, Arm],
    clock: Callable[[], float],
    seconds: float,
    least: int = 100,
) -> dict[str, list[float]]:
    """Seconds a step of each arm, in nine interleaved windows.

    Args:
        arms: what is timed.
        clock: of seconds.
        seconds: about how long a window is.
        least: steps of a window; it is a multiple of half as many.
    """
    steps = {}
    for name, run in arms.items():
        run(least)  # compile and warm up
        since = clock()
        run(least)
        steps[name] = max(least, int(seconds * least / max(clock() - since, 1e-6)))
    times: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(9):
        for name, run in arms.items():
            num = steps[name] // (least // 2) * (least // 2)
            since = clock()
            run(num)
            times[name].append((clock() - since) / num)
    return times


def rows_of(
    model: str, times: Mapping[str, list[float]], members: Mapping[str, int], clock: str
) -> list[dict[str, Any]]:
    """A row an arm: member-steps a second, and the engine's over it."""
    rates = {arm: [members[arm] / t for t in own] for arm, own in times.items()}
    return [
        {
            "model": model,
            "arm": arm,
            "members": members[arm],
            "clock": clock,
            "member_steps_per_s": statistics.median(rates[arm]),
            "engine_over_arm": statistics.median(ratios(rates["engine"], rates[arm])),
        }
        for arm in times
    ]


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Of paired windows."""
    return [a / b for a, b in zip(over, under, strict=True)]
