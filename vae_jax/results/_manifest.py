"""The manifest: what a run folder is for, and the refusal to use it for another."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae_jax.results._differences import differences, member_differences
from vae_jax.results._files import TEMPORARY, DamagedFile, remove_stale, write_once

Manifest = dict[str, Any]
"""`spec`, `spec_hash`, `versions` and whatever else describes the run, as JSON."""

_BIT_VERSIONS = ("jax", "jaxlib", "flax", "optax", "vae_jax")
_BIT_SETTINGS = (
    "jax_enable_x64",
    "jax_threefry_partitionable",
    "jax_default_matmul_precision",
)
_SHOWN_DIFFERENCES = 20
_NAME = re.compile(r"manifest(?:-(\d{4,}))?\.json")


class SpecChanged(ValueError):
    """The folder holds results of another specification."""


class VersionChanged(RuntimeError):
    """The folder was begun with other versions or settings, which give other bits."""


def spec_hash(spec: Mapping[str, Any]) -> str:
    """SHA-256 of the specification as canonical JSON, in hexadecimal.

    >>> spec_hash({"beta": [1.0, 2.0], "seed": 0}) == spec_hash(
    ...     {"seed": 0, "beta": (1.0, 2.0)}
    ... )
    True
    """
    return hashlib.sha256(canonical(spec).encode()).hexdigest()


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

    A list of members that holds all the stored ones and more is the same run, extended:
    its manifest is written beside the old one and takes its place. Safe to call from many
    processes at once: one of them writes.

    Args:
        out: the run folder.
        manifest: JSON with at least `spec` and `versions`; `spec_hash` is added. A sweep
            has `members` too, the identities of the runs in `spec["configs"]`.
        accept_version_change: go on with other versions than the run began with. The
            manifest stays; the versions are written to a file `accepted-*.json`
            beside it, and from then on need no acceptance.

    Returns:
        The manifest in the folder, with `spec_hashes`, those of its predecessors and its
        own, and with `accepted_versions` where there are any.

    Raises:
        FileExistsError: the folder holds files and no manifest.
        SpecChanged: the folder holds another specification; lists the differences.
        VersionChanged: jax, jaxlib, flax, optax or vae_jax differ, or settings of JAX
            that change bits.
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
        write_once(path, sealed(content))
    compare(out, content, accept_version_change=accept_version_change)
    stored = read_manifest(out)
    if _is_unknown(stored, content):
        name = f"accepted-{spec_hash(content['versions'])[:12]}.json"
        write_once(out / name, canonical(content["versions"]).encode())
    while not _is_same(stored, content):
        if not _is_extended(stored, content):
            raise _changed(out, stored["spec"], content["spec"])
        # another process may be faster; then its list is compared
        write_once(_path(out, len(stored["spec_hashes"]) + 1), sealed(content))
        stored = read_manifest(out)
    return read_manifest(out)


def compare(
    out: str | os.PathLike[str],
    manifest: Mapping[str, Any],
    *,
    accept_version_change: bool = False,
) -> bool:
    """Whether `create_or_open` would go on with a run; nothing is written.

    Raises:
        SpecChanged: it would refuse, as VersionChanged and DamagedFile do.
    """
    out, content = Path(out), _complete(manifest)
    if not (out / "manifest.json").exists():
        return False
    stored = read_manifest(out)
    if not (_is_same(stored, content) or _is_extended(stored, content)):
        raise _changed(out, stored["spec"], content["spec"])
    if _is_unknown(stored, content) and not accept_version_change:
        raise _other_versions(out, stored, content["versions"])
    return True


def read_manifest(out: str | os.PathLike[str]) -> Manifest:
    """The verified manifest of a run folder: the newest, where it was extended."""
    out = Path(out)
    numbers = sorted(
        int(match[1] or 1) for p in _listed(out) if (match := _NAME.fullmatch(p.name))
    )
    if not numbers:
        raise FileNotFoundError(f"{out} holds no manifest.json: it is not a run folder")
    if numbers != list(range(1, len(numbers) + 1)):
        lost = set(range(1, numbers[-1])) - set(numbers)
        raise _damaged(_path(out, min(lost)))
    manifests = [read_sealed(_path(out, number)) for number in numbers]
    hashes = [manifest["spec_hash"] for manifest in manifests]
    accepted = [_read_accepted(p) for p in sorted(out.glob("accepted-*.json"))]
    return (
        manifests[-1]
        | {"spec_hashes": hashes}
        | ({"accepted_versions": accepted} if accepted else {})
    )


def extended_by(stored: Manifest, given: Mapping[str, Any] | None) -> Manifest:
    """A manifest that knows the members of a given one too."""
    if given is None or "members" not in given or "members" not in stored:
        return stored
    return stored | {
        "spec_hashes": [_complete(given)["spec_hash"], *stored["spec_hashes"]],
        "members": [*stored["members"], *given["members"]],
    }


def read_sealed(path: Path) -> dict[str, Any]:
    """A JSON file with its own SHA-256, verified."""
    content = path.read_bytes()
    try:
        found: dict[str, Any] = json.loads(content)
        checksum = found.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise _damaged(path) from error
    if checksum != spec_hash(found):
        raise _damaged(path)
    return found


def sealed(content: Mapping[str, Any]) -> bytes:
    """JSON with its own SHA-256."""
    whole = {**content, "sha256": spec_hash(content)}
    return json.dumps(whole, indent=1, sort_keys=True).encode()


def canonical(value: Any) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _listed(out: Path) -> list[Path]:
    return list(out.iterdir()) if out.is_dir() else []


def _path(out: Path, number: int) -> Path:
    return out / ("manifest.json" if number == 1 else f"manifest-{number:04d}.json")


def is_manifest(path: Path) -> bool:
    """Whether a file has the name of a manifest."""
    return _NAME.fullmatch(path.name) is not None


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(TEMPORARY)


def _complete(manifest: Mapping[str, Any]) -> Manifest:
    if missing := {"spec", "versions"} - set(manifest):
        raise ValueError(
            f"`manifest` must hold spec and versions; {sorted(missing)} are missing"
        )
    content: Manifest = json.loads(canonical(dict(manifest)))
    return content | {"spec_hash": spec_hash(content["spec"])}


def _damaged(path: Path) -> DamagedFile:
    state = "does not match its SHA-256" if path.exists() else "is missing"
    return DamagedFile(
        f"{path} is damaged: it {state}. Put a copy of it back, or move {path.parent} "
        "to another place and run the same command again"
    )


def _is_same(stored: Manifest, given: Manifest) -> bool:
    """Equal, or of the same members in another order."""
    if "members" in stored and "members" in given:
        return set(stored["members"]) == set(given["members"])
    return canonical(stored["spec"]) == canonical(given["spec"])


def _is_extended(stored: Manifest, given: Manifest) -> bool:
    if "members" not in stored or "members" not in given:
        return False
    return set(stored["members"]) < set(given["members"])


def _changed(out: Path, old: Any, new: Any) -> SpecChanged:
    of_members = all(isinstance(s, dict) and "configs" in s for s in (old, new))
    lines = list((member_differences if of_members else differences)(old, new))
    shown = "\n  ".join(lines[:_SHOWN_DIFFERENCES])
    more = len(lines) - _SHOWN_DIFFERENCES
    return SpecChanged(
        f"{out} holds another specification (stored -> given):\n  {shown}"
        + (f"\n  and {more} more" if more > 0 else "")
        + "\nName another folder, or give the stored specification."
    )


def _is_unknown(stored: Manifest, given: Manifest) -> bool:
    """Whether the versions are neither those of the beginning nor accepted ones."""
    known = [stored["versions"], *stored.get("accepted_versions", [])]
    return _of_bits(given["versions"]) not in [_of_bits(one) for one in known]


def _other_versions(
    out: Path, stored: Manifest, given: Mapping[str, Any]
) -> VersionChanged:
    lines = "; ".join(differences(_of_bits(stored["versions"]), _of_bits(given)))
    return VersionChanged(
        f"{out} was begun with other versions or settings, which give other bits: "
        f"{lines}. Bring back the first, name another folder, or accept the change "
        "(`--accept-version-change`; in Python `accept_version_change=True`)."
    )


def _of_bits(versions: Mapping[str, Any]) -> dict[str, Any]:
    names = (*_BIT_VERSIONS, *_BIT_SETTINGS)
    return {name: versions[name] for name in names if name in versions}


def _read_accepted(path: Path) -> dict[str, Any]:
    try:
        versions: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged(path) from error
    if path.name != f"accepted-{spec_hash(versions)[:12]}.json":
        raise _damaged(path)
    return versions
