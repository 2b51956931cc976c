"""Which training sets are streamed, and how much of one is on a device at a time."""

import os
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.sweeps.devices._mesh import EVERYWHERE, MEMBERS, WINDOWS
from vae_jax.sweeps.devices._options import Stream
from vae_jax.training import Splits, Streamed, Window
from vae_jax.views import Rows

SHARE = 0.5
"""Of a device's free memory a training set may take; the rest is for all that is computed.
"""

WINDOW_BYTES = 2**26
"""Of a window, about, on each device; there are two of them, and two more on the host."""

WINDOW_STEPS = 128
"""At most in a window: what a dispatch costs is nothing among so many."""


class Flow(NamedTuple):
    """How a training set is streamed.

    Attributes:
        num_examples: of the set.
        batch_size: examples a step.
        num_steps: of a window.
        slots: seeds that a window has batches for, on each device.
        event: shape of an example.
        dtype: of its numbers.
        batch_devices: that share each batch.

    >>> Flow(60_000, 128, 100, 1, (28, 28), np.dtype(np.uint8)).window_bytes
    10035204
    """

    num_examples: int
    batch_size: int
    num_steps: int
    slots: int
    event: tuple[int, ...]
    dtype: np.dtype[Any]
    batch_devices: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the batches of a window, on the devices that share them."""
        return (self.slots, self.num_steps, self.batch_size, *self.event)

    @property
    def share(self) -> tuple[int, ...]:
        """Of what one of these devices has of them."""
        own = self.batch_size // self.batch_devices
        return (self.slots, self.num_steps, own, *self.event)

    @property
    def window_bytes(self) -> int:
        """On one device."""
        number = 4 * self.slots
        return int(np.prod(self.share)) * self.dtype.itemsize + number

    def shapes(self) -> Window:
        """A window as a member sees it: that of its device."""
        return Window(
            jax.ShapeDtypeStruct((self.slots,), np.int32),
            jax.ShapeDtypeStruct((), np.int32),
            jax.ShapeDtypeStruct(self.share, self.dtype),
        )


def flow_of(
    stream: Stream,
    splits: Any,
    seeds: Sequence[int],
    per_device: int,
    batch_size: int,
    batch_devices: int = 1,
) -> Flow | None:
    """How a cohort's training set is streamed; None where it is resident.

    Args:
        stream: what was asked for.
        splits: the data of the cohort.
        seeds: of its members.
        per_device: members on a device at most.
        batch_size: examples a step.
        batch_devices: that share them.

    Raises:
        ValueError: data that are no `Splits` shall be streamed, or grain is not installed.

    >>> data = Splits(np.zeros((50, 3), np.uint8), np.zeros((5, 3), np.uint8))
    >>> flow_of("never", data, [0, 1], 2, 10) is None
    True
    """
    train: Any = getattr(splits, "train", None)
    if not (isinstance(splits, Splits) and hasattr(train, "shape")):
        if stream == "always":
            raise ValueError(
                "`stream` must be 'auto' or 'never' for data that are no "
                "`training.Splits` of plain arrays, such as examples with labels; got "
                f"{stream!r} and {type(splits).__name__} of {type(train).__name__}."
            )
        return None
    size = int(np.prod(train.shape)) * train.dtype.itemsize
    if stream == "never" or (stream == "auto" and fits(size)):
        return None
    if find_spec("grain") is None:
        raise ValueError(
            f"`stream` needs grain to read the {size / 1e9:.3g} GB of the training set, "
            f"which is not installed; got stream={stream!r}. Install it by "
            "pip install 'vae-jax[stream]', or set stream='never'."
        )
    slots = min(per_device, len(set(seeds)))
    event, dtype = tuple(train.shape[1:]), np.dtype(train.dtype)
    share = batch_size // batch_devices
    of_step = slots * share * int(np.prod(event)) * dtype.itemsize
    steps = max(1, min(WINDOW_STEPS, WINDOW_BYTES // max(of_step, 1)))
    return Flow(len(train), batch_size, steps, slots, event, dtype, batch_devices)


def fits(size: int) -> bool:
    """Whether so many bytes are at most `SHARE` of the free memory of a device."""
    free = free_bytes()
    return free is None or size <= SHARE * free


def free_bytes() -> int | None:
    """Of a device; of one on CPU its share of the machine's. None where it is not known.

    >>> free_bytes() > 0
    True
    """
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return int(pages // jax.local_device_count())
    stats = device.memory_stats() or {}
    if "bytes_limit" not in stats:
        return None
    return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0))


def on_device(splits: Any, flow: Flow | None) -> Any:
    """The data that stay on a device: all, or what is not streamed.

    >>> data = Splits(np.zeros((50, 3), np.uint8), np.zeros((5, 3), np.uint8))
    >>> on_device(data, None).train is data.train
    True
    """
    if flow is None:
        return jax.tree.map(lambda x: x[:] if isinstance(x, Rows) else x, splits)
    return splits._replace(train=Streamed(len(splits.train)))


def traced_as(splits: Any, flow: Flow | None) -> Any:
    """The data as a program of one member is traced with."""
    if flow is None:
        return shapes_of(splits)
    order = jax.ShapeDtypeStruct((flow.num_steps * flow.share[2],), np.int32)
    train = Streamed(flow.num_examples, flow.shapes(), order)
    return splits._replace(train=train)


def shapes_of(splits: Any) -> Any:
    """The data, of which those that lie in a file are shapes."""
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype) if isinstance(x, Rows) else x,
        splits,
    )


def specs_of(splits: Any, flow: Flow | None) -> Any:
    """Where the parts of the data lie that a chunk of steps is called with."""
    if flow is None:
        return EVERYWHERE
    window = Window(seeds=MEMBERS, first=EVERYWHERE, batches=WINDOWS)
    specs = jax.tree.map(lambda _: EVERYWHERE, on_device(splits, flow))
    return specs._replace(train=replace(specs.train, window=window))
