"""The checkpoints of one shard: when to save, and how to take up the thread."""

import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vae_jax import checkpoints
from vae_jax.sweeps._engine import Engine, place_members
from vae_jax.training import Carry

SAVES_PER_INTERVAL = 50
"""Saving takes at most a fiftieth of the time."""


class Saver:
    """Saves the state of a shard, at most once in the longer of a time and 50 saves."""

    def __init__(self, folder: Path, num_members: int, seconds: float) -> None:
        """Nothing is written yet."""
        self.folder = folder
        self.num_members = num_members
        self.interval = seconds
        self.last = time.perf_counter()

    def restore(self, carry: Carry, engine: Engine) -> tuple[Carry, int]:
        """The saved state and its window, or the fresh state and 0."""
        restored = checkpoints.restore(self.folder, self.own(carry))
        if restored is None:
            return carry, 0
        return place_members(restored.state, engine), restored.step

    def save_when_due(self, carry: Any, step: int) -> None:
        """Save if the last one is long enough ago."""
        if time.perf_counter() - self.last >= self.interval:
            self.save(carry, step)

    def save(self, carry: Any, step: int) -> None:
        """Save the members, without the padding, so that any number of devices fits."""
        began = time.perf_counter()
        checkpoints.save(
            self.folder, step, self.own(carry), {"num_members": self.num_members}
        )
        self.last = time.perf_counter()
        self.interval = max(self.interval, SAVES_PER_INTERVAL * (self.last - began))

    def own(self, carry: Any) -> Any:
        """The state of the members on the host, without the padding."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: self.num_members], carry)
