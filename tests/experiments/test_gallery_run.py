"""The runner of the gallery: what is done is not done again, and a failure stops nothing.

Pages are small scripts, in a package of their own that stands before the real one.
"""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from experiments import _pages, gallery
from experiments._gallery import cores, state
from experiments._gallery import runner as running
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
        running, "costs", lambda asked: {p.name: Cost(1.0, "1") for p in asked}
    )
    return write


def runner(asked, tmp_path, **given):
    options = {"smoke": False, "publish": False, "out": None, "at_once": 1, **given}
    is_all = options.pop("is_all", False)
    options = argparse.Namespace(**options)
    return gallery.Runner(asked, tmp_path / "state", options, is_all)


def told(tmp_path):
    return (tmp_path / "told.txt").read_text().splitlines()


def test_a_page_that_fails_says_so_and_the_others_go_on(scripts, tmp_path, capsys):
    asked = scripts(first=FINISHES, bad=FAILS, last=FINISHES)
    assert runner(asked, tmp_path).run() == 1
    assert told(tmp_path) == ["first", "last"]
    said = capsys.readouterr().out
    assert "[1 of 3 done] bad" in said
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
    known = state.load(tmp_path / "state").pages
    assert known["waits"].status == "interrupted"
    before = known["waits"].minutes
    assert before > 0
    assert runner(asked, tmp_path).run() == 0
    after = state.load(tmp_path / "state").pages["waits"]
    assert after.minutes > before
    assert after.is_measured()
    assert told(tmp_path) == ["last"]


def test_published_pages_note_their_minutes(scripts, tmp_path, monkeypatch):
    rows = "page,minutes,cores,date,measured\nold,5,2,2026-11-25,with the rows\n"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "minutes.csv").write_text(rows)
    monkeypatch.setattr(_pages, "RESULTS", tmp_path / "results")
    written = []
    monkeypatch.setattr(running.readme, "main", lambda: written.append(True))
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


MEETS = """
import os, pathlib, time
pathlib.Path("{name}.began").write_text(str(sorted(os.sched_getaffinity(0))))
others = [pathlib.Path(f"{one}.began") for one in ("left", "right")]
until = time.monotonic() + 30
while not all(path.exists() for path in others) and time.monotonic() < until:
    time.sleep(0.02)
assert all(path.exists() for path in others)
pathlib.Path("runs/{name}").mkdir(parents=True)
print("Results: runs/{name}")
"""
two_cores = pytest.mark.skipif(
    len(cores.usable()) < 2, reason="no two cores that a process can be held to"
)


@two_cores
def test_pages_beside_each_other_have_cores_of_their_own(scripts, tmp_path, capsys):
    asked = scripts(left=MEETS, right=MEETS)
    assert runner(asked, tmp_path, at_once=2).run() == 0
    held = [eval(Path(f"{name}.began").read_text()) for name in ("left", "right")]
    assert sorted(sum(held, [])) == cores.usable()
    said = capsys.readouterr().out
    assert "    left: Results: runs/left" in said
    assert "    right: Results: runs/right" in said


@two_cores
def test_a_page_waits_for_the_runs_that_it_goes_on_from(scripts, tmp_path):
    slow = "import time; time.sleep(0.5)\n" + FINISHES
    reader, trains = scripts(reader=FINISHES, trains=slow)
    asked = [reader._replace(after="trains"), trains]
    assert runner(asked, tmp_path, at_once=2).run() == 0
    assert told(tmp_path) == ["trains", "reader"]
    # where the other is not asked for there is nothing to wait for
    scripts(reader=FINISHES + "\n")
    assert runner(asked[:1], tmp_path, at_once=2).run() == 0
    assert told(tmp_path)[2:] == ["reader"]


@two_cores
def test_what_breaks_the_runner_leaves_nobody_waiting(scripts, tmp_path, monkeypatch):
    first, last = scripts(first=FINISHES, last=FINISHES)
    whole = runner([first, last._replace(after="first")], tmp_path, at_once=2)
    real = running.process.run

    def broken(arguments, *others):
        if arguments[0].endswith("first"):
            raise OSError("no space left on this disk")
        return real(arguments, *others)

    monkeypatch.setattr(running.process, "run", broken)
    with pytest.raises(OSError, match="no space left"):
        whole.run()
    assert told(tmp_path) == ["last"]


