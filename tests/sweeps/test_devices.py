"""Width and devices change nothing: whatever is there is gone on with."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vae_jax import results

SCRIPT = Path(__file__).with_name("on_devices.py")
NUM_MEMBERS = 12
STOPS = {"after a shard": (4, 90), "inside of a shard": (5, 30)}
"""Width, and member-steps after which a signal comes; a member takes 20."""


def call(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def flat(out):
    """Everything that was learnt and measured of each member."""
    runs = results.read(out).runs.to_pandas()
    assert runs["member"].tolist() == list(range(NUM_MEMBERS))
    measured = runs[["distortion", "rate", "nll"]].to_numpy()
    params = [results.load(out, member) for member in range(NUM_MEMBERS)]
    return measured, [np.concatenate(list(leaves(tree))) for tree in params]


def leaves(tree):
    for value in tree.values():
        if isinstance(value, dict):
            yield from leaves(value)
        else:
            yield np.ravel(value)


def largest_difference(out, reference):
    (measured, params), (wanted, whole) = flat(out), flat(reference)
    # metrics are some ten nats
    relative = np.abs(measured - wanted).max() / np.abs(wanted).max()
    return max(
        relative, max(abs(a - b).max() for a, b in zip(params, whole, strict=True))
    )


@pytest.mark.slow  # 72 runs
@pytest.mark.parametrize("stop", STOPS)
def test_every_width_and_number_of_devices_goes_on(tmp_path, stop):
    widths = range(1, NUM_MEMBERS + 1)
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    call(1, stopped, "stop", *STOPS[stop])
    ended = len(results.finished_members(stopped))
    assert ended == (4 if stop == "after a shard" else 0)
    call(1, whole, "go", *widths)
    for devices in (1, 2, 8):
        call(devices, stopped, "go", *widths)
        for width in widths:
            out = Path(f"{stopped}-{devices}-{width}")
            same = Path(f"{whole}-1-{width}")
            assert largest_difference(out, same) < 1e-6, (devices, width)
    width = STOPS[stop][0]
    out = Path(f"{stopped}-1-{width}")
    assert results.content_hash(out) == results.content_hash(f"{whole}-1-{width}")


ONE = """
import sys
import jax
from vae_jax import assembly, sweeps
from vae_jax.configs import Run
sweeps.setup_jax(int(sys.argv[1]))
job = assembly.job(Run.of(model="linear", latent_dim=2))
engine = sweeps.make_engine(job.program, [job.hyper], job.splits, 2, 50, int(sys.argv[2]))
print(len(jax.devices()), engine.mesh.size, engine.size)
"""


@pytest.mark.parametrize(
    ("devices", "num_members", "expected"),
    [
        pytest.param(4, 1, "4 1 1", marks=pytest.mark.slow),
        (4, 3, "4 3 3"),
        pytest.param(4, 9, "4 4 12", marks=pytest.mark.slow),
    ],
)
def test_no_device_trains_a_copy(devices, num_members, expected):
    command = [sys.executable, "-c", ONE, str(devices), str(num_members)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
