"""The parameters of one member, and the settings that they were trained with."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.results._binding import whose
from vae_jax.results._files import DamagedFile
from vae_jax.results._first_format import is_of_first_format, old_params
from vae_jax.results._manifest import read_manifest
from vae_jax.results._params import params_path, read_about, read_leaves, read_params
from vae_jax.results._shards import StoredShard, binding_of, read_all
from vae_jax.results._trees import describe


def load(out: str | os.PathLike[str], member: int, like: Any = None) -> Any:
    """The final parameters of one member: the tree that `init` made, of numpy arrays.

    Args:
        out: the run folder.
        member: its number.
        like: a tree of the same structure, needed only for nodes that a package has
            registered with JAX (modules of equinox, states of nnx).

    Raises:
        KeyError: no stored shard holds this member, or its parameters were not kept.
        DamagedFile: a file on the way does not match its checksum.
        ForeignFile: a file on the way belongs to another run or member.
        ValueError: `like` is missing where it is needed, or has another structure.
    """
    shard, row = find_member(Path(out), member)
    return read_row(shard, row, like)


def load_leaves(out: str | os.PathLike[str], member: int) -> dict[str, np.ndarray]:
    """The final parameters of one member by their names, whatever tree they are of.

    Raises:
        KeyError, DamagedFile, ForeignFile: as for `load`.
    """
    shard, row = find_member(Path(out), member)
    if is_of_first_format(shard.table):
        return leaves_of(read_row(shard, row))
    return dict(sorted(read_leaves(*_params_file(shard, row)).items()))


def named_leaves(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by the names under which they are stored.

    >>> named_leaves({"decoder": {"bias": np.zeros(2)}})
    {'decoder.bias': array([0., 0.])}
    """
    return describe(tree)[1]


def load_knobs(out: str | os.PathLike[str], member: int) -> dict[str, Any]:
    """The settings of the model that a member was trained with, by name.

    `Knobs(**load_knobs(run, member))` is what its `encode` and `decode` are to be given.

    Raises:
        KeyError: as for `load`; also of a folder written before settings were stored.
        DamagedFile: as for `load`.
    """
    shard, row = find_member(Path(out), member)
    found: dict[str, Any] = json.loads(read_about(*_params_file(shard, row))["knobs"])
    return found


def find_member(out: Path, member: int) -> tuple[StoredShard, int]:
    """The shard that holds a member, and its row there."""
    known = read_manifest(out).get("members")
    name = "member_id" if known else "member"
    if known and not 0 <= member < len(known):
        raise KeyError(f"`member` must be from 0 to {len(known) - 1}; got {member}")
    wanted = known[member] if known else member
    for shard in read_all(out):
        values = shard.table[name].to_pylist()
        if wanted in values:
            return shard, values.index(wanted)
    raise KeyError(f"member {member} is in no finished shard of {out}")


def read_row(shard: StoredShard, row: int, like: Any = None) -> Any:
    """The parameters of one row of a shard."""
    if is_of_first_format(shard.table):
        params = old_params(shard.path, shard.table, row)
        if params is None:
            raise _not_kept(shard, row)
        return params
    path, digest = _params_file(shard, row)
    try:
        about = whose(binding_of(shard), shard.members[row])
        return read_params(path, digest, about, like)
    except DamagedFile as error:
        raise DamagedFile(
            f"{error}. Put a copy of it back, or move {shard.path} away and run the same "
            "command again: its members alone are run anew"
        ) from error


def leaves_of(tree: Any) -> dict[str, np.ndarray]:
    """The arrays of a tree by name, in the order of their names."""
    return dict(sorted(describe(tree)[1].items()))


def has_params(shard: StoredShard, row: int) -> bool:
    """Whether the parameters of a row were kept."""
    if is_of_first_format(shard.table):
        return old_params(shard.path, shard.table, row) is not None
    return bool(shard.params and shard.params[row])


def _params_file(shard: StoredShard, row: int) -> tuple[Path, str]:
    if is_of_first_format(shard.table) or not has_params(shard, row):
        raise _not_kept(shard, row)
    assert shard.params is not None
    name, digest = shard.params[row]
    return params_path(shard.path.parent.parent / "params", name), digest


def _not_kept(shard: StoredShard, row: int) -> KeyError:
    number = shard.table["member"].to_pylist()[row]
    status = shard.table["status"].to_pylist()[row]
    return KeyError(f"the parameters of member {number} were not kept; it is {status}")
