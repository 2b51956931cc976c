"""`vae-jax diagnose`: is a stored run collapsed, and why do we say so?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from vae_jax.cli._paths import expanded

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20


def diagnose(run: tyro.conf.Positional[Path], /, member: int | None = None) -> None:
    """Print the verdict on every member of a stored run, with its reasons.

    Args:
        run: folder of a run or sweep.
        member: only this one.
    """
    from vae_jax import results
    from vae_jax.cli._tables import print_runs

    folder = expanded(run)
    stored = results.read(folder)
    total = stored.runs.num_rows + len(stored.missing)
    if not stored.runs.num_rows:
        raise ValueError(
            f"{folder} has no results yet: 0 of {total} members are finished. Give the "
            "command that began it again, and it goes on."
        )
    runs = chosen(stored.runs.to_pandas(), member, total)
    print_runs(runs)
    for row in runs.to_dict("records"):
        print_verdict(row)
    if stored.missing:
        print(f"\n{stored.runs.num_rows} of {total} members are finished.")
    print(f"\nResults: {folder}")


def chosen(runs: "pd.DataFrame", member: int | None, total: int) -> "pd.DataFrame":
    """All rows, or that of one member."""
    if member is None:
        return runs
    known = runs["member"].tolist()
    if member not in known:
        finished = f"0 to {total - 1}"
        if len(known) < total:
            more = ", ..." if len(known) > SHOWN else ""
            finished = f"those finished, {', '.join(map(str, known[:SHOWN]))}{more}"
        raise ValueError(f"`member` must be one of {finished}; got {member}.")
    return runs[runs["member"] == member]


def print_verdict(row: dict[Any, Any]) -> None:
    """What one member came to; a program of your own may measure something else."""
    verdict = row.get("verdict")
    # a run that diverged has that for a verdict
    words = dict.fromkeys(w for w in (row["status"], verdict) if isinstance(w, str))
    print(f"\nmember {row['member']}: {', '.join(words)}")
    for reason in values(row.get("reasons")):
        print(f"  - {reason}")
    if row["status"] == "diverged":
        return
    units = ", ".join(f"{value:.3g}" for value in values(row.get("kl_per_unit")))
    if units:
        print(f"  KL per unit (nats): {units}")


def values(cell: Any) -> list[Any]:
    """Of a column of lists; none where the value is missing.

    >>> values(["a"]), values(None), values(float("nan"))
    (['a'], [], [])
    """
    return list(cell) if hasattr(cell, "__len__") else []
