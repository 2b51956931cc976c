"""The page as HTML: whole, closed, escaped, with a real table, and nothing from outside."""

import json
import re

import numpy as np
import pytest
from page_reader import read_page
from report_folder import NAUGHTY, folder, grid, settings

from vae_jax import report, results
from vae_jax.report import Drawn, Images, Lines, _gather, _page


@pytest.fixture(autouse=True)
def without_library(monkeypatch):
    """The structure of a page does not depend on the charting library."""
    monkeypatch.setattr(_page, "library", lambda: "var vegaEmbed;")


def made(*folders, drawn=()):
    found = report.gather(report.read_sweep(folders))
    text = report.page(found, drawn)
    return text, read_page(text)


def rows_of(tree):
    table = tree.one("table", id="members")
    return table.one("tbody").every("tr")


def test_every_member_is_a_row_of_a_table_with_heads(tmp_path):
    _, tree = made(folder(tmp_path / "run", grid(3, 2)))
    rows = rows_of(tree)
    heads = tree.one("table", id="members").one("thead").every("th", scope="col")
    names = [head.text for head in heads]
    assert [row.one("th", scope="row").text for row in rows] == list("012345")
    assert names[:4] == ["member", "verdict", "beta", "seed"]
    assert {"ELBO (nats)", "rate, KL (nats)", "NLL (nats)", "why"} <= set(names)
    assert all(len(row.every("td")) + 1 == len(heads) for row in rows)
    # beta = 1, seed 0: -(24 + 4)
    cells = [cell.text for cell in rows[0].every("td")]
    assert cells[names.index("ELBO (nats)") - 1] == "-28"
    assert cells[names.index("beta") - 1] == "1"


def test_verdicts_are_counted_and_have_their_reasons(tmp_path):
    _, tree = made(folder(tmp_path / "run", grid(3, 2), diverged=[1], left=[3]))
    summary = tree.one("section", id="summary")
    assert (
        "5 of 6 members ended. Verdicts: 2 healthy, 2 collapsed, 1 diverged, 1 not "
        "finished." in summary.text
    )
    assert "not finite at step 7" in summary.text
    by_word = {row.attributes["data-verdict"]: row for row in rows_of(tree)}
    assert set(by_word) == {"healthy", "collapsed", "diverged", "not finished"}
    assert "vae-jax sweep resume" in by_word["not finished"].text
    assert "not begun" in by_word["not finished"].text
    options = tree.one("select", id="filter-verdict").every("option")
    assert [one.attributes["value"] for one in options][1:] == [
        "healthy",
        "collapsed",
        "diverged",
        "not finished",
    ]
    by_beta = summary.one("div", **{"aria-label": "Verdicts by beta"})
    values = [
        row.one("th", scope="row").text for row in by_beta.one("tbody").every("tr")
    ]
    assert values == ["1", "2", "4"]


