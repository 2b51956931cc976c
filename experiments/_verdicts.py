"""What a page claims, what was found, and whether it holds: rows of `verdicts.csv`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

FILE = "verdicts"
"""Of a page's folder, beside its other rows."""


class Verdict(NamedTuple):
    """One claim beside what was found.

    Attributes:
        claim: a sentence that can be wrong.
        expected: the number of the paper or of the theory, with its unit.
        source: where that number stands, as "Author (year), Eq. n".
        found: ours, with the spread over seeds or an interval.
        tolerance: how far off it may be.
        why: where the tolerance comes from: theory, a source, or other seeds.
        holds: whether it does.
    """

    claim: str
    expected: str
    source: str
    found: str
    tolerance: str
    why: str
    holds: bool


def said(values: Sequence[float] | np.ndarray, digits: int = 3) -> str:
    """The mean and the range of several runs, or the one number.

    >>> said([1.0, 2.0, 3.0], 1)
    '2.0 (1.0 to 3.0)'
    """
    numbers = np.asarray(values, np.float64).ravel()
    if len(numbers) == 1:
        return f"{numbers[0]:.{digits}f}"
    low, high = numbers.min(), numbers.max()
    return f"{numbers.mean():.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def as_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a claim."""
    return pd.DataFrame(verdicts, columns=list(Verdict._fields))


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Every claim in two lines, and how many hold."""
    for one in verdicts:
        print(f"{'holds' if one.holds else 'FAILS'}: {one.claim}")
        print(
            f"    expected {one.expected} ({one.source}); found {one.found}; "
            f"tolerance {one.tolerance} ({one.why})"
        )
    held = sum(one.holds for one in verdicts)
    print(f"Verdicts: {held} of {len(verdicts)} hold.")
