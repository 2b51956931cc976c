"""What members need to know of their data, kept in the run folder for when it is gone."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae_jax.results._files import write_once
from vae_jax.results._manifest import canonical, read_sealed, sealed


def keep_about(
    out: str | os.PathLike[str], digest: str, about: Mapping[str, Any]
) -> None:
    """Keep what members need to know of their data, where it is not kept yet.

    Args:
        out: the run folder.
        digest: of the data, as the rows of its members have it.
        about: plain values.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> keep_about(folder, "0" * 32, {"labels": [1]})
    >>> kept_about(folder, "0" * 32)
    {'labels': [1]}
    """
    path = _about_path(out, digest)
    if not path.exists():
        write_once(path, sealed(json.loads(canonical(dict(about)))))


def kept_about(out: str | os.PathLike[str], digest: str) -> dict[str, Any] | None:
    """What `keep_about` has kept; None where it has not, as earlier versions.

    Raises:
        DamagedFile: it does not match its checksum.

    >>> kept_about("nowhere", "0" * 32) is None
    True
    """
    path = _about_path(out, digest)
    return read_sealed(path) if path.exists() else None


def _about_path(out: str | os.PathLike[str], digest: str) -> Path:
    return Path(out) / f"data-{digest}.json"
