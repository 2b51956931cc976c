"""The parameters that a run begins with, where another run has made them."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from vae_jax import results
from vae_jax.assembly._model import model
from vae_jax.configs import Run, split_start
from vae_jax.records import Facts
from vae_jax.training import member_key
from vae_jax.types import Params

MOST_SHOWN = 8
"""Leaves that differ, in a message."""


def initial_params(run: Run, facts: Facts) -> Params | None:
    """What `init_from` names, of the shapes that the run's model has; None without it.

    Raises:
        ValueError: there is no such member, its parameters were not kept, or its leaves are
            not those of this model; names the leaves.

    >>> initial_params(Run(), Facts((8, 8), 16, 1200)) is None
    True
    """
    if run.init_from is None:
        return None
    folder, member = split_start(run.init_from)
    shapes = jax.eval_shape(model(run, facts).init, member_key(0))
    # each leaf an object of its own, by which it is found again
    wanted = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), shapes)
    try:
        leaves = _leaves(folder, member, _state_of(Path(folder)))
    except (KeyError, FileNotFoundError) as error:
        told = str(error.args[0] if isinstance(error, KeyError) else error)
        raise ValueError(
            "`init_from` must name a member of a run folder whose parameters were kept; "
            f"got {run.init_from!r}: {told}."
        ) from error
    names = results.named_leaves(wanted)
    unlike = list(_unlike(leaves, names))
    if unlike:
        more = len(unlike) - MOST_SHOWN
        raise ValueError(
            "`init_from` must name parameters of this run's model, leaf by leaf; got "
            f"{run.init_from!r}, which differs (there -> here):\n  "
            + "\n  ".join(unlike[:MOST_SHOWN])
            + (f"\n  and {more} more" if more > 0 else "")
            + "\nGive this run the settings of that one's model, or leave it out."
        )
    name_of = {id(leaf): name for name, leaf in names.items()}
    return jax.tree.map(lambda leaf: leaves[name_of[id(leaf)]], wanted)


def _state_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What a folder holds, so that another content is read anew."""
    files = [*folder.glob("manifest*.json"), *folder.glob("shards/*")]
    stats = [(path, path.stat()) for path in sorted(files)]
    return tuple((path.name, s.st_mtime_ns, s.st_size) for path, s in stats)


@functools.lru_cache(maxsize=8)
def _leaves(folder: str, member: int, state: Any) -> dict[str, Any]:
    """Read once, for all members of a sweep that begin with them."""
    del state
    return results.load_leaves(folder, member)


def _unlike(stored: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*wanted, *stored]):
        there, here = (_shape(one.get(name)) for one in (stored, wanted))
        if there != here:
            yield f"{name}: {there} -> {here}"


def _shape(leaf: Any) -> str:
    return "(absent)" if leaf is None else f"{leaf.dtype} {tuple(leaf.shape)}"
