"""One program over several hosts: who says what is done next, and what all must know.

All processes run the same steps at once. The first of them decides, writes and shows; what
depends on a clock, a signal or the folder it tells the others, so that none waits for a
step that another does not take.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

HEARTBEAT_SECONDS = 100
"""After so long without a sign of life a process is taken for dead; JAX's own number."""

LEAVING_SECONDS = 30
"""How long a process that ends waits for the others to end too."""


class HostLost(SystemExit):
    """Another host of the run no longer answers; what was saved can be gone on with.

    The exit code is 75, that of failures which may pass.

    >>> HostLost().code
    75
    """

    def __init__(self) -> None:
        """With its exit code."""
        super().__init__(75)


_STATUS = re.compile("(UNKNOWN|INTERNAL|UNAVAILABLE|ABORTED|DEADLINE_EXCEEDED): ")
"""How an error of XLA's begins where processes exchange."""

_MOURNER = """
import signal, sys
for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(one, signal.SIG_IGN)
if not sys.stdin.read():
    sys.stderr.write(sys.argv[1])
"""


def connect(
    coordinator: str | None = None,
    num_hosts: int | None = None,
    host: int | None = None,
) -> None:
    """Make one program of the processes that call this, one on each host.

    Call it before anything touches a JAX array, after `setup_jax`. Without arguments the
    environment says who takes part, where JAX knows it: SLURM, Open MPI, Kubernetes, TPU.

    Args:
        coordinator: `host:port` of the first, where a port is free.
        num_hosts: processes in all.
        host: which of them this is, from 0 on.

    Raises:
        ValueError: some are given and others not, one is out of range, or there is no such
            environment and nothing is given.

    >>> connect("10.0.0.1:1234", num_hosts=2, host=2)
    Traceback (most recent call last):
    ValueError: `host` must be from 0 to `num_hosts` - 1; got host=2 and num_hosts=2.
    """
    given = {"coordinator": coordinator, "num_hosts": num_hosts, "host": host}
    check_hosts(coordinator, num_hosts, host)
    try:
        jax.distributed.initialize(
            coordinator,
            num_hosts,
            host,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
            shutdown_timeout_seconds=LEAVING_SECONDS,
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            "the hosts of a run must find each other; got "
            + ", ".join(f"{name}={value!r}" for name, value in given.items())
            + f" and: {str(error).splitlines()[0]} Give --coordinator HOST:PORT, "
            "--num-hosts and --host on every one, and start all of them."
        ) from error


def check_hosts(
    coordinator: str | None, num_hosts: int | None, host: int | None
) -> None:
    """Refuse hosts that are named in part, or numbers that are none.

    Raises:
        ValueError: says which, and what is expected.

    >>> check_hosts("10.0.0.1:1234", 2, 1)
    """
    given = {"coordinator": coordinator, "num_hosts": num_hosts, "host": host}
    absent = [name for name, value in given.items() if value is None]
    if absent and len(absent) < len(given):
        raise ValueError(
            f"`coordinator`, `num_hosts` and `host` belong together; got no `{absent[0]}`. "
            "Give all three, or none where the environment says them."
        )
    if coordinator is None or num_hosts is None or host is None:
        return
    name, _, port = coordinator.rpartition(":")
    if not name or not port.isdecimal():
        raise ValueError(
            "`coordinator` must be host:port of the first host, such as 10.0.0.1:1234; got "
            f"{coordinator!r}."
        )
    if num_hosts < 1 or not 0 <= host < num_hosts:
        raise ValueError(
            "`host` must be from 0 to `num_hosts` - 1; got "
            f"host={host} and num_hosts={num_hosts}."
        )


def several() -> bool:
    """Whether this is one of several processes of one program.

    >>> several()
    False
    """
    # asked first, for it starts no device
    return bool(jax.distributed.is_initialized()) and jax.process_count() > 1


def is_first_host() -> bool:
    """Whether this process writes and shows.

    >>> is_first_host()
    True
    """
    return not several() or jax.process_index() == 0


