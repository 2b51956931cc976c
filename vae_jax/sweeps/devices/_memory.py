"""How many members a device has room for, asked of the compiled program where it is near.

A bound that needs no compiler comes first: the arrays that last, and every array that a
step makes on its way, as if none were freed. Where that is far below what is free nothing
more is asked. Else the program is compiled for one member a device and for two, which gives
what each takes and what all share.
"""

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.sweeps.devices._engine import Engine, Residents
from vae_jax.sweeps.devices._mesh import member_devices
from vae_jax.sweeps.devices._settings import Members
from vae_jax.sweeps.devices._strategy import inner_programs

SHARE = 0.8
"""Of the free memory a program may take; the rest is for evaluation and for others."""

SURE = 0.5
"""Below this share the bound is believed; it leaves out what a compiler adds by itself."""


class Needs(NamedTuple):
    """Bytes on each device.

    Attributes:
        shared: by all members there.
        member: of each of them.

    >>> Needs(100, 10).most(150)
    5
    """

    shared: int
    member: int

    def most(self, free: int) -> int:
        """So many members have room in the free bytes."""
        return max(0, (free - self.shared) // max(self.member, 1))


def available_bytes() -> int | None:
    """Free on a device now; on CPU its share of what the machine has free.

    None where it is not known.

    >>> available_bytes() > 0
    True
    """
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return _free_on_host() // jax.local_device_count()
    stats = device.memory_stats() or {}
    if "bytes_limit" not in stats:
        return None
    return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0))


def bound(engine: Engine, data: Any) -> Needs:
    """What a step takes at most, if no array that it makes were freed before its end.

    Args:
        engine: of the cohort.
        data: that lie on each device, as shapes.
    """
    made = made_bytes(engine.step)
    # as it comes in, as it goes out, and what a loop keeps of it between
    lasting, shared = 3 * num_bytes(engine.like), num_bytes(data)
    if engine.strategy == "map":
        # members follow each other: what one makes on its way is freed for the next
        return Needs(shared + made, lasting)
    return Needs(shared, made + lasting)


def measured(make: Callable[[int], Engine], hyper: Any, data: Any) -> Needs:
    """What the compiled program takes, from two numbers of members a device.

    Args:
        make: the engine of a cohort for so many members a device.
        hyper: settings of one of them.
        data: that lie on each device, as shapes.
    """
    # a vmap of one member is none, and says nothing of several
    few = 1 if make(1).strategy == "map" else 2
    first, second = (compiled_bytes(make(n), hyper, data) for n in (few, few + 1))
    member = max(second - first, 1)
    return Needs(max(first - few * member, 0), member)


def room(
    engine: Engine, make: Callable[[int], Engine], hyper: Any, data: Any, free: int
) -> int:
    """Members that each device has room for, of those of the engine.

    Raises:
        ValueError: not even one; says how many bytes it needs and how many are free.
    """
    wanted = engine.size // member_devices(engine.mesh)
    if bound(engine, data).most(int(SURE * free)) >= wanted:
        return wanted
    needs = measured(make, hyper, data)
    found = min(wanted, needs.most(int(SHARE * free)))
    if not found:
        raise ValueError(
            f"one member must fit into {SHARE:.0%} of the free memory of a device, "
            f"{SHARE * free / 1e9:.3g} GB; got a program that needs "
            f"{(needs.shared + needs.member) / 1e9:.3g} GB. Set a smaller `batch_size`, "
            "share each batch over devices by --batch-devices, stream the training set by "
            "--stream always, or make the model smaller."
        )
    return found


def made_bytes(jaxpr: Any) -> int:
    """Of all arrays that a program makes, those within a loop once.

    >>> made_bytes(jax.make_jaxpr(lambda x: (x + 1) * 2)(np.ones(5, np.float32)).jaxpr)
    40
    """
    total = 0
    for equation in jaxpr.eqns:
        total += sum(_size(out.aval) for out in equation.outvars)
        total += sum(made_bytes(own) for own in inner_programs(equation))
    return total


def compiled_bytes(engine: Engine, hyper: Any, data: Any) -> int:
    """On each device, of `advance` as it is compiled: arguments, results and between."""
    rows = engine.size
    carry = jax.tree.map(lambda leaf: _stacked(leaf, rows), engine.like)
    own = [_stacked(np.asarray(x), rows) for x in engine.settings.own(hyper)]
    seeds = jax.ShapeDtypeStruct((rows,), np.int32)
    residents = Residents(Members(seeds, own), np.int32(rows))
    zero, shared = np.int32(0), (data, engine.settings.shared)
    lowered = engine.advance.lower(carry, residents, shared, zero, zero)  # type: ignore[attr-defined]
    found = lowered.compile().memory_analysis()
    if found is None:
        return 0
    parts = ("argument", "output", "temp", "generated_code")
    total = sum(int(getattr(found, f"{part}_size_in_bytes", 0)) for part in parts)
    return total - int(getattr(found, "alias_size_in_bytes", 0))


def num_bytes(tree: Any) -> int:
    """Of all arrays of a tree, or of their shapes.

    >>> num_bytes({"w": np.zeros((2, 3), np.float32), "b": np.zeros(3, np.uint8)})
    27
    """
    return sum(_size(leaf) for leaf in jax.tree.leaves(tree))


def _size(leaf: Any) -> int:
    shape = getattr(leaf, "shape", None)
    if shape is None:  # a token, which takes no room
        return 0
    return int(math.prod(shape)) * int(getattr(leaf.dtype, "itemsize", 8))


def _stacked(leaf: Any, rows: int) -> Any:
    return jax.ShapeDtypeStruct((rows, *leaf.shape), leaf.dtype)


def _free_on_host() -> int:
    """What Linux says is available, elsewhere all that there is."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
