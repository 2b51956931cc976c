"""Processes of a SLURM cluster, as an array job; the only importer of submitit.

Before SLURM ends a job, by its time limit or for another one, it sends a signal: the
process saves its state and queues itself again. One that was killed without is started
again by the launcher.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

from vae_jax import sweeps
from vae_jax.engines._launch import Ended
from vae_jax.engines._resources import Resources
from vae_jax.engines._work import Work, guarded

WARNING_SECONDS = 120
"""So long before its end a process is told: more than a save and a chunk take."""

MOST_TIMEOUTS = 10_000
"""How often a process may be queued again because its time was up."""

ASK_SECONDS = 3.0
"""How often the queue is asked for, which serves a whole cluster."""

GONE_SECONDS = 15.0
"""So long a process may be in no queue before its result is seen: files arrive late."""


class Job(NamedTuple):
    """A job of the array, and since when it is in no queue."""

    submitted: Any
    missed: list[float]


class Slurm:
    """An array job, a process each."""

    def __init__(self, resources: Resources) -> None:
        """Nothing is submitted yet.

        Raises:
            ValueError: submitit is not installed, or this is no SLURM cluster.
        """
        try:
            import submitit
        except ImportError as error:
            raise ValueError(
                "`engine='slurm'` needs submitit, which is not installed: "
                "pip install 'vae-jax[slurm]'"
            ) from error
        if shutil.which("sbatch") is None:
            raise ValueError(
                "`engine='slurm'` needs a machine on which jobs are submitted; there is no "
                "`sbatch` here. Use --engine local, or --shard."
            )
        assert resources.jobs is not None
        self._executor = submitit.SlurmExecutor(
            folder=resources.jobs, max_num_timeout=MOST_TIMEOUTS
        )
        self._executor.update_parameters(**_asked(resources))
        self._queue: set[str] = set()
        self._asked_at = 0.0

    def start(self, work: Sequence[Work]) -> list[Job]:
        """Submit the parts, several as one array job.

        Raises:
            ValueError: SLURM refuses them; in its words.
        """
        import submitit

        parts = [Part(one) for one in work]
        if len(parts) > 1:
            self._executor.update_parameters(array_parallelism=len(parts))
        try:
            if len(parts) == 1:
                jobs = [self._executor.submit(parts[0])]
            else:
                jobs = self._executor.map_array(Part.__call__, parts)
        except submitit.core.utils.FailedJobError as error:
            raise ValueError(f"SLURM refuses the job: {error}") from error
        self._asked_at = 0.0
        return [Job(job, []) for job in jobs]

    def ended(self, handle: Job) -> Ended | None:
        """How a job has ended: by its result, or because it is in no queue any more."""
        job = handle.submitted
        if job.paths.result_pickle.exists():
            return _result(job)
        if job.job_id in self._in_queue():
            handle.missed.clear()
            return None
        handle.missed.append(time.monotonic())
        if handle.missed[-1] - handle.missed[0] < GONE_SECONDS:
            return None
        return Ended(137, lost=True)

    def stop(self, handle: Job) -> None:
        """By SIGUSR1; what waits in the queue is taken out of it."""
        _call("scancel", "--state=PENDING", handle.submitted.job_id)
        _call("scancel", "--signal=USR1", handle.submitted.job_id)

    def kill(self, handle: Job) -> None:
        """Cancel the job."""
        _call("scancel", handle.submitted.job_id)

    def close(self) -> None:
        """Nothing is left; what SLURM wrote stays where it is."""

    def _in_queue(self) -> set[str]:
        if time.monotonic() - self._asked_at >= ASK_SECONDS:
            told = _call("squeue", "--noheader", "--array", "--me", "--format=%i")
            if told is not None:
                self._queue = set(told.split())
            self._asked_at = time.monotonic()
        return self._queue


class Part:
    """What a job calls, and how it is queued again with its state saved."""

    def __init__(self, work: Work) -> None:
        """Of a part of a sweep."""
        self.work = work

    def __call__(self) -> tuple[int, str]:
        """Train, and queue again if SLURM says that the job is to end."""
        with _told_of_the_end() as again:
            code, error = guarded(self.work)
        if again and code == 128 + signal.SIGUSR1:
            again[0](signal.SIGUSR2, None)  # submitit's own; it does not return
        return code, error

    def checkpoint(self) -> Any:
        """The same once more: the state is in the folder of the results."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


@contextlib.contextmanager
def _told_of_the_end() -> Iterator[list[Callable[..., Any]]]:
    """Turn SLURM's signal into one that a sweep obeys; holds submitit's handler then."""
    received: list[Callable[..., Any]] = []
    before: Any = signal.getsignal(signal.SIGUSR2)

    def end(signum: int, frame: FrameType | None) -> None:
        received.append(before)
        signal.raise_signal(signal.SIGUSR1)

    def stop(signum: int, frame: FrameType | None) -> None:
        raise sweeps.Interrupted(signum)

    old = signal.signal(signal.SIGUSR1, stop)
    signal.signal(signal.SIGUSR2, end)
    try:
        yield received
    finally:
        signal.signal(signal.SIGUSR2, before)
        signal.signal(signal.SIGUSR1, old)


def _result(job: Any) -> Ended:
    error = job.exception()
    if error is not None:
        return Ended(1, error=str(error))
    code, said = job.result()
    return Ended(code, error=said)


def _asked(resources: Resources) -> dict[str, Any]:
    """Resources as SLURM calls them."""
    asked: dict[str, Any] = {
        "job_name": "vae_jax",
        "signal_delay_s": WARNING_SECONDS,
        "stderr_to_stdout": True,
    }
    if resources.cpus is not None:
        asked["cpus_per_task"] = resources.cpus
    if resources.gpus is not None:
        asked["gpus_per_node"] = resources.gpus
    if resources.memory_gb is not None:
        asked["mem"] = f"{round(resources.memory_gb * 1000)}MB"
    if resources.partition is not None:
        asked["partition"] = resources.partition
    if resources.minutes is not None:
        asked["time"] = resources.minutes
    return asked


def _call(*command: str) -> str | None:
    """What a command of SLURM says; None where it fails, as when the controller is busy."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ
    )
    return done.stdout if done.returncode == 0 else None
