"""The machine that a benchmark runs on: cores, clock, memory, fastest matrix product."""

import ctypes
import gc
import importlib.util
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import sweeps

Clock = Callable[[], float]
PEAK_SIDE, PEAK_TRIALS = 2048, 10


def has(package: str) -> bool:
    """Whether there is something to compare with."""
    return importlib.util.find_spec(package) is not None


def has_compiler() -> bool:
    """Whether `torch.compile` has the C++ compiler that it needs on CPU."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++"))


def prepare_clock(one_core: bool) -> Clock:
    """Cores and threads as the options say, and the clock that suits them.

    Every program is compiled anew, since the time that it takes is measured.
    """
    if one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if has("torch"):
        import torch

        torch.set_num_threads(sweeps.num_cores())
    sweeps.setup_jax()
    jax.config.update("jax_enable_compilation_cache", False)
    return time.process_time if one_core else time.perf_counter


def sgemm_peak(clock: Clock) -> float:
    """Fastest float32 matrix product of this machine, FLOP a second, by any library.

    Which one that is depends on the processor: some libraries do not use all of it.
    """
    a = np.random.default_rng(0).standard_normal((PEAK_SIDE, PEAK_SIDE), np.float32)
    placed = [jax.device_put(a, device) for device in jax.devices()]
    product = jax.jit(jnp.matmul)
    timed: list[tuple[int, Callable[[], Any]]] = [
        (1, lambda: a @ a),
        (len(placed), lambda: jax.block_until_ready([product(x, x) for x in placed])),
    ]
    if has("torch"):
        import torch

        b = torch.from_numpy(a)
        timed.append((1, lambda: torch.mm(b, b)))
    best = 0.0
    for count, run in timed:
        run()  # compiles
        for _ in range(PEAK_TRIALS):
            since = clock()
            run()
            best = max(best, count * 2 * PEAK_SIDE**3 / (clock() - since))
    return best


def resident(kind: str = "VmRSS") -> float:
    """Resident memory in MB: now, or the most of it (`VmHWM`) since `forget_peak`."""
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"{kind}:\s+(\d+) kB", status)
    if found is None:
        raise RuntimeError(f"/proc/self/status has no {kind}; Linux has it.")
    return int(found.group(1)) / 1024


def forget_peak() -> float:
    """Give back what nothing uses, let the peak begin anew; what is resident, in MB."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return resident()
