"""Folders as users name them."""

import os
from pathlib import Path
from typing import Any


def user_path(name: str, value: Any) -> Path:
    """A path with `~` spelt out.

    Raises:
        TypeError: not a path.
        ValueError: empty, or below a home that is not known.

    >>> user_path("folder", "my data")
    PosixPath('my data')
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(
            f"`{name}` must be a path, a text or a Path; got {value!r:.80}."
        )
    if not os.fspath(value):
        raise ValueError(f"`{name}` must name a folder or a file; got ''.")
    try:
        return Path(value).expanduser()
    # pathlib's word for a home that the system does not know
    except RuntimeError as error:
        raise ValueError(
            f"`{name}` must be below a known home; got {os.fspath(value)!r}: {error} "
            "Write the folder in full."
        ) from error
