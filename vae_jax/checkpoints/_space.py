"""How much room a save takes, and what is said where there is too little."""

import errno
import os
import re
from pathlib import Path

from vae_jax.checkpoints._folders import saves

# orbax reports a full disk as a ValueError with one of these texts
_NO_SPACE = re.compile("no space left|quota exceeded|file too large", re.IGNORECASE)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FILES = 24
"""Files and folders of a save: orbax makes up to 20, of whatever it holds."""

_BLOCK = 4096
_PIECE = 2**30  # some file systems have no file of 4 GiB
_NOT_OFFERED = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_BYTES_PER_LEAF = 1024


def bytes_needed(num_bytes: int, num_leaves: int, record: int) -> int:
    """An upper bound for a save of that many bytes of arrays and of its record."""
    overhead = FILES * _BLOCK + num_leaves * _BYTES_PER_LEAF + num_bytes // 64
    return num_bytes + 2 * record + overhead


def reserve(folder: Path, num_bytes: int) -> None:
    """Take the room and give it back: orbax's threads print pages on a full disk.

    Raises:
        OSError: there is too little, or too few names for files are left.
    """
    if _free_files(folder) < FILES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    paths = [folder / f"room-{i}" for i in range(-(-num_bytes // _PIECE))]
    try:
        for i, path in enumerate(paths):
            _fill(path, min(_PIECE, num_bytes - i * _PIECE))
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def _fill(path: Path, num_bytes: int) -> None:
    with open(path, "wb") as file:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, num_bytes)
                return
        except OSError as error:
            if error.errno not in _NOT_OFFERED:
                raise
    if _free_bytes(path.parent) < num_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk, a quota or a limit is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return bool(_NO_SPACE.search(str(error)))


def no_space(folder: Path, step: int, needed: int) -> OSError:
    """What is said, with numbers that fit each other."""
    exists = next(path for path in (folder, *folder.parents) if path.exists())
    kept = [save.step for save in saves(folder)]
    return OSError(
        errno.ENOSPC,
        f"no space to save step {step}: {_shortage(exists, needed)}; "
        f"{f'step {kept[0]} is kept' if kept else 'no step was saved before'}. "
        "Free space and run the same command again",
        str(folder),
    )


def _shortage(folder: Path, needed: int) -> str:
    free, files = _free_bytes(folder), _free_files(folder)
    numbers = f"{needed} bytes needed, {free} free"
    if files < FILES:
        return f"{FILES} files needed, {files:.0f} free (inodes); {numbers}"
    if free >= needed:
        return (
            f"{numbers}, but not to this user or not in one file: look at quotas and "
            "at `ulimit -f`"
        )
    return numbers


def _free_bytes(folder: Path) -> int:
    usage = os.statvfs(folder)
    return usage.f_bavail * usage.f_frsize


def _free_files(folder: Path) -> float:
    """Inodes that are left; file systems that count none have as many as one wants."""
    usage = os.statvfs(folder)
    return usage.f_favail if usage.f_files else float("inf")
