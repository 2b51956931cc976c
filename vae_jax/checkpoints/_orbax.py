"""The two calls to orbax: numpy arrays by name, out and in."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint

# orbax re-exports by `import *`, which type checkers do not follow
_ocp: Any = orbax.checkpoint


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays that have elements; returns when they are on disk."""
    with _ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(path, dict(arrays))


def read(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read the named arrays as they are on disk, damaged or not."""
    as_numpy = {name: _ocp.RestoreArgs(restore_type=np.ndarray) for name in names}
    with _ocp.PyTreeCheckpointer() as checkpointer:
        arrays: dict[str, np.ndarray] = checkpointer.restore(
            path, restore_args=as_numpy
        )
    return arrays
