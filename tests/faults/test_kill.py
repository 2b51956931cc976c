"""kill -9 at random moments, then the same command: nothing is lost or changed."""

import os
import random
import shutil
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


def kill_at_random(out, longest, rng):
    """Start the sweep and kill it while it runs."""
    while True:
        process = start(out)
        time.sleep(rng.uniform(0.5, longest))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            return
        # it was faster: a killed start of a finished sweep would show nothing
        shutil.rmtree(out)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The reference, and how long it takes with a warm compilation cache."""
    finish(tmp_path_factory.mktemp("warm") / "run")
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    began = time.perf_counter()
    finish(out)
    return results.content_hash(out), time.perf_counter() - began


def check_equal(out, wanted):
    finish(out)
    assert results.content_hash(out) == wanted
    assert results.read(out).runs.num_rows == 8


@pytest.mark.slow
def test_two_kills_of_one_sweep(undisturbed, tmp_path):
    wanted, seconds = undisturbed
    rng = random.Random(0)
    for _ in range(2):
        kill_at_random(tmp_path / "run", seconds / 2, rng)
    check_equal(tmp_path / "run", wanted)


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(10))
def test_a_kill_at_any_moment(undisturbed, tmp_path, moment):
    wanted, seconds = undisturbed
    kill_at_random(tmp_path / "run", seconds, random.Random(moment))
    saved = sorted(p.name for p in (tmp_path / "run").rglob("step-*"))
    ended = len(list((tmp_path / "run").rglob("shard-*.parquet")))
    print(f"killed with {ended} shards finished, saves {saved}")
    check_equal(tmp_path / "run", wanted)
