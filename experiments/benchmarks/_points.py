"""Points of a curve that are measured in processes of their own, for their peak memory."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from experiments.benchmarks._machine import resident


def measured_apart(module: str, point: Mapping[str, Any]) -> dict[str, Any]:
    """The point and what `python -m MODULE POINT` has measured of it.

    Raises:
        RuntimeError: the process has failed; with what it said.
    """
    command = [sys.executable, "-m", module, json.dumps(dict(point))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{point} has failed:\n{done.stderr.strip()}")
    return {**point, **json.loads(done.stdout.splitlines()[-1])}


def answer(measure: Callable[..., Mapping[str, float]]) -> None:
    """Measure the point of the command line, and print it with the memory that it took.

    `peak_mb` is the most resident memory of the process, and `before_mb` what its imports
    took of that.
    """
    point = json.loads(sys.argv[1])
    if point.pop("one_core"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    before = resident()
    found = dict(measure(**point))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found | {"before_mb": before, "peak_mb": peak}))
