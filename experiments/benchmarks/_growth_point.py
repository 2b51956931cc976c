"""One point of a curve of growth, in a process of its own; see `_growth`."""

import json
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory

import numpy as np

from experiments.benchmarks._engine_arm import train
from experiments.benchmarks._growth import AXES, SWEEP, case_of, clock_of, cost
from experiments.benchmarks._points import answer
from vae_jax import sweeps
from vae_jax.configs import Run

STEPS = 1000


def point(axis: str, value: int) -> dict[str, float]:
    """Microseconds a member-step; groups take their turns in one compiled program."""
    sweeps.setup_jax()
    clock = clock_of(sweeps.num_cores() == 1)
    if AXES[axis][0] == SWEEP:
        return {"us_a_member_step": whole_sweep(value, clock)}
    case, members, at_once = case_of(axis, value)
    group = train(case, at_once)
    found = cost(group, members // at_once, members, clock)
    return {"us_a_member_step": found}


def whole_sweep(members: int, clock: Callable[[], float]) -> float:
    """Of a sweep over beta, everything in."""
    run = Run.of(hidden=(16,), latent_dim=2, num_steps=STEPS, eval_samples=1)
    betas = np.linspace(0.1, 4.0, members).tolist()
    configs = [run.changed(beta=beta) for beta in betas]
    since = clock()
    with TemporaryDirectory() as out:
        sweeps.run(configs, out, sweeps.Options(progress=False))
    return 1e6 * (clock() - since) / (members * STEPS)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not isinstance(json.loads(sys.argv[1]), dict):
        raise SystemExit("a point is measured by experiments.benchmarks.peers --growth")
    answer(point)
