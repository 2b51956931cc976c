"""The room that a save takes is known before it is written, and said if it is missing."""

import errno
import os
import re

import numpy as np
import pytest

from vae_jax import checkpoints
from vae_jax.checkpoints import _save, _space

STATE = {"x": np.arange(5.0)}


@pytest.mark.parametrize(("num_leaves", "size"), [(1, 1), (120, 3), (2, 200_000)])
def test_a_save_takes_no_more_than_is_asked_for(
    tmp_path, monkeypatch, num_leaves, size
):
    rng, asked = np.random.default_rng(0), []
    reserve = _space.reserve
    monkeypatch.setattr(
        _save, "reserve", lambda folder, n: (asked.append(n), reserve(folder, n))
    )
    state = {f"leaf {i}": rng.normal(size=size) for i in range(num_leaves)}
    paths = list(checkpoints.save(tmp_path, 1, state).rglob("*"))
    taken = sum(path.stat().st_blocks * 512 for path in paths)
    assert taken <= asked[0] <= 1.1 * taken + 500_000
    assert len(paths) <= _space.FILES


def test_room_is_taken_in_pieces_and_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(_space, "_PIECE", 1000)
    sizes = []
    monkeypatch.setattr(
        os,
        "posix_fallocate",
        lambda file, start, size: sizes.append(size),
        raising=False,
    )
    _space.reserve(tmp_path, 2500)
    assert sizes == [1000, 1000, 500]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("offered", ["refused", "missing"])
def test_where_no_room_can_be_taken_the_free_bytes_count(
    tmp_path, monkeypatch, offered
):
    if offered == "refused":
        monkeypatch.setattr(os, "posix_fallocate", refuse(errno.ENOTSUP), raising=False)
    else:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    _space.reserve(tmp_path, 2500)
    disk(monkeypatch, f_bavail=1)
    with pytest.raises(OSError, match="No space left"):
        _space.reserve(tmp_path, 8192)


def refuse(number):
    def call(*_):
        raise OSError(number, os.strerror(number))

    return call


def disk(monkeypatch, **numbers):
    usage = {"f_bavail": 10**6, "f_frsize": 4096, "f_files": 10**6, "f_favail": 10**6}
    usage |= numbers
    names = ["bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail"]
    values = [usage.get(f"f_{name}", 0) for name in [*names, "flag", "namemax"]]
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))


def refusal(folder, step):
    with pytest.raises(OSError, match=f"no space to save step {step}") as caught:
        checkpoints.save(folder, step, STATE)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(folder)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_the_numbers_of_a_full_disk_fit_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(_save, "reserve", refuse(errno.ENOSPC))
    disk(monkeypatch, f_bavail=2)
    said = refusal(tmp_path, 1)
    needed, free = map(
        int, re.search(r"(\d+) bytes needed, (\d+) free; no", said).groups()
    )
    assert free == 8192 < needed
    assert "no step was saved before. Free space and run the same" in said


def test_inodes_that_are_out_are_named(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, STATE)
    disk(monkeypatch, f_favail=3)
    said = refusal(tmp_path, 2)
    assert f"{_space.FILES} files needed, 3 free (inodes); " in said
    assert "step 1 is kept" in said


def test_a_file_system_that_counts_no_inodes_has_enough(tmp_path, monkeypatch):
    disk(monkeypatch, f_files=0, f_favail=0)
    assert checkpoints.save(tmp_path, 1, STATE).exists()


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EFBIG])
def test_a_quota_is_said_where_the_disk_has_room(tmp_path, monkeypatch, number):
    monkeypatch.setattr(_save, "reserve", refuse(number))
    said = refusal(tmp_path, 1)
    assert "free, but not to this user or not in one file" in said
    assert "quotas" in said


def test_other_errors_do_not_speak_of_space(tmp_path, monkeypatch):
    monkeypatch.setattr(_save, "write", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output error") as caught:
        checkpoints.save(tmp_path, 1, STATE)
    assert "space" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
