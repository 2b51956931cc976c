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
from vae_jax.training._step import Step

Wrapped = Callable[..., tuple[TrainState, Any]]


def jit_step(step: Step) -> Wrapped:
    """The step compiled for one device.

    >>> import jax.numpy as jnp
    >>> wrapped = jit_step(lambda state, batch, hyper, keys: (state + batch.sum(), 0))
    >>> float(wrapped(jnp.array(1.0), jnp.ones(4), None, None)[0])
    5.0
    """
    return jax.jit(step)


def pmap_step(step: Step, axis_name: str, num_devices: int | None = None) -> Wrapped:
    """The step mapped over devices by `jax.pmap`, with the interface of `jit_step`.

    The step must have been made with the same `axis_name`, and so must its objective.
    `jax.pmap` is in maintenance mode; new code should prefer `sharded_step`.

    Args:
        step: from `make_step(..., axis_name=axis_name)`.
        axis_name: name of the mapped axis.
        num_devices: devices to use; all local ones by default.

    Raises:
        ValueError: the batch does not divide by the number of devices.

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
        axis_name=axis_name,
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
        mesh: a mesh whose first axis takes the batch; all devices by default.

    Raises:
        ValueError: the batch does not divide by the size of that axis.

    >>> import jax.numpy as jnp
    >>> wrapped = sharded_step(lambda state, batch, hyper, keys: (state + batch.sum(), 0))
    >>> float(wrapped(jnp.array(1.0), jnp.ones(8), None, None)[0])
    9.0
    """
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


def check_divides(batch_size: int, num_devices: int) -> None:
    """Refuse a batch that cannot be split evenly."""
    if batch_size % num_devices:
        raise ValueError(
            f"`batch` must divide evenly over {num_devices} devices; got {batch_size} "
            f"examples. Use a batch of {batch_size // num_devices * num_devices} or "
            f"{(batch_size // num_devices + 1) * num_devices}."
        )
