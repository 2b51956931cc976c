"""Folders as users name them, and that of what can be made again."""

import os
from pathlib import Path
from typing import Any

CACHE_VARIABLE = "VAE_JAX_CACHE"

PICTURES: tuple[str, ...] = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".pgm", ".ppm", ".pnm"),
)
"""Endings of files that hold a picture."""


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


def cache_folder() -> Path:
    """Where programs and arrays are kept: `$VAE_JAX_CACHE`, else `vae_jax` in your cache.

    That is `$XDG_CACHE_HOME`, or `~/.cache`. An empty variable is none, and so is a
    relative `$XDG_CACHE_HOME`, by its own rules.

    Raises:
        ValueError: none of them is known, for the process has no home.

    >>> cache_folder().is_absolute()
    True
    """
    try:
        if own := os.environ.get(CACHE_VARIABLE):
            return Path(own).expanduser().absolute()
        xdg = os.environ.get("XDG_CACHE_HOME", "")
        home = Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache"
    except RuntimeError as error:
        raise ValueError(
            f"`{CACHE_VARIABLE}`, the folder of compiled programs, must be set where there "
            f"is no home; {str(error).rstrip('.').lower()}. Set it to a folder that you "
            "may write."
        ) from error
    return (home / "vae_jax").absolute()


def path_hint(name: str) -> str:
    """What may be meant by the name of no set that is a path in the working directory.

    >>> path_hint("nowhere/a.png")
    ' A single picture is no set: name its folder, `nowhere/`.'
    """
    try:
        is_folder, is_file = os.path.isdir(name), os.path.isfile(name)
    except ValueError:  # no name that a path can have
        return ""
    if name.lower().endswith(PICTURES):
        folder = os.path.dirname(name) or "."
        return f" A single picture is no set: name its folder, `{folder}/`."
    if is_folder:
        return f" A folder `{name}` is there: write `{name}/`."
    if is_file:
        return (
            f" A file `{name}` is there: its ending must say what it holds; `vae-jax "
            "settings files` names the endings."
        )
    return ""
