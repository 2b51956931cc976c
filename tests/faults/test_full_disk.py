"""A full disk, or one without names for files: said in numbers, and nothing is lost."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rows
import small
from slow_cases import slow_but
from states import BLOCK, bits, make_state, restore

from vae_jax import checkpoints, results
from vae_jax.sweeps.queue import _shard
from vae_jax.sweeps.stored import _saver


@pytest.fixture
def small_disk(tmp_path):
    """Makes a disk of 1 MiB, or of few files, where this process may mount one."""
    mounted = []

    def mount(options="size=1m"):
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting needs root; the file-size limit below tests the same")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def fill(disk):
    """All room but three blocks."""
    ballast = disk / "ballast"
    ballast.mkdir()
    free = shutil.disk_usage(disk).free
    (ballast / "0").write_bytes(bytes(free - 3 * BLOCK))


def fill_names(disk):
    """Files until there can be no more."""
    ballast = disk / "ballast"
    ballast.mkdir()
    for number in range(os.statvfs(disk).f_favail):
        (ballast / str(number)).touch()
    with pytest.raises(OSError, match="No space left"):
        (ballast / "one more").touch()


def free(disk):
    shutil.rmtree(disk / "ballast")


def assert_names_path_and_bytes(error, folder):
    assert error.errno == errno.ENOSPC
    assert str(folder) in str(error)
    assert " bytes needed, " in str(error)
    assert " free" in str(error)


def test_a_full_disk_keeps_the_last_checkpoint(small_disk):
    disk = small_disk()
    folder = disk / "shard"
    checkpoints.save(folder, 100, make_state(100))
    fill(disk)
    with pytest.raises(OSError, match="step 100 is kept") as caught:
        checkpoints.save(folder, 200, make_state(200))
    assert_names_path_and_bytes(caught.value, folder)
    assert restore(folder) == (100, bits(make_state(100)), "")
    free(disk)
    checkpoints.save(folder, 200, make_state(200))
    assert restore(folder) == (200, bits(make_state(200)), "")


def test_a_full_disk_commits_no_shard(small_disk):
    disk = small_disk()
    out = disk / "run"
    rows.begin(out)
    fill(disk)
    with pytest.raises(OSError, match=r"(shards|params)/\w+-0000\d-") as caught:
        rows.make_run(out)
    assert_names_path_and_bytes(caught.value, out)
    assert results.finished_members(out) == set()
    assert list(out.rglob(".tmp-*")) == []
    free(disk)
    rows.make_run(out)
    assert len(results.finished_members(out)) == 4


def test_names_for_files_that_are_out_commit_no_shard(small_disk):
    disk = small_disk("size=1m,nr_inodes=60")
    out = disk / "run"
    rows.begin(out)
    (out / "shards").mkdir()
    (out / "params").mkdir()
    fill_names(disk)
    with pytest.raises(OSError, match="no file can be added") as caught:
        rows.make_run(out)
    assert caught.value.errno == errno.ENOSPC
    free(disk)
    rows.make_run(out)
    assert len(results.finished_members(out)) == 4


DISKS = {
    "bytes": ("size=1m", fill, r"\d+ bytes needed, \d+ free"),
    "files": (
        "size=4m,nr_inodes=150",
        fill_names,
        r"24 files needed, \d+ free .inodes",
    ),
}


@pytest.mark.parametrize("kind", slow_but(["bytes"], DISKS))
def test_a_disk_that_fills_up_stops_a_run_within_a_chunk(
    whole, small_disk, monkeypatch, kind
):
    monkeypatch.setattr(_shard, "next_chunk", lambda steps, seconds: 9)
    monkeypatch.setattr(_saver, "SAVES_PER_INTERVAL", 0)
    options, filled, said = DISKS[kind]
    disk, seen = small_disk(options), []
    out = disk / "run"

    def look(chunk):
        seen.append(chunk.step)
        if len(seen) == 3:
            filled(disk)

    with pytest.raises(OSError, match=said) as caught:
        small.run(out, on_chunk=look, checkpoint_seconds=0.0)
    assert caught.value.errno == errno.ENOSPC
    assert len(seen) == 3  # the save after the chunk that filled it
    assert f"to save step {seen[2]}: " in str(caught.value)
    assert f"step {seen[1]} is kept" in str(caught.value)
    assert str(out) in str(caught.value)
    free(disk)
    resumed = []
    small.run(out, on_chunk=lambda chunk: resumed.append(chunk.step))
    assert resumed[0] == seen[1] + 1  # a first chunk is one step
    assert small.everything(out) == whole


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.path.insert(0, sys.argv[2])
from states import checkpoints, make_state
from vae_jax.checkpoints import _save
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
for reserve in (_save.reserve, lambda *_: None):
    _save.reserve = reserve
    try:
        checkpoints.save(sys.argv[1], 200, make_state(200))
    except OSError as error:
        print(error.errno, error)
"""


@pytest.mark.slow  # a process of its own
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
