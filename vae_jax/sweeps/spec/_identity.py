"""What a member is: its settings, its data, and the functions of the user's it names."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import assembly, own, results
from vae_jax.configs import Run
from vae_jax.sweeps.spec._places import stored_config
from vae_jax.sweeps.spec._stages import Stage
from vae_jax.views import Rows, blocks

Inputs = dict[str, dict[str, str]]
"""Digests by kind (`data`, `sources`) and name."""


class DataDigests:
    """Digests of arrays, each computed once: the members of a sweep share their data."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[int, tuple[Any, str]] = {}

    def of(self, data: Any) -> dict[str, str]:
        """The digest of every array of a tree, by its path.

        >>> digests = DataDigests().of({"train": np.zeros(3, np.uint8)})
        >>> {name: digest[:8] for name, digest in digests.items()}
        {'train': '13c97f3e'}
        """
        leaves = jax.tree_util.tree_leaves_with_path(data)
        return {
            jax.tree_util.keystr(path, simple=True, separator="."): self._digest(leaf)
            for path, leaf in leaves
        }

    def _digest(self, leaf: Any) -> str:
        # the array is kept, so that no other can have its number
        if id(leaf) not in self._known:
            self._known[id(leaf)] = leaf, array_digest(leaf)
        return self._known[id(leaf)][1]


def array_digest(leaf: Any) -> str:
    """SHA-256 of dtype, shape and bytes, typed keys as their data.

    >>> array_digest(np.arange(3)) == array_digest(jax.numpy.arange(3))
    False
    """
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    leaf = leaf if isinstance(leaf, Rows) else np.asarray(leaf)
    sha = hashlib.sha256(f"{leaf.dtype.str} {leaf.shape}\n".encode())
    for part in blocks(leaf):
        sha.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def inputs_of(
    job: assembly.Job, make_job: Callable[..., Any], digests: DataDigests
) -> Inputs:
    """What a job was made of beside its settings.

    A `make_job` of the user's own is known by the file that it is written in.
    """
    data = {**job.inputs.get("data", {}), **digests.of(job.splits)}
    sources = dict(job.inputs.get("sources", {}))
    if make_job is not assembly.job:
        sources["make_job"] = own.source_digest(make_job)
    return {"data": data, "sources": sources}


def member_id(config: Run, inputs: Mapping[str, Any]) -> str:
    """The identity of a member, in hexadecimal, wherever its data lie.

    >>> len(member_id(Run(), {})), member_id(Run(seed=1), {}) == member_id(
    ...     Run(), {}
    ... )
    (32, False)
    """
    return results.spec_hash({"config": stored_config(config), "inputs": inputs})[:32]


def data_digest(inputs: Mapping[str, Mapping[str, str]]) -> str:
    """The data of a member in one number, for its row.

    >>> len(data_digest({"data": {"train": "ab"}}))
    32
    """
    return results.spec_hash(inputs["data"])[:32]


def make_spec(
    configs: Sequence[Run],
    inputs: Iterable[Inputs],
    stages: Sequence[Stage] = (),
) -> dict[str, Any]:
    """The specification of a run: its configs, and what they were made of.

    Args:
        configs: what is run.
        inputs: of each of them.
        stages: stored members that stay beside them.

    Attributes of the result: `configs`; `inputs`, each once; `input_of`, which of them is
    that of each config.
    """
    distinct: list[Inputs] = []
    places = []
    for one in [*inputs, *(dict(stage.inputs) for stage in stages)]:
        if one not in distinct:
            distinct.append(one)
        places.append(distinct.index(one))
    mappings = [stored_config(config) for config in configs]
    mappings += [dict(stage.config) for stage in stages]
    return {"configs": mappings, "inputs": distinct, "input_of": places}


def refuse_twins(configs: Sequence[Run]) -> None:
    """Every member of a run is another one.

    Raises:
        ValueError: names two members with equal settings.

    >>> refuse_twins([Run(seed=0), Run(seed=1)])
    """
    seen: dict[Run, int] = {}
    for number, config in enumerate(configs):
        if config in seen:
            raise ValueError(
                "`configs` must hold every run once; members "
                f"{seen[config]} and {number} have the same settings. Give them other "
                "seeds, or leave one out."
            )
        seen[config] = number
