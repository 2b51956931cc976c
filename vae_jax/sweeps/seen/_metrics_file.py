"""A file of a line of JSON for every logged step of every member, written while they train.

Lines are appended by as many processes as there are, each whole, and synced. Who goes on
with a member reads first what is there already, so that no line stands twice.
"""

import contextlib
import errno
import fcntl
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from vae_jax.sweeps.seen._chunk import Chunk

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class MetricsFile:
    """The lines of a file so far, and room for more."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it, or make it with its folder.

        Raises:
            ValueError: it cannot be written, or holds something else.
        """
        self.path = Path(path).expanduser()
        self._last: dict[str, int] = {}
        self._read_to = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked() as file:
                self._catch_up(file)
        except OSError as error:
            raise ValueError(
                f"`metrics_file` must be a file that can be written; got "
                f"{str(path)!r}: {error.strerror}."
            ) from error

    def append(self, chunk: Chunk) -> None:
        """Write the rows of a chunk that are not there yet; a diverged member has none."""
        with self._locked() as file:
            self._catch_up(file)
            lines = "".join(json.dumps(line) + "\n" for line in self._lines(chunk))
            if lines:
                file.seek(0, os.SEEK_END)
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
                self._catch_up(file)

    def _lines(self, chunk: Chunk) -> Iterator[dict[str, Any]]:
        for row, step in enumerate(chunk.steps.tolist()):
            for i, (member, one) in enumerate(
                zip(chunk.members, chunk.ids, strict=True)
            ):
                found = {n: float(v[i, row]) for n, v in chunk.metrics.items()}
                lost = any(math.isnan(value) for value in found.values())
                if step > self._last.get(one, 0) and not lost:
                    who = {"member": member, "member_id": one, "step": step}
                    yield who | found

    @contextlib.contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        with open(self.path, "a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
            yield file

    def _catch_up(self, file: BinaryIO) -> None:
        """Read what was added; a last line in part is of a process that died in it."""
        file.seek(self._read_to)
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(self._read_to)
                return
            try:
                found = json.loads(line)
                member, step = found["member_id"], int(found["step"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    "`metrics_file` must be new, or hold lines of such runs; "
                    f"{self.path} holds {line[:60]!r}. Name another file."
                ) from error
            self._last[member] = max(step, self._last.get(member, 0))
            self._read_to += len(line)
