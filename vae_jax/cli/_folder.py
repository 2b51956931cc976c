"""`vae-jax sweep status`, `resume` and `repair`: of a folder, without its TOML file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.cli._said import said
from vae_jax.cli._scale import Scale

if TYPE_CHECKING:
    from vae_jax.folders import Status

Folder = Annotated[
    tyro.conf.Positional[Path], said("FOLDER", "The folder of the results.")
]

MOST_COHORTS = 50
"""Lines of cohorts; of more only those that have not ended."""


def status(out: Folder, /) -> None:
    """Print how far a run is, from its folder alone, while processes work on it.

    A member is finished or diverged once it is stored; running where a process has it in
    hand, on whatever machine; stopped where none has and its state is saved; else left.
    Nothing is written, and no process is waited for.
    """
    from vae_jax import folders

    out = expanded(out)
    found = folders.status(out)
    print(table(found))
    if found.last_write:
        print(f"Last written on {found.last_write}.")
    if found.finished_at:
        print(f"All had ended on {found.finished_at}.")
    for problem in found.problems:
        print(problem)
    print(advice(out, found))


def table(found: "Status") -> str:
    """A line a cohort, and one of all.

    >>> from vae_jax.folders import MemberState, Status
    >>> from vae_jax.results import Survey
    >>> one = MemberState(0, 0, "finished", 50, 50, "collapsed")
    >>> print(table(Status((one,), None, None, (), Survey((), {}, {}))))
    cohort  members  finished  diverged  running  stopped  left  collapsed saved at step
       all        1         1         0        0        0     0          1             -
    """
    import pandas as pd

    cohorts = sorted({-1 if m.cohort is None else m.cohort for m in found.members})
    several: list[int | None] = [None if c < 0 else c for c in cohorts]
    rows = [_row(found, str((c or 0) + 1), c) for c in several] if cohorts[1:] else []
    if len(rows) > MOST_COHORTS:
        rows = [
            row for row in rows if row["finished"] + row["diverged"] < row["members"]
        ]
    frame = pd.DataFrame([*rows, _row(found, "all", "all")])
    return str(frame.to_string(index=False))


def _row(found: "Status", name: str, cohort: Any) -> dict[str, Any]:
    from vae_jax.folders import STATES

    members = [one for one in found.members if cohort in ("all", one.cohort)]
    saved = [m.step for m in members if m.state in ("running", "stopped") and m.step]
    steps = f"{min(saved)} to {max(saved)}" if saved else "-"
    return (
        {"cohort": name, "members": len(members)}
        | {state: found.count(state, cohort) for state in STATES}
        | {"collapsed": sum(one.word == "collapsed" for one in members)}
        | {"saved at step": steps if len(set(saved)) != 1 else str(saved[0])}
    )


def advice(out: Path, found: "Status") -> str:
    """What to do next, in a command.

    >>> from vae_jax.folders import Status
    >>> from vae_jax.results import Survey
    >>> advice(Path("runs/a"), Status((), None, None, (), Survey((), {}, {})))
    'Nothing is left to do: vae-jax diagnose runs/a'
    """
    if found.problems:
        return f"What to do: vae-jax sweep repair {out} --dry-run"
    if any(one.state in ("stopped", "left") for one in found.members):
        return f"To go on: vae-jax sweep resume {out}"
    if found.count("running"):
        return "Processes have all that is left in hand."
    return f"Nothing is left to do: vae-jax diagnose {out}"


def resume(
    out: Folder,
    /,
    scale: Annotated[Scale, tyro.conf.arg(name="")] = Scale(),  # noqa: B008
    devices: Annotated[
        int | None, said("INT", "So many virtual CPU devices are made at most.")
    ] = None,
    accept_version_change: Annotated[
        bool,
        said("", "A run is resumed although JAX is not the version it began with."),
    ] = False,
    quiet: Annotated[
        bool, said("", "No table is drawn, and nothing is said on the way.")
    ] = False,
    log_jsonl: Annotated[
        Path | None,
        said(
            "FILE", "A line of JSON for every logged step and member is appended to it."
        ),
    ] = None,
) -> None:
    """Go on with the run of a folder, with the settings and options it began with.

    The file of the sweep is not needed. Own data are found where they were on this machine;
    where they lie stands in no folder of results, so that on another machine the file of
    the sweep says it.
    """
    from vae_jax import sweeps
    from vae_jax.cli._sweep import run_and_report

    out = expanded(out)
    found = sweeps.begun(out)
    options = found.options._replace(
        accept_version_change=accept_version_change,
        progress=not quiet,
        metrics_file=log_jsonl,
    )
    run_and_report(found.configs, out, "resume", options, devices, scale=scale)


def repair(
    out: Folder,
    /,
    dry_run: Annotated[
        bool, said("", "It is printed what would be done, and nothing is moved.")
    ] = False,
) -> None:
    """Verify every file of a run, and set aside what is damaged or of another run.

    Nothing is deleted: it goes to a folder of the moment in `set-aside`, below the run.
    Members whose rows and parameters are whole stay. What may not or cannot be read is no
    damage, and stops the repair.
    """
    from vae_jax import folders

    out = expanded(out)
    found = folders.repair(out, dry_run=dry_run)
    for one in found.moved:
        print(one.why)
    would = "would be" if dry_run else "were" if len(found.moved) != 1 else "was"
    if found.moved:
        where = found.aside.parent if dry_run else found.aside
        number = len(found.moved)
        print(f"{number} of them {would} moved to {where}; nothing is deleted.")
    else:
        print(f"Every file of {out} is what was written.")
    if found.again:
        shown = ", ".join(map(str, found.again[:20])) + " ..." * bool(found.again[20:])
        print(f"Members to be run: {len(found.again)} ({shown}).")
        print(f"To run them: vae-jax sweep resume {out}")
