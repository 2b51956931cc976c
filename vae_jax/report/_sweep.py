"""What run folders hold, members that have not ended included."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vae_jax import folders, results

if TYPE_CHECKING:
    import pandas as pd

Manifest = dict[str, Any]
"""What a run folder is, as JSON."""

ELSEWHERE = "<elsewhere>/"
"""What stands in a stored path for the folders before its last name."""

UNFINISHED = {"running": "running", "stopped": "interrupted", "left": "not begun"}
"""Words for what a folder says of a member that is not stored; a row that says "stopped"
is of one that had collapsed."""


class Waiting(NamedTuple):
    """A member that has not ended.

    Attributes:
        number: among those of all folders.
        folder: that it is of.
        settings: that it has, as far as the folder says.
        state: running, interrupted or not begun.
        step: the last that is on disk.
        total: steps in all; 0 where the folder does not say.

    >>> Waiting(0, "runs/a", {"beta": 1.0}, "not begun", 0, 100).state
    'not begun'
    """

    number: int
    folder: str
    settings: Mapping[str, Any]
    state: str
    step: int
    total: int


class Sweep(NamedTuple):
    """The members of one run folder, or of several.

    Attributes:
        manifests: what each folder is, by its name.
        rows: settings and metrics of the members that have ended.
        metrics: their course: a row a member and step.
        waiting: the members that have not ended.

    >>> Sweep._fields
    ('manifests', 'rows', 'metrics', 'waiting')
    """

    manifests: dict[str, Manifest]
    rows: list[dict[str, Any]]
    metrics: "pd.DataFrame"
    waiting: list[Waiting]

    @property
    def total(self) -> int:
        """Members in all."""
        return len(self.rows) + len(self.waiting)


def read_sweep(runs: Sequence[str | os.PathLike[str]]) -> Sweep:
    """Read run folders for a report.

    Args:
        runs: one folder or more; of several the members are numbered on.

    Raises:
        ValueError: no folder, one that is not there or is named twice, or none of their
            members has ended.
        FileNotFoundError: one is no run folder.
        results.DamagedFile: a file does not match its checksum.

    >>> read_sweep(["no/such/folder"])
    Traceback (most recent call last):
    ...
    ValueError: `run` must be a folder of results; there is no no/such/folder.
    """
    names = [os.path.normpath(os.fspath(run)) for run in runs]
    for name in names:
        if not Path(name).is_dir():
            fault = "is a file" if Path(name).exists() else "there is no"
            said = f"{name} {fault}" if fault == "is a file" else f"{fault} {name}"
            raise ValueError(f"`run` must be a folder of results; {said}.")
    # of one folder there is no column that says which
    stored = results.read(names[0] if len(names) == 1 else names)
    manifests = stored.manifest.get("folders", {names[0]: stored.manifest})
    waiting = list(_waiting(manifests, stored))
    if not stored.runs.num_rows:
        raise ValueError(
            f"{', '.join(names)} has no results yet: 0 of {len(waiting)} members are "
            "finished. Give the command that began it again, and it goes on."
        )
    rows = stored.runs.to_pylist()
    return Sweep(manifests, rows, stored.to_pandas().metrics, waiting)


def page_names(names: Iterable[str]) -> dict[str, str]:
    """Folder: what a page that others read calls it, without where absolute ones lie.

    >>> page_names(["/home/me/runs/a", "/home/me/runs/b"])
    {'/home/me/runs/a': '<elsewhere>/a', '/home/me/runs/b': '<elsewhere>/b'}
    >>> page_names(["runs/a"])
    {'runs/a': 'runs/a'}
    """
    places = {name: os.path.abspath(name) for name in names}
    if not any(map(os.path.isabs, places)):
        return {name: name for name in places}
    above = os.path.commonpath([os.path.dirname(place) for place in places.values()])
    return {n: ELSEWHERE + os.path.relpath(p, above) for n, p in places.items()}


def _waiting(
    manifests: Mapping[str, Manifest], stored: results.Results
) -> Iterator[Waiting]:
    """The members that have not ended, folder by folder."""
    missing, offset = set(stored.missing), 0
    for name, manifest in manifests.items():
        size = len(manifest.get("members", ())) or _stored_size(name)
        own = sorted(
            number - offset for number in missing if 0 <= number - offset < size
        )
        known = _states(name, manifest) if own else {}
        configs = manifest["spec"].get("configs", [])
        for number in own:
            settings = configs[number] if number < len(configs) else {}
            state, step, total = "not begun", 0, int(settings.get("num_steps") or 0)
            if number in known:
                one = known[number]
                # stored since the rows were read: the next report has it
                state = UNFINISHED.get(one.state, "running")
                step, total = one.step, one.total
            yield Waiting(number + offset, name, settings, state, step, total)
        offset += size


def _stored_size(name: str) -> int:
    """Members of a folder whose manifest lists none."""
    numbers = results.read(name).runs["member"].to_pylist()
    return max(numbers, default=-1) + 1


def _states(name: str, manifest: Manifest) -> dict[int, "folders.MemberState"]:
    """How far members are, where the folder is of settings with a number of steps."""
    configs = manifest["spec"].get("configs", [])
    told = all("num_steps" in one for one in configs)
    if not told or len(configs) != len(manifest.get("members", ())):
        return {}
    return {one.number: one for one in folders.status(name).members}
