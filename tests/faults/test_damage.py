"""Damage, full disks and kills: the exact state, or a clear error; never wrong data."""

import errno
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import checkpoints, results

BLOCK = 4096
DAMAGES = ("flip", "swap", "zero", "truncate", "delete")


def make_state(step):
    rng = np.random.default_rng(step)
    key_data = rng.integers(0, 2**32, (4, 2), np.uint32)
    return {
        # more than a few blocks each, so that a swap and a zeroed block change bits
        "params": {"kernel": jnp.asarray(rng.normal(size=(4, 50, 40)), jnp.float32)},
        "moment": jnp.asarray(rng.uniform(size=(4, 3000)), jnp.float32),
        "count": jnp.asarray([step] * 4, jnp.int32),
        "keys": jax.random.wrap_key_data(key_data),
    }


def bits(state):
    raw = state | {"keys": jax.random.key_data(state["keys"])}
    leaves = jax.tree.leaves(raw)
    return [(leaf.dtype, leaf.shape, np.asarray(leaf).tobytes()) for leaf in leaves]


def files_under(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def damage(path, kind, rng):
    """Damage one file; returns whether its content is another now."""
    content = path.read_bytes()
    if kind == "delete" or not content:
        path.unlink()
        return True
    changed = bytearray(content)
    if kind == "flip":
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    elif kind == "truncate":
        changed = changed[: rng.integers(len(content))]
    else:
        size = min(BLOCK, max(1, len(content) // 4))
        a, b = rng.choice(len(content) // size, size=2, replace=False) * size
        if kind == "swap":
            changed[a : a + size], changed[b : b + size] = (
                content[b : b + size],
                content[a : a + size],
            )
        else:
            changed[a : a + size] = bytes(size)
    path.write_bytes(changed)
    return bytes(changed) != content


def restore(folder):
    """What a restart finds: a step and its bits, with warnings; or the error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            restored = checkpoints.restore(folder, make_state(0))
        except checkpoints.DamagedCheckpoint as error:
            return None, None, str(error)
    messages = "; ".join(str(warning.message) for warning in caught)
    return restored.step, bits(restored.state), messages


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    for step in (100, 200):
        checkpoints.save(folder, step, make_state(step))
    return folder


def run_trials(pristine, tmp_path, num_trials, seed, both):
    rng = np.random.default_rng(seed)
    saves = ["step-00000200.0", "step-00000100.0"][: 2 if both else 1]
    expected = {step: bits(make_state(step)) for step in (100, 200)}
    outcomes = []
    for trial in range(num_trials):
        folder = tmp_path / str(trial)
        shutil.copytree(pristine, folder)
        kind = DAMAGES[trial % len(DAMAGES)]
        for save in saves:
            files = files_under(folder / save)
            # orbax names data files at random, and makes one more or less
            damage(files[(trial // len(DAMAGES)) % len(files)], kind, rng)
        step, state, message = restore(folder)
        if step is None:
            assert both, message
            assert "step 200" in message
            assert "step 100" in message
            assert "move that folder away" in message
        else:
            assert state == expected[step], (kind, trial)
            assert step == 200 or "step 200 is damaged" in message
        outcomes.append(step)
        shutil.rmtree(folder)
    return outcomes


def test_damage_to_the_newest_gives_it_or_the_previous(pristine, tmp_path):
    outcomes = run_trials(pristine, tmp_path, 25, seed=0, both=False)
    assert 100 in outcomes  # the damage was real


@pytest.mark.slow
def test_two_hundred_damages_to_the_newest(pristine, tmp_path):
    outcomes = run_trials(pristine, tmp_path, 200, seed=1, both=False)
    assert outcomes.count(100) > 50


@pytest.mark.slow
def test_two_hundred_damages_to_both(pristine, tmp_path):
    outcomes = run_trials(pristine, tmp_path, 200, seed=2, both=True)
    assert outcomes.count(None) > 50


def test_damaged_array_data_is_always_noticed(pristine, tmp_path):
    # the damage that orbax restores silently: inside the largest file, the arrays
    rng = np.random.default_rng(3)
    for kind in ("flip", "swap", "zero"):
        folder = tmp_path / kind
        shutil.copytree(pristine, folder)
        files = files_under(folder / "step-00000200.0")
        assert damage(max(files, key=lambda path: path.stat().st_size), kind, rng)
        step, state, message = restore(folder)
        assert (step, state) == (100, bits(make_state(100)))
        assert "step 200 is damaged" in message


# results


def make_run(out):
    results.create_or_open(out, {"spec": {"beta": [1.0]}, "versions": {"jax": "1"}})
    rng = np.random.default_rng(0)
    rows = [
        {
            "member": member,
            "member_id": f"{member + 1:012x}{0:020x}",
            "status": "finished",
            "first_bad_step": None,
            "rate": rng.normal(),
            "history/step": np.arange(300),
            "history/kl": rng.normal(size=(300, 4)).astype(np.float32),
        }
        for member in range(4)
    ]
    kernels = rng.normal(size=(4, 30, 20)).astype(np.float32)
    results.commit_shard(out, rows, [{"dense": {"kernel": one}} for one in kernels])
    return out


def shard_of(out):
    (path,) = (out / "shards").iterdir()
    return path


def read_everything(out):
    return results.read(out), results.content_hash(out)


def run_result_trials(tmp_path, num_trials, seed):
    pristine = make_run(tmp_path / "pristine")
    rng = np.random.default_rng(seed)
    names = [path.relative_to(pristine) for path in files_under(pristine)]
    for trial in range(num_trials):
        out = tmp_path / str(trial)
        shutil.copytree(pristine, out)
        path = out / names[(trial // 4) % len(names)]
        if not damage(path, DAMAGES[trial % 4], rng):  # all but delete
            continue
        with pytest.raises(results.DamagedFile, match=path.name) as caught:
            read_everything(out)
        assert "run the same command again" in str(caught.value)
        shutil.rmtree(out)


def test_damaged_results_are_named(tmp_path):
    run_result_trials(tmp_path, 24, seed=0)


@pytest.mark.slow
def test_two_hundred_damaged_results(tmp_path):
    run_result_trials(tmp_path, 200, seed=1)


def test_any_flipped_bit_of_a_footer_is_noticed(tmp_path):
    # Parquet checks its pages alone: a flip in the footer can rename a column
    out = make_run(tmp_path / "run")
    path = shard_of(out)
    content = path.read_bytes()
    for place in range(len(content) - 1500, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(results.DamagedFile, match=path.name):
            results.read(out)


def test_deleted_parameters_are_named(tmp_path):
    out = make_run(tmp_path / "run")
    min((out / "params").iterdir()).unlink()
    with pytest.raises(results.DamagedFile, match="is damaged: it is missing"):
        results.load(out, 0)


def test_the_named_fix_repairs_a_run(tmp_path):
    out = make_run(tmp_path / "run")
    expected = results.content_hash(out)
    damage(min((out / "params").iterdir()), "flip", np.random.default_rng(0))
    with pytest.raises(results.DamagedFile, match=f"move .*{shard_of(out).name} away"):
        results.load(out, 0)
    shard_of(out).rename(tmp_path / "away")
    make_run(out)
    assert results.content_hash(out) == expected


# full disks


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MiB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs root; the file-size limit below tests the same")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def assert_names_path_and_bytes(error, folder):
    assert error.errno == errno.ENOSPC
    assert str(folder) in str(error)
    assert " bytes needed, " in str(error)
    assert " free" in str(error)


def test_a_full_disk_keeps_the_last_checkpoint(small_disk):
    folder = small_disk / "shard"
    checkpoints.save(folder, 100, make_state(100))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 3 * BLOCK))
    with pytest.raises(OSError, match="step 100 is kept") as caught:
        checkpoints.save(folder, 200, make_state(200))
    assert_names_path_and_bytes(caught.value, folder)
    assert restore(folder) == (100, bits(make_state(100)), "")
    ballast.unlink()
    checkpoints.save(folder, 200, make_state(200))
    assert restore(folder) == (200, bits(make_state(200)), "")


def test_a_full_disk_commits_no_shard(small_disk):
    out = small_disk / "run"
    results.create_or_open(out, {"spec": {"beta": [1.0]}, "versions": {"jax": "1"}})
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 3 * BLOCK))
    with pytest.raises(OSError, match=r"(shards|params)/\w+-0000\d-") as caught:
        make_run(out)
    assert_names_path_and_bytes(caught.value, out)
    assert results.finished_members(out) == set()
    assert list(out.rglob(".tmp-*")) == []
    ballast.unlink()
    make_run(out)
    assert len(results.finished_members(out)) == 4


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.path.insert(0, sys.argv[2])
from test_damage import checkpoints, make_state
from vae_jax.checkpoints import _save
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
for reserve in (_save.reserve, lambda *_: None):
    _save.reserve = reserve
    try:
        checkpoints.save(sys.argv[1], 200, make_state(200))
    except OSError as error:
        print(error.errno, error)
"""


def test_a_disk_that_fills_up_while_orbax_writes(tmp_path):
    # a quota or another process may take the space that was free when we looked
    checkpoints.save(tmp_path, 100, make_state(100))
    command = [sys.executable, "-c", LIMITED, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == ""  # no pages of orbax's threads
    before, while_writing = done.stdout.splitlines()
    for said in (before, while_writing):
        assert said.startswith(f"{errno.ENOSPC} ")
        assert "bytes needed" in said
        assert "not in one file" in said
        assert "step 100 is kept" in said
        assert str(tmp_path) in said
    assert restore(tmp_path) == (100, bits(make_state(100)), "")


# kill -9


SAVING = """
import sys
sys.path.insert(0, sys.argv[2])
from test_damage import checkpoints, make_state
states = {step: make_state(step) for step in range(100, 2100, 100)}
print("saving", flush=True)
for step, state in states.items():
    checkpoints.save(sys.argv[1], step, state)
"""


# subprocesses import this file, without the other folders of the tests
SLOW_TRIALS = [pytest.param(trial, marks=pytest.mark.slow) for trial in (1, 2)]


@pytest.mark.parametrize("trial", [0, *SLOW_TRIALS])
def test_a_kill_in_the_middle_of_saving_loses_nothing_committed(tmp_path, trial):
    command = [sys.executable, "-c", SAVING, str(tmp_path), str(Path(__file__).parent)]
    saving = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert saving.stdout.readline() == "saving\n"
    delay = 0.3 + np.random.default_rng(trial).uniform(0.0, 0.5)
    while not list(tmp_path.glob("step-*")):
        time.sleep(0.005)
    time.sleep(delay)
    saving.send_signal(signal.SIGKILL)
    saving.communicate()
    step, state, message = restore(tmp_path)
    assert state == bits(make_state(step))
    assert message == ""
    checkpoints.save(tmp_path, 5000, make_state(5))
    assert not list(tmp_path.glob(".saving-*"))
    assert len(list(tmp_path.glob("step-*"))) == 2
