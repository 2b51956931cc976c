"""A state goes to any number of devices, and to no other dtype or shape than its own.

Runs that go on elsewhere are in `tests/sweeps/test_devices.py`.
"""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small

from vae_jax import checkpoints
from vae_jax.sweeps import _run
from vae_jax.sweeps.devices._strategy import pad_members

ON_EIGHT_DEVICES = """
import sys
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from vae_jax import checkpoints

def placed(num_devices):
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:num_devices]), ("member",))
    return NamedSharding(mesh, PartitionSpec("member"))

state = {
    "x": jax.random.normal(jax.random.key(0), (16, 3)),
    "keys": jax.random.split(jax.random.key(1), 16),
}
checkpoints.save(sys.argv[1], 1, jax.device_put(state, placed(8)))
keys = state["keys"]
for num_devices in (1, 2, 8):
    got = checkpoints.restore(sys.argv[1], state, sharding=placed(num_devices)).state
    for name in state:
        assert got[name].sharding.device_set == set(jax.devices()[:num_devices])
    assert (got["x"] == state["x"]).all()
    assert (jax.random.key_data(got["keys"]) == jax.random.key_data(keys)).all()
"""


@pytest.mark.slow  # a process of its own
def test_restore_on_another_number_of_devices(tmp_path):
    flags = "--xla_force_host_platform_device_count=8"
    subprocess.run(
        [sys.executable, "-W", "error", "-c", ON_EIGHT_DEVICES, str(tmp_path)],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        check=True,
    )


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"x": np.ones(3, np.float64)}, r"state\['x'\].*float32 \[3\].*float64 \[3\]"),
        ({"x": jnp.ones(3, jnp.bfloat16)}, r"float32 \[3\].*bfloat16 \[3\]"),
        ({"x": np.ones((3, 1), np.float32)}, r"float32 \[3\].*float32 \[3, 1\]"),
        ({"y": np.ones(3, np.float32)}, r"lacks.*\['x'\].*adds.*\['y'\]"),
    ],
)
def test_a_target_of_another_form_is_refused(tmp_path, target, message):
    checkpoints.save(tmp_path, 1, {"x": np.ones(3, np.float32)})
    with pytest.raises(checkpoints.TargetMismatch, match=message):
        checkpoints.restore(tmp_path, target)


def test_float64_is_not_narrowed_without_x64(tmp_path):
    checkpoints.save(tmp_path, 1, {"x": np.full(3, 0.1)})
    target = {"x": jax.ShapeDtypeStruct((3,), np.float64)}
    with pytest.raises(checkpoints.TargetMismatch, match="jax_enable_x64"):
        checkpoints.restore(tmp_path, target)


def test_float64_is_kept_with_x64(tmp_path):
    with jax.enable_x64(True):
        state = {"x": jnp.full(3, 0.1, jnp.float64)}
        checkpoints.save(tmp_path, 1, state)
        found = checkpoints.restore(tmp_path, state).state["x"]
        assert found.dtype == jnp.float64
        assert found.tolist() == state["x"].tolist()


@pytest.mark.parametrize(
    ("saved", "target"),
    [(np.float32, np.float64), (np.float32, jnp.bfloat16), (np.float64, np.float32)],
)
def test_whoever_wants_another_dtype_casts_it(tmp_path, saved, target):
    state = {"x": np.asarray([0.1, 1.0], saved)}
    checkpoints.save(tmp_path, 1, state)
    with pytest.raises(checkpoints.TargetMismatch):
        checkpoints.restore(tmp_path, {"x": np.zeros(2, target)})
    asked = checkpoints.restore(tmp_path, state).state["x"].astype(target)
    assert asked.tolist() == state["x"].astype(target).tolist()


def test_keys_fill_up_the_devices_as_numbers_do():
    keys = jax.random.split(jax.random.key(0), 3)
    filled = pad_members({"key": keys, "x": np.arange(3)}, 5)
    assert filled["x"].tolist() == [0, 1, 2, 2, 2]
    found, data = jax.random.key_data(filled["key"]), jax.random.key_data(keys)
    assert found.tolist() == data[np.array([0, 1, 2, 2, 2])].tolist()


def test_going_on_elsewhere_is_said(capsys):
    stored = {"num_devices": 8, "device": "cpu", "threads": 4}
    _run.tell_elsewhere(stored, stored, small.QUIET._replace(progress=True))
    _run.tell_elsewhere({}, stored, small.QUIET._replace(progress=True))
    assert capsys.readouterr().err == ""
    said = stored | {"num_devices": 1, "threads": 2}
    _run.tell_elsewhere(stored, said, small.QUIET._replace(progress=True))
    told = capsys.readouterr().err
    assert "began on 8 x cpu with 4 threads, and goes on with 1 x cpu with 2" in told


def test_a_row_says_where_it_was_made(tmp_path):
    (row,) = small.run(tmp_path / "run", small.members(1)).runs.to_pylist()
    assert row["device"] == jax.devices()[0].device_kind
    assert row["num_devices"] == 1
    assert row["threads"] >= 1
    assert row["jax"] == jax.__version__
