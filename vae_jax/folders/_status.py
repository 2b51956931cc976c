"""How far a run is, read from its folder alone while processes work on it."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from vae_jax import results
from vae_jax.folders._claimed import claimed
from vae_jax.folders._saves import SaveFound, saves_in

State = Literal["finished", "diverged", "running", "stopped", "left"]
STATES: tuple[State, ...] = ("finished", "diverged", "running", "stopped", "left")


class MemberState(NamedTuple):
    """One member of a run.

    Attributes:
        number: its place in the manifest.
        cohort: which compiled program is its; None where the folder does not say.
        state: `finished` or `diverged` once it is stored, were it hopeless and stopped;
            `running` where a process has it in hand; `stopped` where none has and a save is
            there; else `left`.
        step: the last that is on disk.
        total: steps in all.
        word: a verdict, or `diverged`, once it is stored.

    >>> MemberState(0, 0, "left", 0, 100).word
    ''
    """

    number: int
    cohort: int | None
    state: State
    step: int
    total: int
    word: str = ""


class Status(NamedTuple):
    """A run folder at one moment.

    Attributes:
        members: of the run, in order.
        last_write: date and time of the newest file; None where there is none.
        finished_at: when the last member ended, as the folder says it.
        problems: a sentence for every file that is damaged or belongs elsewhere.
        survey: the shards as they were read, for the next look.
    """

    members: tuple[MemberState, ...]
    last_write: str | None
    finished_at: str | None
    problems: tuple[str, ...]
    survey: results.Survey

    def count(self, state: State, cohort: int | None | Literal["all"] = "all") -> int:
        """Members in a state, of a cohort or of all."""
        return sum(
            one.state == state and cohort in ("all", one.cohort) for one in self.members
        )


def status(
    out: str | os.PathLike[str], earlier: results.Survey | None = None
) -> Status:
    """How far a run is; nothing is written or locked.

    Shards are verified whole, saves by their records alone: `repair` looks at every byte.

    Args:
        out: the run folder.
        earlier: `survey` of a status before, whose shards are not read again.

    Raises:
        FileNotFoundError: `out` is not a run folder.
        results.DamagedFile: its manifest is damaged.
        OSError: a file cannot be read; that is no damage.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> said = {"spec": {"configs": [{"num_steps": 50}]}, "members": ["0a" * 16]}
    >>> _ = results.create_or_open(folder, said | {"versions": {}})
    >>> [(one.state, one.step, one.total) for one in status(folder).members]
    [('left', 0, 50)]
    """
    out = Path(out)
    manifest = results.read_manifest(out)
    known = {shard.path: shard for shard in earlier.shards} if earlier else {}
    found = results.survey(out, known)
    saves = [*saves_in(out / "checkpoints")]
    whole = [save for save in saves if isinstance(save, SaveFound)]
    torn = [
        f"{save} is damaged: its record" for save in saves if isinstance(save, Path)
    ]
    ids: Sequence[str] = manifest.get("members", ())
    words = found.words()
    left = [one for one in ids if one not in words]
    members = _members(manifest, words, claimed(out, left), whole)
    notes = results.damaged_notes(out)
    return Status(
        tuple(members),
        _last_write(out),
        None if notes else results.finished_at(out),
        (*found.damaged.values(), *found.foreign.values(), *notes.values(), *torn),
        found,
    )


def _members(
    manifest: Mapping[str, object],
    words: Mapping[str, str],
    running: set[str],
    saves: Sequence[SaveFound],
) -> list[MemberState]:
    spec: dict[str, list[dict[str, int]]] = manifest["spec"]  # type: ignore[assignment]
    ids: list[str] = manifest.get("members", [])  # type: ignore[assignment]
    cohorts: list[int] = manifest.get("cohorts", [])  # type: ignore[assignment]
    steps = {
        one: save.step for save in sorted(saves, key=_step) for one in save.members
    }
    return [
        MemberState(
            number,
            cohorts[number] if number < len(cohorts) else None,
            _state(one, words, running, steps),
            config["num_steps"] if one in words else steps.get(one, 0),
            config["num_steps"],
            words.get(one, ""),
        )
        for number, (one, config) in enumerate(zip(ids, spec["configs"], strict=True))
    ]


def _state(
    one: str, words: Mapping[str, str], running: set[str], steps: Mapping[str, int]
) -> State:
    if one in words:
        return "diverged" if words[one] == "diverged" else "finished"
    if one in running:
        return "running"
    return "stopped" if one in steps else "left"


def _step(save: SaveFound) -> int:
    return save.step


def _last_write(out: Path) -> str | None:
    """Of what a run writes: the lock file is touched by nobody."""
    folders = [out, out / "shards", out / "params"]
    paths = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    paths += (out / "checkpoints").glob("*/step-*")
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:  # dropped meanwhile
            continue
    if not times:
        return None
    return datetime.fromtimestamp(max(times), UTC).isoformat(timespec="seconds")
