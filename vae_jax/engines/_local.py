"""Processes of this machine."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

from vae_jax.engines._launch import STOPPED, Ended
from vae_jax.engines._resources import Resources
from vae_jax.engines._work import Work

VISIBLE = "CUDA_VISIBLE_DEVICES"
SAID = "\x1fvae_jax:"
"""Before what a process says of its error: packages may have written before it."""

LONGEST = 8000
"""Characters of a traceback that are told: its end."""


class Process(NamedTuple):
    """A process, and where it writes what is wrong."""

    popen: subprocess.Popen[bytes]
    errors: IO[bytes]
    gpus: tuple[str, ...]


class Local:
    """A pool of processes, each in a group of its own, so that Ctrl-C reaches the launcher.

    A process whose launcher is killed saves its state and ends.
    """

    def __init__(self, resources: Resources) -> None:
        """With so many GPUs each, if any are asked for.

        Raises:
            ValueError: there are fewer.
        """
        self._each = resources.gpus or 0
        self._free = visible_gpus() if self._each else []
        if len(self._free) < self._each:
            raise ValueError(
                f"`gpus` must be at most as many as there are, {len(self._free)}; got "
                f"{self._each} for each process."
            )

    def start(self, work: Sequence[Work]) -> list[Process]:
        """Start processes, on GPUs that no other has.

        Raises:
            ValueError: too few GPUs are left.
        """
        return [self._start(part) for part in work]

    def _start(self, work: Work) -> Process:
        gpus = tuple(self._free[: self._each])
        if len(gpus) < self._each:
            raise ValueError(
                f"`workers` must not need more GPUs than there are; {work.name} would need "
                f"{self._each}, and {len(gpus)} are left. Start fewer processes."
            )
        self._free = self._free[self._each :]
        # a file, which is never full, and which nobody need read meanwhile
        errors: Any = tempfile.TemporaryFile()  # noqa: SIM115
        popen = subprocess.Popen(
            [sys.executable, "-m", "vae_jax.engines._process"],
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            env=os.environ | ({VISIBLE: ",".join(gpus)} if gpus else {}),
            start_new_session=True,
        )
        assert popen.stdin is not None
        # it stays open: its end tells the process that the launcher has gone
        popen.stdin.write(json.dumps(work._asdict()).encode() + b"\n")
        popen.stdin.flush()
        return Process(popen, errors, gpus)

    def ended(self, handle: Process) -> Ended | None:
        """How a process has ended."""
        code = handle.popen.poll()
        if code is None:
            return None
        if not handle.errors.closed:
            self._free += handle.gpus
            assert handle.popen.stdin is not None
            handle.popen.stdin.close()
        said = _end_of(handle.errors)
        if code in (0, *STOPPED):
            return Ended(code)
        if code < 0:
            return Ended(128 - code, lost=True)
        return Ended(code, error=said or f"it ended with code {code}")

    def stop(self, handle: Process) -> None:
        """By SIGTERM."""
        if handle.popen.poll() is None:
            handle.popen.send_signal(signal.SIGTERM)

    def kill(self, handle: Process) -> None:
        """By SIGKILL."""
        handle.popen.kill()
        handle.popen.wait()

    def close(self) -> None:
        """Nothing is left."""


def visible_gpus() -> list[str]:
    """The GPUs of this machine, as CUDA names them.

    Raises:
        ValueError: nothing here says which there are.
    """
    if said := os.environ.get(VISIBLE):
        return said.split(",")
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(
            f"`gpus` needs NVIDIA's driver, or {VISIBLE}, which says what there is; got "
            f"{error}. Leave it out on a CPU."
        ) from error
    return [str(i) for i, _ in enumerate(listed.stdout.splitlines())]


def _end_of(errors: IO[bytes]) -> str:
    """What a process has said last; read once."""
    if errors.closed:
        return ""
    errors.seek(0)
    said = errors.read().decode(errors="replace").strip()
    errors.close()
    return said.rpartition(SAID)[2][-LONGEST:]
