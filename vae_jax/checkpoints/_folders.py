"""The folder of one shard: which saves it holds, and who may write in it."""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"step-(\d{8,})\.(\d+)")
# some network file systems know no locks: there the caller must not run twice
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_ATTEMPTS = 1000


class Save(NamedTuple):
    """One committed save; `attempt` counts the saves of the same step."""

    step: int
    attempt: int
    path: Path


def saves(folder: Path) -> list[Save]:
    """Committed saves, newest first; none where there is no such folder."""
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    found = [(m, path) for path in paths if (m := _NAME.fullmatch(path.name))]
    return sorted((Save(int(m[1]), int(m[2]), p) for m, p in found), reverse=True)


def save_path(folder: Path, step: int) -> Path:
    """A name that no save of `step` has."""
    attempts = [old.attempt for old in saves(folder) if old.step == step]
    return folder / f"step-{step:08d}.{max(attempts, default=-1) + 1}"


def temporaries(folder: Path) -> list[Path]:
    """What killed saves left behind, provided that the lock is held."""
    return [path for path in folder.iterdir() if path.name.startswith(".saving-")]


def make_temporary(folder: Path) -> Path:
    """A new folder that those may read who may read the files beside it."""
    path = folder / f".saving-{secrets.token_hex(8)}"
    path.mkdir()
    return path


def files_under(folder: Path) -> list[Path]:
    """Every file, in order; what cannot be listed is an error."""

    def refuse(error: OSError) -> None:
        raise error

    walk = os.walk(folder, onerror=refuse) if folder.exists() else ()
    return sorted(Path(parent, name) for parent, _, names in walk for name in names)


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under `folder`, by its path in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files_under(folder)
    }


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second process out; a killed one lets go by itself."""
    for _ in range(_ATTEMPTS):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = _lock(folder)
        except FileNotFoundError:  # another process has removed the folder meanwhile
            continue
        try:
            if _is_in_place(lock, folder):
                yield
                return
        finally:
            os.close(lock)
    raise OSError(errno.ENOLCK, "its lock file disappears again and again", str(folder))


def _lock(folder: Path) -> int:
    """A descriptor of the lock file, once no other process holds it."""
    path = folder / ".lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:  # made by somebody else: to read it is enough
        lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            os.close(lock)
            raise
    return lock


def _is_in_place(lock: int, folder: Path) -> bool:
    """Whether the file that was waited for is still the one that others wait for."""
    try:
        return os.path.samestat(os.fstat(lock), os.stat(folder / ".lock"))
    except FileNotFoundError:
        return False


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        # so that who reads it next reads the disk, and not the memory of it
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Sync every file and folder under `folder`, and itself."""
    for parent, _, names in os.walk(folder):
        for name in [*names, "."]:
            sync(Path(parent, name))


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
    try:
        folder.rmdir()
    except OSError as error:
        # something else is in it, or another process was faster
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
