"""What files hold, by SHA-256: read again only where they changed.

Two calls about the same files then cost a look at their entries, not their bytes.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

SETTLED_NS = 2 * 10**9
"""The coarsest clock of a file system; what changed within it may change again unseen."""

_SEEN: dict[str, tuple[tuple[int, ...], str]] = {}


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    In one process a file is read once as long as its size, its inode and both its times
    stay: every write moves the time of change, which no program can set back. A file that
    changed in the last two seconds is read again, since its next change could bear the
    same time.

    Raises:
        OSError: as the system says it: absent, not allowed, not readable.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty"
    >>> path.touch()
    >>> file_digest(path)[:16]
    'e3b0c44298fc1c14'
    """
    name, now, entry = os.path.abspath(path), time.time_ns(), _entry(path)
    seen, digest = _SEEN.get(name, ((), ""))
    if seen == entry:
        return digest
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if _entry(path) == entry and now - max(entry[2:]) > SETTLED_NS:
        _SEEN[name] = entry, digest
    return digest


def content_digest(files: Mapping[str, str | Path]) -> str:
    """One SHA-256 of several files: of their names here and of what they hold.

    Where they lie does not matter: a copy, a link and another spelling of the path have
    the same digest.

    Raises:
        OSError: as the system says it.

    >>> content_digest({})[:16]
    '44136fa355b3678a'
    """
    digests = {name: file_digest(path) for name, path in files.items()}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def exists(path: Path) -> bool:
    """Whether something is there; a path that may not be looked at is an error, not absent.

    Raises:
        OSError: the system does not say.

    >>> exists(Path("nowhere"))
    False
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a folder by their names; none where there is no such folder.

    Raises:
        OSError: the folder is there and cannot be listed.

    >>> files_of(Path("nowhere"))
    {}
    """
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {path.name: path for path in paths if path.is_file()}


def _entry(path: str | Path) -> tuple[int, ...]:
    """Device and inode together, size, and the times of content and of change."""
    stat = os.stat(path)
    where = (stat.st_dev << 64) + stat.st_ino
    return where, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
