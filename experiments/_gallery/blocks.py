"""What stands in `README.md` between markers: the index, and the verdicts of every page.

Words around it are written by hand and stay. Nothing between the markers is.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from experiments import _pages
from experiments._gallery.listing import WHOLE, costs, minutes_noted
from experiments._gallery.records import Page
from experiments._verdicts import FILE, Verdict

INDEX = "index"
END = "<!-- end of {} -->"
BEGIN = "<!-- {}: written by `python -m experiments.gallery --redraw` -->"
HEADS = ("figure", "command", "minutes", "verdicts that hold", "paper", "claim")
LAST_SECTIONS = "\n## benchmarks/"


def cell(text: object) -> str:
    r"""One line that does not end the cell.

    >>> print(cell("P(a | b)"))
    P(a \| b)
    """
    return " ".join(str(text).split()).replace("|", "\\|")


def as_lines(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table in Markdown."""
    ruler = "|" + "---|" * len(heads)
    body = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return ["| " + " | ".join(heads) + " |", ruler, *body]


def verdicts_in(folder: Path) -> pd.DataFrame | None:
    """Of a page's folder; None where it has none."""
    path = folder / f"{FILE}.csv"
    if not path.exists():
        return None
    return pd.read_csv(path, dtype={"holds": bool}, keep_default_na=False)


def counted(table: pd.DataFrame | None) -> str:
    """How many hold, as words.

    >>> counted(pd.DataFrame({"holds": [True, False]}))
    '1 of 2 hold'
    """
    if table is None:
        return "none committed"
    return f"{int(table['holds'].sum())} of {len(table)} hold"


def marked(name: str, lines: Sequence[str]) -> str:
    """Between its markers."""
    return "\n".join((BEGIN.format(name), *lines, END.format(name)))


def block_of(name: str) -> re.Pattern[str]:
    """Finds what `marked` makes, whatever it holds."""
    begin, end = re.escape(BEGIN.format(name)), re.escape(END.format(name))
    return re.compile(f"{begin}.*?{end}", flags=re.S)


def without_blocks(text: str) -> str:
    """Only what is written by hand."""
    any_name = re.escape(BEGIN).replace(r"\{\}", "(?P<name>.*?)")
    end = re.escape(END).replace(r"\{\}", "(?P=name)")
    return re.sub(f"{any_name}.*?{end}", "", text, flags=re.S)


def index(found: Sequence[Page]) -> str:
    """A row a figure, what it costs and what came of it; below, the cost of all."""
    known, rows = costs(found), []
    tables = [verdicts_in(_pages.RESULTS / page.name) for page in found]
    for page, table in zip(found, tables, strict=True):
        rows.append(
            [
                f"[{page.name}]({page.source}.py){pictures(page)}",
                f"`{page.command}`",
                known[page.name].words,
                linked(page, table),
                page.paper,
                page.claim,
            ]
        )
    lines = [*as_lines(HEADS, rows), "", *total(tables, minutes_noted().get(WHOLE))]
    return marked(INDEX, lines)


def total(
    tables: Iterable[pd.DataFrame | None], whole: Mapping[str, float] | None
) -> list[str]:
    """How many claims hold, and what the gallery took, where that was measured.

    >>> table = pd.DataFrame({"holds": [True, False]})
    >>> total([table, None], {"minutes": 80.4, "cores": 2})[1]
    '`python -m experiments.gallery` took 80 minutes of 2 cores.'
    """
    held = [holds for table in tables if table is not None for holds in table["holds"]]
    lines = [f"In all {sum(held)} of {len(held)} verdicts hold."]
    if whole is not None:
        took = f"{whole['minutes']:.0f} minutes of {int(whole['cores'])} cores"
        lines.append(f"`python -m experiments.gallery` took {took}.")
    return lines


def linked(page: Page, table: pd.DataFrame | None) -> str:
    """How many hold, with the way to them, and to the words on those that do not.

    >>> linked(Page("maps", "Maps", "", ""), pd.DataFrame({"holds": [True, False]}))
    '[1 of 2 hold](#verdicts-of-maps), [why](#maps)'
    """
    held = counted(table)
    if table is None:
        return held
    why = "" if table["holds"].all() else f", [why](#{page.source})"
    return f"[{held}](#{anchor(page)}){why}"


def anchor(page: Page) -> str:
    """Of the heading of its verdicts.

    >>> anchor(Page("map_text", "Maps", "", "", "map", ("--text",)))
    'verdicts-of-map_text'
    """
    return f"verdicts-of-{page.name}"