@two_cores
def test_a_signal_reaches_all_and_begins_none(scripts, tmp_path):
    asked = scripts(waits=WAITS, last=FINISHES)
    asked = [asked[0], asked[1]._replace(after="waits")]

    def interrupt():
        while "waiting" not in log.read_text() if log.exists() else True:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    log = tmp_path / "state" / "waits.log"
    scripts(waits=WAITS.replace("SIGINT", "SIGTERM"))
    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    assert runner(asked, tmp_path, at_once=2).run() == 128 + signal.SIGTERM
    thread.join()
    assert not (tmp_path / "told.txt").exists()
    assert runner(asked, tmp_path, at_once=2).run() == 0
    assert told(tmp_path) == ["last"]


def test_the_longest_begins_first_and_one_that_nobody_measured(
    scripts, tmp_path, monkeypatch
):
    minutes = {"short": 1.0, "long": 9.0, "new": None, "middle": 2.0}
    known = {name: Cost(one, "") for name, one in minutes.items()}
    monkeypatch.setattr(running, "costs", lambda asked: known)
    asked = scripts(**dict.fromkeys(minutes, FINISHES))
    order = [page.name for page in runner(asked, tmp_path).waiting]
    assert order == ["long", "new", "middle", "short"]


def test_more_pages_at_once_than_cores_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gallery", "two_level", "--at-once", "4000"])
    with pytest.raises(SystemExit, match="2"):
        gallery.main()
    assert "--at-once must be from 1 to" in capsys.readouterr().err


def test_the_minutes_of_all_are_noted_where_all_ran(scripts, tmp_path, monkeypatch):
    header = "page,minutes,cores,date,measured\n"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "minutes.csv").write_text(header)
    monkeypatch.setattr(_pages, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(running.readme, "main", lambda: None)
    asked = scripts(first=FINISHES, last=FINISHES)
    runner(asked[:1], tmp_path, publish=True).run()
    noted = pd.read_csv(tmp_path / "results" / "minutes.csv", index_col="page")
    assert list(noted.index) == ["first"]
    runner(asked, tmp_path, publish=True, is_all=True).run()
    noted = pd.read_csv(tmp_path / "results" / "minutes.csv", index_col="page")
    assert list(noted.index) == ["first", "gallery", "last"]
    # by the clock, earlier commands included: no less than the pages one by one
    both = noted.loc[["first", "last"], "minutes"].sum()
    assert noted.loc["gallery", "minutes"] >= both * 0.99


def test_code_that_a_page_imports_is_its_code(scripts, tmp_path):
    (page,) = scripts(first="from experiments import _part\n" + FINISHES)
    part = tmp_path / "experiments" / "_part.py"
    keys = set()
    for text in ("x = 1\n", "x = 2\n", "from experiments import first\n"):
        part.write_text(text)
        keys.add(state.key_of(page, ()))
    assert len(keys) == 3


def test_the_full_grid_runs_where_it_is_named():
    names = {page.name for page in gallery.chosen([])}
    assert names - {page.name for page in gallery.chosen([], trained=True)} == {
        "annealing_schedules_full"
    }
    (page,) = gallery.chosen(["annealing_schedules_full"], trained=True)
    assert page.named


def test_a_run_that_is_older_than_the_gallery_is_not_measured(tmp_path):
    (tmp_path / "x").write_text("")
    own = state.Standing("key", "done", results=str(tmp_path))
    assert own.is_measured()
    os.utime(tmp_path / "x", (1, 1))
    assert not own.is_measured()


def test_minutes_left_follow_the_pace_of_this_machine():
    expected = {"a": 2.0, "b": 4.0, "c": 10.0, "d": None}
    progress = Progress(list(expected), expected, earlier=8.0, spent={"a": 3.0})
    # 1.5 of ours for one of those: 6 and 15, and one that nobody knows
    assert progress.left() == (21.0, 1)
    progress.begin("b", 5.0)
    assert progress.left()[0] == pytest.approx(16.0, abs=0.01)
    told = progress.told("b")
    assert told.startswith("[1 of 4 done] b: 5 minutes; of all 8 so far, about 16 left")
    assert told.endswith("and 1 page left that nobody measured")
    # beside each other they take half as long, but no less than the longest
    assert Progress(["b"], expected, 2).left() == (4.0, 0)
    assert Progress(["a", "b", "c"], expected, 2).left() == (10.0, 0)
    progress.end("b")
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
