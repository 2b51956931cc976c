"""Members over devices, and the batch of each over devices, equal what one device does."""

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from vae_jax import mapped, results, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.devices import _mesh
from vae_jax.sweeps.devices._dry_run import exchanges

SCRIPT = Path(__file__).with_name("on_mesh.py")
ROUNDING = 1e-6


def call(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def learnt(out):
    """Parameters of all members, and what was measured of them, relative to its size."""
    runs = results.read(out).runs.to_pandas()
    assert set(runs["status"]) == {"finished"}
    measured = runs[["distortion", "rate", "nll"]].to_numpy()
    params = [jax.tree.leaves(results.load(out, member)) for member in runs["member"]]
    flat = [np.concatenate([np.ravel(x) for x in leaves]) for leaves in params]
    return [*flat, measured / np.abs(measured).max()]


def difference(out, reference):
    pairs = zip(learnt(out), learnt(reference), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.mark.slow
def test_members_over_eight_devices_are_those_of_one(tmp_path):
    words = ["1-map-never", "1-vmap-never"]
    call(1, tmp_path / "one", "many", words[0])
    call(8, tmp_path / "eight", "many", *words)
    for word in words:
        assert difference(tmp_path / "eight" / word, tmp_path / "one" / words[0]) < 1e-6


@pytest.mark.slow
def test_a_batch_over_devices_is_that_of_one(tmp_path):
    split = [f"{n}-{s}-{f}" for n in (2, 8) for s in ("map", "vmap") for f in FLOWS]
    call(8, tmp_path, "three", "1-map-never", *split)
    for word in split:
        assert difference(tmp_path / word, tmp_path / "1-map-never") < ROUNDING


FLOWS = ("never", "always")


@pytest.mark.slow  # each choice is a program, compiled twice
def test_what_is_a_mean_over_a_batch_is_one_over_all_devices(tmp_path):
    call(2, tmp_path, "choices", "1-map-never", "2-map-never")
    assert difference(tmp_path / "2-map-never", tmp_path / "1-map-never") < ROUNDING


def refused(**options):
    return sweeps.Options(progress=False, **options)


def test_a_number_that_does_not_divide_the_devices_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`batch_devices` must divide .* got 7"):
        sweeps.run([Run()], tmp_path / "run", refused(batch_devices=7))
    with pytest.raises(ValueError, match="`batch_devices` must divide .* got 0"):
        _mesh.check_batch_devices(0)
    assert not (tmp_path / "run").exists()


def test_a_batch_that_cannot_be_split_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 8)
    with pytest.raises(ValueError, match=r"`batch_size` must .* got 10\. .* 8 or 16"):
        sweeps.run([Run(batch_size=10)], tmp_path / "run", refused(batch_devices=8))
    with pytest.raises(ValueError, match=r"got 3\. Use a batch of 8, "):
        mapped.check_share(3, 8)
    assert not (tmp_path / "run").exists()


def traced(function):
    mesh = jax.make_mesh((1,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    everywhere = jax.sharding.PartitionSpec()
    over = jax.shard_map(
        function, mesh=mesh, in_specs=everywhere, out_specs=everywhere, check_vma=False
    )
    return jax.make_jaxpr(over)(np.ones(4, np.float32)).jaxpr


def test_a_program_that_takes_its_batch_whole_exchanges_nothing():
    own = jax.lax.axis_index
    assert not exchanges(traced(lambda x: x * own("batch").astype(x.dtype)))
    assert exchanges(traced(jax.jit(lambda x: jax.lax.pmean(x, "batch"))))
    assert exchanges(traced(lambda x: jax.lax.all_gather(x, "batch", tiled=True)))


WHOLE = """
import sys
sys.path.insert(0, sys.argv[1])
import tiny
from vae_jax import sweeps
sweeps.setup_jax(2)
options = sweeps.Options(progress=False, batch_devices=2)
try:
    sweeps.run([tiny.BASE], "run", options, make_job=tiny.make_job)
except ValueError as error:
    print(error)
"""


@pytest.mark.slow  # another process
def test_a_program_of_ones_own_that_splits_nothing_is_refused(tmp_path):
    command = [sys.executable, "-c", WHOLE, str(SCRIPT.parent)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "must be 1 for a program that takes its batches whole" in done.stdout
    assert not (tmp_path / "run").exists()


class Device:
    def __init__(self, host, number):
        self.process_index, self.number = host, number


def test_fewer_members_than_devices_are_dealt_to_all_hosts():
    devices = [Device(host, n) for host in range(2) for n in range(4)]
    found = _mesh._of_all_hosts(devices, 4)
    assert [(d.process_index, d.number) for d in found] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    with pytest.raises(ValueError, match="2 hosts evenly; got work for 3 of 8 devices"):
        _mesh._of_all_hosts(devices, 3)
