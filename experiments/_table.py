"""Rows of a sweep as a table: a row a setting, with the spread over its seeds."""

from collections.abc import Mapping, Sequence

import pandas as pd

Numbers = Mapping[str, tuple[str, int]]
"""Column of the runs: heading in the table, digits on the terminal."""


def summarise(
    runs: pd.DataFrame, settings: Sequence[str], numbers: Numbers
) -> pd.DataFrame:
    """Mean, smallest and largest over the seeds of each setting, and the verdicts."""
    rows = []
    for key, group in runs.groupby(list(settings), sort=False):
        row = dict(zip(settings, key, strict=True)) | {"seeds": len(group)}
        for name, (heading, _) in numbers.items():
            values = group[name]
            row[heading] = values.mean()
            row |= {f"{heading} min": values.min(), f"{heading} max": values.max()}
        counts = group["verdict"].value_counts()
        row["verdict"] = ", ".join(f"{count} {word}" for word, count in counts.items())
        rows.append(row)
    return pd.DataFrame(rows)


def print_table(
    table: pd.DataFrame, settings: Sequence[str], numbers: Numbers, title: str
) -> None:
    """For the terminal: mean and range of every number."""
    shown = table[[*settings, "seeds"]].copy()
    for heading, digits in numbers.values():
        columns = (table[f"{heading}{end}"] for end in ("", " min", " max"))
        shown[heading] = [
            f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
            for mean, low, high in zip(*columns, strict=True)
        ]
    shown["verdict"] = table["verdict"]
    print(f"{title}: mean over seeds (min-max).")
    print(shown.to_string(index=False))


def correlations(points: pd.DataFrame, along: str, across: str) -> list[float]:
    """Spearman's, of the collapsed share along one axis; of every line that is not flat."""
    found = []
    for _, line in points.groupby(across):
        if line["collapsed"].nunique() > 1:
            found.append(line[along].rank().corr(line["collapsed"].rank()))
    return found
