"""What a run folder was begun with: enough to go on without the file of its settings."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from vae_jax import results
from vae_jax.configs import Run, from_mapping
from vae_jax.sweeps.devices._options import Options
from vae_jax.sweeps.spec._places import ELSEWHERE, located


class Begun(NamedTuple):
    """The runs and options of a folder.

    Attributes:
        configs: its members, in order.
        options: how it was begun; what is shown or logged is not kept.

    >>> Begun([], Options()).options.width
    64
    """

    configs: list[Run]
    options: Options


def begun(out: str | os.PathLike[str]) -> Begun:
    """The runs and options that a folder was begun with; `run` goes on with them.

    Raises:
        FileNotFoundError: `out` is not a run folder.
        ValueError: its members were made by a program or of arrays of a script, of which
            no settings say what they are, or their files are not known to this machine.
        results.DamagedFile: its manifest is damaged.
    """
    out = Path(out)
    manifest = results.read_manifest(out)
    spec = manifest["spec"]
    if "input_of" not in spec:
        raise ValueError(
            f"{out} was written by an earlier version, or by a program of your own, and "
            "does not say of what its members were made. Run that again."
        )
    inputs = [spec["inputs"][place] for place in spec["input_of"]]
    if any("make_job" in one.get("sources", {}) for one in inputs):
        raise ValueError(
            f"the members of {out} were made by a `make_job` of a script, and no settings "
            "say what it is. Run that script again: it goes on."
        )
    configs = [
        located(config, one)
        for config, one in zip(spec["configs"], inputs, strict=True)
    ]
    for config in configs:
        _refuse_lost(out, config)
    runs = [from_mapping(config) for config in configs]
    return Begun(runs, Options(**manifest.get("options", {})))


def _refuse_lost(out: Path, config: dict[str, Any]) -> None:
    for name, value in config.items():
        if isinstance(value, str) and value.startswith(ELSEWHERE):
            raise ValueError(
                f"where {value.removeprefix(ELSEWHERE)!r} lies, `{name}` of {out}, is not "
                "known to this machine: results hold no path. Give the file of the sweep "
                f"instead: `vae-jax sweep SPEC.toml --out {out}`."
            )
