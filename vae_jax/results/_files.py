"""Files that are there whole or not at all, written by any number of processes."""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TEMPORARY = ".tmp-"
_TEMPORARY_NAME = re.compile(r"\.tmp-(\d+)-[0-9a-f]{8}-(.+)")
_STALE_SECONDS = 86400.0
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# what file systems say that have no hard links, no locks, or no sync of a folder
_NOT_OFFERED = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_NO_LINKS = _NOT_OFFERED | {errno.EPERM, errno.EACCES, errno.EMLINK}
_NO_LOCKS = _NOT_OFFERED | {errno.ENOLCK}


class DamagedFile(RuntimeError):
    """A file of a run is not what was written; the message names it and the fix."""


class ForeignFile(RuntimeError):
    """A whole file that belongs to another run, shard or member."""


def write_once(path: Path, content: bytes) -> bool:
    """Give `path` this content, unless it exists already: then False, and no change.

    Raises:
        OSError: it cannot be written; on a full disk, with the bytes needed and free.
    """
    with _temporary(path, content) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if not _rename_first(temporary, path):
                return False
    _sync(path.parent)
    return True


def write_over(path: Path, content: bytes) -> None:
    """Give `path` this content, whatever it held.

    Raises:
        OSError: it cannot be written; on a full disk, with the bytes needed and free.
    """
    with _temporary(path, content) as temporary:
        os.replace(temporary, path)
    _sync(path.parent)


def remove_stale(folder: Path) -> None:
    """Delete temporary files whose process is dead, or a day old.

    Somebody else's that cannot be deleted are in nobody's way.
    """
    for path in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if _is_stale(path):
                path.unlink()


@cache
def place() -> str:
    """Where process numbers mean what they mean here.

    Containers and cloned machines share a host's name and not its processes; after a
    restart the numbers are given out again.

    >>> place() == place()
    True
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _rename_first(temporary: Path, path: Path) -> bool:
    """Rename if the name is free, one process at a time, where there are no links."""
    claim = path.with_name(f"{TEMPORARY}claim-{path.name}")
    with open(claim, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            raise OSError(
                error.errno,
                "this file system has neither hard links nor locks, so that two "
                "processes could overwrite each other; name a folder on another",
                str(path),
            ) from error
        first = not path.exists()
        if first:
            os.rename(temporary, path)
        # who waits for the claim still, or makes a new one, finds the file
        claim.unlink(missing_ok=True)
        return first


def _is_stale(path: Path) -> bool:
    match = _TEMPORARY_NAME.fullmatch(path.name)
    if match and match[2] == place() and not _is_alive(int(match[1])):
        return True
    return time.time() - path.stat().st_mtime > _STALE_SECONDS


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _temporary(path: Path, content: bytes) -> Iterator[Path]:
    """The content on disk beside `path`, under a name that says whose it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = f"{os.getpid()}-{secrets.token_hex(4)}-{place()}"
    temporary = path.with_name(f"{TEMPORARY}{owner}")
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno in _FULL:
                raise _no_space(path, len(content), error) from error
            raise
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _no_space(path: Path, needed: int, error: OSError) -> OSError:
    """What is said of a full disk, with numbers that fit each other."""
    usage = os.statvfs(path.parent)
    free = usage.f_bavail * usage.f_frsize
    said = f"{error.strerror}: {needed} bytes needed, {free} free"
    if usage.f_files and not usage.f_favail:
        said += ", but no file can be added: no inode is left"
    elif free >= needed:
        said += ", but not to this user or not in one file (quota, `ulimit -f`)"
    again = "Run the same command again when they can be written"
    return OSError(error.errno, f"{said}. {again}", str(path))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
    finally:
        os.close(descriptor)
