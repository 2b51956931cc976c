"""kill -9 at a random time, then the same command: bit for bit what no kill gives.

Compared are configuration, status, metrics, history and parameters of every member, and
what it ended with: the moments of its optimiser, and its keys.
"""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import apart
import numpy as np
import on_sweep
import pytest
import small
import states

from vae_jax import checkpoints, results


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_a_killed_run_goes_on_as_if_nothing_had_been(whole, tmp_path):
    process = apart.start("small", tmp_path / "run", steps=7)
    apart.read_to(process, 6)  # `begins`, and the chunk of step 29
    assert kill(process)
    assert apart.saves(tmp_path / "run")
    small.run(tmp_path / "run")
    assert small.everything(tmp_path / "run") == whole


HALVES = {"options": {"width": 4}}
"""Eight VAEs on digits, four at a time: two shards, of which one or none has ended."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The reference, and how long it takes with a warm compilation cache."""
    apart.finish("digits", tmp_path_factory.mktemp("warm") / "run", **HALVES)
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    began = time.perf_counter()
    apart.finish("digits", out, **HALVES)
    return small.everything(out), time.perf_counter() - began


def kill_at_random(out, longest, rng):
    """Start the sweep and kill it while it runs."""
    while True:
        process = apart.start("digits", out, **HALVES)
        apart.read_to(process, 1)
        time.sleep(rng.uniform(0.0, longest))
        if kill(process):
            return
        # it was faster: a killed start of a finished sweep would show nothing
        shutil.rmtree(out)


@pytest.mark.slow  # 50 kills of a run of eight members
@pytest.mark.parametrize("moment", range(45))
def test_a_kill_at_any_moment(undisturbed, tmp_path, moment):
    wanted, seconds = undisturbed
    rng, out = random.Random(moment), tmp_path / "run"
    for _ in range(2 if moment % 9 == 8 else 1):  # some twice
        kill_at_random(out, seconds, rng)
    ended = len(list(out.rglob("shard-*.parquet")))
    print(f"killed with {ended} shards finished, saves {apart.saves(out)}")
    on_sweep.run("digits", out, HALVES)
    assert small.everything(out) == wanted
    assert results.read(out).runs.num_rows == 8


SAVING = """
import sys
sys.path.insert(0, sys.argv[2])
from states import checkpoints, make_state
made = {step: make_state(step) for step in range(100, 2100, 100)}
print("saving", flush=True)
for step, state in made.items():
    checkpoints.save(sys.argv[1], step, state)
"""


@pytest.mark.slow  # the test of a whole run above is killed in a save as often
@pytest.mark.parametrize("trial", range(3))
def test_a_kill_in_the_middle_of_saving_loses_nothing_committed(tmp_path, trial):
    command = [sys.executable, "-c", SAVING, str(tmp_path), str(Path(__file__).parent)]
    saving = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert saving.stdout.readline() == "saving\n"
    delay = 0.3 + np.random.default_rng(trial).uniform(0.0, 0.5)
    while not list(tmp_path.glob("step-*")):
        time.sleep(0.005)
    time.sleep(delay)
    assert kill(saving)
    step, state, message = states.restore(tmp_path)
    assert state == states.bits(states.make_state(step))
    assert message == ""
    checkpoints.save(tmp_path, 5000, states.make_state(5))
    assert not list(tmp_path.glob(".saving-*"))
    assert len(list(tmp_path.glob("step-*"))) == 2
