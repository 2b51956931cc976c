"""What is stored of a finished shard: a row a member, and its parameters."""

from typing import Any

import jax
import numpy as np

from vae_jax import assembly, training
from vae_jax.configs import to_mapping
from vae_jax.sweeps._cohorts import Shard
from vae_jax.sweeps._engine import Engine
from vae_jax.sweeps._settings import Members


def make_rows(
    shard: Shard,
    members: Members,
    carry: Any,
    data: Any,
    engine: Engine,
    seconds: float,
) -> list[dict[str, Any]]:
    """A row a member: its config, status, metrics, verdict and history."""
    metrics = jax.tree.map(np.asarray, engine.evaluate(carry, members, data))
    history = {
        f"history/{name}": np.asarray(values)
        for name, values in carry.history._asdict().items()
    }
    bad_steps = np.asarray(carry.first_bad_step)
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
            {"member": member, **to_mapping(config)}
            | {"status": "finished" if alive else "diverged"}
            | {"first_bad_step": int(bad_steps[i])}
            | {name: measured(value) for name, value in own.items()}
            | assembly.describe(own, ended)
            | {"history/step": steps.tolist()}
            | {name: values[i].tolist() for name, values in history.items()}
            | {"wall_seconds": seconds / len(shard.members)}
        )
    return rows


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
    return np.ma.masked_all(value.shape, number)


def flatten_params(params: Any, num_members: int) -> dict[str, np.ndarray]:
    """Stacked parameters as `path/to/leaf -> array`, without the padding."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf)[
            :num_members
        ]
        for path, leaf in leaves
    }
