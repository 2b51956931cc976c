"""Processes of a Ray cluster, as tasks of Ray Core; the only importer of ray."""

import logging
from collections.abc import Sequence
from typing import Any

from vae_jax.engines._launch import Ended
from vae_jax.engines._resources import Resources
from vae_jax.engines._work import Work, guarded

BYTES = 10**9
"""Of a gigabyte."""


class OnRay:
    """A task a process, each in a fresh worker, which goes where its resources are.

    The launcher starts lost tasks again, so that Ray itself need not.
    """

    def __init__(self, resources: Resources) -> None:
        """Join a cluster, or start one on this machine, if Ray has not begun here.

        Raises:
            ValueError: ray is not installed, or the cluster cannot be reached, or no node
                of it has the resources.
        """
        try:
            import ray
        except ImportError as error:
            raise ValueError(
                "`engine='ray'` needs ray, which is not installed: "
                "pip install 'vae-jax[ray]'"
            ) from error
        self._ray = ray
        self._began = not ray.is_initialized()
        if self._began:
            self._join(resources.address)
        asked = _asked(resources)
        self._refuse_too_much(asked)
        # a worker a task: JAX is set up once in a process, and memory is given back
        options = {**asked, "max_calls": 1, "max_retries": 0}
        self._task = ray.remote(**options)(guarded)

    def start(self, work: Sequence[Work]) -> list[Any]:
        """Submit a task a part."""
        return [self._task.remote(part) for part in work]

    def ended(self, handle: Any) -> Ended | None:
        """How a task has ended."""
        ready, _ = self._ray.wait([handle], timeout=0)
        if not ready:
            return None
        errors = self._ray.exceptions
        try:
            code, said = self._ray.get(handle)
        except errors.TaskCancelledError:
            return Ended(143)
        except errors.RayTaskError as error:
            return Ended(1, error=str(error))
        except errors.RayError:  # the worker or its node has gone
            return Ended(137, lost=True)
        return Ended(code, error=said)

    def stop(self, handle: Any) -> None:
        """By what Ray makes of Ctrl-C in the worker."""
        self._ray.cancel(handle, force=False)

    def kill(self, handle: Any) -> None:
        """End the worker."""
        self._ray.cancel(handle, force=True)

    def close(self) -> None:
        """Leave the cluster, if it was joined here."""
        if self._began:
            self._ray.shutdown()

    def _join(self, address: str | None) -> None:
        try:
            self._ray.init(
                address=address, log_to_driver=False, logging_level=logging.ERROR
            )
        except (ConnectionError, RuntimeError) as error:
            raise ValueError(
                f"`address` must be that of a Ray cluster that runs; got {address!r}: "
                f"{error}"
            ) from error

    def _refuse_too_much(self, asked: dict[str, Any]) -> None:
        wanted = {
            "CPU": asked.get("num_cpus", 1),
            "GPU": asked.get("num_gpus", 0),
            "memory": asked.get("memory", 0),
        } | asked.get("resources", {})
        known: Any = self._ray
        nodes = [node["Resources"] for node in known.nodes() if node["Alive"]]
        for name, number in wanted.items():
            most = max((node.get(name, 0) for node in nodes), default=0)
            if number > most:
                raise ValueError(
                    f"a process must fit on a node of the cluster; {number:g} of {name} "
                    f"were asked for, and the largest node has {most:g}."
                )


def _asked(resources: Resources) -> dict[str, Any]:
    """Resources as Ray calls them."""
    asked: dict[str, Any] = {}
    if resources.cpus is not None:
        asked["num_cpus"] = resources.cpus
    if resources.gpus is not None:
        asked["num_gpus"] = resources.gpus
    if resources.tpus is not None:
        asked["resources"] = {"TPU": resources.tpus}
    if resources.memory_gb is not None:
        asked["memory"] = int(resources.memory_gb * BYTES)
    return asked
