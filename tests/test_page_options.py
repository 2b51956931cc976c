"""What all pages share: `--publish` never replaces rows of a whole page by fewer."""

import importlib
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest

import vae_jax
from experiments import _pages
from experiments._table import summarise

ROOT = Path(_pages.__file__).parent
PAGES = sorted(
    f"experiments.{path.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')}"
    for path in (*ROOT.glob("*.py"), *ROOT.glob("benchmarks/*.py"))
    if not path.name.startswith("_")
)


def refused(module, options, monkeypatch, capsys):
    """What the page says before it does anything else."""
    monkeypatch.setattr(sys, "argv", [module, *options])
    monkeypatch.setattr(_pages, "publish", None)
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module(module).main()
    return capsys.readouterr().err


@pytest.mark.parametrize("module", PAGES)
def test_no_page_publishes_a_smoke_run(module, monkeypatch, capsys):
    told = refused(module, ["--smoke", "--publish"], monkeypatch, capsys)
    assert "must run the whole page; got it with --smoke" in told


@pytest.mark.parametrize(
    ("name", "part", "value"),
    [
        ("families", "--families", "MLP"),
        ("peers", "--families", "MLP"),
        ("peers", "--arms", "PyTorch"),
        ("device", "--families", "MLP"),
        ("diagnostics", "--sizes", "300"),
    ],
)
def test_no_page_publishes_a_part_of_itself(name, part, value, monkeypatch, capsys):
    module = f"experiments.benchmarks.{name}"
    told = refused(module, ["--publish", part, value], monkeypatch, capsys)
    assert f"got it with {part}" in told


def asked(*options):
    parser = _pages.page_parser("A page.\n")
    parser.add_argument("--models", nargs="+", default=["small", "large"])
    sys.argv[1:] = options
    return _pages.page_arguments(parser, ["models"])


@pytest.fixture(autouse=True)
def own_command_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["page"])


def test_a_part_is_run_and_the_whole_is_published():
    assert asked("--models", "small").models == ["small"]
    assert asked("--smoke").smoke
    assert asked("--publish").publish
    assert asked("--publish", "--models", "large", "small").publish


def test_rows_are_saved_and_published_where_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_pages, "RESULTS", tmp_path)
    table, out = pd.DataFrame({"rate": [1.25, 2.0]}), tmp_path / "runs" / "one"
    _pages.finish_rows("page", table, out, published=False)
    assert not (tmp_path / "page.csv").exists()
    (tmp_path / "origin.csv").write_text("page,date,vae_jax,jax,jaxlib,python\n")
    _pages.finish_rows("page", table, out, published=True)
    assert (tmp_path / "page.csv").read_text() == "rate\n1.25\n2\n"
    assert f"Results: {out}" in capsys.readouterr().out


def test_published_rows_carry_date_and_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(_pages, "RESULTS", tmp_path)
    old = "page,date,vae_jax,jax,jaxlib,python\nother,2026-11-25,0.1.0,,,\npage,,,,,\n"
    (tmp_path / "origin.csv").write_text(old)
    _pages.finish_rows("page", pd.DataFrame({"x": [1]}), tmp_path / "run", True)
    noted = pd.read_csv(tmp_path / "origin.csv", index_col="page")
    assert noted.loc["page", "jax"] == version("jax")
    assert noted.loc["page", "vae_jax"] == vae_jax.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", noted.loc["page", "date"])
    # what nobody noted stays unknown
    assert noted.loc["other"].isna().tolist() == [False, False, True, True, True]


def test_every_committed_page_says_where_its_rows_are_from():
    pages = {path.stem for path in _pages.RESULTS.iterdir()} - {"origin", "minutes"}
    noted = pd.read_csv(_pages.RESULTS / "origin.csv", index_col="page")
    assert set(noted.index) == pages
    assert noted[["date", "vae_jax"]].notna().all(axis=None)


def test_a_page_that_was_never_published_cannot_be_drawn_again(monkeypatch, capsys):
    options = ["--full", "--redraw"]
    told = refused("experiments.decoder_power", options, monkeypatch, capsys)
    assert "decoder_power_full does not exist" in told
    assert "Traceback" not in told


def test_seeds_are_summarised_by_hand():
    runs = pd.DataFrame(
        {
            "arm": ["b", "b", "a"],
            "mutual_information": [1.0, 3.0, 5.0],
            "verdict": ["healthy", "healthy", "collapsed"],
        }
    )
    table = summarise(runs, ["arm"], {"mutual_information": ("MI", 2)})
    assert table.to_numpy().tolist() == [
        ["b", 2, 2.0, 1.0, 3.0, "2 healthy"],
        ["a", 1, 5.0, 5.0, 5.0, "1 collapsed"],
    ]
    assert list(table) == ["arm", "seeds", "MI", "MI min", "MI max", "verdict"]
