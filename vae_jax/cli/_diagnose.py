"""`vae-jax diagnose`: is a stored run collapsed, and why do we say so?"""

from pathlib import Path

import tyro

from vae_jax import results
from vae_jax.cli._tables import print_runs


def diagnose(run: tyro.conf.Positional[Path], /, member: int | None = None) -> None:
    """Print the verdict on every member of a stored run, with its reasons.

    Args:
        run: folder of a run or sweep.
        member: only this one.
    """
    runs = results.read(run).runs.to_pandas()
    if member is not None:
        if member not in set(runs["member"]):
            raise ValueError(
                f"`member` must be one of 0 to {runs['member'].max()}; got {member}."
            )
        runs = runs[runs["member"] == member]
    print_runs(runs)
    for row in runs.to_dict("records"):
        # a run that diverged has that for a verdict
        words = dict.fromkeys((row["status"], row["verdict"]))
        print(f"\nmember {row['member']}: {', '.join(words)}")
        for reason in row["reasons"]:
            print(f"  - {reason}")
        if row["status"] == "diverged":
            continue
        units = ", ".join(f"{value:.3g}" for value in row["kl_per_unit"])
        print(f"  KL per unit (nats): {units}")
    print(f"\nResults: {run}")
