"""The folder of a running sweep, wherever it is by now.

A folder may be moved or deleted, or lose its manifest, while members train for hours.
It is looked for after every chunk, so that the state is saved where the folder is now, and
nothing is trained whose results would have no place.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vae_jax import results


class Home:
    """A run folder, known by what it is and not by its name alone."""

    def __init__(
        self, out: Path, descriptor: int, say: Callable[[str], object]
    ) -> None:
        """It is in its place."""
        self.out = out
        self._descriptor = descriptor
        self._files = results.manifest_files(out)
        self._say = say

    def where(self) -> Path:
        """Where the folder is now; a manifest that it has lost is written again.

        Raises:
            FileNotFoundError: it is nowhere.
        """
        if self._is_at(self.out):
            if gone := results.put_back(self.out, self._files):
                self._say(f"{self.out} had lost {', '.join(gone)}: written again.")
            return self.out
        # one that was copied, and put in the place of the first
        if self.out.is_dir() and all((self.out / n).exists() for n in self._files):
            return self.out
        if (moved := self._found()) is None:
            raise FileNotFoundError(
                f"{self.out} was moved or deleted while the run worked in it, and is not "
                "found. Put it back; the same command goes on with what it holds"
            )
        return moved

    def stay(self, save: Callable[[], None]) -> None:
        """Go on only where the folder is in its place.

        Args:
            save: saves the state, where the folder is now.

        Raises:
            FileNotFoundError: it has another place, or none.
        """
        if (place := self.where()) != self.out:
            save()
            raise FileNotFoundError(
                f"{self.out} was moved to {place} while the run worked in it. Its state is "
                "saved there: move it back and run the same command again, or name its "
                "new place by --out"
            )

    def _is_at(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.stat(path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _found(self) -> Path | None:
        """Where the system says that the folder is, if it says so."""
        try:
            path = Path(os.readlink(f"/proc/self/fd/{self._descriptor}"))
        except OSError:  # a system without such a list
            return None
        return path if self._is_at(path) else None


@contextmanager
def home(out: Path, say: Callable[[str], object]) -> Iterator[Home]:
    """The folder of a run, which is watched until it ends.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with home(folder, print) as watched:
    ...     moved = folder.rename(f"{folder}-moved")
    ...     watched.where() == moved.resolve()
    True
    """
    descriptor = os.open(out, os.O_RDONLY)
    try:
        yield Home(out, descriptor, say)
    finally:
        os.close(descriptor)
