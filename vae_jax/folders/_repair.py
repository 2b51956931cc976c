"""Set aside what does not verify, so that its members alone are run again.

Nothing is deleted, and nothing good is moved: what cannot be read (a permission, a mount,
the disk) is no damage, and stops the repair.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from vae_jax import results
from vae_jax.folders._claimed import claimed

ASIDE = "set-aside"
"""Where damaged files go, in a folder of the moment of the repair."""


class Moved(NamedTuple):
    """Something that is set aside, and why.

    Attributes:
        path: where it was.
        why: a sentence.
        members: numbers of the members that are run again because of it.
    """

    path: Path
    why: str
    members: tuple[int, ...] = ()


class Repair(NamedTuple):
    """What was done, or what would be.

    Attributes:
        moved: files and folders.
        aside: the folder that they are in.
        again: numbers of the members that are run again, all together.
    """

    moved: tuple[Moved, ...]
    aside: Path
    again: tuple[int, ...]


def repair(out: str | os.PathLike[str], *, dry_run: bool = False) -> Repair:
    """Verify every shard, parameter and save of a run folder, and set aside the damaged.

    Members whose rows and parameters are whole stay, also those that were stored together
    with damaged ones.

    Args:
        out: the run folder.
        dry_run: only look.

    Raises:
        FileNotFoundError: `out` is not a run folder.
        ValueError: a process works on it.
        results.DamagedFile: its manifest is damaged, without which nothing can be told.
        OSError: a file cannot be read or moved; that is no damage.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> said = {"spec": {"configs": [{"num_steps": 50}]}, "members": ["0a" * 16]}
    >>> _ = results.create_or_open(folder, said | {"versions": {}})
    >>> found = repair(folder, dry_run=True)
    >>> found.moved, found.again
    ((), (0,))
    """
    out = Path(out)
    manifest = results.read_manifest(out)
    ids = list(manifest.get("members", ()))
    if at_work := claimed(out, ids):
        raise ValueError(
            f"`repair` must have the folder by itself; processes work on {len(at_work)} "
            f"members of {out}. Stop them, which saves their state, or wait."
        )
    aside = out / ASIDE / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    found = results.survey(out)
    numbers = {one: number for number, one in enumerate(ids)}
    moved = [Moved(path, why) for path, why in found.damaged.items()]
    moved += [Moved(path, why) for path, why in found.foreign.items()]
    kept: set[str] = set()
    for shard in found.shards:
        part, whole = _of_shard(shard, numbers, dry_run=dry_run)
        moved += part
        kept |= whole
    moved += _saves(out, manifest["spec_hashes"])
    moved += [Moved(path, why) for path, why in results.damaged_notes(out).items()]
    again = tuple(number for one, number in numbers.items() if one not in kept)
    known = {one.path for one in moved}
    marks = sorted(out.glob("finished-*.json")) if again else []
    moved += [
        Moved(p, f"{p} says that all have ended") for p in marks if p not in known
    ]
    if not dry_run:
        for one in moved:
            _set_aside(one.path, out, aside)
    return Repair(tuple(moved), aside, again)


def _of_shard(
    shard: results.StoredShard, numbers: Mapping[str, int], *, dry_run: bool
) -> tuple[list[Moved], set[str]]:
    """What is set aside of a shard, and the members that stay."""
    damaged = results.damaged_params(shard)
    if not damaged:
        return [], set(shard.members)
    lost = {one for of_one in damaged.values() for one in of_one.members}
    kept = [i for i, one in enumerate(shard.members) if one not in lost]
    if not dry_run:
        results.keep_members(shard, kept)
    again = tuple(sorted(numbers[one] for one in lost))
    moved = [
        Moved(path, one.why, again) for path, one in damaged.items() if one.is_there
    ]
    moved.append(
        Moved(shard.path, f"{shard.path} names parameters that are gone", again)
    )
    return moved, {shard.members[i] for i in kept}


def _saves(out: Path, spec_hashes: Sequence[str]) -> Iterator[Moved]:
    """Saves of members in training and of those that have ended, every byte of them."""
    # orbax, and JAX with it, are loaded where there are saves
    roots = [root for root in (out / "checkpoints", out / "states") if root.is_dir()]
    if not roots:
        return
    from vae_jax import checkpoints

    for folder in (folder for root in roots for folder in sorted(root.iterdir())):
        for path, why in checkpoints.damage(folder).items():
            yield Moved(path, f"{path} is damaged: {why}")
        for save in checkpoints.peek(folder):
            if (spec := save.metadata.get("spec_hash")) not in spec_hashes:
                why = f"{save.path} is whole and of another run, {str(spec)[:12]}"
                yield Moved(save.path, why)


def _set_aside(path: Path, out: Path, aside: Path) -> None:
    place = aside / path.relative_to(out)
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
