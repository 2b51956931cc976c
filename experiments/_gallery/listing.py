"""The pages of the gallery as the runner and the table above all have them.

A page that has no record (`records`) is found all the same, and told in the words
of its docstring (Claim, Command, Minutes).
"""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from experiments import _pages
from experiments._gallery.records import PAGES, Page

HERE = Path(__file__).parents[1]
RUNNER = "gallery"
WHOLE = "gallery"
"""What `minutes.csv` calls all pages together."""
PAPER = re.compile(r"[A-Z][\w'-]+(?: et al\.| & [A-Z][\w'-]+)? \((?:19|20)\d\d\)")


def pages(here: Path = HERE, records: Sequence[Page] = PAGES) -> list[Page]:
    """All whose code is there: the records in their order, then what has none."""
    known = {page.source for page in records}
    kept = [page for page in records if (here / f"{page.source}.py").exists()]
    others = sorted(
        path
        for path in here.glob("*.py")
        if not path.name.startswith("_") and path.stem not in {*known, RUNNER}
    )
    return [*kept, *map(from_docstring, others)]


def docstring(path: Path) -> str:
    """That of a module, which is not imported."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def field(doc: str, name: str) -> str:
    r"""What a docstring says after `Claim:`, `Command:` or `Minutes:`, in one line.

    >>> field("A page.\n\nClaim: it is so.\nMinutes: 3", "Claim")
    'it is so.'
    """
    ends = r"(?=\n[A-Z]\w+: |\n\n|\Z)"
    found = re.search(rf"^{name}: (.*?){ends}", doc, flags=re.M | re.S)
    return " ".join(found.group(1).split()) if found else ""


def first_sentence(text: str) -> str:
    """Up to the first stop that ends one, and without it.

    >>> first_sentence("By Li et al. (2019) it is so. It is not.")
    'By Li et al. (2019) it is so'
    """
    end = re.search(r"(?<! al)(?<!Eq)[.;](?=\s|$)", text)
    return text[: end.start()] if end else text


def from_docstring(path: Path) -> Page:
    """A record in the words of the page itself."""
    doc = docstring(path)
    title = doc.partition("\n")[0].rstrip(".")
    papers = dict.fromkeys(PAPER.findall(doc))
    claim = first_sentence(field(doc, "Claim"))
    return Page(path.stem, title, ", ".join(list(papers)[:2]), claim)


class Cost(NamedTuple):
    """What a page takes.

    Attributes:
        minutes: None where nobody knows.
        words: for the table.
    """

    minutes: float | None
    words: str


def costs(found: Sequence[Page], results: Path | None = None) -> dict[str, Cost]:
    """Measured minutes from `minutes.csv`, or what the docstring says."""
    rows = minutes_noted(results)
    return {page.name: cost(page, rows.get(page.name)) for page in found}


def minutes_noted(results: Path | None = None) -> dict[str, dict[str, float]]:
    """What was measured, with the cores that it had: page -> row of `minutes.csv`."""
    path = (results or _pages.RESULTS) / "minutes.csv"
    return pd.read_csv(path).set_index("page").to_dict("index") if path.exists() else {}


def cost(page: Page, row: dict[str, float] | None) -> Cost:
    """Of one page; a part of it that nobody measured has no cost of its own."""
    if row is not None:
        minutes = float(row["minutes"])
        shown = f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.2g}"
        cores = int(row["cores"])
        after = f", after {page.after}" if page.after else ""
        return Cost(minutes, f"{shown} on {cores} core{'s' * (cores > 1)}{after}")
    path = HERE / f"{page.source}.py"
    if page.options or not path.exists():
        return Cost(None, "not measured")
    said = first_sentence(field(docstring(path), "Minutes"))
    number = re.search(r"\d+(?:\.\d+)?", said)
    if number is None:
        return Cost(None, "not measured")
    return Cost(float(number.group()), said)
