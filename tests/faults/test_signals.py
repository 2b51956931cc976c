"""A signal saves the state and ends the run with its code within seconds, at any time.

Nobody who reads the output, and a terminal that closes on `nohup`, ends nothing.
"""

import io
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import apart
import pytest
import small

from vae_jax.cli import _main

SLOW_STEPS = Path(__file__).with_name("on_slow_steps.py")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
LIMIT = 10.0
"""Seconds from a signal to the end: a chunk of 1.5, a save, and `GRACE_SECONDS`."""


def test_a_stopped_run_has_its_code_and_goes_on_exactly(whole, tmp_path):
    process = apart.start("small", tmp_path / "run", steps=7, sleep=0.3)
    apart.read_to(process, 4)  # `begins`, and the chunk of step 15
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert apart.saves(tmp_path / "run")[-1] >= "step-00000015.0"
    small.run(tmp_path / "run")
    assert small.everything(tmp_path / "run") == whole


@pytest.mark.slow  # a process of its own
def test_nobody_who_reads_and_a_terminal_that_closes_end_nothing(whole, tmp_path):
    options = {"progress": True}
    out, ignored = tmp_path / "run", "trap '' HUP;"
    process = apart.start("small", out, ignored, steps=7, sleep=0.2, options=options)
    apart.read_to(process, 2)
    process.stderr.close()
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0
    process.stdout.close()
    assert small.everything(out) == whole


@pytest.mark.parametrize("signum", SIGNALS)
def test_exit_codes_are_on_the_page_of_help_and_in_the_readme(signum):
    readme = Path(__file__).parents[2] / "README.md"
    called = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name
    for text in (_main.help_page(), readme.read_text()):
        assert f"{128 + signum} {called}" in " ".join(text.split())


def test_the_page_of_sweep_says_how_a_run_ends(capsys):
    with pytest.raises(SystemExit):
        _main.main(["sweep", "--help"])
    assert "exit code 128 + its number" in " ".join(capsys.readouterr().out.split())


def test_a_sentence_that_nobody_reads_ends_nothing(monkeypatch):
    class Unread(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stderr", Unread())
    _main.tell("vae-jax: note: nobody reads this")


def start_slow(out, seconds_a_step, seconds_of_the_ends):
    command = [sys.executable, str(SLOW_STEPS), str(out)]
    command += [str(seconds_a_step), str(seconds_of_the_ends)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(out):
    """The same run, without the waiting."""
    process = start_slow(out, 0.0, 0.0)
    _, errors = process.communicate()
    assert process.returncode == 0, errors


@pytest.mark.slow  # 32 runs of some 20 seconds
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_at_any_moment_is_obeyed_within_seconds(tmp_path, signum):
    finish(tmp_path / "whole")
    wanted = small.everything(tmp_path / "whole")
    rng, longest = random.Random(int(signum)), 0.0
    for moment in range(8):
        out = tmp_path / str(moment)
        process = start_slow(out, 0.5, 12.0)
        process.stdout.readline()
        # starting and evaluating take 12 seconds each, the steps 10, compiling the rest
        time.sleep(rng.uniform(0.2, 34.0))
        since = time.perf_counter()
        process.send_signal(signum)
        _, errors = process.communicate()
        longest = max(longest, time.perf_counter() - since)
        begun = "Compiling; then" in errors  # before that there is nothing to save
        assert process.returncode in (128 + signum, 0 if begun else -signum), errors
        finish(out)
        assert small.everything(out) == wanted
    print(f"{signal.Signals(signum).name}: at most {longest:.1f} s")
    assert longest < LIMIT
