"""jit, pmap, sharded and vmapped steps are the same step."""

import json
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest

from vae_jax import training

SCRIPT = Path(__file__).parent / "on_eight_devices.py"


@pytest.fixture(scope="module")
def report():
    done = subprocess.run(
        [sys.executable, SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("wrapping", ["pmap", "sharded", "vmapped_row"])
def test_wrappings_agree_after_20_sgd_steps(report, wrapping):
    assert report["devices"] == 8
    sgd, adam = (report[optimizer][wrapping] for optimizer in ("sgd", "adam"))
    print(f"{wrapping}: SGD {sgd:.2g}, Adam {adam:.2g}")
    # the project's promise; float32 rounding of sums in another order gives about 1e-7
    assert report["sgd"][wrapping] <= 1e-6


@pytest.mark.parametrize("wrapping", ["pmap", "sharded"])
def test_reported_information_is_global(report, wrapping):
    # losses of about 10 nats: float32 rounding of a mean in another order
    assert report["sgd"][wrapping + "_info"] <= 1e-5


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="got 7 examples. Use a batch of 6 or 8"):
        training._wrappings.check_divides(7, 2)


def test_pmap_step_on_one_device_needs_no_reshaping_by_the_caller():
    step = training.pmap_step(
        lambda state, batch, hyper, keys: (state + batch.mean(), batch.mean()),
        "devices",
        num_devices=1,
    )
    state, info = step(jnp.zeros(()), jnp.arange(4.0), None, None)
    assert float(state) == float(info) == 1.5
