"""The checkpoints of members in training: when to save, and how to take up the thread."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import checkpoints, results
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.spec._stages import Stage
from vae_jax.sweeps.stored._going_on import lengthened, shorter
from vae_jax.sweeps.stored._home import Home

SAVES_PER_INTERVAL = 50
"""Saving takes at most a fiftieth of the time."""


class Saver:
    """Saves the state of members, at most once in the longer of a time and 50 saves."""

    def __init__(
        self, home: Home, members: Sequence[str], seconds: float, about: dict[str, Any]
    ) -> None:
        """Of the members with these identities; nothing is written yet."""
        self.home = home
        self.metadata = {"members": list(members), **about}
        self.interval = seconds
        self.last = time.perf_counter()
        self.saved_step = -1

    def stay(self, carry: Any, step: int) -> None:
        """Go on where the folder is in its place; else save where it is now.

        Of several hosts one cannot save alone: what was saved last goes with the folder.

        Raises:
            FileNotFoundError: it has another place, or none.
        """
        if not _hosts.several():
            self.home.stay(lambda: self.save(carry, step))
            return
        with _hosts.together("looking for the folder"):
            self.home.stay(lambda: None)

    def is_due(self) -> bool:
        """Whether the last one is long enough ago."""
        return time.perf_counter() - self.last >= self.interval

    def save(self, carry: Any, step: int) -> None:
        """Save the members, without what fills up the devices; a step once."""
        if step == self.saved_step:
            return
        began = time.perf_counter()
        num = len(self.metadata["members"])
        own = jax.tree.map(lambda leaf: leaf[:num], _hosts.whole(carry))
        if _hosts.is_first_host():
            folder = checkpoint_folder(self.home.where(), self.metadata["members"])
            checkpoints.save(folder, step, own, self.metadata)
        self.last, self.saved_step = time.perf_counter(), step
        self.interval = max(self.interval, SAVES_PER_INTERVAL * (self.last - began))


class Saved(NamedTuple):
    """The state of one member, as it was saved.

    >>> Saved(3, {"w": np.ones(2)}).step
    3
    """

    step: int
    state: Any


STATES = "states"
"""Where states at the end of training are kept, beside `checkpoints`."""


def keep_state(
    out: Path, members: Sequence[str], carry: Any, step: int, about: dict[str, Any]
) -> None:
    """Keep what members ended with, once, in a folder that is theirs for good."""
    folder = out / STATES / checkpoint_folder(out, members).name
    own = jax.tree.map(lambda leaf: leaf[: len(members)], _hosts.whole(carry))
    if not _hosts.is_first_host():
        return
    if step not in {save.step for save in checkpoints.peek(folder)}:
        checkpoints.save(folder, step, own, {"members": list(members), **about})


def kept_states(out: Path) -> set[str]:
    """The members whose final states are kept; nothing is read of these.

    >>> kept_states(Path("no/such/folder"))
    set()
    """
    root = out / STATES
    folders = sorted(root.iterdir()) if root.is_dir() else []
    saves = [save for folder in folders for save in checkpoints.peek(folder)]
    return {member for save in saves for member in save.metadata["members"]}


def checkpoint_folder(out: Path, members: Sequence[str]) -> Path:
    """Where the state of members that run together is saved.

    >>> checkpoint_folder(Path("run"), ["ab"]).parts[:2]
    ('run', 'checkpoints')
    """
    return out / "checkpoints" / results.short_hash({"members": list(members)})


class Shelf:
    """What the checkpoints and the kept states of a folder hold, by member.

    Members are found whatever they ran together with when they were saved.
    """

    def __init__(self, out: Path, spec_hashes: Sequence[str]) -> None:
        """Read whose the saves are, and no state."""
        self._folders: dict[Path, set[str]] = {}
        self._read: dict[Path, dict[str, Saved]] = {}
        self._specs = list(spec_hashes)
        self._states_root = out / STATES
        for root in (out / "checkpoints", self._states_root):
            for folder in sorted(root.iterdir()) if root.is_dir() else ():
                # a damaged record is in none of them, and restoring says so
                saves = checkpoints.peek(folder)
                if not saves:  # all are damaged: of whom, nobody knows
                    checkpoints.restore(folder, {})
                names = {m for save in saves for m in save.metadata["members"]}
                self._folders[folder] = names

    def find(self, member: str, like: Any) -> Saved | None:
        """The most advanced state of a member.

        Args:
            member: its identity.
            like: the carry of one member, for structure, shapes and dtypes.

        Raises:
            DamagedCheckpoint: saves exist and none can be trusted.
            ForeignCheckpoint: a save belongs to another run.
        """
        holding = [folder for folder, names in self._folders.items() if member in names]
        found = [self._states(folder, like).get(member) for folder in holding]
        return max(
            (one for one in found if one is not None),
            key=lambda saved: saved.step,
            default=None,
        )

    def forget(self, finished: set[str]) -> None:
        """Delete the saves of members that are all stored, but for kept states."""
        for folder, names in list(self._folders.items()):
            if names <= finished and folder.parent != self._states_root:
                checkpoints.remove(folder)
                del self._folders[folder]
                self._read.pop(folder, None)

    def add(self, folder: Path, members: Sequence[str]) -> None:
        """A folder in which members are being saved now."""
        self._folders[folder] = set(members)
        self._read.pop(folder, None)

    def unread(self) -> None:
        """Keep no state in memory; the saves are read again when they are asked for."""
        self._read.clear()

    def find_stage(
        self, stages: Sequence[Stage], like: Any, log_every: int
    ) -> Saved | None:
        """The kept state of the longest stage that has one, with room for more steps.

        Raises:
            DamagedCheckpoint, ForeignCheckpoint: as `find`.
        """
        for stage in stages:
            windows = stage.num_steps // log_every
            saved = self.find(stage.id, shorter(like, windows))
            if saved is not None and saved.step == stage.num_steps:
                return Saved(saved.step, lengthened(saved.state, like))
        return None

    def _states(self, folder: Path, like: Any) -> dict[str, Saved]:
        if folder not in self._read:
            restored = checkpoints.restore(
                folder, lambda metadata: _stacked(like, len(metadata["members"]))
            )
            self._read[folder] = (
                {} if restored is None else self._rows(folder, restored)
            )
        return self._read[folder]

    def _rows(self, folder: Path, restored: checkpoints.Restored) -> dict[str, Saved]:
        spec = restored.metadata.get("spec_hash")
        if spec not in self._specs:
            raise checkpoints.ForeignCheckpoint(
                f"{folder} belongs to another run: its specification is {str(spec)[:12]}, "
                f"that of the run {self._specs[-1][:12]}. It is whole; move it to the "
                "folder that it came from"
            )
        return {
            member: Saved(
                restored.step, jax.tree.map(lambda x, i=i: x[i], restored.state)
            )
            for i, member in enumerate(restored.metadata["members"])
        }


def to_host(leaf: Any) -> np.ndarray:
    """An array of the carry as numpy's, typed keys as their data."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf)


def to_carry(states: Sequence[Any], like: Any) -> Any:
    """States of members as one stacked carry, typed keys where `like` has them."""

    def stack(leaf: Any, *rows: Any) -> Any:
        stacked = np.stack(rows)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(jnp.asarray(stacked), impl=_key_impl(leaf))
        return stacked

    return jax.tree.map(stack, like, *states)


def _key_impl(like: Any) -> Any:
    """The kind of keys, of their shape alone too, of which JAX does not tell it."""
    found: list[Any] = []
    jax.eval_shape(lambda key: found.append(jax.random.key_impl(key)), like)
    return found[0]


def _stacked(like: Any, num: int) -> Any:
    """Numpy leaves of so many members that take no memory."""

    def empty(leaf: Any) -> np.ndarray:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.eval_shape(jax.random.key_data, leaf)
        return np.broadcast_to(np.zeros((), leaf.dtype), (num, *leaf.shape))

    return jax.tree.map(empty, like)
