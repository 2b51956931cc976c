"""The runner of the gallery: what is done is not done again, and a failure stops nothing.

Pages are small scripts, in a package of their own that stands before the real one.
"""

import argparse
import os
import signal
import sys
import threading
import time

import pandas as pd
import pytest

from experiments import _pages, gallery
from experiments._gallery import state
from experiments._gallery.listing import Cost
from experiments._gallery.process import WHERE, Stops
from experiments._gallery.process import run as run_process
from experiments._gallery.progress import Progress
from experiments._gallery.records import Page

FINISHES = """
import pathlib, sys
out = pathlib.Path("runs/{name}")
(out / "page").mkdir(parents=True, exist_ok=True)
rows = "claim,expected,source,found,tolerance,why,holds\\n"
rows += "it is,1,A (2020),1,0,law,True\\nit is not,2,A (2020),1,0,law,False\\n"
(out / "page" / "verdicts.csv").write_text(rows)
with open("told.txt", "a") as file:
    file.write(" ".join(["{name}", *sys.argv[1:]]) + "\\n")
print("Results:", out)
"""
FAILS = 'print("so far"); raise ValueError("no data in folder package")'
WAITS = """
import pathlib, signal, sys, time
def leave(signum, frame):
    print("saved"); sys.exit(128 + signum)
signal.signal(signal.SIGINT, leave)
again = pathlib.Path("stopped.txt").exists()
pathlib.Path("stopped.txt").write_text("")
if not again:
    print("waiting", flush=True)
    time.sleep(60)
pathlib.Path("runs/waits").mkdir(parents=True)
pathlib.Path("runs/waits/x").write_text("")
print("Results: runs/waits")
"""


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Pages by name: what each of them runs."""
    package = tmp_path / "experiments"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    # the scripts stand before the real package, which the parent has imported already
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(state, "HERE", package)

    def write(**codes):
        for name, code in codes.items():
            (package / f"{name}.py").write_text(code.replace("{name}", name))
        return [Page(name, f"page {name}", "A (2020)", "it is") for name in codes]

    monkeypatch.setattr(
        gallery, "costs", lambda asked: {p.name: Cost(1.0, "1") for p in asked}
    )
    return write


def runner(asked, tmp_path, **given):
    options = {"smoke": False, "publish": False, "out": None, **given}
    return gallery.Runner(asked, tmp_path / "state", argparse.Namespace(**options))


def told(tmp_path):
    return (tmp_path / "told.txt").read_text().splitlines()


def test_a_page_that_fails_says_so_and_the_others_go_on(scripts, tmp_path, capsys):
    asked = scripts(first=FINISHES, bad=FAILS, last=FINISHES)
    assert runner(asked, tmp_path).run() == 1
    assert told(tmp_path) == ["first", "last"]
    said = capsys.readouterr().out
    assert "[2/3] bad" in said
    assert "FAILED: bad (exit status 1): ValueError: no data in folder package" in said
    assert "so far" in (tmp_path / "state" / "bad.log").read_text()
    # the table at the end: one verdict of two holds
    line = next(line for line in said.splitlines() if line.split()[:1] == ["last"])
    assert line.split()[:2] == ["last", "done"]
    assert line.split()[3:] == ["1", "1", "runs/last"]
    report = (tmp_path / "state" / "README.md").read_text()
    assert "**FAILS**" in report
    assert "](../runs/first)" in report


def test_what_is_done_is_not_run_again_but_where_its_code_has_changed(
    scripts, tmp_path, capsys
):
    asked = scripts(first=FINISHES, last=FINISHES)
    assert runner(asked, tmp_path).run() == 0
    assert runner(asked, tmp_path).run() == 0
    assert told(tmp_path) == ["first", "last"]
    assert "first: done before, in runs/first" in capsys.readouterr().out
    scripts(first=FINISHES + "\nx = 1\n")
    assert runner(asked, tmp_path).run() == 0
    assert told(tmp_path) == ["first", "last", "first"]


def test_options_are_given_on(scripts, tmp_path):
    asked = scripts(first=FINISHES)
    part = asked[0]._replace(name="first_full", module="first", options=("--full",))
    assert runner([part], tmp_path, smoke=True, out=tmp_path / "all").run() == 0
    out = tmp_path / "all" / "first_full"
    assert told(tmp_path) == [f"first --full --smoke --out {out}"]


def test_an_interrupted_page_is_where_the_next_command_goes_on(
    scripts, tmp_path, capsys
):
    asked = scripts(waits=WAITS, last=FINISHES)

    def interrupt():
        while "waiting" not in log.read_text() if log.exists() else True:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    log = tmp_path / "state" / "waits.log"
    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    assert runner(asked, tmp_path).run() == 128 + signal.SIGINT
    thread.join()
    assert not (tmp_path / "told.txt").exists()
    said = capsys.readouterr().out
    assert "saved" in said
    assert "the same command goes on" in said
    known = state.load(tmp_path / "state")
    assert known["waits"].status == "interrupted"
    before = known["waits"].minutes
    assert before > 0
    assert runner(asked, tmp_path).run() == 0
    after = state.load(tmp_path / "state")["waits"]
    assert after.minutes > before
    assert after.is_measured()
    assert told(tmp_path) == ["last"]


def test_published_pages_note_their_minutes(scripts, tmp_path, monkeypatch):
    rows = "page,minutes,cores,date,measured\nold,5,2,2026-11-25,with the rows\n"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "minutes.csv").write_text(rows)
    monkeypatch.setattr(_pages, "RESULTS", tmp_path / "results")
    written = []
    monkeypatch.setattr(gallery.readme, "main", lambda: written.append(True))
    asked = scripts(first=FINISHES)
    # done before, without publishing: the minutes of both are those of the page
    runner(asked, tmp_path).run()
    assert not written
    runner(asked, tmp_path, publish=True).run()
    runner(asked, tmp_path, publish=True).run()
    assert told(tmp_path) == ["first", "first --publish"]
    assert written == [True, True]
    noted = pd.read_csv(tmp_path / "results" / "minutes.csv", index_col="page")
    assert noted.loc["old", "minutes"] == 5
    assert noted.loc["first", "measured"] == "by the gallery"
    assert 0 < noted.loc["first", "minutes"] < 1


def test_a_run_that_is_older_than_the_gallery_is_not_measured(tmp_path):
    (tmp_path / "x").write_text("")
    own = state.Standing("key", "done", results=str(tmp_path))
    assert own.is_measured()
    os.utime(tmp_path / "x", (1, 1))
    assert not own.is_measured()


def test_minutes_left_follow_the_pace_of_this_machine():
    expected = {"a": 2.0, "b": 4.0, "c": 10.0, "d": None}
    progress = Progress(list(expected), expected, {"a": 3.0})
    # 1.5 of ours for one of those: 6 and 15, and one that nobody knows
    assert progress.left() == (21.0, 1)
    progress.begin("b", 5.0)
    assert progress.left()[0] == pytest.approx(16.0, abs=0.01)
    told = progress.told()
    assert told.startswith("[2/4] b: 5 minutes; of all 8 so far, about 16 left")
    assert told.endswith("and 1 page left that nobody measured")
    progress.end()
    assert progress.spent["b"] == pytest.approx(5.0, abs=0.01)


def test_a_long_page_is_told_of_meanwhile(tmp_path):
    ticks, lines = [], []
    code = "import time; print('Results: here'); time.sleep(0.3); print('end')"
    module = tmp_path / "slow_module_of_a_test.py"
    module.write_text(code)
    ended = run_process(
        ["timeit", "-n", "1", "-r", "1", f"exec(open({str(module)!r}).read())"],
        tmp_path / "log",
        Stops(),
        lines.append,
        lambda: ticks.append(True),
        seconds=0.05,
    )
    assert ended.code == 0
    assert ended.results == "here"
    assert ticks
    assert lines[:2] == ["Results: here", "end"]
    assert (tmp_path / "log").read_text().splitlines() == lines


def test_names_that_no_page_has_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gallery", "linear_teory"])
    with pytest.raises(SystemExit, match="2"):
        gallery.main()
    message = capsys.readouterr().err
    assert "No page is called 'linear_teory'; there is linear_theory" in message
    assert [page.name for page in gallery.chosen(["remedies"])] == ["remedies"]


def test_the_list_has_what_is_committed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gallery", "--list", "decoder_power_text"])
    gallery.main()
    (line,) = capsys.readouterr().out.splitlines()[1:]
    table = pd.read_csv(_pages.RESULTS / "decoder_power_text" / "verdicts.csv")
    assert f"{table['holds'].sum()} of {len(table)} hold" in line


def test_drawing_again_goes_on_after_a_failure(monkeypatch, capsys, tmp_path):
    drawn = []
    monkeypatch.setattr(_pages, "RESULTS", tmp_path)
    monkeypatch.setattr(gallery.readme, "main", lambda: drawn.append("README"))

    def draw(page):
        drawn.append(page.name)
        if page.name == "a":
            raise SystemExit(2)

    monkeypatch.setattr(gallery, "redraw_one", draw)
    asked = [Page(name, "", "", "") for name in "abc"]
    for page in asked[:2]:
        (tmp_path / page.name).mkdir()
    assert gallery.redraw(asked) == 1
    assert drawn == ["a", "b", "README"]
    said = capsys.readouterr().out
    assert "FAILED: a" in said
    assert "never published" in said


def test_where_results_are_is_read_from_what_pages_say():
    assert WHERE.match("Results: runs/remedies-0a1b").group(1) == "runs/remedies-0a1b"
    assert not WHERE.match("Published: experiments/results/remedies")
