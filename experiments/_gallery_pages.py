"""The pages of the gallery: one record each, for the runner and for the table above all.

A page that has no record is found all the same, and told in the words of its docstring
(Claim, Command, Minutes). A record is shorter, and names a part of a page, as `--full` is.
"""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from experiments import _pages

HERE = Path(__file__).parent
RUNNER = "gallery"
PAPER = re.compile(r"[A-Z][\w'-]+(?: et al\.| & [A-Z][\w'-]+)? \((?:19|20)\d\d\)")


class Page(NamedTuple):
    """One figure of the gallery, and how it is made.

    Attributes:
        name: of its committed rows and pictures.
        title: what it is about.
        paper: whose claim it tests.
        claim: what is claimed, in a sentence.
        module: below `experiments`; the name where it is empty.
        options: of the command, where it is a part of that page.
    """

    name: str
    title: str
    paper: str
    claim: str
    module: str = ""
    options: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The module below `experiments`.

        >>> Page("map_text", "Maps", "", "", "map", ("--text",)).source
        'map'
        """
        return self.module or self.name

    @property
    def command(self) -> str:
        """What runs it.

        >>> Page("map_text", "Maps", "", "", "map", ("--text",)).command
        'python -m experiments.map --text'
        """
        return " ".join(("python -m", f"experiments.{self.source}", *self.options))


PAGES = (
    Page(
        "annealing_schedules",
        "annealing schedules, the main job",
        "Bowman et al. (2016), Chen et al. (2017)",
        "a strong decoder collapses where a weak one does not; annealing delays it; at "
        "beta = 2 a smaller receptive field and free bits bring information back",
    ),
    Page(
        "annealing_schedules_full",
        "the same, complete",
        "Bowman et al. (2016), Chen et al. (2017)",
        "every schedule x beta x decoder x free bits x seed, 360 members",
        "annealing_schedules",
        ("--full",),
    ),
    Page(
        "linear_theory",
        "the linear VAE",
        "Lucas et al. (2019), Wang & Ziyin (2022)",
        "a linear VAE trained by the engine ends at the optimum that the eigenvalues "
        "predict",
    ),
    Page(
        "constraint_theory",
        "constraints on the rate",
        "Rezende & Viola (2018), Pelsmaeker & Aziz (2020)",
        "GECO, minimum rate, capacity, free bits, decoders of fixed slope, BN-VAE and "
        "delta-VAE end where the eigenvalues say",
    ),
    Page(
        "remedies",
        "remedies on equal footing",
        "those of the remedies",
        "every remedy keeps the code of the same strong decoder, with the same budget",
    ),
    Page(
        "cyclical_annealing",
        "cyclical annealing",
        "Fu et al. (2019)",
        "on ten sequences every schedule ends at the entropy of the data, the cyclical one "
        "with the larger KL",
    ),
    Page(
        "lagging_inference",
        "lagging inference",
        "He et al. (2019)",
        "basic training collapses because the encoder lags; an encoder that is trained "
        "first follows the true posterior",
    ),
    Page(
        "decoder_power",
        "the phase diagram of collapse",
        "Chen et al. (2017), Lucas et al. (2019)",
        "on digits, more units collapse the larger beta is and the more the decoder sees",
    ),
    Page(
        "decoder_power_text",
        "the same for text",
        "Bowman et al. (2016)",
        "beta x word dropout, LSTM and Transformer: the more the decoder sees, the more "
        "units collapse",
        "decoder_power",
        ("--text",),
    ),
    Page(
        "text_collapse",
        "an LSTM VAE on the Brown corpus",
        "Bowman et al. (2016)",
        "plain training ignores z, annealing has its spike of KL, remedies hold a code "
        "beside a language model",
    ),
)


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
    path = (results or _pages.RESULTS) / "minutes.csv"
    rows = pd.read_csv(path).set_index("page").to_dict("index") if path.exists() else {}
    return {page.name: cost(page, rows.get(page.name)) for page in found}


def cost(page: Page, row: dict[str, float] | None) -> Cost:
    """Of one page; a part of it that nobody measured has no cost of its own."""
    if row is not None:
        minutes = float(row["minutes"])
        shown = f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.2g}"
        return Cost(minutes, f"{shown} on {int(row['cores'])} cores")
    path = HERE / f"{page.source}.py"
    if page.options or not path.exists():
        return Cost(None, "not measured")
    said = first_sentence(field(docstring(path), "Minutes"))
    number = re.search(r"\d+(?:\.\d+)?", said)
    if number is None:
        return Cost(None, "not measured")
    return Cost(float(number.group()), said)
