"""`vae-jax compare`: two folders or groups of members, pair by pair."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from vae_jax.cli._paths import expanded
from vae_jax.records import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from vae_jax.results import Case, Comparison, Difference

FEW = 3
"""Pairs, of which an interval by Student's t begins to be of use: of two it is 12.7
standard errors to either side, of three 4.3."""

SHOWN = 8
"""Values of a setting that a line holds."""


def compare(
    a: tyro.conf.Positional[str],
    b: tyro.conf.Positional[str],
    /,
) -> None:
    """Print how the metrics of two groups of members differ, pair by pair.

    Members are paired by their seed and by every setting of which both groups have a value;
    the other settings are what is compared. Of every metric the mean difference B - A is
    printed with its 95 % interval, that of Student's t over the pairs, and beside it how
    verdicts changed. FOLDER:where chooses members of a folder, as in runs/sweep:beta=2 or
    runs/sweep:schedule=linear,beta=1; a setting that is named twice may have either value.

    Args:
        a: a run folder, or FOLDER:where.
        b: what is compared with it.
    """
    from vae_jax import results

    groups = [chosen(text) for text in (a, b)]
    if set(_who(groups[0])) & set(_who(groups[1])):
        raise ValueError(
            f"`a` and `b` must be other members; got {a!r} and {b!r}, which share some. "
            "Choose by FOLDER:where, such as runs/sweep:beta=1 and runs/sweep:beta=2."
        )
    found = results.compare_runs(*groups)
    print_comparison(found, [(a, len(groups[0])), (b, len(groups[1]))])


def chosen(text: str) -> "pd.DataFrame":
    """The rows of a folder, or those of them that `where` chooses.

    Raises:
        ValueError: no such setting, or no row has these values; names what there is.
    """
    from vae_jax import results

    folder, conditions = split_where(text)
    place = expanded(Path(folder))
    runs = results.read(place).runs.to_pandas()
    wanted: dict[str, list[str]] = {}
    for name, value in conditions:
        wanted.setdefault(name, []).append(value)
    for name, values in wanted.items():
        if name not in runs:
            raise ValueError(
                f"`{text}` must name a setting of its runs; got {name!r}."
                f"{did_you_mean(name, [str(column) for column in runs])}"
            )
        fits = [any(is_value(cell, value) for value in values) for cell in runs[name]]
        if not any(fits):
            known = ", ".join(dict.fromkeys(map(str, runs[name])))
            raise ValueError(
                f"`{text}` must choose a member; none has {name} = "
                f"{' or '.join(values)}. There are {known or 'no members yet'}."
            )
        runs = runs[fits]
    if runs.empty:
        raise ValueError(f"{place} has no results yet; give the command that began it.")
    told: pd.DataFrame = runs.assign(folder=str(place.absolute()))
    return told


def split_where(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The folder, and names with values.

    >>> split_where("runs/a:beta=1,seed=0")
    ('runs/a', [('beta', '1'), ('seed', '0')])
    >>> split_where("runs/10:30")
    ('runs/10:30', [])
    """
    folder, _, where = text.rpartition(":")
    if not folder or "=" not in where:
        return text, []
    pairs = [part.partition("=") for part in where.split(",")]
    if not all(name and equals and value for name, equals, value in pairs):
        raise ValueError(
            "`where` must be names and values, as in FOLDER:beta=1,seed=0; got "
            f"{where!r}."
        )
    return folder, [(name.strip().replace("-", "_"), value) for name, _, value in pairs]


def is_value(cell: Any, text: str) -> bool:
    """Whether a cell of a table is what was written.

    >>> is_value(2.0, "2"), is_value(None, "none"), is_value("linear", "linear")
    (True, True, True)
    """
    if cell is None or cell != cell:
        return text.lower() == "none"
    if isinstance(cell, bool):
        return str(cell).lower() == text.lower()
    try:
        return float(cell) == float(text)
    except (TypeError, ValueError):
        return str(cell) == text


def _who(runs: "pd.DataFrame") -> list[tuple[str, int]]:
    return list(zip(runs["folder"], runs["member"], strict=True))


def print_comparison(found: "Comparison", groups: "list[tuple[str, int]]") -> None:
    """What is compared, a table a case, and what the numbers are."""
    for letter, (text, size), left in zip("AB", groups, found.unpaired, strict=True):
        alone = f", {left} of them without a partner" if left else ""
        print(f"{letter}: {text} ({counted(size, 'member')}{alone})")
    print("\nCompared:" if found.compared else "\nAll settings are the same.")
    for name, both in found.compared.items():
        print(f"  {name}: {listed(both[0])} -> {listed(both[1])}")
    print(
        "\nPairs have the same seed and all other settings. Nats per example, units of z; "
        "low and\nhigh are the 95 % interval of the mean of B - A, by Student's t over the "
        "pairs."
    )
    for case in found.cases:
        print_case(case)
    if len(found.cases) > 1:
        pairs = sum(case.num_pairs for case in found.cases)
        print(f"\nAll cases together: {counted(pairs, 'pair')}")
        print_differences(found.overall)
    if any(case.num_pairs < FEW for case in found.cases):
        print(
            f"\nAn interval of fewer than {FEW} pairs says little: of two, Student's t has "
            "one degree of\nfreedom, and of one there is no interval. Train more seeds."
        )
    if not found.same_data:
        print(
            "\nThe data of A and B differ (`data_digest`), of which initial parameters and "
            "what validates are a part."
        )


def print_case(case: "Case") -> None:
    """A row a metric, and how verdicts changed."""
    settings = ", ".join(f"{name}={value}" for name, value in case.settings.items())
    print(f"\n{settings or 'All'}: {counted(case.num_pairs, 'pair')}")
    print_differences(case.differences)
    for (before, after), number in case.verdicts.items():
        change = (
            f"stay {before}" if before == after else f"turn from {before} to {after}"
        )
        print(f"Verdicts: {number} of {case.num_pairs} {change}.")


def print_differences(differences: "Sequence[Difference]") -> None:
    """A row a metric; what says how exact another is, is none."""
    import pandas as pd

    rows = [
        {
            "metric": one.metric,
            "A": one.first,
            "B": one.second,
            "B - A": one.mean,
            "low": one.low,
            "high": one.high,
            "pairs": one.num_pairs,
        }
        for one in differences
        if not one.metric.endswith(("_error", "_ceiling"))
    ]
    table = pd.DataFrame(rows)
    print(
        table.to_string(
            index=False, na_rep="-", float_format=lambda value: f"{value:.4g}"
        )
    )


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "pair"), counted(2, "pair")
    ('1 pair', '2 pairs')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def listed(values: "list[Any]") -> str:
    """Some values of a setting.

    >>> listed([0.5, None])
    '0.5, none'
    """
    shown = ["none" if value is None else str(value) for value in values]
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more
