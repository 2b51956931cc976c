"""Files that are there whole or not at all, written by any number of processes."""

import contextlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

TEMPORARY = ".tmp-"
_TEMPORARY_NAME = re.compile(r"\.tmp-(\d+)-[0-9a-f]{8}-(.+)")
_STALE_SECONDS = 86400.0


class DamagedFile(RuntimeError):
    """A file of a run is not what was written; the message names it and the fix."""


class ForeignFile(RuntimeError):
    """A whole file that belongs to another run, shard or member."""


def write_once(path: Path, content: bytes) -> bool:
    """Give `path` this content, unless it exists already: then False, and no change."""
    with _temporary(path, content) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    _sync(path.parent)
    return True


def write_over(path: Path, content: bytes) -> None:
    """Give `path` this content, whatever it held."""
    with _temporary(path, content) as temporary:
        os.replace(temporary, path)
    _sync(path.parent)


def remove_stale(folder: Path) -> None:
    """Delete temporary files whose process on this host is dead, or a day old."""
    for path in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(FileNotFoundError):
            if _is_stale(path):
                path.unlink()


def _is_stale(path: Path) -> bool:
    match = _TEMPORARY_NAME.fullmatch(path.name)
    if match and match[2] == socket.gethostname() and not _is_alive(int(match[1])):
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
    owner = f"{os.getpid()}-{secrets.token_hex(4)}-{socket.gethostname()}"
    temporary = path.with_name(f"{TEMPORARY}{owner}")
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OSError(
                error.errno,
                f"{error.strerror}: {len(content)} bytes needed, "
                f"{shutil.disk_usage(path.parent).free} free. "
                "Run the same command again when they can be written",
                str(path),
            ) from error
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
