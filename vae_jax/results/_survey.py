# mypy: disable-error-code="no-untyped-call"
# pyarrow is compiled and untyped
"""Every shard of a run folder by itself: what is whole, what is not, and whose it is."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from vae_jax.results._files import DamagedFile, ForeignFile
from vae_jax.results._manifest import read_manifest, read_sealed
from vae_jax.results._params import params_path, read_about
from vae_jax.results._shards import (
    StoredShard,
    check_binding,
    read_shard,
    shard_files,
)


class Survey(NamedTuple):
    """The shards of a run folder.

    Attributes:
        shards: those that are whole and of this run.
        damaged: other files, and what is wrong with each.
        foreign: whole files of other runs, likewise.
    """

    shards: tuple[StoredShard, ...]
    damaged: dict[Path, str]
    foreign: dict[Path, str]

    def words(self) -> dict[str, str]:
        """What was said of each member, by its identity: a verdict, or `diverged`."""
        found: dict[str, str] = {}
        for shard in self.shards:
            columns = shard.table.column_names
            status = shard.table["status"].to_pylist()
            verdicts = status
            if "verdict" in columns:
                verdicts = shard.table["verdict"].to_pylist()
            for one, ended, verdict in zip(
                shard.members, status, verdicts, strict=True
            ):
                word = ended if ended == "diverged" else verdict
                found.setdefault(one, word or ended)
        return found


def survey(
    out: str | os.PathLike[str], known: Mapping[Path, StoredShard] | None = None
) -> Survey:
    """Read every shard of a run folder, whatever is wrong with others.

    Args:
        out: the run folder.
        known: shards that were read before, which are not read again.

    Raises:
        FileNotFoundError: `out` is not a run folder.
        DamagedFile: its manifest is damaged.
        OSError: a file cannot be read; that is no damage.
    """
    manifest = read_manifest(Path(out))
    shards, damaged, foreign = [], {}, {}
    for path in shard_files(Path(out)):
        try:
            shard = (known or {}).get(path) or read_shard(path)
            check_binding(shard, manifest)
            shards.append(shard)
        except DamagedFile as error:
            damaged[path] = str(error)
        except ForeignFile as error:
            foreign[path] = str(error)
        except FileNotFoundError:  # set aside meanwhile
            continue
    return Survey(tuple(shards), damaged, foreign)


def words_of(out: str | os.PathLike[str]) -> dict[str, str]:
    """What was said of every stored member, by its identity.

    >>> words_of("no/such/folder")
    {}
    """
    if not Path(out, "manifest.json").exists():
        return {}
    return survey(out).words()


class DamagedParams(NamedTuple):
    """A parameters file that is not what was written.

    Attributes:
        why: what is wrong with it.
        members: identities of those whose parameters are in it.
        is_there: whether there is a file.
    """

    why: str
    members: tuple[str, ...]
    is_there: bool


def damaged_params(shard: StoredShard) -> dict[Path, DamagedParams]:
    """The parameters files of a shard that are missing or changed, by their path.

    Raises:
        OSError: one cannot be read; that is no damage.
    """
    folder = shard.path.parent.parent / "params"
    found: dict[Path, DamagedParams] = {}
    for one, kept in zip(shard.members, shard.params or (), strict=False):
        if kept is None:
            continue
        path = params_path(folder, kept[0])
        try:
            read_about(path, kept[1])
        except (DamagedFile, FileNotFoundError) as error:
            found[path] = DamagedParams(str(error), (one,), path.exists())
    return found


def damaged_notes(out: str | os.PathLike[str]) -> dict[Path, str]:
    """What a folder says of its end and of its data, where that is damaged.

    A run writes these anew when it goes on.

    >>> damaged_notes("no/such/folder")
    {}
    """
    found = {}
    for pattern in ("finished-*.json", "data-*.json"):
        for path in sorted(Path(out).glob(pattern)):
            try:
                read_sealed(path)
            except DamagedFile:
                found[path] = f"{path} is damaged: it does not match its SHA-256"
    return found
