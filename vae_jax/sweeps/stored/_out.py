"""The folder of the results can be written, said before anything is compiled."""

import os
from pathlib import Path

from vae_jax import results
from vae_jax.sweeps.devices._options import DEFAULT_WIDTH

MANIFEST = "manifest.json"


def check_out(out: str | os.PathLike[str]) -> None:
    """Refuse a folder that cannot be made or written, naming whose it is.

    A finished run is only read, and may belong to anybody.

    Raises:
        ValueError: names the folder, the reason and the fix.

    >>> check_out(Path("runs/new"))
    """
    out = Path(out).absolute()
    existing = next(path for path in (out, *out.parents) if os.path.lexists(path))
    if reason := _why_not(existing, out):
        raise ValueError(
            f"`out` must be a folder that can be written; got {str(out)!r}: {reason}. Name "
            "another one by --out."
        )


def begun_width(out: Path, width: int) -> int:
    """The width that was asked for, else the one that the folder was begun with.

    Another one rounds in another way where members share a device by `vmap`.

    >>> begun_width(Path("runs/new"), 64)
    64
    """
    if width != DEFAULT_WIDTH or not (out / MANIFEST).exists():
        return width
    begun = results.read_manifest(out).get("options", {})
    return int(begun.get("width", width))


def _why_not(existing: Path, out: Path) -> str:
    if "\0" in str(out):
        return "a name holds no NUL"
    if existing.is_symlink() and not existing.exists():
        return f"{existing} is a link to what does not exist"
    if not existing.is_dir():
        return f"{existing} is a file"
    limit = os.pathconf(existing, "PC_NAME_MAX")
    longest = max(len(os.fsencode(part)) for part in out.parts)
    if longest > limit:
        return f"a name in it has {longest} bytes, and {limit} are allowed"
    if os.access(existing, os.W_OK | os.X_OK):
        return ""
    is_run = existing == out and os.path.lexists(out / MANIFEST)
    if is_run and not results.read(out).missing:
        return ""
    return f"{existing} belongs to {_owner(existing)} and may not be written by you"


def _owner(path: Path) -> str:
    try:
        return f"{path.owner()!r}"
    except KeyError:  # a number without a name
        return f"user {path.stat().st_uid}"
