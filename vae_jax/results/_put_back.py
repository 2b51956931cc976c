"""What says what a run folder is for, kept in memory, should it go while the run works."""

import os
from collections.abc import Mapping
from pathlib import Path

from vae_jax.results._files import write_once
from vae_jax.results._manifest import is_manifest


def manifest_files(out: str | os.PathLike[str]) -> dict[str, bytes]:
    """The manifests of a run folder and the versions it accepted, as they are on disk.

    Args:
        out: the run folder.

    Raises:
        OSError: one cannot be read, or there is no such folder.

    >>> import tempfile
    >>> manifest_files(tempfile.mkdtemp())
    {}
    """
    return {p.name: p.read_bytes() for p in sorted(Path(out).iterdir()) if _says(p)}


def put_back(out: str | os.PathLike[str], files: Mapping[str, bytes]) -> list[str]:
    """Write those files that are gone, and change none that is there.

    Args:
        out: the run folder.
        files: what `manifest_files` returned.

    Returns:
        The names of those that were gone.

    Raises:
        OSError: one cannot be written.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> put_back(folder, {"manifest.json": b"{}"}), put_back(folder, {})
    (['manifest.json'], [])
    """
    gone = [name for name in files if not Path(out, name).exists()]
    return [name for name in gone if write_once(Path(out, name), files[name])]


def _says(path: Path) -> bool:
    return is_manifest(path) or path.name.startswith("accepted-")
