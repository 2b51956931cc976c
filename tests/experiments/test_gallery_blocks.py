"""What stands between the markers of the gallery is made of records and committed rows."""

import csv
import doctest
import re

import pytest

from experiments import _pages, _verdicts
from experiments._gallery import (
    blocks,
    listing,
    process,
    progress,
    readme,
    records,
    state,
)
from experiments._gallery.listing import cost, costs, pages
from experiments._gallery.records import PAGES, Page

HEADER = "claim,expected,source,found,tolerance,why,holds\n"
DOC = '''"""Where the lottery ends: Kingma et al. (2016), beside Li et al. (2019).

Claim: free bits by Kingma et al. (2016) hold the KL; who loses
    is not seen. Another one.
Command: `python -m experiments.lottery`
Minutes: 3.5 on 2 CPU cores; resumable.
Numbers: `experiments/results/lottery/`.

More words, of Fu et al. (2019).
"""
'''


@pytest.mark.parametrize(
    "module",
    [
        blocks,
        listing,
        process,
        progress,
        records,
        state,
        _pages,
        _verdicts,
    ],
    ids=lambda module: module.__name__,
)
def test_examples_of_the_documentation(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def of(text, name):
    return blocks.block_of(name).search(text).group()


def test_the_index_has_a_row_a_page_with_its_counts():
    lines = of(readme.GALLERY.read_text(), "index").splitlines()
    rows = [line for line in lines if line.startswith("| [")]
    assert len(rows) == len(pages()) >= len(PAGES)
    for page, row in zip(pages(), rows, strict=True):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == len(blocks.HEADS)
        assert cells[0].startswith(f"[{page.name}]({page.source}.py)")
        assert cells[1] == f"`{page.command}`"
        path = _pages.RESULTS / page.name / "verdicts.csv"
        if path.exists():
            with path.open() as file:
                holds = [line["holds"] == "True" for line in csv.DictReader(file)]
            heading = f"verdicts-of-{page.name}"
            why = "" if all(holds) else f", [why](#{page.source})"
            assert cells[3] == f"[{sum(holds)} of {len(holds)} hold](#{heading}){why}"


def test_a_verdict_that_fails_is_in_sight():
    text, failed = readme.GALLERY.read_text(), 0
    for page in pages():
        path = _pages.RESULTS / page.name / "verdicts.csv"
        if not path.exists():
            continue
        block = of(text, f"verdicts of {page.name}")
        with path.open() as file:
            own = [row for row in csv.DictReader(file) if row["holds"] == "False"]
        assert block.count("**FAILS**") == len(own)
        for row in own:
            assert blocks.cell(row["claim"]) in block
        failed += len(own)
    assert failed > 0


def test_all_links_of_the_gallery_lead_somewhere():
    text = readme.GALLERY.read_text()
    headings = re.findall(r"^###? (.+)$", text, flags=re.M)
    sections = {heading.lower().replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("#"):
            assert link[1:] in sections, link
        else:
            assert (readme.GALLERY.parent / link).exists(), link


def test_a_number_between_markers_is_made_again():
    text = readme.GALLERY.read_text()
    wrong = re.sub(r"\d+ of \d+ hold", "99 of 99 hold", text)
    wrong = wrong.replace("**FAILS**", "holds")
    assert wrong != text
    assert blocks.with_blocks(wrong, pages()) == text
    assert "hold" not in blocks.without_blocks("a\n" + of(text, "index"))


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """One page whose only claim fails."""
    monkeypatch.setattr(_pages, "RESULTS", tmp_path)
    monkeypatch.setattr(_pages, "FIGURES", tmp_path)
    (tmp_path / "lottery").mkdir()
    line = '"P(a | b) is 1",1,A (2020),"0.5, mean",0.1,theory,False\n'
    (tmp_path / "lottery" / "verdicts.csv").write_text(HEADER + line)
    (tmp_path / "lottery.png").write_text("")
    return Page("lottery", "The lottery", "A (2020)", "it is one")


def test_a_new_page_gets_a_section_before_the_benchmarks(committed):
    begin, end = (mark.format("index") for mark in (blocks.BEGIN, blocks.END))
    text = (
        f"# All\n\n{begin}\n{end}\n\n## old\n\nWords.\n\n## benchmarks/speed\n\nEnd.\n"
    )
    made = blocks.with_blocks(text, [committed])
    assert re.findall(r"^## (\S+)$", made, flags=re.M) == [
        "old",
        "lottery",
        "benchmarks/speed",
    ]
    assert "![The lottery](figures/lottery.png)" in made
    assert (
        r"| P(a \| b) is 1 | 1 | A (2020) | 0.5, mean | 0.1 | theory | **FAILS** |"
        in made
    )
    assert "0 of 1 hold" in of(made, "index")
    # and once it is there, nothing changes, nor do words that are written beside
    assert blocks.with_blocks(made, [committed]) == made
    told = made.replace("The lottery. it is one.", "Mine.")
    assert blocks.with_blocks(told, [committed]) == told
    assert blocks.without_blocks(made).count("FAILS") == 0


def test_verdicts_stand_at_the_end_of_their_section(committed):
    begin, end = (mark.format("index") for mark in (blocks.BEGIN, blocks.END))
    text = f"{begin}\n{end}\n\n## lottery\n\nWords.\n\n## other\n\nEnd.\n"
    made = blocks.with_blocks(text, [committed])
    assert made.index("Words.") < made.index("P(a") < made.index("## other")
    with pytest.raises(ValueError, match="must have"):
        blocks.with_blocks("no place", [committed])


def test_a_page_without_a_record_is_found_by_its_docstring(tmp_path, monkeypatch):
    for name in ("lottery", "remedies", "_private", "gallery"):
        (tmp_path / f"{name}.py").write_text(DOC)
    monkeypatch.setattr(listing, "HERE", tmp_path)
    found = pages(tmp_path, PAGES)
    assert [page.name for page in found] == ["remedies", "lottery"]
    new = found[1]
    assert new.title.startswith("Where the lottery ends")
    assert new.paper == "Kingma et al. (2016), Li et al. (2019)"
    assert new.claim == "free bits by Kingma et al. (2016) hold the KL"
    assert cost(new, None) == (3.5, "3.5 on 2 CPU cores")
    row = {"minutes": 4.25, "cores": 8}
    assert cost(new, row) == (4.25, "4.2 on 8 cores")
    later = new._replace(after="other")
    assert cost(later, row | {"cores": 1}) == (4.25, "4.2 on 1 core, after other")
    # a part of a page has no minutes of its own
    assert cost(new._replace(options=("--full",)), None).minutes is None


def test_every_page_tells_claim_command_and_minutes():
    for page in pages():
        doc = listing.docstring(listing.HERE / f"{page.source}.py")
        for name in ("Claim", "Command", "Minutes"):
            assert listing.field(doc, name), page.name
    assert all(one.minutes for one in costs(PAGES).values())


def test_pictures_and_rows_stay_small():
    """20 MB of all, and no page above one MB (of 2^20 bytes)."""
    sizes = {page.name: 0 for page in pages()}
    for page in pages():
        own = [*(_pages.RESULTS / page.name).rglob("*")]
        own += [blocks.picture(page, form) for form in _pages.FORMS]
        sizes[page.name] = sum(path.stat().st_size for path in own if path.is_file())
    assert sum(sizes.values()) < 20e6
    assert max(sizes.values()) < 2**20, sizes
