"""The mesh of a cohort: its members along one axis, the batch of each along the other."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

MEMBER, BATCH = "member", "batch"

MEMBERS = PartitionSpec(MEMBER)
"""Split over the members, and whole on all devices of one."""

EVERYWHERE = PartitionSpec()

WINDOWS = PartitionSpec(MEMBER, None, BATCH)
"""Of `(slots, steps, batch, *event)`: each device has the share that it takes."""


def member_mesh(devices: Sequence[Any] | None = None, batch_devices: int = 1) -> Mesh:
    """Devices in rows: a row trains a share of the members, each device a share of a batch.

    Args:
        devices: all that there are where None.
        batch_devices: of a row, which hold the same members.

    >>> member_mesh().axis_names
    ('member', 'batch')
    """
    grid = np.array(jax.devices() if devices is None else devices)
    return Mesh(grid.reshape(-1, batch_devices), (MEMBER, BATCH))


def mesh_for(num_members: int, batch_devices: int = 1) -> Mesh:
    """The mesh of so many members; a row that had none would train a copy.

    Raises:
        ValueError: see `check_batch_devices`, or there are more hosts than rows.

    >>> mesh_for(1).size
    1
    """
    check_batch_devices(batch_devices)
    devices = jax.devices()
    rows = min(num_members, len(devices) // batch_devices)
    if rows * batch_devices == len(devices):
        return member_mesh(devices, batch_devices)
    return member_mesh(_of_all_hosts(devices, rows * batch_devices), batch_devices)


def check_batch_devices(batch_devices: int) -> None:
    """Refuse a number of devices that the devices there are cannot be dealt out by.

    Raises:
        ValueError: names both numbers and the fix.

    >>> check_batch_devices(1)
    """
    there = jax.device_count()
    if batch_devices < 1 or there % batch_devices:
        fitting = [n for n in range(1, there + 1) if there % n == 0]
        raise ValueError(
            f"`batch_devices` must divide the number of devices, {there}; got "
            f"{batch_devices}. Set one of {', '.join(map(str, fitting))}; on CPU --devices "
            "makes more."
        )


def member_devices(mesh: Mesh) -> int:
    """How many devices, or rows of them, the members are split over.

    >>> member_devices(member_mesh()) == jax.device_count()
    True
    """
    return int(mesh.shape[MEMBER])


def batch_devices_of(mesh: Mesh) -> int:
    """How many devices share the batches of a member.

    >>> batch_devices_of(member_mesh())
    1
    """
    return int(mesh.shape[BATCH])


def _of_all_hosts(devices: Sequence[Any], wanted: int) -> list[Any]:
    """So many of the devices, as many of each host as of the others, in their order.

    Raises:
        ValueError: there are fewer than hosts: one without a device has nothing to do.
    """
    hosts: dict[int, list[Any]] = {}
    for device in devices:
        hosts.setdefault(device.process_index, []).append(device)
    if wanted % len(hosts):
        raise ValueError(
            f"members must share out {len(hosts)} hosts evenly; got work for {wanted} of "
            f"{len(devices)} devices. Give a multiple of {len(hosts)} members, set "
            f"--batch-devices to {len(devices)} to split each member over all, or start "
            "fewer hosts."
        )
    each = wanted // len(hosts)
    return [device for own in hosts.values() for device in own[:each]]
