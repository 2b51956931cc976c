"""The manifest: what a run folder is for, and the refusal to use it for another."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vae_jax.results._files import TEMPORARY, DamagedFile, remove_stale, write_once

Manifest = dict[str, Any]
"""`spec`, `spec_hash`, `versions` and whatever else describes the run, as JSON."""

_BIT_VERSIONS = ("jax", "jaxlib", "flax", "optax", "vae_jax")
_SHOWN_DIFFERENCES = 20
_ABSENT = object()


class SpecChanged(ValueError):
    """The folder holds results of another specification."""


class VersionChanged(RuntimeError):
    """The folder was begun with other versions, whose numbers differ in bits."""


def spec_hash(spec: Mapping[str, Any]) -> str:
    """SHA-256 of the specification as canonical JSON, in hexadecimal.

    >>> spec_hash({"beta": [1.0, 2.0], "seed": 0}) == spec_hash(
    ...     {"seed": 0, "beta": (1.0, 2.0)}
    ... )
    True
    """
    return hashlib.sha256(_canonical(spec).encode()).hexdigest()


def short_hash(spec: Mapping[str, Any]) -> str:
    """The first 12 digits of `spec_hash`, for the name of a folder.

    >>> short_hash({})
    '44136fa355b3'
    """
    return spec_hash(spec)[:12]


def create_or_open(
    out: str | os.PathLike[str],
    manifest: Mapping[str, Any],
    *,
    accept_version_change: bool = False,
) -> Manifest:
    """Begin a run in a new or empty folder, or go on with the same run in an old one.

    Safe to call from many processes at once: one of them writes the manifest.

    Args:
        out: the run folder.
        manifest: JSON with at least `spec` and `versions`; `spec_hash` is added.
        accept_version_change: go on with other versions than the run began with. The
            manifest stays; the versions are written to a file `accepted-*.json`
            beside it, and from then on need no acceptance.

    Returns:
        The manifest in the folder, with `accepted_versions` where there are any.

    Raises:
        FileExistsError: the folder holds files and no manifest.
        SpecChanged: the folder holds another specification; lists the differences.
        VersionChanged: jax, jaxlib, flax, optax or vae_jax differ.
        DamagedFile: the manifest is damaged.
    """
    out, path = Path(out), Path(out, "manifest.json")
    content = _complete(manifest)
    out.mkdir(parents=True, exist_ok=True)
    for folder in (out, out / "shards", out / "params"):
        remove_stale(folder)
    # listed before the manifest is looked for: another process may be creating it
    foreign = sorted(p.name for p in out.iterdir() if not _is_temporary(p))
    if not path.exists():
        if foreign:
            raise FileExistsError(
                f"{out} holds {', '.join(foreign[:5])} and no manifest.json: it is not "
                "a run folder and is left as it is; name a new or empty folder"
            )
        write_once(path, _sealed(content))
    stored = read_manifest(out)
    _check_spec(out, stored["spec"], content["spec"])
    _check_versions(out, stored, content["versions"], accept_version_change)
    return read_manifest(out)


def read_manifest(out: Path) -> Manifest:
    """The verified manifest of a run folder."""
    path = out / "manifest.json"
    if not path.exists():
        raise FileNotFoundError(f"{out} holds no manifest.json: it is not a run folder")
    try:
        manifest: Manifest = json.loads(path.read_bytes())
        checksum = manifest.pop("sha256")
    except (ValueError, KeyError, AttributeError) as error:
        raise _damaged(path) from error
    if checksum != spec_hash(manifest):
        raise _damaged(path)
    accepted = [_read_accepted(p) for p in sorted(out.glob("accepted-*.json"))]
    return manifest | ({"accepted_versions": accepted} if accepted else {})


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(TEMPORARY)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _complete(manifest: Mapping[str, Any]) -> Manifest:
    if missing := {"spec", "versions"} - set(manifest):
        raise ValueError(
            f"`manifest` must hold spec and versions; {sorted(missing)} are missing"
        )
    content: Manifest = json.loads(_canonical(dict(manifest)))
    return content | {"spec_hash": spec_hash(content["spec"])}


def _sealed(content: Manifest) -> bytes:
    sealed = content | {"sha256": spec_hash(content)}
    return json.dumps(sealed, indent=1, sort_keys=True).encode()


def _damaged(path: Path) -> DamagedFile:
    return DamagedFile(
        f"{path} is damaged: it does not match its SHA-256. Put a copy of it back, or "
        f"move {path.parent} away and run the same command again"
    )


def _check_spec(out: Path, old: Any, new: Any) -> None:
    lines = list(_differences(old, new, ""))
    if lines:
        shown = "\n  ".join(lines[:_SHOWN_DIFFERENCES])
        more = len(lines) - _SHOWN_DIFFERENCES
        raise SpecChanged(
            f"{out} holds another specification (stored -> given):\n  {shown}"
            + (f"\n  and {more} more" if more > 0 else "")
            + "\nName another folder, or give the stored specification."
        )


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    """One line for each place where two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if path else key
            yield from _differences(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _differences(a, b, f"{path}[{i}]")
    elif (a := _shown(old)) != (b := _shown(new)):
        yield f"{path}: {a} -> {b}"


def _shown(value: Any) -> str:
    return "(absent)" if value is _ABSENT else json.dumps(value, sort_keys=True)


def _check_versions(
    out: Path, stored: Manifest, given: Mapping[str, Any], accept: bool
) -> None:
    new = _of_bits(given)
    known = [stored["versions"], *stored.get("accepted_versions", [])]
    if new in [_of_bits(versions) for versions in known]:
        return
    if not accept:
        lines = "; ".join(_differences(_of_bits(stored["versions"]), new, ""))
        raise VersionChanged(
            f"{out} was begun with other versions, and other versions give other bits: "
            f"{lines}. Install the first, name another folder, or accept the change "
            "(accept_version_change)."
        )
    content = _canonical(dict(given))
    name = f"accepted-{spec_hash(given)[:12]}.json"
    write_once(out / name, content.encode())


def _of_bits(versions: Mapping[str, Any]) -> dict[str, Any]:
    return {name: versions[name] for name in _BIT_VERSIONS if name in versions}


def _read_accepted(path: Path) -> dict[str, Any]:
    try:
        versions: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged(path) from error
    if path.name != f"accepted-{spec_hash(versions)[:12]}.json":
        raise _damaged(path)
    return versions
