"""What a sweep was: its settings, data, versions and times, and how to run it again."""

from collections.abc import Mapping, Sequence
from typing import Any

from vae_jax import results
from vae_jax.report._again import spec_toml
from vae_jax.report._members import Member, differing
from vae_jax.report._sweep import Manifest, Sweep
from vae_jax.report._values import NONE, ordered, shown_number, text_of

SHOWN = 12
"""Values of a setting that are listed; of more there is the number."""

LONGEST_FILE = 100_000
"""Characters of a TOML file that is shown; a longer one is nothing to copy."""

Pairs = list[tuple[str, str]]


def settings_pairs(members: Sequence[Member]) -> tuple[Pairs, Pairs]:
    """Settings in which members differ with their values, and those that all share."""
    apart = differing(members)
    names = dict.fromkeys(name for one in members for name in one.settings)
    others = [(name, _values(members, name)) for name in apart]
    shared = [
        (name, members[0].settings.get(name, NONE))
        for name in names
        if name not in apart
    ]
    return others, shared


def _values(members: Sequence[Member], name: str) -> str:
    each = ordered(one.settings.get(name, NONE) for one in members)
    more = f" and {len(each) - SHOWN} more" if len(each) > SHOWN else ""
    return "; ".join(each[:SHOWN]) + more


def origin_pairs(sweep: Sweep, name: str) -> Pairs:
    """Of one folder: its specification, data, versions, machine and times."""
    manifest = sweep.manifests[name]
    several = len(sweep.manifests) > 1
    rows = [row for row in sweep.rows if not several or row["folder"] == name]
    pairs = [("specification, SHA-256", str(manifest["spec_hash"]))]
    pairs += _data(manifest, rows)
    pairs += [(f"version of {n}", text_of(v)) for n, v in manifest["versions"].items()]
    accepted = manifest.get("accepted_versions", ())
    pairs += [("accepted later", text_of(one)) for one in accepted]
    return pairs + _machine(manifest, rows) + _times(name, rows)


def _data(manifest: Manifest, rows: Sequence[Mapping[str, Any]]) -> Pairs:
    """Digests of the data of the members, and of the user's own files."""
    inputs = manifest["spec"].get("inputs", [])
    pairs = dict.fromkeys(
        (f"{kind} {name}, SHA-256" if kind == "data" else f"{kind} {name}", text_of(v))
        for one in inputs
        for kind, named in one.items()
        for name, v in named.items()
    )
    digests = {row["data_digest"] for row in rows if row.get("data_digest")}
    return [*pairs, *(("data in all", digest) for digest in sorted(digests))]


def _machine(manifest: Manifest, rows: Sequence[Mapping[str, Any]]) -> Pairs:
    found = {
        name: ordered(text_of(row[name]) for row in rows if row.get(name) is not None)
        for name in ("device", "num_devices", "threads", "strategy")
    }
    pairs = [(n, "; ".join(values)) for n, values in found.items() if values]
    if not found["device"] and "device" in manifest:
        pairs.append(("device", text_of(manifest["device"])))
    return pairs


def _times(name: str, rows: Sequence[Mapping[str, Any]]) -> Pairs:
    pairs: Pairs = []
    began = [row["started_at"] for row in rows if row.get("started_at")]
    if began:
        pairs.append(("began", min(began)))
    if (ended := results.finished_at(name)) is not None:
        pairs.append(("all had ended", ended))
    seconds = [row["wall_seconds"] for row in rows if row.get("wall_seconds")]
    if seconds:
        pairs.append(("seconds, of all members", shown_number(float(sum(seconds)))))
    return pairs


def again(sweep: Sweep, name: str) -> str | None:
    """The TOML file of a folder's runs; None where it is of no settings, or too long."""
    configs = sweep.manifests[name]["spec"].get("configs", [])
    if not configs or not all("num_steps" in one for one in configs):
        return None
    found = spec_toml(configs)
    return found if len(found) <= LONGEST_FILE else None
