"""How many pages run at once, and which cores each of them has.

A page of few members does not fill two cores, and compiling fills one: two pages beside
each other, a core each, take less time than one after the other on both.
"""

import os
import subprocess
import sys

import numpy as np

MOST = 2
"""Pages at once where nothing is said: what was measured."""

ASK = "import jax; print(jax.default_backend())"


def usable() -> list[int]:
    """Numbers of the cores that this process may use; none where a system has no say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def default_number() -> int:
    """Pages at once: two on CPU where there are cores for both, and one on a device.

    A process of its own looks for the device, which the pages must find free.
    """
    if len(usable()) < MOST:
        return 1
    asked = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True
    )
    return MOST if asked.stdout.strip() == "cpu" else 1


def shares(number: int) -> list[list[int]]:
    """The cores in so many parts; all in one where pages run one after another.

    >>> shares(1) == [usable()]
    True

    Raises:
        ValueError: fewer than one part, more than there are cores, or several where a
            process cannot be held to some.
    """
    cores = usable()
    most = max(len(cores), 1)
    if not 1 <= number <= most:
        why = "each has a core" if cores else "this system shares out no cores"
        raise ValueError(f"--at-once must be from 1 to {most}, as {why}; got {number}.")
    return [[int(core) for core in part] for part in np.array_split(cores, number)]


def keep_to(cores: list[int]) -> None:
    """Hold this thread to cores, and so every process that it starts."""
    if cores:
        os.sched_setaffinity(0, cores)
