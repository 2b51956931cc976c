"""Rows of a sweep as a table: a row a setting, with the spread over its seeds."""

from collections.abc import Sequence

import pandas as pd

NUMBERS = {  # column of the results: (heading, digits)
    "rate": ("rate", 2),
    "distortion": ("distortion", 2),
    "nll": ("NLL", 2),
    "mutual_information": ("MI", 3),
    "active_units": ("active", 1),
    "collapsed_units": ("collapsed", 1),
}


def summarise(runs: pd.DataFrame, settings: Sequence[str]) -> pd.DataFrame:
    """Mean, smallest and largest over the seeds of each setting, and the verdicts."""
    rows = []
    for key, group in runs.groupby(list(settings), sort=False):
        row = dict(zip(settings, key, strict=True)) | {"seeds": len(group)}
        for name, (heading, _) in NUMBERS.items():
            values = group[name]
            row[heading] = values.mean()
            row |= {f"{heading} min": values.min(), f"{heading} max": values.max()}
        counts = group["verdict"].value_counts()
        row["verdict"] = ", ".join(f"{count} {word}" for word, count in counts.items())
        rows.append(row)
    return pd.DataFrame(rows)


def print_table(table: pd.DataFrame, settings: Sequence[str]) -> None:
    """For the terminal: mean and range of every number."""
    shown = table[[*settings, "seeds"]].copy()
    for heading, digits in NUMBERS.values():
        triples = zip(
            table[heading],
            table[f"{heading} min"],
            table[f"{heading} max"],
            strict=True,
        )
        shown[heading] = [
            f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
            for mean, low, high in triples
        ]
    shown["verdict"] = table["verdict"]
    print("Nats per example at beta = 1, units of z: mean over seeds (min-max).")
    print(shown.to_string(index=False))
