"""The checkpoints of one shard: when to save, and how to take up the thread."""

import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vae_jax import checkpoints
from vae_jax.sweeps._engine import Engine, pad_members, padded_size
from vae_jax.sweeps._strategy import MEMBERS, place


class Saver:
    """Saves the state of a shard, at most once in the longer of a time and 50 saves."""

    def __init__(self, folder: Path, num_members: int, seconds: float) -> None:
        """Nothing is written yet."""
        self.folder = folder
        self.num_members = num_members
        self.interval = seconds
        self.last = time.perf_counter()

    def restore(self, carry: Any, engine: Engine) -> tuple[Any, int]:
        """The saved state and its window, or the fresh state and 0."""
        target = jax.tree.map(lambda leaf: np.asarray(leaf)[: self.num_members], carry)
        restored = checkpoints.restore(self.folder, target)
        if restored is None:
            return carry, 0
        size = padded_size(self.num_members, engine)
        state = place(pad_members(restored.state, size), engine.mesh, MEMBERS)
        return state, restored.step

    def save_when_due(self, carry: Any, step: int) -> None:
        """Save if the last one is long enough ago."""
        if time.perf_counter() - self.last >= self.interval:
            self.save(carry, step)

    def save(self, carry: Any, step: int) -> None:
        """Save the members, without the padding, so that any number of devices fits."""
        began = time.perf_counter()
        state = jax.tree.map(lambda leaf: np.asarray(leaf)[: self.num_members], carry)
        checkpoints.save(self.folder, step, state, {"num_members": self.num_members})
        self.last = time.perf_counter()
        self.interval = max(self.interval, 50 * (self.last - began))
