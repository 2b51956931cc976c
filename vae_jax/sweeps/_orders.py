"""What the first of several hosts has the others do: the members that run next.

It alone looks into the folder of the results. The others are told of every task, with the
states that its members go on from, and take the same steps.
"""

import json
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.sweeps import _hosts
from vae_jax.sweeps._cohorts import Shard
from vae_jax.sweeps._engine import Engine
from vae_jax.sweeps._saver import Saved, to_host

WAIT = {"do": "wait"}
END = {"do": "end"}


def order_task(cohort: int, shard: Shard, saved: Sequence[Saved]) -> None:
    """Tell the others which members run, and what they go on from."""
    if not _hosts.several():
        return
    step = saved[0].step if saved else 0
    order = {"do": "run", "cohort": cohort, "members": shard.members, "step": step}
    _hosts.told(json.dumps(order).encode())
    _hosts.told(b"".join(packed(one.state) for one in saved))


def order(what: dict[str, Any]) -> None:
    """Tell the others to wait for another order, or that there is none any more."""
    if _hosts.several():
        _hosts.told(json.dumps(what).encode())


def next_order() -> dict[str, Any]:
    """What is to be done now, as a process hears it that is not the first."""
    heard: dict[str, Any] = json.loads(_hosts.told())
    return heard


def heard_states(engine: Engine, num: int, step: int) -> list[Saved]:
    """The states that follow the order of a task; none where it begins."""
    data = _hosts.told()
    size = len(data) // max(num, 1)
    parts = [data[i * size : (i + 1) * size] for i in range(num if size else 0)]
    return [Saved(step, unpacked(part, engine.like)) for part in parts]


def packed(state: Any) -> bytes:
    """The bytes of all arrays of a state, one behind another.

    >>> packed({"w": np.full(2, 65, np.uint8)})
    b'AA'
    """
    return b"".join(to_host(leaf).tobytes() for leaf in jax.tree.leaves(state))


def unpacked(data: bytes, like: Any) -> Any:
    """The state that was packed.

    >>> like = {"w": jax.ShapeDtypeStruct((2,), np.uint8)}
    >>> unpacked(b"AA", like)["w"].tolist()
    [65, 65]
    """
    place = 0

    def take(leaf: Any) -> np.ndarray:
        nonlocal place
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.eval_shape(jax.random.key_data, leaf)
        found = np.empty(leaf.shape, leaf.dtype)
        part = np.frombuffer(data, np.uint8, found.nbytes, place)
        place += found.nbytes
        found.reshape(-1).view(np.uint8)[:] = part
        return found

    return jax.tree.map(take, like)
