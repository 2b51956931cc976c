"""A stored member is what it was: the same data, and the same files of the user's own."""

from collections.abc import Mapping
from typing import Any

from vae_jax import assembly, sweeps
from vae_jax.configs import Run

DIGESTS = sweeps.DataDigests()
"""Of arrays that were looked at: members share their data."""


def check_inputs(stored: Mapping[str, Any], job: assembly.Job, run: Run) -> None:
    """Refuse a job that was made of other inputs than a stored member.

    Args:
        stored: what the manifest says of the member's data and sources.
        job: made of its settings now.
        run: its settings.

    Raises:
        ValueError: names what has changed.
    """
    check_sources(stored, run)
    found = sweeps.inputs_of(job, assembly.job, DIGESTS)
    data = stored["data"]
    changed = sorted(n for n in data if data[n] != found["data"].get(n))
    if changed:
        raise ValueError(
            f"dataset={run.data.chosen_name!r} is other data than the member was trained "
            f"on: {', '.join(changed)} have other digests. Put back the files of then, or "
            "train anew."
        )


def check_sources(stored: Mapping[str, Any], run: Run) -> None:
    """Refuse a member whose settings name other functions than it was trained with.

    Raises:
        ValueError: names the file that has changed.

    >>> check_sources({"sources": {}}, Run())
    """
    found = assembly.named_sources(run)
    sources = dict(stored.get("sources", {}))
    if "make_job" in sources:
        raise ValueError(
            "the member was made by a `make_job` of your own, and no settings say what it "
            "is; `results.load` has its parameters, for your own program to use."
        )
    for path in sorted(set(sources) | set(found)):
        if sources.get(path) != found.get(path):
            raise ValueError(
                f"{path} has changed since the member was trained: its file, or one of "
                "yours that it imports, is another. Put back the file that trained it, or "
                "train anew."
            )


def inputs_of_member(manifest: Mapping[str, Any], member: int) -> Mapping[str, Any]:
    """What the manifest says that a member was made of.

    Raises:
        ValueError: it says nothing, as of folders of earlier versions.
    """
    spec = manifest["spec"]
    if "inputs" not in spec:
        raise ValueError(
            "the folder does not say by what data its members were trained: it was written "
            "by an earlier version, or by a program of your own. `results.load` has the "
            "parameters."
        )
    found: Mapping[str, Any] = spec["inputs"][spec["input_of"][member]]
    return found
