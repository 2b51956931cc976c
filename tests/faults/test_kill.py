"""kill -9 at random moments, then the same command: nothing is lost or changed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from vae_jax import results

SWEEP = """
import sys
import jax
from vae_jax import sweeps

sweeps.setup_jax(2)
spec = {
    "base": {"hidden": [16], "latent_dim": 2, "batch_size": 32, "num_steps": 4000,
             "log_every": 50, "eval_samples": 2},
    "grid": {"beta": [0.5, 2.0], "schedule": ["constant", "cyclical"], "seed": [0, 1]},
}
options = sweeps.Options(width=4, checkpoint_seconds=0.0, progress=False, strategy="map")
from vae_jax.sweeps import _shard
_shard.CHUNK_SECONDS = 0.2
_shard.MIN_CHUNK_STEPS = 50
sweeps.run(sweeps.expand(spec), sys.argv[1], options)
"""


def start(out):
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(out)], stderr=subprocess.PIPE, text=True
    )


def finish(out):
    process = start(out)
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def killed_run(out, num_kills, longest, rng):
    """Kill the sweep at random moments, starting it anew after each."""
    killed = 0
    while killed < num_kills:
        process = start(out)
        time.sleep(rng.uniform(0.5, longest))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        killed += 1
    finish(out)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The reference, and how long it takes with a warm compilation cache."""
    finish(tmp_path_factory.mktemp("warm") / "run")
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    began = time.perf_counter()
    finish(out)
    return results.content_hash(out), time.perf_counter() - began


def check(undisturbed, out, num_kills):
    wanted, seconds = undisturbed
    killed_run(out, num_kills, seconds, random.Random(0))
    assert results.content_hash(out) == wanted
    assert results.read(out).runs.num_rows == 8


def test_two_kills(undisturbed, tmp_path):
    check(undisturbed, tmp_path / "run", 2)


@pytest.mark.slow
def test_ten_kills(undisturbed, tmp_path):
    check(undisturbed, tmp_path / "run", 10)
