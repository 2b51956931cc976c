"""Which process works on which members of a folder: nobody on what another has in hand.

A claim is a lock on one byte of a file, whose place is that of the member's identity. A
process that dies lets go by itself, on a network file system too. Where a file system knows
no locks nothing is claimed, and the store sorts out what was done twice.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vae_jax.folders import CLAIMS, claim_byte

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_TAKEN = (errno.EACCES, errno.EAGAIN)
_of_this_process: set[tuple[str, str]] = set()
_open_files: dict[str, tuple[int, int]] = {}
_guard = threading.Lock()


class Claims:
    """The members of a folder that this process has in hand."""

    def __init__(self, out: Path, descriptor: int) -> None:
        """Of a folder, nothing taken yet."""
        self._folder = str(out.resolve())
        self._descriptor = descriptor
        self._held: set[str] = set()

    def take(self, members: Iterable[str]) -> set[str]:
        """Those of the members that are now this process's; the others are at work."""
        taken = {member for member in members if self._lock(member)}
        self._held |= taken
        return taken

    def release(self, members: Iterable[str]) -> None:
        """Let go of members that are stored."""
        for member in self._held & set(members):
            with suppress(OSError):  # there was none where no locks are known
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, claim_byte(member))
            with _guard:
                _of_this_process.discard((self._folder, member))
            self._held.discard(member)

    def release_all(self) -> None:
        """Let go of everything."""
        self.release(set(self._held))

    def _lock(self, member: str) -> bool:
        # the system keeps out other processes, and lets this one take what it has
        with _guard:
            if (self._folder, member) in _of_this_process:
                return False
            if not self._lock_byte(claim_byte(member)):
                return False
            _of_this_process.add((self._folder, member))
        return True

    def _lock_byte(self, byte: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            if error.errno not in _NO_LOCKS:
                raise
        return True


@contextmanager
def claims(out: Path) -> Iterator[Claims]:
    """The claims of this process in a folder, let go of at the end.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with claims(folder) as mine, claims(folder) as yours:
    ...     mine.take(["00" * 16]), yours.take(["00" * 16, "01" * 16])
    ({'00000000000000000000000000000000'}, {'01010101010101010101010101010101'})
    """
    held = Claims(out, _open(out))
    try:
        yield held
    finally:
        held.release_all()
        _close(out)


def _open(out: Path) -> int:
    """One descriptor a folder: closing a second would let go of every lock."""
    name = str(out.resolve())
    with _guard:
        descriptor, users = _open_files.get(name, (-1, 0))
        if not users:
            descriptor = os.open(out / CLAIMS, os.O_RDWR | os.O_CREAT, 0o666)
        _open_files[name] = descriptor, users + 1
    return descriptor


def _close(out: Path) -> None:
    name = str(out.resolve())
    with _guard:
        descriptor, users = _open_files.pop(name)
        if users > 1:
            _open_files[name] = descriptor, users - 1
        else:
            os.close(descriptor)
