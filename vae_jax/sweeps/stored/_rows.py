"""What is stored of members that have ended: a row each, and their parameters."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import __version__, assembly, training
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._cohorts import Shard
from vae_jax.sweeps.devices._engine import Engine
from vae_jax.sweeps.devices._setup import num_cores
from vae_jax.sweeps.spec._places import stored_config

PACKAGES = ("jax", "jaxlib", "flax", "optax")


class Circumstances(NamedTuple):
    """When, where and on what members were run.

    Attributes:
        ids: identity of each member.
        data: digest of the data of each.
        seconds: that all took together.
        started_at, finished_at: date and time.
        width: the most that may be resident at once.
        engine: what ran them.

    >>> Circumstances._fields[:2]
    ('ids', 'data')
    """

    ids: Sequence[str]
    data: Sequence[str]
    seconds: float
    started_at: str
    finished_at: str
    width: int
    engine: Engine


def make_rows(
    shard: Shard,
    carry: Any,
    metrics: Mapping[str, np.ndarray],
    circumstances: Circumstances,
) -> list[dict[str, Any]]:
    """A row a member: its config, status, metrics, verdict, history and circumstances."""
    history = training.recorded(carry, shard.configs[0].log_every)
    # an objective need not say all that a history has room for
    known = {n: v for n, v in history._asdict().items() if v is not None}
    history = {f"history/{n}": v for n, v in known.items()}
    bad_steps = np.asarray(carry.first_bad_step)
    settings = aligned([stored_config(config) for config in shard.configs])
    where = told(circumstances, len(shard.members))
    rows = []
    for i, (member, config) in enumerate(
        zip(shard.members, shard.configs, strict=True)
    ):
        alive = int(bad_steps[i]) == training.ALIVE
        own = {name: values[i] for name, values in metrics.items()}
        measured = plain if alive else missing
        ended = None if alive else int(bad_steps[i])
        steps = np.arange(config.log_every, config.num_steps + 1, config.log_every)
        rows.append(
            {"member": member, "member_id": circumstances.ids[i]}
            | settings[i]
            | {"status": "finished" if alive else "diverged"}
            | {"first_bad_step": int(bad_steps[i])}
            | {name: measured(value) for name, value in own.items()}
            | assembly.describe(own, ended)
            | {"history/step": steps.tolist()}
            | {name: values[i].tolist() for name, values in history.items()}
            | {"data_digest": circumstances.data[i]}
            | where
        )
    return rows


def aligned(mappings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mappings with the names of all of them, None where one has no such setting.

    >>> aligned([{"beta": 1.0}, {"beta": 2.0, "warmup_steps": 10}])[0]
    {'beta': 1.0, 'warmup_steps': None}
    """
    names = dict.fromkeys(name for one in mappings for name in one)
    return [{name: one.get(name) for name in names} for one in mappings]


def told(circumstances: Circumstances, num_members: int) -> dict[str, Any]:
    """Columns of time, machine and versions, the same for all that ran together."""
    engine = circumstances.engine
    return {
        "wall_seconds": circumstances.seconds / num_members,
        "started_at": circumstances.started_at,
        "finished_at": circumstances.finished_at,
        "device": jax.devices()[0].device_kind,
        "num_devices": engine.mesh.size,
        "threads": num_cores(),
        "width": circumstances.width,
        "strategy": engine.strategy,
        "vae_jax": __version__,
    } | {package: version(package) for package in PACKAGES}


def plain(value: Any) -> Any:
    """A Python number or list, as Parquet stores them."""
    return np.asarray(value).tolist()


def missing(value: Any) -> Any:
    """A missing value in the place of a metric: null in Parquet, of the same type.

    A table of diverged members alone still has columns of numbers, of which a mean can be
    asked.

    >>> missing(np.float32(1.5)).tolist() is None, missing(np.float32(1.5)).dtype
    (True, dtype('float64'))
    """
    value = np.asarray(value)
    number = np.float64 if np.issubdtype(value.dtype, np.inexact) else np.int64
    return np.ma.masked_all(value.shape, number)  # type: ignore[no-untyped-call]


def member_params(params: Any, carry: Any) -> list[Any]:
    """The parameters of each resident, on the host, typed keys as their data."""
    stacked = _hosts.whole(params)
    num = len(np.asarray(carry.first_bad_step))
    return [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(num)]


def with_knobs(hyper: Any) -> dict[str, Any]:
    """The settings of the model, where there are any, as numbers by their name.

    >>> with_knobs({"rate": 1.0})
    {}
    """
    knobs: Any = getattr(hyper, "knobs", None)
    named = knobs._asdict() if hasattr(knobs, "_asdict") else {}
    return {name: np.asarray(value).tolist() for name, value in named.items()}