def told(message: bytes = b"") -> bytes:
    """What the first process says; the others give nothing.

    >>> told(b"go on")
    b'go on'
    """
    if not several():
        return message
    length = multihost_utils.broadcast_one_to_all(np.uint32(len(message)))
    size = int(length)
    padded = np.zeros(-(-size // 4), np.uint32)
    if is_first_host():
        padded = np.frombuffer(message.ljust(4 * len(padded), b"\0"), np.uint32)
    heard = np.asarray(multihost_utils.broadcast_one_to_all(padded), np.uint32)
    return heard.tobytes()[:size]


def agreed(chunk: int, due: bool, signum: int) -> tuple[int, bool, int]:
    """The first process's next chunk and whether to save; a signal of any of them.

    >>> agreed(100, False, 0)
    (100, False, 0)
    """
    if not several():
        return chunk, due, signum
    mine = np.array([chunk, due, signum], np.int32)
    every = np.asarray(multihost_utils.process_allgather(mine))
    return int(every[0, 0]), bool(every[0, 1]), int(every[:, 2].max())


@contextmanager
def together(what: str) -> Iterator[None]:
    """What all processes do, or none goes on.

    Raises:
        ValueError: another one failed, whose own message says why.

    >>> with together("checking"):
    ...     pass
    """
    try:
        yield
    except Exception as error:
        if several() and in_step(error):
            multihost_utils.process_allgather(np.int32(1))
        raise
    if several() and np.any(multihost_utils.process_allgather(np.int32(0))):
        raise ValueError(
            f"all hosts of a run must do the same; got one that failed in {what}. What it "
            "wrote says why."
        )


def in_step(error: BaseException) -> bool:
    """Whether the processes can still do something together after an error of this one.

    >>> in_step(ValueError("the same on all")), in_step(KeyboardInterrupt())
    (True, True)
    """
    alone = is_loss(error) or not isinstance(error, Exception)
    return not (alone and several())


def is_loss(error: BaseException) -> bool:
    """Whether JAX says by this error that it has lost another process.

    >>> is_loss(ValueError("UNKNOWN: Gloo AllGather failed: Connection reset by peer"))
    True
    >>> is_loss(ValueError("`width` must be at least 1"))
    False
    """
    # what a compiled function is called with first raises XLA's status as a ValueError
    status = isinstance(error, ValueError) and _STATUS.match(str(error))
    return isinstance(error, jax.errors.JaxRuntimeError) or bool(status)


def whole(tree: Any) -> Any:
    """Arrays of a tree as numpy's, with the parts that lie on other hosts.

    All processes must ask for it at once.

    >>> whole({"w": jax.numpy.ones(2)})["w"].tolist()
    [1.0, 1.0]
    """
    return jax.tree.map(_whole, tree)


def placed(tree: Any, sharding: Any) -> Any:
    """Arrays that all processes have, on the devices of all of them.

    Args:
        tree: of numpy arrays.
        sharding: of all, or a tree of one each.

    >>> device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    >>> placed({"w": np.ones(2)}, device)["w"].shape
    (2,)
    """
    if not several():
        return jax.device_put(tree, sharding)
    if isinstance(sharding, jax.sharding.Sharding):
        sharding = jax.tree.map(lambda _: sharding, tree)
    return jax.tree.map(_placed, tree, sharding)


@contextmanager
def mourned(where: str) -> Iterator[None]:
    """Say how to go on should this process be ended from within JAX.

    JAX ends a process whose peer has died, and Python hears nothing of it. A process beside
    it does: it reads from a pipe that nobody has written to when it closes.

    >>> with mourned("runs/1"):
    ...     pass
    """
    if not several():
        yield
        return
    saved = f"What was saved is in {where}; the same command on all hosts resumes it."
    ended = "JAX ends all hosts of a program when one of them has died."
    command = [sys.executable, "-c", _MOURNER, f"\n{ended} {saved}\n"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as beside:
        assert beside.stdin is not None
        try:
            yield
        except Exception as error:
            if not is_loss(error):
                raise
            reason = str(error).splitlines()[0]
            sys.stderr.write(f"\nAnother host no longer answers: {reason}\n{saved}\n")
            raise HostLost from error
        finally:
            beside.stdin.write(b"alive")


def _whole(leaf: Any) -> np.ndarray:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        leaf = multihost_utils.process_allgather(leaf, tiled=True)
    return np.asarray(leaf)


def _placed(leaf: Any, sharding: Any) -> Any:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = _placed(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    own = np.asarray(leaf)
    return jax.make_array_from_callback(own.shape, sharding, lambda part: own[part])
