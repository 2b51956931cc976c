"""A file is there whole or not at all, on every kind of file system."""

import errno
import fcntl
import os
import re
import stat
import threading
import time

import pytest

from vae_jax.results import _files
from vae_jax.results._files import remove_stale, write_once, write_over


def refuse(number):
    def call(*_):
        raise OSError(number, os.strerror(number))

    return call


LINKS = [None, errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS]


@pytest.mark.parametrize("links", LINKS)
def test_the_first_stays(tmp_path, monkeypatch, links):
    if links:
        monkeypatch.setattr(os, "link", refuse(links))
    path = tmp_path / "new folder" / "file"
    assert write_once(path, b"first")
    assert not write_once(path, b"second")
    assert path.read_bytes() == b"first"
    write_over(path, b"third")
    assert path.read_bytes() == b"third"
    assert [found.name for found in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("links", [None, errno.EPERM])
def test_one_of_many_is_the_first(tmp_path, monkeypatch, links):
    if links:
        monkeypatch.setattr(os, "link", refuse(links))
    wins = []

    def write(i):
        start.wait()
        for n in range(20):
            if write_once(tmp_path / str(n), bytes([i])):
                wins.append((n, i))

    start = threading.Barrier(4)
    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(n for n, _ in wins) == list(range(20))
    for n, i in wins:
        assert (tmp_path / str(n)).read_bytes() == bytes([i])
    assert len(list(tmp_path.iterdir())) == 20


def test_a_claim_of_a_killed_process_stops_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    (tmp_path / ".tmp-claim-file").write_bytes(b"")
    assert write_once(tmp_path / "file", b"content")


def test_neither_links_nor_locks_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    with pytest.raises(OSError, match=r"neither hard links nor locks.*another.*file"):
        write_once(tmp_path / "file", b"content")
    assert not (tmp_path / "file").exists()


def test_a_link_that_fails_otherwise_is_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        write_once(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path, monkeypatch):
    sync = os.fsync

    def refuse_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    assert write_once(tmp_path / "file", b"content")


# what is said


def fill(monkeypatch, number, **numbers):
    usage = {"f_bavail": 1, "f_frsize": 4096, "f_files": 100, "f_favail": 10} | numbers
    monkeypatch.setattr(os, "fsync", refuse(number))
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(order(usage)))


def order(usage):
    names = ["bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail"]
    return [usage.get(f"f_{name}", 0) for name in [*names, "flag", "namemax"]]


@pytest.mark.parametrize(
    ("number", "size", "numbers", "said"),
    [
        (errno.ENOSPC, 9000, {}, r"9000 bytes needed, 4096 free\. Run"),
        (errno.ENOSPC, 90, {"f_favail": 0}, "90 bytes needed, 4096 free, .* no inode"),
        (errno.EDQUOT, 90, {}, "90 bytes needed, 4096 free, but not to this .*quota"),
        (errno.ENOSPC, 9000, {"f_files": 0, "f_favail": 0}, r"4096 free\. Run"),
    ],
)
def test_a_full_disk_in_numbers_that_fit(
    tmp_path, monkeypatch, number, size, numbers, said
):
    fill(monkeypatch, number, **numbers)
    with pytest.raises(OSError, match=said) as caught:
        write_once(tmp_path / "file", bytes(size))
    assert caught.value.errno == number
    assert caught.value.filename == str(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EROFS])
def test_other_errors_do_not_speak_of_space(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", refuse(number))
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        write_once(tmp_path / "file", b"content")
    assert "bytes" not in str(caught.value)


# what a killed process left


def left(folder, pid, where, age=0.0):
    path = folder / f".tmp-{pid}-00000000-{where}"
    path.write_bytes(b"")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_only_the_dead_of_this_place_and_the_old_are_removed(tmp_path, monkeypatch):
    alive = os.getpid()
    monkeypatch.setattr(_files, "_is_alive", lambda pid: pid == alive)
    dead = left(tmp_path, 1234, _files.place())
    living = left(tmp_path, alive, _files.place())
    # another container with this host's name, or this host before it was restarted
    elsewhere = left(tmp_path, 1235, "another")
    old = left(tmp_path, 1236, "another", age=1e5)
    remove_stale(tmp_path)
    assert [p.exists() for p in (dead, living, elsewhere, old)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/pid"), reason="no /proc here")
def test_a_place_is_of_host_start_and_process_numbers(monkeypatch):
    here = _files.place()
    assert re.fullmatch("[0-9a-f]{16}", here)
    readlink = os.readlink
    monkeypatch.setattr(
        os,
        "readlink",
        lambda path: "pid:[1]" if str(path) == "/proc/self/ns/pid" else readlink(path),
    )
    assert _files.place.__wrapped__() != here


def test_what_belongs_to_somebody_else_is_in_nobodys_way(tmp_path, monkeypatch):
    left(tmp_path, 1234, "another", age=1e5)
    monkeypatch.setattr(_files.Path, "unlink", refuse(errno.EACCES))
    remove_stale(tmp_path)
