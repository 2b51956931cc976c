"""The two calls to orbax: numpy arrays by name, out and in."""

import contextlib
import errno
import logging
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint

# orbax re-exports by `import *`, which type checkers do not follow
_ocp: Any = orbax.checkpoint

# orbax looks for its own files by glob patterns that begin with the path as it is given
_PLAIN = re.compile(r"[\w./ =,+@-]+", re.ASCII)


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays that have elements; returns when they are on disk."""
    with _plain(path) as plain, _quiet(), _ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(plain, dict(arrays))
    said = path / "commit_success.txt"
    if said.exists():  # orbax writes down where this machine has it, and reads no word
        said.write_text("Checkpoint commit was successful\n")


def read(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read the named arrays as they are on disk, damaged or not.

    Raises:
        OSError: orbax cannot read them.
    """
    as_numpy = {name: _ocp.RestoreArgs(restore_type=np.ndarray) for name in names}
    try:
        with _plain(path) as plain, _quiet(), _ocp.PyTreeCheckpointer() as checkpointer:
            arrays: dict[str, np.ndarray] = checkpointer.restore(
                plain, restore_args=as_numpy
            )
    except MemoryError:
        raise
    except Exception as error:  # orbax has no type of its own
        said = f"orbax {_ocp.__version__} cannot read it: {error}"
        raise OSError(errno.EIO, said, str(path)) from error
    return arrays


@contextlib.contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """The same place under a name that no pattern can be made of."""
    if _PLAIN.fullmatch(str(path)):
        yield path
        return
    usual = tempfile.gettempdir()
    place = usual if _PLAIN.fullmatch(usual) else "/tmp"
    with tempfile.TemporaryDirectory(prefix="vae_jax-", dir=place) as folder:
        link = Path(folder, "folder")
        link.symlink_to(path.parent, target_is_directory=True)
        yield link / path.name


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the tracebacks of orbax's threads to the error that it raises anyway."""
    logger, hook = logging.getLogger("absl"), sys.unraisablehook
    logger.addFilter(_is_not_orbax)
    # what tensorstore still has to say to an event loop that has failed meanwhile
    sys.unraisablehook = lambda told: _is_of_closed_loop(told) or hook(told)
    try:
        yield
    finally:
        logger.removeFilter(_is_not_orbax)
    sys.unraisablehook = hook  # after a failure it goes on speaking for a while


def _is_of_closed_loop(told: Any) -> bool:
    return str(told.exc_value) == "Event loop is closed"


def _is_not_orbax(record: logging.LogRecord) -> bool:
    return "orbax" not in Path(record.pathname).parts
