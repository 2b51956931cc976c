"""The mapped axis over which a batch is split: said once, by the step, read by all means.

Under `jax.pmap` every device sees its share of a batch. Whatever is a mean over the batch
(a gradient, a penalty, statistics) must be taken over all of them, or every device trains
another model, silently. So a step says the name of the axis, and what is called in it asks.

The engine of sweeps has several devices run one member alike, and says so by
`shared_over`: a program may then take its share of each batch, and average over all.

Both are part of the key by which `jax.jit` remembers what it has traced, so that a function
jitted by itself is traced anew in a step of another axis.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

_AXIS = jax.make_user_context(default_value=None)
_SHARED = jax.make_user_context(default_value=None)


@contextmanager
def batch_split_over(axis_name: str | None) -> Iterator[None]:
    """What is called inside takes its batch means over this mapped axis.

    >>> with batch_split_over("devices"):
    ...     batch_axis()
    'devices'
    """
    with _AXIS(axis_name):
        yield


def batch_axis(axis_name: str | None = None) -> str | None:
    """The axis that a batch is split over: as given, else the one of the step, else none.

    Raises:
        ValueError: the step says another one.

    >>> batch_axis() is None, batch_axis("devices")
    (True, 'devices')
    """
    own: str | None = _AXIS.value
    if own is None or axis_name in (None, own):
        return axis_name if own is None else own
    raise ValueError(
        f"`axis_name` must be the one that the step was made with, {own!r}; got "
        f"{axis_name!r}. Leave it out: the step says it."
    )


@contextmanager
def shared_over(axis_name: str | None) -> Iterator[None]:
    """What is called inside runs on all devices of this axis with the same arguments.

    >>> with shared_over("devices"):
    ...     shared_axis()
    'devices'
    """
    with _SHARED(axis_name):
        yield


def shared_axis() -> str | None:
    """The axis whose devices do the same and may share it out; none within a share.

    >>> with shared_over("devices"), batch_split_over("devices"):
    ...     shared_axis() is None
    True
    """
    axis: str | None = _SHARED.value
    return axis if batch_axis() is None else None


def mean_over(tree: Any, axis: str) -> Any:
    """The mean of every array of a tree over an axis, exchanged as one array a dtype.

    An exchange between hosts takes as long for one number as for a thousand: 5 ms between
    two processes on a loaded machine, whatever its size up to 100 kB.

    >>> devices = jax.vmap(lambda x: mean_over({"x": x}, "devices"), axis_name="devices")
    >>> devices(jax.numpy.arange(3.0))["x"].tolist()
    [1.0, 1.0, 1.0]
    """
    leaves, structure = jax.tree.flatten(tree)
    by_dtype: dict[Any, list[int]] = {}
    for place, leaf in enumerate(leaves):
        by_dtype.setdefault(leaf.dtype, []).append(place)
    for places in by_dtype.values():
        flat = jax.numpy.concatenate([leaves[place].reshape(-1) for place in places])
        start, means = 0, jax.lax.pmean(flat, axis)
        for place in places:
            size, shape = leaves[place].size, leaves[place].shape
            leaves[place] = means[start : start + size].reshape(shape)
            start += size
    return jax.tree.unflatten(structure, leaves)


def own_share(tree: Any) -> Any:
    """The rows of a batch that are this device's; all where nothing is shared out.

    Device i of n has the rows from `i * size / n` on, so that all of them together are the
    batch in its order.

    Raises:
        ValueError: a batch does not divide by the number of devices.

    >>> own_share({"x": jax.numpy.arange(4)})["x"].tolist()
    [0, 1, 2, 3]
    """
    axis = shared_axis()
    if axis is None:
        return tree
    num, own = jax.lax.axis_size(axis), jax.lax.axis_index(axis)

    def take(rows: Any) -> Any:
        check_share(len(rows), num)
        size = len(rows) // num
        return jax.lax.dynamic_slice_in_dim(rows, own * size, size)

    return jax.tree.map(take, tree)


def check_share(batch_size: int, num_devices: int) -> None:
    """Refuse a batch that cannot be split evenly over the devices of a member.

    Raises:
        ValueError: names both sizes and the nearest that fit.

    >>> check_share(32, 2)
    """
    if batch_size % num_devices:
        less = batch_size // num_devices * num_devices
        fitting = f"{less} or {less + num_devices}" if less else f"{num_devices}"
        raise ValueError(
            f"`batch_size` must divide evenly over the {num_devices} devices of "
            f"`batch_devices`; got {batch_size}. Use a batch of {fitting}, or other "
            "`batch_devices`."
        )
