"""The batches of a training set that is streamed: read on the host, sent a window ahead.

A window is the batches of `num_steps` consecutive steps. Which examples they are follows
from the seeds and the number of the window alone, so that the state of this pipeline is the
step: a run goes on at any step, streamed or not, with the same bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._engine import Engine
from vae_jax.sweeps.devices._mesh import EVERYWHERE, MEMBERS, WINDOWS, member_devices
from vae_jax.training import Window, epoch_order, member_key

READ_AHEAD = 1
"""Windows that are read while one is sent."""


class Orders:
    """The rows of every step, drawn on the host by the function that a step draws them by.

    >>> orders = Orders(5, batch_size=2)
    >>> orders.rows(seed=0, first=0, last=3).shape
    (3, 2)
    """

    def __init__(self, num_examples: int, batch_size: int) -> None:
        """Nothing is drawn yet."""
        self._batch_size = batch_size
        self._per_epoch = num_examples // batch_size
        self._draw = jax.jit(
            lambda seed, epoch: epoch_order(member_key(seed), epoch, num_examples)
        )
        self._drawn: dict[tuple[int, int], np.ndarray] = {}

    def rows(self, seed: int, first: int, last: int) -> np.ndarray:
        """The examples of the steps `first` to `last - 1` of the run of a seed."""
        epochs, places = np.divmod(np.arange(first, last), self._per_epoch)
        # what lies behind is not asked for again
        for old in [
            one for one in self._drawn if one[0] == seed and one[1] < epochs[0]
        ]:
            del self._drawn[old]
        batches = places[:, None] * self._batch_size + np.arange(self._batch_size)
        found = np.empty(batches.shape, np.int64)
        for epoch in np.unique(epochs):
            of_epoch = epochs == epoch
            found[of_epoch] = self._order(seed, int(epoch))[batches[of_epoch]]
        return found

    def _order(self, seed: int, epoch: int) -> np.ndarray:
        if (seed, epoch) not in self._drawn:
            with jax.default_device(host_device()):
                drawn = self._draw(np.int32(seed), np.int32(epoch))
            self._drawn[seed, epoch] = np.asarray(drawn)
        return self._drawn[seed, epoch]


def host_device() -> Any:
    """A device of the host, else the one there is: whole numbers are the same on all."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:  # this process was started without that platform
        return jax.local_devices()[0]


class Resident:
    """Data that are on the devices whole.

    >>> list(Resident("data").parts(3, 9))
    [('data', 3, 9)]
    """

    def __init__(self, data: Any) -> None:
        """From `place_data`."""
        self.data = data

    def parts(self, first: int, last: int) -> Iterator[tuple[Any, int, int]]:
        """All steps at once."""
        yield self.data, first, last

    def ahead(self) -> None:
        """Nothing is sent."""

    def close(self) -> None:
        """Nothing is open."""


class Feed:
    """Windows of one task, read in a thread and sent while the device computes."""

    def __init__(
        self,
        source: Any,
        seeds: Sequence[int],
        data: Any,
        engine: Engine,
        num_steps: int,
    ) -> None:
        """Nothing is read yet.

        Args:
            source: the training set: `source[rows]` are its examples.
            seeds: of the members.
            data: from `place_data`, what stays on the devices.
            engine: of the cohort, which streams.
            num_steps: of the run.
        """
        assert engine.flow is not None
        self._source, self.data, self._engine = source, data, engine
        self._flow, self._num_steps = engine.flow, num_steps
        self._orders = Orders(len(source), self._flow.batch_size)
        self._seeds = seeds_of_slots(seeds, engine)
        self._windows: Any = None
        self._number, self._now = -1, None
        self._next: Any = None

    def parts(self, first: int, last: int) -> Iterator[tuple[Any, int, int]]:
        """The data of some steps, a window after another."""
        size = self._flow.num_steps
        while first < last:
            number = first // size
            self._move_to(number)
            stop = min(last, (number + 1) * size)
            yield self._now, first, stop
            first = stop

    def ahead(self) -> None:
        """Send the next window, while the device computes with this one."""
        last = (self._num_steps - 1) // self._flow.num_steps
        if self._next is None and self._number < last:
            self._next = self._send(next(self._windows))

    def close(self) -> None:
        """End the thread that reads, and let go of the windows."""
        if self._windows is not None:
            self._windows.close()
        self._windows, self._number = None, -1
        self._now = self._next = None

    def _move_to(self, number: int) -> None:
        if number == self._number:
            return
        if self._windows is None:
            count = -(-self._num_steps // self._flow.num_steps)
            self._windows = read_ahead(self._read, number, count)
        self._number, self._now = number, None  # its memory is free for the next one
        self._now = self._next or self._send(next(self._windows))
        self._next = None

    def _read(self, number: int) -> Window:
        """The batches of a window, those of members of one seed read once."""
        first = number * self._flow.num_steps
        last = min(first + self._flow.num_steps, self._num_steps)
        batches = np.zeros((len(self._seeds), *self._flow.shape[1:]), self._flow.dtype)
        read: dict[int, int] = {}
        for slot, seed in enumerate(self._seeds):
            if seed in read:
                batches[slot] = batches[read[seed]]
            else:
                rows = self._orders.rows(seed, first, last)
                take_sorted(self._source, rows, batches[slot, : len(rows)])
                read[seed] = slot
        return Window(np.asarray(self._seeds, np.int32), np.int32(first), batches)

    def _send(self, window: Window) -> Any:
        mesh = self._engine.mesh
        where = Window(
            *(NamedSharding(mesh, s) for s in (MEMBERS, EVERYWHERE, WINDOWS))
        )
        sent = _hosts.placed(window, where)
        splits, shared = self.data
        return splits._replace(train=replace(splits.train, window=sent)), shared


def seeds_of_slots(seeds: Sequence[int], engine: Engine) -> list[int]:
    """The seeds of the members on each device, filled up to the slots of one."""
    assert engine.flow is not None
    slots, per_device = engine.flow.slots, engine.size // member_devices(engine.mesh)
    filled = [*seeds, *[seeds[-1]] * (engine.size - len(seeds))]
    found: list[int] = []
    for start in range(0, engine.size, per_device):
        own = list(dict.fromkeys(filled[start : start + per_device]))
        found += [*own, *[own[-1]] * (slots - len(own))]
    return found


def take_sorted(source: Any, rows: np.ndarray, into: np.ndarray) -> None:
    """The examples of rows, read in the order in which they are stored.

    >>> into = np.zeros((2, 2), int)
    >>> take_sorted(np.arange(10), np.array([[7, 1], [3, 9]]), into)
    >>> into.tolist()
    [[7, 1], [3, 9]]
    """
    flat = rows.reshape(-1)
    order = np.argsort(flat, kind="stable")
    flat_into = into.reshape(len(flat), *into.shape[rows.ndim :])
    flat_into[order] = source[flat[order]]


def read_ahead(read: Any, first: int, count: int) -> Any:
    """`read(number)` for the numbers from `first` on, in a thread of grain."""
    import grain

    numbers = grain.MapDataset.range(first, count).map(read)
    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=READ_AHEAD)
    return iter(numbers.to_iter_dataset(options))
