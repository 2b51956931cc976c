"""One sweep over two processes is that of one; whoever is left says how to go on."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import jax
import numpy as np
import pytest
from test_mesh import ROUNDING, difference

from vae_jax import results, sweeps
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.devices._cohorts import Shard
from vae_jax.sweeps.queue import _orders

SCRIPT = Path(__file__).with_name("on_hosts.py")
FAILING = SCRIPT.with_name("on_failing_host.py")


def start(out, word, members, *hosts, seconds=0.0, failing=()):
    script = [str(FAILING), *map(str, failing)] if failing else [str(SCRIPT)]
    command = [sys.executable, *script, str(out), word, str(members), str(seconds)]
    return subprocess.Popen(
        [*command, *map(str, hosts)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start_two(out, word, members, **options):
    port = free_port()
    return [start(out, word, members, port, 2, host, **options) for host in range(2)]


def ended(processes, seconds=500):
    """What they said, and with what code; none is left behind."""
    try:
        said = [one.communicate(timeout=seconds)[0] for one in processes]
    finally:
        for one in processes:
            one.kill()
    return said, [one.returncode for one in processes]


@pytest.mark.slow  # two processes that exchange at every step
@pytest.mark.parametrize("word", ["2-map-never", "2-vmap-always"])
def test_a_member_over_two_hosts_is_that_of_one(tmp_path, word):
    said, codes = ended([start(tmp_path / "one", "1-map-never", 1)])
    assert codes == [0], said
    said, codes = ended(start_two(tmp_path / "two", word, 1))
    assert codes == [0, 0], said
    assert all("1 rows" in one for one in said)
    assert difference(tmp_path / "two", tmp_path / "one") < ROUNDING
    # only one of them wrote
    assert len(list((tmp_path / "two" / "shards").glob("*.parquet"))) >= 1
    assert not results.read(tmp_path / "two").missing


@pytest.mark.slow
def test_members_over_two_hosts_are_those_of_one(tmp_path):
    said, codes = ended([start(tmp_path / "one", "1-map-never", 4)])
    assert codes == [0], said
    said, codes = ended(start_two(tmp_path / "two", "1-map-never", 4))
    assert codes == [0, 0], said
    assert difference(tmp_path / "two", tmp_path / "one") < ROUNDING


SPEC = """
[base]
hidden = [16]
latent_dim = 2
batch_size = 16
num_steps = 20
log_every = 10
eval_samples = 2
[[grid]]
beta = [0.5, 2.0]
"""


def command(folder, out, *words):
    spec = folder / "two.toml"
    spec.write_text(SPEC)
    made = [sys.executable, "-m", "vae_jax", "sweep", str(spec), "--out", str(out)]
    return subprocess.Popen(
        [*made, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
def test_the_flags_of_the_command_line_make_one_program_of_two(tmp_path):
    one, both, shared = (tmp_path / name for name in ("one", "both", "shared"))
    said, codes = ended([command(tmp_path, one, "--devices", "1")])
    assert codes == [0], said
    hosts = ["--devices", "1", "--num-hosts", "2"]
    hosts += ["--coordinator", f"127.0.0.1:{free_port()}"]
    flags = [[*hosts, "--host", str(host)] for host in range(2)]
    said, codes = ended([command(tmp_path, both, *words) for words in flags])
    assert codes == [0, 0], said
    assert "Verdicts by beta" in said[0]
    assert "Verdicts by beta" not in said[1]
    assert difference(both, one) < ROUNDING
    words = ["--devices", "2", "--batch-devices", "2"]
    said, codes = ended([command(tmp_path, shared, *words)])
    assert codes == [0], said
    assert difference(shared, one) < ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_host_that_dies_ends_the_other_which_says_how_to_go_on(tmp_path, victim):
    out = tmp_path / "two"
    processes = start_two(out, "2-map-never", 1, seconds=0.2)
    saves = out / "checkpoints"
    until = time.monotonic() + 300
    while not list(saves.glob("*/step-*")) and time.monotonic() < until:
        time.sleep(0.2)
    assert list(saves.glob("*/step-*")), [one.poll() for one in processes]
    processes[victim].send_signal(signal.SIGKILL)
    said, codes = ended(processes)
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] not in (0, None)
    assert "the same command on all hosts resumes it" in said[1 - victim]
    assert not results.read(out).runs.num_rows
    said, codes = ended(start_two(out, "2-map-never", 1))
    assert codes == [0, 0], said
    whole = tmp_path / "whole"
    said, codes = ended(start_two(whole, "2-map-never", 1))
    assert codes == [0, 0], said
    assert results.content_hash(out) == results.content_hash(whole)
    shutil.rmtree(whole)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["storing", "watching", "looking"])
def test_a_first_host_that_fails_says_why_and_the_other_ends_with_it(tmp_path, where):
    out = tmp_path / "two"
    processes = start_two(out, "1-map-never", 4, failing=(0, where))
    said, codes = ended(processes)
    # neither was ended from within JAX, whose code is that of SIGABRT
    assert codes == [1, 1], said
    assert "No space left on device" in said[0]
    assert "got " in said[1]
    assert "failed" in said[1]
    assert "What it wrote says why" in said[1]
    if where == "watching":
        assert list(out.glob("checkpoints/*/step-*"))
    said, codes = ended(start_two(out, "1-map-never", 4))
    assert codes == [0, 0], said
    assert results.read(out).runs.num_rows == 4


@pytest.mark.slow
@pytest.mark.parametrize("host", [0, 1])
def test_a_host_that_fails_alone_ends_the_other_within_a_minute(tmp_path, host):
    out = tmp_path / "two"
    processes = start_two(out, "2-map-never", 1, failing=(host, "training"))
    failed, other = processes[host], processes[1 - host]
    for line in failed.stdout:
        if "No space left on device" in line:
            break
    began = time.monotonic()
    said = other.communicate(timeout=300)[0]
    # JAX's own wait for who has not left yet, and as long again for a busy machine
    assert time.monotonic() - began < 2 * _hosts.LEAVING_SECONDS
    failed.communicate(timeout=300)
    assert failed.returncode != 0
    assert other.returncode != 0
    assert "the same command on all hosts resumes it" in said


WRONG = {
    "no `host`": {"coordinator": "a:1", "num_hosts": 2},
    "host:port": {"coordinator": "a", "num_hosts": 2, "host": 0},
    "host=2 and num_hosts=2": {"coordinator": "a:1", "num_hosts": 2, "host": 2},
    "host=0 and num_hosts=0": {"coordinator": "a:1", "num_hosts": 0, "host": 0},
}


@pytest.mark.parametrize("message", WRONG)
def test_hosts_named_in_part_or_wrongly_are_refused(message):
    with pytest.raises(ValueError, match=message):
        sweeps.connect(**WRONG[message])


def test_one_process_is_the_first_and_waits_for_nobody():
    assert _hosts.is_first_host()
    assert not _hosts.several()
    assert _hosts.told(b"abc") == b"abc"
    assert _hosts.agreed(3, True, 15) == (3, True, 15)
    with pytest.raises(RuntimeError, match="mine"), _hosts.together("trying"):
        raise RuntimeError("mine")


def test_a_state_is_told_byte_for_byte():
    rng = np.random.default_rng(0)
    state = {
        "w": rng.normal(size=(3, 2)).astype(np.float32),
        "zero": np.float32(-0.0),
        "on": np.array([True, False]),
        "n": np.int32(-7),
    }
    found = _orders.unpacked(_orders.packed(state), state)
    for name, value in state.items():
        assert found[name].tobytes() == np.asarray(value).tobytes()
        assert found[name].shape == np.shape(value)


NOBODY = Shard(0, (), ())


def test_a_leader_that_is_alone_orders_nothing(monkeypatch):
    monkeypatch.setattr(_hosts, "told", lambda message: pytest.fail("told somebody"))
    _orders.order(_orders.WAIT)
    with _orders.Lead() as lead, lead.task(0, NOBODY, []):
        assert not lead.waiting


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (None, {"do": "end"}),
        (OSError("mine"), {"do": "failed", "signum": 0}),
        (sweeps.Interrupted(15), {"do": "failed", "signum": 15}),
        (jax.errors.JaxRuntimeError("lost"), None),
        (ValueError("UNKNOWN: Gloo AllGather failed: Read error"), None),
    ],
)
def test_a_leader_that_fails_tells_those_who_wait_for_it(monkeypatch, error, heard):
    told = []
    monkeypatch.setattr(_orders, "order", told.append)
    with suppress(BaseException), _orders.Lead():
        if error is not None:
            raise error
    assert told == ([] if heard is None else [heard])
    told.clear()
    with suppress(BaseException), _orders.Lead() as lead, lead.task(0, NOBODY, []):
        raise OSError("in a task, which the others are in too")
    assert not told


def test_who_follows_ends_as_the_leader_does(monkeypatch):
    orders = iter([b'{"do": "failed", "signum": 0}', b'{"do": "failed", "signum": 15}'])
    monkeypatch.setattr(_hosts, "told", lambda: next(orders))
    with pytest.raises(ValueError, match="first one that failed between two tasks"):
        _orders.next_order()
    with pytest.raises(sweeps.Interrupted) as caught:
        _orders.next_order()
    assert caught.value.code == 143