def test_nothing_is_loaded_from_outside(tmp_path):
    text, tree = made(folder(tmp_path / "run", grid(2, 1)))
    assert not tree.every("link")
    for tag in ("script", "img", "iframe", "object"):
        for node in tree.every(tag):
            assert node.attributes.get("src", "data:").startswith("data:")
    policy = tree.one("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"].startswith("default-src 'none'; img-src data:;")
    assert not re.search(r"@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    assert tree.one("meta", name="viewport")


def test_links_within_the_page_lead_somewhere(tmp_path):
    _, tree = made(folder(tmp_path / "run", grid(2, 1)))
    known = {
        n.attributes["id"]
        for t in ("section", "figure")
        for n in tree.every(t, id=None)
    }
    targets = {a.attributes["href"] for a in tree.every("a")}
    assert {target.removeprefix("#") for target in targets} <= known


def test_texts_of_the_user_are_text_wherever_they_stand(tmp_path):
    configs = [settings(1.0, s, label=NAUGHTY + str(s), **{NAUGHTY: 1}) for s in (0, 1)]
    drawn = [
        Drawn(0, NAUGHTY, (Lines(NAUGHTY, (NAUGHTY,)),), (NAUGHTY,)),
        Drawn(1, "images", (Images(NAUGHTY, np.zeros((2, 4, 4))),)),
    ]
    text, tree = made(folder(tmp_path / "run", configs), drawn=drawn)
    # of the page itself there is one image, and no tag has a handler
    assert len(tree.every("img")) == 1
    assert 'onerror="' not in text
    assert len(tree.every("script")) == 3
    assert NAUGHTY in tree.one("section", id="drawn").text
    assert NAUGHTY in tree.one("section", id="configuration").text
    assert NAUGHTY + "1" in rows_of(tree)[1].text
    # what charts are made of comes out of its script as it went in
    chart = json.loads(tree.one("script", id="data").text)
    assert chart["settings"][1]["values"] == [NAUGHTY + "0", NAUGHTY + "1"]


def test_pictures_say_what_they_are(tmp_path):
    drawn = [
        Drawn(1, "mlp", (Images("samples", np.zeros((3, 8, 8, 3))),), ("No path.",))
    ]
    _, tree = made(folder(tmp_path / "run", grid(2, 1)), drawn=drawn)
    image = tree.one("section", id="drawn").one("img")
    assert image.attributes["alt"] == "3 images side by side, samples, of member 1"
    assert image.attributes["src"].startswith("data:image/png;base64,")
    assert "Of members 1." in tree.one("section", id="drawn").text
    assert "No path." in tree.one("section", id="drawn").text


def test_charts_have_a_heading_a_text_and_a_table(tmp_path):
    _, tree = made(folder(tmp_path / "run", grid(2, 1)))
    figures = tree.one("section", id="charts").every("figure")
    assert [figure.attributes["id"] for figure in figures] == [
        "plane",
        "map",
        "training",
        "schedule",
        "units",
    ]
    for figure in figures:
        assert figure.one("figcaption").one("h3").text
        assert figure.one("p", **{"class": "said", "aria-live": "polite"})
        assert figure.one("details").one("div", role="region")


def test_configuration_digests_versions_and_the_way_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, tree = made(folder("run", grid(3, 2)))
    told = tree.one("section", id="configuration").text
    for expected in ("1; 2; 4", "e" * 64, "d" * 32, "0.0.1", "0.0.2", "64, 32"):
        assert expected in told
    again = tree.one("section", id="again")
    assert "[[grid]]\nbeta = [1.0, 2.0, 4.0]\nseed = [0, 1]\n" in again.one("pre").text
    assert "vae-jax sweep resume run" in again.text


def test_several_folders_are_one_page(tmp_path):
    first = folder(tmp_path / "a", grid(2, 1))
    others = [settings(9.0, 5), settings(9.0, 6)]
    second = folder(tmp_path / "b", others, left=[1], first=50)
    _, tree = made(first, second)
    rows = rows_of(tree)
    assert [row.one("th").text for row in rows] == ["0", "1", "2", "3"]
    assert "<elsewhere>/b" in rows[2].text
    assert "<elsewhere>/b" in rows[3].text
    assert "not finished" in rows[3].text
    assert len(tree.one("section", id="again").every("h3")) == 2


def test_programs_of_ones_own_have_a_page(tmp_path):
    """Rows without a verdict, a number that is known here, or a history."""
    ids = ["a" * 32, "b" * 32]
    results.create_or_open(
        tmp_path / "run", {"spec": {"own": 1}, "versions": {}, "members": ids}
    )
    rows = [
        {
            "member": n,
            "member_id": ids[n],
            "width": n,
            "status": "finished",
            "first_bad_step": None,
            "my_score": 0.25 * n,
        }
        for n in (0, 1)
    ]
    results.commit_shard(tmp_path / "run", rows)
    _, tree = made(tmp_path / "run")
    heads = [h.text for h in tree.one("table", id="members").one("thead").every("th")]
    assert heads == ["member", "verdict", "width", "status", "my_score", "why"]
    assert "Verdicts: 2 no verdict." in tree.one("section", id="summary").text
    assert "manifest.json" in tree.one("section", id="again").text


def test_a_large_sweep_is_shown_in_part_and_counted_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(_gather, "MOST_MEMBERS", 5)
    _, tree = made(folder(tmp_path / "run", grid(3, 3)))
    numbers = [int(row.one("th").text) for row in rows_of(tree)]
    assert numbers == [0, 2, 4, 6, 8]
    said = tree.one("section", id="summary").text
    assert "The table and the charts show 5 of the 9 members" in said
    assert "6 healthy, 3 collapsed" in said


def test_an_older_report_is_replaced_and_nothing_else(tmp_path):
    text, _ = made(folder(tmp_path / "run", grid(1, 1)))
    report.write(tmp_path / "a.html", text)
    report.write(tmp_path / "a.html", text + "\n")
    assert (tmp_path / "a.html").read_text() == text + "\n"
    (tmp_path / "mine.html").write_text("<p>mine</p>")
    with pytest.raises(FileExistsError, match="something else"):
        report.write(tmp_path / "mine.html", text)
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_page_does_not_say_where_absolute_folders_lie(tmp_path):
    """It is made to be given to others; two folders are told apart all the same."""
    folders = [tmp_path / "home" / name / "run" for name in ("one", "two")]
    for place in folders:
        place.parent.mkdir(parents=True)
    folder(folders[0], grid(2, 1), left=[1])
    folder(folders[1], [settings(9.0, 5), settings(9.0, 6)], left=[1], first=50)
    text, tree = made(*map(str, folders))
    assert str(tmp_path) not in text
    assert tree.one("h1").text == "Report of run, run"
    for name in ("one", "two"):
        assert f"vae-jax sweep resume &lt;elsewhere&gt;/{name}/run" in text
    text, tree = made(str(folders[0]))
    assert str(tmp_path) not in text
    assert "write where the file lies" in text
