"""What the first of several hosts has the others do: the members that run next.

It alone looks into the folder of the results. The others are told of every task, with the
states that its members go on from, and take the same steps.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._cohorts import Shard
from vae_jax.sweeps.devices._engine import Engine
from vae_jax.sweeps.queue._interrupts import Interrupted
from vae_jax.sweeps.stored._saver import Saved, to_host

WAIT = {"do": "wait"}
END = {"do": "end"}
FAILED = "failed"


class Lead:
    """The first host at work; should it fail while the others wait, they hear of it.

    >>> with Lead() as lead:
    ...     order(WAIT)
    >>> lead.waiting
    True
    """

    def __init__(self) -> None:
        """The others wait for an order."""
        self.waiting = True

    def __enter__(self) -> "Lead":
        """Nothing is told yet."""
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Tell the others that nothing more comes, and why."""
        if error is None:
            order(END)
        elif self.waiting and not _hosts.is_loss(error):
            signum = error.signum if isinstance(error, Interrupted) else 0
            order({"do": FAILED, "signum": signum})

    @contextmanager
    def task(self, cohort: int, shard: Shard, saved: Sequence[Saved]) -> Iterator[None]:
        """Tell the others which members run and what they go on from; they run here."""
        order_task(cohort, shard, saved)
        self.waiting = False
        yield
        self.waiting = True


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
    """What is to be done now, as a process hears it that is not the first.

    Raises:
        Interrupted: a signal has ended the first.
        ValueError: it has failed, and says itself why.
    """
    heard: dict[str, Any] = json.loads(_hosts.told())
    if heard["do"] == FAILED:
        if heard["signum"]:
            raise Interrupted(heard["signum"])
        raise ValueError(
            "all hosts of a run must do the same; got a first one that failed between "
            "two tasks. What it wrote says why."
        )
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
