"""A folder by any name, for any number of processes and people."""

import fcntl
import os
import shutil
import stat
import string
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from vae_jax import checkpoints
from vae_jax.checkpoints import _folders, _orbax, _record, _restore, _save
from vae_jax.checkpoints._folders import locked

STATE = {"x": np.arange(5.0)}
PATTERNS = ["beta=[0.5,2.0]", "a*", "?", "[!a]", "**", "{a,b}", "a[b]c*d?e"]
OTHERS = "".join(c for c in string.printable if c not in "/\x0b\x0c") + "\u00e9\u4e2d"


@pytest.mark.parametrize("name", [*PATTERNS, OTHERS, "[0]/../[1]"])
def test_any_name_is_valid(tmp_path, name):
    folder = tmp_path / name / "shard-00000"
    for decoy in ("ab", "b", "abcde"):  # what the patterns would find
        (tmp_path / decoy / "shard-00000").mkdir(parents=True)
    for step in (1, 2):
        checkpoints.save(folder, step, {"x": step * STATE["x"]})
    restored = checkpoints.restore(folder, STATE)
    assert restored.step == 2
    assert (restored.state["x"] == 2 * STATE["x"]).all()
    assert [save.step for save in checkpoints.peek(folder)] == [2, 1]
    checkpoints.remove(folder)
    assert not folder.exists()


@pytest.mark.parametrize("character", [c for c in string.printable if c not in "/\x00"])
def test_only_harmless_characters_go_to_orbax(tmp_path, character):
    path = tmp_path / f"a{character}b" / "arrays"
    path.parent.mkdir()
    with _orbax._plain(path) as plain:
        assert not set(str(plain)) & set("[]*?{}!~$%#\\:;|\n")
        plain.mkdir()
        assert path.is_dir()