def pictures(page: Page) -> str:
    """Links to every form that its picture is committed in."""
    forms = [form for form in _pages.FORMS if picture(page, form).exists()]
    links = [f"[{form[1:].upper()}](figures/{page.name}{form})" for form in forms]
    return f": {', '.join(links)}" if links else ""


def picture(page: Page, form: str) -> Path:
    """Where it is committed."""
    return _pages.FIGURES / f"{page.name}{form}"


def verdict_lines(page: Page, table: pd.DataFrame) -> list[str]:
    """A heading to link to, the count, then a row a claim; what fails is in bold."""
    rows = [
        [*row, "holds" if held else "**FAILS**"]
        for *row, held in table[list(Verdict._fields)].itertuples(index=False)
    ]
    rows_link = f"[rows](results/{page.name}/)"
    head = f"Of `{page.command}` {counted(table)}; {rows_link}."
    heads = (*Verdict._fields[:-1], "result")
    title = f"### Verdicts of {page.name}"
    return ["", title, "", head, "", *as_lines(heads, rows), ""]


def capitalised(claim: str) -> str:
    """A claim as a sentence begins.

    >>> capitalised("the KL of a linear VAE")
    'The KL of a linear VAE'
    """
    return claim[:1].upper() + claim[1:]


def section(page: Page) -> str:
    """That of a page which nobody has written words for yet."""
    lines = [f"## {page.source}", "", f"{page.title}. {capitalised(page.claim)}.", ""]
    if picture(page, ".png").exists():
        lines += [f"![{page.title}](figures/{page.name}.png)", ""]
    return "\n".join(lines)


def with_blocks(text: str, found: Sequence[Page]) -> str:
    """The text with the index and every page's verdicts made anew.

    Args:
        text: of `README.md`; it must have the markers of the index.
        found: the pages; one without a section gets one before the benchmarks, and its
            verdicts stand at the end of the section where they had no markers.

    Raises:
        ValueError: no place for the index.
    """
    if not block_of(INDEX).search(text):
        raise ValueError(f"The text must have {BEGIN.format(INDEX)!r} and its end.")
    text = replaced(text, INDEX, index(found))
    for page in found:
        table = verdicts_in(_pages.RESULTS / page.name)
        if table is None:
            continue
        name = f"verdicts of {page.name}"
        made = marked(name, verdict_lines(page, table))
        if not block_of(name).search(text):
            text = with_place(text, page, made)
        text = replaced(text, name, made)
    return text


def replaced(text: str, name: str, made: str) -> str:
    """With the block of a name made anew; a backslash in it is one."""
    return block_of(name).sub(lambda _: made, text)


def with_place(text: str, page: Page, made: str) -> str:
    """With the block at the end of the page's section."""
    if not re.search(rf"^## {re.escape(page.source)}$", text, flags=re.M):
        place = text.find(LAST_SECTIONS)
        place = len(text) if place < 0 else place
        text = f"{text[:place].rstrip()}\n\n{section(page)}{text[place:]}"
    start = re.search(rf"^## {re.escape(page.source)}$", text, flags=re.M)
    assert start is not None
    end = text.find("\n## ", start.end())
    end = len(text) if end < 0 else end
    return f"{text[:end].rstrip()}\n\n{made}\n{text[end:]}"


def report(done: Sequence[tuple[Page, Path, float]], folder: Path) -> str:
    """A page of what was run here: a section a page, with links into its folder.

    Args:
        done: every page, where its results are, and its minutes.
        folder: where the report is, for the links.
    """
    parts = ["# What was run here", ""]
    for page, results, minutes in done:
        link = Path(os.path.relpath(results, folder)).as_posix()
        parts += [
            f"## {page.name}",
            "",
            f"{page.title}. {capitalised(page.claim)}.",
            "",
        ]
        parts += [f"`{page.command}`, {minutes:.1f} minutes: [results]({link}).", ""]
        if (results / f"{page.name}.png").exists():
            parts += [f"![{page.title}]({link}/{page.name}.png)", ""]
        table = verdicts_in(results / "page")
        if table is not None:
            rows = [
                [row["claim"], row["expected"], row["found"], row["tolerance"]]
                + ["holds" if row["holds"] else "**FAILS**"]
                for row in table.to_dict("records")
            ]
            heads = ("claim", "expected", "found", "tolerance", "result")
            parts += [*as_lines(heads, rows), ""]
    return "\n".join(parts)
