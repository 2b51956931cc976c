"""Three ways to run the one step: on a device, by `pmap`, sharded over a mesh.

All agree to rounding because noise is keyed per example. The batch axis is split over
devices, state and settings are replicated.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from vae_jax.training._state import TrainState
from vae_jax.training._step import Step, check_whole

Wrapped = Callable[..., tuple[TrainState, Any]]


def jit_step(step: Step) -> Wrapped:
    """The step compiled for one device.

    >>> import jax.numpy as jnp
    >>> wrapped = jit_step(lambda state, batch, hyper, keys: (state + batch.sum(), 0))
    >>> float(wrapped(jnp.array(1.0), jnp.ones(4), None, None)[0])
    5.0
    """
    check_whole(step, "jit_step")
    return jax.jit(step)


def pmap_step(
    step: Step, axis_name: str | None = None, num_devices: int | None = None
) -> Wrapped:
    """The step mapped over devices by `jax.pmap`, with the interface of `jit_step`.

    The axis is the one that the step was made with, `make_step(..., axis_name="devices")`,
    and is said nowhere else. A step without one would train on the first device's share of
    the batch. `jax.pmap` by itself does not know: nothing refuses such a step there.
    `jax.pmap` is in maintenance mode; new code should prefer `sharded_step`.

    Args:
        step: from `make_step` with an axis name, or a function of your own.
        axis_name: of the mapped axis, for a function of your own, which must itself average
            over it.
        num_devices: devices to use; all local ones by default.

    Raises:
        ValueError: the step was made without an axis, or with another one than is given;
            a function of your own without `axis_name`; the batch does not divide by the
            number of devices.

    >>> import jax.numpy as jnp
    >>> def step(state, batch, hyper, keys):
    ...     return state + jax.lax.psum(batch.sum(), "devices"), batch.sum()
    >>> wrapped = pmap_step(step, "devices", num_devices=1)
    >>> float(wrapped(jnp.array(1.0), jnp.ones(4), None, None)[0])
    5.0
    """
    devices = jax.local_devices()[:num_devices]
    mapped = jax.pmap(
        step,
        axis_name=mapped_axis(step, axis_name),
        in_axes=(None, 0, None, 0),
        out_axes=None,
        devices=devices,
    )

    def split(leaf: Any) -> Any:
        return leaf.reshape((len(devices), -1, *leaf.shape[1:]))

    def wrapped(state, batch, hyper, keys):  # type: ignore[no-untyped-def]
        check_divides(len(batch), len(devices))
        keys, batch = jax.tree.map(split, (keys, batch))
        return mapped(state, batch, hyper, keys)

    return wrapped


def sharded_step(step: Step, mesh: Mesh | None = None) -> Wrapped:
    """The step compiled over a mesh, the batch sharded on its first axis.

    The step is made *without* an axis name: under `jit` a mean over the batch is global,
    whatever the sharding.

    Args:
        step: from `make_step(...)`.
        mesh: a mesh whose first axis takes the batch, explicit or automatic; all devices by
            default.

    Raises:
        ValueError: the step was made with an axis name; the batch does not divide by the
            size of the mesh's axis.

    >>> import jax.numpy as jnp
    >>> wrapped = sharded_step(lambda state, batch, hyper, keys: (state + batch.sum(), 0))
    >>> float(wrapped(jnp.array(1.0), jnp.ones(8), None, None)[0])
    9.0
    """
    check_whole(step, "sharded_step")
    if mesh is None:
        mesh = Mesh(np.array(jax.devices()), ("batch",))
    size = mesh.shape[mesh.axis_names[0]]
    everywhere = NamedSharding(mesh, PartitionSpec())
    over_batch = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
    compiled = jax.jit(
        step,
        in_shardings=(everywhere, over_batch, everywhere, over_batch),
        out_shardings=everywhere,
    )

    def wrapped(state, batch, hyper, keys):  # type: ignore[no-untyped-def]
        check_divides(len(batch), size)
        return compiled(state, batch, hyper, keys)

    return wrapped


def mapped_axis(step: Step, axis_name: str | None) -> str:
    """The axis that a step averages over.

    Raises:
        ValueError: it averages over none, over another one, or does not say and neither
            does the caller.

    >>> mapped_axis(lambda state, batch, hyper, keys: (state, None), "devices")
    'devices'
    """
    own = getattr(step, "axis_name", axis_name)
    if own is None:
        raise ValueError(
            "`step` must be made with the name of the mapped axis, as "
            "`make_step(objective, optimizer, axis_name='devices')`; got none. Without it "
            "every device would train on its own share of the batch."
        )
    if axis_name not in (None, own):
        raise ValueError(
            f"`axis_name` must be the one that the step was made with, {own!r}; got "
            f"{axis_name!r}. Leave it out: the step says it."
        )
    return str(own)


def check_divides(batch_size: int, num_devices: int) -> None:
    """Refuse a batch that cannot be split evenly."""
    if batch_size % num_devices:
        raise ValueError(
            f"`batch` must divide evenly over {num_devices} devices; got {batch_size} "
            f"examples. Use a batch of {batch_size // num_devices * num_devices} or "
            f"{(batch_size // num_devices + 1) * num_devices}."
        )
