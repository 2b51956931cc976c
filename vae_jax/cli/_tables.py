"""Tables of runs for the terminal."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from vae_jax.configs import Run
    from vae_jax.sweeps import CohortPlan

METRICS = {
    "rate": "rate",
    "distortion": "distortion",
    "nll": "NLL",
    "mutual_information": "MI",
    "active_units": "active",
    "collapsed_units": "collapsed",
    "verdict": "verdict",
}
"""Columns of results, and their names in a table; nats per example, and units of z."""

MOST_VALUES = 12
"""Of a setting, whose verdicts fit on a line or two."""


def varied(runs: "pd.DataFrame") -> list[str]:
    """The settings in which the runs differ; those of one's own records are among them.

    >>> import pandas as pd
    >>> varied(pd.DataFrame({"beta": [1, 2], "latent_dim": [8, 8]}))
    ['beta']
    """
    columns = [str(name) for name in runs]
    # a row is its numbers, its settings, its status and what was measured
    end = columns.index("status") if "status" in columns else len(columns)
    fields = [name for name in columns[:end] if name not in ("member", "member_id")]
    return [name for name in fields if runs[name].astype(str).nunique() > 1]


def print_runs(runs: "pd.DataFrame", among: "pd.DataFrame | None" = None) -> None:
    """A row a member: what distinguishes it, its status, its metrics.

    Args:
        runs: the members.
        among: those that they are told from; the same by default.
    """
    apart = varied(runs if among is None else among)
    columns = ["member", *apart, "status", *(m for m in METRICS if m in runs)]
    table = runs[columns].rename(columns=METRICS)
    splits = set(runs.get("eval_split", ()))
    of = f" of the {splits.pop()} split" if len(splits) == 1 else ""
    print(f"Nats per example{of}; NLL is an importance-weighted bound; units of z.")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    for line in verdicts_by(runs):
        print(line)


def verdicts_by(runs: "pd.DataFrame") -> list[str]:
    """How often each verdict was given to the members of each value of a setting.

    Of one setting a line; seeds are what is counted. Settings of many values have none.

    >>> import pandas as pd
    >>> verdicts_by(pd.DataFrame({
    ...     "beta": [1.0, 1.0, 4.0], "seed": [0, 1, 0],
    ...     "verdict": ["healthy", "healthy", "collapsed"]}))
    ['Verdicts by beta: 1.0: 2 healthy; 4.0: 1 collapsed.']
    """
    if "verdict" not in runs or len(runs) < 2:
        return []
    lines = []
    for name in varied(runs.drop(columns="verdict")):
        # of numbers in their order; lists and words by how they are written
        values = runs[name] if runs[name].dtype.kind in "if" else runs[name].astype(str)
        groups = runs["verdict"].fillna("no verdict").groupby(values)
        if name == "seed" or not 1 < groups.ngroups <= MOST_VALUES:
            continue
        said = [
            f"{value}: "
            + ", ".join(f"{n} {word}" for word, n in own.value_counts().items())
            + means_of(runs.loc[own.index])
            for value, own in groups
        ]
        lines.append(f"Verdicts by {name}: {'; '.join(said)}.")
    return lines


def means_of(runs: "pd.DataFrame") -> str:
    """The mean rate and information of some members, in brackets.

    >>> import pandas as pd
    >>> means_of(pd.DataFrame({"rate": [2.0, 3.0], "mutual_information": [2.0, 2.5]}))
    ' (mean rate 2.5, MI 2.25)'
    """
    found = [
        f"{METRICS[name]} {runs[name].mean():.3g}"
        for name in ("rate", "mutual_information")
        if name in runs and runs[name].notna().any()
    ]
    return f" (mean {', '.join(found)})" if found else ""


def next_command(out: Any, runs: "pd.DataFrame") -> str:
    """What says why the verdicts are as they are, with a picture where there is one.

    That is of the member that says the least.

    >>> import pandas as pd
    >>> next_command("runs/a", pd.DataFrame({"member": [0], "status": ["diverged"]}))
    'vae-jax diagnose runs/a'
    """
    command = f"vae-jax diagnose {out}"
    drawn = runs["status"] != "diverged"
    for name, plain in (("prior", "standard"), ("condition", "none")):
        if name in runs:
            drawn &= runs[name].fillna(plain) == plain
    if not drawn.any():
        return command
    found = runs[drawn]
    if "mutual_information" in found:
        found = found.sort_values("mutual_information")
    member = "" if len(runs) == 1 else f" --member {found['member'].iloc[0]}"
    return f"{command}{member} --picture report.png"


def print_plan(configs: "Sequence[Run]", cohorts: "Sequence[CohortPlan]") -> None:
    """A row a cohort: what tells it from the others, its members, steps and bytes."""
    import pandas as pd

    from vae_jax.configs import to_mapping

    settings = [to_mapping(config) for config in configs]
    common = pd.DataFrame(
        [in_common([settings[m] for m in c.members]) for c in cohorts]
    )
    rows = [
        {
            "members": len(cohort.members),
            "at once": min(cohort.resident, len(cohort.members)),
            "by": "the quicker" if cohort.measured else cohort.strategy,
            "member-steps": cohort.num_steps,
            "state": megabytes(cohort.state_bytes),
            "data": megabytes(cohort.data_bytes),
            "stored": megabytes(cohort.params_bytes + cohort.kept_bytes),
        }
        for cohort in cohorts
    ]
    total, steps = (
        sum(len(c.members) for c in cohorts),
        sum(c.num_steps for c in cohorts),
    )
    stored = megabytes(sum(c.params_bytes + c.kept_bytes for c in cohorts))
    print(
        "A cohort is what shares one compiled program. Megabytes: state is of the members "
        "at once,\ndata on each device, stored the parameters of all, and their "
        "final states with\n--keep-state; what a step computes comes on top. By the "
        "quicker: a run times both\nways first."
    )
    shared = common.dropna(axis=1, how="any") if len(cohorts) > 1 else common
    table = pd.concat([shared[varied(shared)], pd.DataFrame(rows)], axis=1)
    print(table.to_string(index=False))
    print(
        f"\nMembers: {total}. Cohorts, and programs: {len(cohorts)}. "
        f"Member-steps: {steps}. Megabytes to store: {stored}.\n"
        "Nothing was compiled or written, and what a folder holds already was not asked."
    )


def in_common(settings: "Sequence[dict[str, Any]]") -> dict[str, str]:
    """What all members of a cohort have set to the same.

    >>> in_common([{"beta": 1.0, "model": "mlp"}, {"beta": 2.0, "model": "mlp"}])
    {'model': 'mlp'}
    """
    texts = [{name: str(value) for name, value in one.items()} for one in settings]
    first, *others = texts
    return {n: v for n, v in first.items() if all(one.get(n) == v for one in others)}


def megabytes(size: int) -> str:
    """Of a number of bytes, to three digits.

    >>> megabytes(12_345_678)
    '12.3'
    """
    return f"{size / 1e6:.3g}"
