"""To which run a file of results belongs, and to which member."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vae_jax.results._manifest import Manifest


def bound(manifest: Manifest, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """To which run the rows belong."""
    members = [row["member_id"] for row in rows]
    known = manifest.get("members")
    if known is not None and (foreign := sorted(set(members) - set(known))):
        raise ValueError(
            f"rows must be of members of the run; the manifest has no {foreign}"
        )
    total = None if known is None else len(known)
    return {"spec_hash": manifest["spec_hash"], "members": members, "total": total}


def whose(binding: Mapping[str, Any], member: str) -> dict[str, str]:
    """What a file of parameters says of itself."""
    total = json.dumps(binding["total"])
    return {"spec_hash": binding["spec_hash"], "member_id": member, "total": total}
