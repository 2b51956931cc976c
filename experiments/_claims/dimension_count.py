"""What `dimension_count` claims of its rows, and whether it holds."""

from pathlib import Path

import pandas as pd

from experiments._verdicts import Verdict, said

PAPER = "Koehler et al. (2022)"


WORDS = {
    "sigmoid": "sigmoid",
    "sphere": "sphere, from a variance of exp(-3)",
    "sphere_narrow": "sphere, from a variance of exp(-6)",
}
"""Curved data, and where the decoder's variance begins."""


def counts(rows: pd.DataFrame, name: str) -> str:
    """How many runs of each case count how many, the least and the most."""
    by_case = rows.groupby(["true_dim", "features", "units"])[name]
    return "; ".join(
        f"{key[0]} in {key[1]} with {key[2]} units: "
        + "/".join(f"{one:g}" for one in sorted(set(values)))
        for key, values in by_case
    )


def linear_right(wide: pd.DataFrame) -> Verdict:
    """Units with a posterior, and columns of the decoder, where there are enough."""
    right = (wide["counted"] == wide["true_dim"]) & (
        wide["reached"] == wide["true_dim"]
    )
    return Verdict(
        "linear, as many units as dimensions or more: the posterior variances near 0 and "
        "the columns of the decoder are as many as the data have dimensions",
        "every run",
        f"{PAPER}, Theorem 1 and Table 1",
        f"so in {right.sum()} of {len(right)} runs ({counts(wide, 'counted')})",
        "none wrong",
        "a count; where it begins hardly matters: "
        f"variances that count are below {wide['largest counted'].max():.1g}, others above "
        f"{wide['least other'].min():.2f}",
        bool(right.all()),
    )


def linear_variance(wide: pd.DataFrame) -> Verdict:
    """What is left of the decoder's variance where the data have none beside."""
    largest = wide["decoder_variance"].max()
    return Verdict(
        "and the decoder's variance goes to 0",
        "0",
        f"{PAPER}, Theorem 1",
        f"{largest:.1e} at most",
        "1e-5",
        "a hundred times what an earlier trial of other seeds ended at",
        bool(largest < 1e-5),
    )


def linear_support(wide: pd.DataFrame) -> Verdict:
    """What is drawn beside the data's space."""
    largest = wide["padding"].max()
    return Verdict(
        "and what is drawn lies in the data's space",
        "0",
        f"{PAPER}, Table 1",
        f"mean square beside it {largest:.1e} at most",
        "1.2e-3",
        "ten times the largest of an earlier trial of other seeds",
        bool(largest < 1.2e-3),
    )


def too_few_units(narrow: pd.DataFrame) -> Verdict:
    """With fewer units than dimensions the variance is what they cannot explain."""
    errors = (narrow["decoder_variance"] / narrow["variance theory"] - 1).abs()
    return Verdict(
        "linear, fewer units than dimensions: the decoder keeps the variance that is left",
        said(narrow["variance theory"].to_numpy(), 4),
        "Tipping & Bishop (1999), Eq. 8",
        f"{said(narrow['decoder_variance'].to_numpy(), 4)}, off by "
        f"{100 * errors.max():.2f} % at most",
        "5 %",
        "the smallest eigenvalues are learnt last",
        bool(errors.max() < 0.05),
    )


def at_least(rows: pd.DataFrame, kind: str) -> Verdict:
    """A code of fewer units cannot tell all points of the data apart."""
    enough = rows["counted"] >= rows["true_dim"]
    return Verdict(
        f"{kind}: no run counts fewer dimensions than the data have",
        "every run",
        "invariance of dimension: a decoder without noise needs as many",
        f"so in {enough.sum()} of {len(rows)} runs ({counts(rows, 'counted')})",
        "none wrong",
        "a count",
        bool(enough.all()),
    )


def exactly(rows: pd.DataFrame, kind: str) -> Verdict:
    """Whether the linear result carries over; the paper says that it often does not."""
    right = rows["counted"] == rows["true_dim"]
    return Verdict(
        f"{kind}: every run counts exactly the dimensions of the data (open in the paper)",
        "every run, if as in the linear case",
        f"{PAPER}, Section 6, where it fails for some",
        f"so in {right.sum()} of {len(rows)} runs; decoder variance "
        f"{rows['decoder_variance'].min():.1e} to {rows['decoder_variance'].max():.1e}",
        "none wrong",
        "reported as found",
        bool(right.all()),
    )


def of_page(page: Path) -> list[Verdict]:
    """Of the saved rows."""
    return verdicts_of(pd.read_csv(page / "table.csv"))


def verdicts_of(table: pd.DataFrame) -> list[Verdict]:
    """All of them."""
    linear = table[table["source"] == "linear"]
    enough = linear["units"] >= linear["true_dim"]
    found = [
        linear_right(linear[enough]),
        linear_variance(linear[enough]),
        linear_support(linear[enough]),
        too_few_units(linear[~enough]),
    ]
    for kind, words in WORDS.items():
        own = table[table["source"] == kind]
        found += [at_least(own, words), exactly(own, words)]
    return found
