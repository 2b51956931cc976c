"""`vae-jax report`: refusals come early and say what to do; numbers alone need no JAX."""

import subprocess
import sys

import pytest
from page_reader import read_page
from report_folder import folder, grid

from vae_jax import cli, report, sweeps
from vae_jax.report import _page


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "check_library", lambda: None)
    monkeypatch.setattr(_page, "library", lambda: "var vegaEmbed;")
    monkeypatch.setattr(sweeps, "setup_jax", lambda *_: None)
    return tmp_path


def refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["report", *words])
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_a_page_of_numbers(here, capsys):
    folder(here / "run", grid(3, 2), left=[5])
    cli.main(["report", "run", "--pictures", "0"])
    printed = capsys.readouterr().out
    assert "5 of 6 members are finished." in printed
    assert "Report: run-report.html (0." in printed
    tree = read_page((here / "run-report.html").read_text())
    assert tree.one("h1").text == "Report of run"
    assert not tree.every("section", id="drawn")
    cli.main(["report", "run", "--pictures", "0", "--out", "other.html"])
    assert (here / "other.html").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "`run` must be a folder of results; there is no nowhere."),
        (["a.txt"], "a.txt is a file"),
        (["empty"], "not a run folder"),
        (["run", "--out", "a.pdf"], "`--out` must end in .html; got a.pdf."),
        (["run", "--out", "no/a.html"], "Make no first."),
        (["run", "--out", "a.html"], "a.html is something else"),
        (["run", "--pictures", "-1"], "`--pictures` must be from 0 to 24"),
        (["run", "--pictures", "1", "--members", "0"], "Give one of them"),
        (["run", "--members", "1"], r"(0, 2, 3, 4, 5); got 1."),
        (["run", "--members", "17"], r"(0, 2, 3, 4, 5); got 17."),
        (["run", "run"], "each another"),
        (["begun"], "begun has no results yet: 0 of 2 members are finished."),
        ([], "`run` must be given: the folder of a run or a sweep"),
    ],
)
def test_what_cannot_be_done_is_refused(here, capsys, words, message):
    folder(here / "run", grid(3, 2), diverged=[1])
    folder(here / "begun", grid(2, 1), left=[0, 1])
    (here / "empty").mkdir()
    (here / "a.txt").write_text("")
    (here / "a.html").write_text("mine")
    assert message in refused(words, capsys)
    assert not list(here.glob("*-report.html"))


def test_a_damaged_folder_is_refused_as_elsewhere(here, capsys):
    folder(here / "run", grid(1, 2))
    [shard] = (here / "run" / "shards").iterdir()
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(bytes(content))
    assert "shard-00000" in refused(["run", "--pictures", "0"], capsys)


def test_a_missing_library_is_told_before_anything_is_read(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    said = refused(["nowhere"], capsys)
    assert "pip install 'vae-jax[report]'" in said


def test_members_that_cannot_draw_are_told_of(here, capsys):
    """The digests of their data are made up: the page is made, and says so."""
    folder(here / "run", grid(2, 1))
    cli.main(["report", "run", "--members", "1"])
    tree = read_page((here / "run-report.html").read_text())
    assert (
        "Member 1: mlp on digits, healthy, beta=2"
        in tree.one("section", id="drawn").text
    )
    assert "It cannot draw:" in tree.one("section", id="drawn").text


WITHOUT_JAX = """
import sys
from vae_jax.report import _page
import vae_jax.report
vae_jax.report.check_library = lambda: None
_page.library = lambda: ""
from vae_jax import cli
cli.main(["report", sys.argv[1], "--pictures", "0", "--out", sys.argv[2]])
print("loaded", *sorted({"jax", "flax", "matplotlib", "orbax"} & set(sys.modules)))
"""


def test_numbers_need_no_jax(tmp_path):
    run = folder(tmp_path / "run", grid(2, 1))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_JAX, str(run), str(tmp_path / "a.html")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "loaded"