def test_a_folder_for_temporary_files_with_a_pattern_in_its_name(tmp_path, monkeypatch):
    (tmp_path / "[tmp]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "[tmp]"))
    checkpoints.save(tmp_path / "[a]", 1, STATE)
    assert checkpoints.restore(tmp_path / "[a]", STATE).step == 1


# read back


def test_a_save_that_does_not_read_back_drops_no_older_one(tmp_path, monkeypatch):
    for step in (1, 2):
        checkpoints.save(tmp_path, step, STATE)
    write = _save.write

    def write_elsewhere(path, arrays):  # as orbax did where the path held a pattern
        write(path, arrays)
        shutil.rmtree(path / "d")

    def write_another(path, arrays):
        write(path, {name: array + 1 for name, array in arrays.items()})

    for wrong in (write_elsewhere, write_another):
        monkeypatch.setattr(_save, "write", wrong)
        with pytest.raises(OSError, match=r"step 3 .* reads back otherwise.*untouched"):
            checkpoints.save(tmp_path, 3, STATE)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == [".lock", "step-00000001.0", "step-00000002.0"]


def test_a_record_that_does_not_read_back_drops_no_older_one(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, STATE)
    monkeypatch.setattr(_record, "record_digest", lambda _: "0")
    monkeypatch.setattr(_save, "write_record", lambda folder, _: lose(folder))
    with pytest.raises(OSError, match=r"step 2 .* record\.json does not match"):
        checkpoints.save(tmp_path, 2, STATE)
    assert (tmp_path / "step-00000001.0").exists()


def lose(folder):
    (folder / "record.json").write_text("{}")


# who may read


@pytest.mark.parametrize(
    ("mask", "mode"), [(0o022, 0o755), (0o002, 0o775), (0o077, 0o700)]
)
def test_a_save_is_as_open_as_the_files_beside_it(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        save = checkpoints.save(tmp_path / "shard", 1, STATE)
    finally:
        os.umask(before)
    modes = {
        stat.S_IMODE(p.stat().st_mode) for p in (save, *save.rglob("*")) if p.is_dir()
    }
    assert modes == {mode}
    files = {stat.S_IMODE(p.stat().st_mode) for p in save.rglob("*") if p.is_file()}
    assert files == {mode & 0o666}


def refuse(error):
    def call(*_, **__):
        raise error

    return call


ERRORS = [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    ("where", "what"),
    [
        (Path, "iterdir"),
        (Path, "read_bytes"),
        (_record, "file_digest"),
        (_record, "read"),
    ],
)
def test_what_cannot_be_read_is_not_damage(tmp_path, monkeypatch, error, where, what):
    checkpoints.save(tmp_path, 1, STATE)
    checkpoints.save(tmp_path, 2, STATE)
    monkeypatch.setattr(where, what, refuse(error))
    with pytest.raises(type(error)) as caught:
        checkpoints.restore(tmp_path, STATE)
    assert caught.value is error


def test_what_orbax_cannot_read_is_not_damage(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, STATE)
    checkpoints.save(tmp_path, 2, STATE)
    monkeypatch.setattr(_orbax._ocp, "RestoreArgs", lambda **_: None)
    monkeypatch.setattr(
        _orbax._ocp, "PyTreeCheckpointer", refuse(ValueError("NOT_FOUND"))
    )
    with pytest.raises(
        OSError, match=r"orbax [\d.]+ cannot read it: NOT_FOUND.*000002"
    ):
        checkpoints.restore(tmp_path, STATE)


def test_memory_that_is_out_is_not_damage(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, STATE)
    monkeypatch.setattr(_orbax._ocp, "PyTreeCheckpointer", refuse(MemoryError()))
    with pytest.raises(MemoryError):
        checkpoints.restore(tmp_path, STATE)


def test_a_file_that_a_file_manager_added_is_not_damage(tmp_path):
    save = checkpoints.save(tmp_path, 1, STATE)
    (save / "arrays" / ".DS_Store").write_bytes(b"view")
    assert checkpoints.restore(tmp_path, STATE).step == 1


def test_a_record_that_names_a_file_elsewhere_is_refused(tmp_path):
    save = checkpoints.save(tmp_path, 1, STATE)
    (tmp_path / "secret").write_bytes(b"")
    record = _record.read_record(save, 1)
    record["files"]["../../secret"] = _folders.file_digest(tmp_path / "secret")
    _record.write_record(save, record)
    with pytest.raises(checkpoints.DamagedCheckpoint, match="no file of this save"):
        checkpoints.restore(tmp_path, STATE)


def test_a_lock_that_somebody_else_made_is_enough(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, STATE)
    really = os.open

    def open_to_read(path, flags, *mode):
        if str(path).endswith(".lock") and flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", str(path))
        return really(path, flags, *mode)

    monkeypatch.setattr(os, "open", open_to_read)
    checkpoints.save(tmp_path, 2, STATE)
    with pytest.raises(PermissionError, match=r"\.lock"):
        checkpoints.save(tmp_path / "new", 2, STATE)


# two at once


def test_a_save_that_goes_while_it_is_read_gives_the_newer_one(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, STATE)
    check, raced = _restore.check_files, []

    def lose_the_race(path, files):
        if not raced:
            raced.append(path)
            for step in (2, 3):
                checkpoints.save(tmp_path, step, STATE)
        check(path, files)

    monkeypatch.setattr(_restore, "check_files", lose_the_race)
    assert checkpoints.restore(tmp_path, STATE).step == 3


def test_who_waits_for_a_folder_that_goes_gets_a_new_one(tmp_path, monkeypatch):
    folder, done, opened = tmp_path / "shard", [], threading.Event()
    flock = fcntl.flock

    def wait():
        with locked(folder):
            done.append((folder / ".lock").exists())

    def flock_of_the_waiting_one(*arguments):
        opened.set()
        return flock(*arguments)

    with locked(folder):
        monkeypatch.setattr(fcntl, "flock", flock_of_the_waiting_one)
        thread = threading.Thread(target=wait)
        thread.start()
        # it has the old file, and cannot make one as the folder goes
        assert opened.wait(60)
        (folder / ".lock").unlink()
        folder.rmdir()
        assert not done
    thread.join()
    assert done == [True]


def test_two_launchers_finish_one_shard_again_and_again(tmp_path):
    folder, inside, errors = tmp_path / "shard", [], []

    def launch(me):
        try:
            for _ in range(150):
                with locked(folder):
                    inside.append(me)
                    (folder / ".saving-0").mkdir()
                    assert inside == [me]
                    (folder / ".saving-0").rmdir()
                    inside.remove(me)
                checkpoints.remove(folder)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=launch, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert not folder.exists()
