"""`vmap` or `lax.map` by the clock, where the number of operations does not say.

A step's operations decide where they are far from the threshold (see `_strategy`), and on
accelerators. Near it, both forms are compiled and timed, if the run is long enough for the
better one to give back what that takes. Times are kept for later runs on this machine.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from vae_jax.results import spec_hash
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._engine import Engine, Residents
from vae_jax.sweeps.devices._kept_times import Times
from vae_jax.sweeps.devices._memory import SURE, available_bytes, bound
from vae_jax.sweeps.devices._mesh import batch_devices_of, member_devices
from vae_jax.sweeps.devices._setup import num_cores
from vae_jax.sweeps.devices._strategy import flop
from vae_jax.training import ALIVE

NEAR = (5e4, 8e7)
"""FLOP a step between which a measurement decides on CPU.

The measured steps beyond leave no doubt: vmap over 16 members takes 0.54 of the time of one
after another at 0.05 MFLOP and 1.32 at 80 MFLOP; see `_strategy.VMAP_BELOW_FLOP`.
"""

PAYS_SECONDS = 60.0
"""Of training, by estimate, from which on it is measured.

Between those two steps the worse form loses up to a third of the time, and the other form
takes a compile and its windows, 4 to 8 seconds for MLPs of the digits.
"""

STEP_SECONDS, FLOP_A_SECOND = 2e-5, 5e10
"""Of the estimate: a step of 0.05 MFLOP took 0.022 ms on a core, one of 80 MFLOP 1.5 ms."""

WINDOW_SECONDS, NUM_WINDOWS = 0.2, 3
"""Each form runs so many windows of about this length, in turns; the best one counts."""


def is_open(engine: Engine, member_steps: int, data: Any) -> bool:
    """Whether a measurement is to decide, and would pay.

    Several hosts, members split over devices and sets that are streamed go by the rule.

    Args:
        engine: as the rule has it.
        member_steps: steps of all its members.
        data: on each device, as shapes.
    """
    here = jax.default_backend() == "cpu" and not _hosts.several()
    rows = member_devices(engine.mesh)
    alone = batch_devices_of(engine.mesh) == 1 and engine.flow is None
    # a vmap of one member is none
    if not (here and alone and engine.size > rows):
        return False
    took = flop(engine.step)
    seconds = member_steps * (STEP_SECONDS + took / FLOP_A_SECOND) / rows
    if not (NEAR[0] <= took < NEAR[1] and seconds >= PAYS_SECONDS):
        return False
    needs, free = bound(engine._replace(strategy="vmap"), data), available_bytes()
    return free is None or needs.most(int(SURE * free)) >= engine.size // rows


def question(engine: Engine) -> dict[str, Any]:
    """All that the times depend on, as JSON."""
    # where a function lies in memory is not what it computes
    step = re.sub(r"0x[0-9a-f]+", "", str(engine.step))
    return {
        "step": spec_hash({"step": step}),
        "state": str(jax.tree.map(lambda x: (x.shape, str(x.dtype)), engine.like)),
        "width": engine.size,
        "devices": engine.mesh.size,
        "device_kind": jax.devices()[0].device_kind,
        "threads": num_cores(),
        "jax": jax.__version__,
    }


def timed(
    engines: Sequence[Engine],
    residents: Callable[[Engine], Residents],
    data: Any,
    num_steps: int,
) -> Times | None:
    """Seconds of a step of all members by each of two engines; None where one diverges.

    Args:
        engines: one of each strategy.
        residents: the members, placed for an engine.
        data: placed.
        num_steps: of a run; no window is longer.
    """
    trials = [Trial(engine, residents(engine), data) for engine in engines]
    steps = [trial.fill(num_steps) for trial in trials]
    found: Times = {engine.strategy: np.inf for engine in engines}
    for _ in range(NUM_WINDOWS):
        for trial, engine, count in zip(trials, engines, steps, strict=True):
            took = trial.seconds(count) / count
            found[engine.strategy] = min(found[engine.strategy], took)
    # a member that has stopped costs nothing
    return found if all(trial.alive() for trial in trials) else None


class Trial:
    """The members of a cohort under one strategy, run for the sake of the clock."""

    def __init__(self, engine: Engine, residents: Residents, data: Any) -> None:
        """Compiles."""
        self._shared = residents, data
        self._num_real = int(residents.num_real)
        self._carry = engine.start(residents, data)
        self._advance = engine.compiled(self._carry, residents, data)
        self.seconds(1)

    def seconds(self, num_steps: int) -> float:
        """That the first steps of a run take."""
        began, steps = time.perf_counter(), (np.int32(0), np.int32(num_steps))
        self._carry = self._advance(self._carry, *self._shared, *steps)
        jax.block_until_ready(self._carry)
        return time.perf_counter() - began

    def fill(self, most: int) -> int:
        """Steps that fill a window, as many as a run has at most."""
        steps = 1
        while steps < most and self.seconds(steps) < WINDOW_SECONDS / 2:
            steps = min(2 * steps, most)
        return steps

    def alive(self) -> bool:
        """Whether no member has stopped."""
        stopped = np.asarray(self._carry.first_bad_step)[: self._num_real]
        return bool((stopped == ALIVE).all())
