"""The folder of one shard: which saves it holds, and who may write in it."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"step-(\d{8,})\.(\d+)")


class Save(NamedTuple):
    """One committed save; `attempt` counts the saves of the same step."""

    step: int
    attempt: int
    path: Path


def saves(folder: Path) -> list[Save]:
    """Committed saves, newest first."""
    paths = folder.iterdir() if folder.is_dir() else ()
    found = [(m, path) for path in paths if (m := _NAME.fullmatch(path.name))]
    return sorted((Save(int(m[1]), int(m[2]), p) for m, p in found), reverse=True)


def save_path(folder: Path, step: int) -> Path:
    """A name that no save of `step` has."""
    attempts = [old.attempt for old in saves(folder) if old.step == step]
    return folder / f"step-{step:08d}.{max(attempts, default=-1) + 1}"


def temporaries(folder: Path) -> list[Path]:
    """What killed saves left behind, provided that the lock is held."""
    return list(folder.glob(".saving-*"))


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under `folder`, by its path in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second process out; a killed one lets go by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        # some network file systems know no locks: there the caller must not run twice
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: str | os.PathLike[str]) -> None:
    """Delete every save of a finished shard, and the folder if nothing else is in it.

    >>> remove("no/such/folder")
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        return
    with locked(folder):
        for path in [*temporaries(folder), *(save.path for save in saves(folder))]:
            shutil.rmtree(path)
        (folder / ".lock").unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()
