"""Which members processes have in hand, asked without taking a lock.

A process that trains a member holds a lock on one byte of a file, whose place is that of
the member's identity.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterable
from pathlib import Path

CLAIMS = ".claims"
"""The file whose bytes are locked."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
# struct flock of 64-bit Linux: type, whence, start, length, process
_FLOCK = "hhqqi"


def claim_byte(member: str) -> int:
    """The byte of a member: 62 bits of its identity.

    >>> claim_byte("ff" * 16) < 2**62
    True
    """
    return int(member[:16], 16) >> 2


def claimed(out: str | os.PathLike[str], members: Iterable[str]) -> set[str]:
    """The members that other processes have in hand, on whatever machine.

    Those of this process are not among them. On a file system without locks there are none.

    >>> claimed("no/such/folder", ["00" * 16])
    set()
    """
    try:
        descriptor = os.open(Path(out, CLAIMS), os.O_RDONLY)
    except FileNotFoundError:
        return set()
    try:
        return {one for one in members if _is_locked(descriptor, claim_byte(one))}
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, byte: int) -> bool:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    try:
        told = fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return bool(struct.unpack(_FLOCK, told)[0] != fcntl.F_UNLCK)
