"""A run folder of any name, moved, deleted or robbed while a run works in it."""

import os
import shutil
import stat

import pytest
import small

from vae_jax import checkpoints, results
from vae_jax.sweeps.queue import _shard


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(_shard, "next_chunk", lambda steps, seconds: 9)


def at_second_chunk(change):
    seen = []

    def look(chunk):
        seen.append(chunk.step)
        if len(seen) == 2:
            change()

    return seen, look


def test_a_folder_that_is_moved_takes_its_state_along(whole, tmp_path):
    out, moved = tmp_path / "beta=[0.5,2.0]*?", tmp_path / "moved"
    seen, look = at_second_chunk(lambda: out.rename(moved))
    with pytest.raises(FileNotFoundError, match=f"was moved to {moved} while"):
        small.run(out, on_chunk=look)
    assert len(seen) == 2  # no chunk more
    assert not out.exists()
    moved.rename(out)
    went_on = []
    small.run(out, on_chunk=lambda chunk: went_on.append(chunk.step))
    assert went_on[0] == seen[1] + 1
    assert small.everything(out) == whole


def test_a_folder_that_is_deleted_stops_the_run(tmp_path):
    out = tmp_path / "run"
    seen, look = at_second_chunk(lambda: shutil.rmtree(out))
    with pytest.raises(
        FileNotFoundError, match="moved or deleted while the run worked"
    ):
        small.run(out, on_chunk=look)
    assert len(seen) == 2
    assert not out.exists()


def test_a_manifest_that_goes_is_written_again(whole, tmp_path, capsys):
    out = tmp_path / "run"
    _, look = at_second_chunk(lambda: (out / "manifest.json").unlink())
    small.run(out, on_chunk=look, progress=True)
    assert f"{out} had lost manifest.json: written again." in capsys.readouterr().err
    assert small.everything(out) == whole


def test_a_copy_in_its_place_is_as_good(whole, tmp_path):
    out = tmp_path / "run"

    def replace():
        shutil.copytree(out, tmp_path / "copy")
        shutil.rmtree(out)
        (tmp_path / "copy").rename(out)

    _, look = at_second_chunk(replace)
    small.run(out, on_chunk=look)
    assert small.everything(out) == whole


def test_a_manifest_that_is_there_is_never_changed(tmp_path):
    (tmp_path / "manifest.json").write_text("another")
    kept = {"manifest.json": b"first", "manifest-0002.json": b"second"}
    assert results.put_back(tmp_path, kept) == ["manifest-0002.json"]
    assert results.manifest_files(tmp_path) == {
        "manifest.json": b"another",
        "manifest-0002.json": b"second",
    }


def as_nobody(call):
    """What a call raises in a process of a user who owns nothing here, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing was raised"
        try:
            os.setuid(65534)
            call()
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        said = told.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
@pytest.mark.filterwarnings("ignore:.*fork:")
def test_what_a_colleague_may_not_read_is_not_called_damage(tmp_path):
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path, *tmp_path.parents)}
    modes = {p: mode for p, mode in modes.items() if not mode & stat.S_IXOTH}
    try:
        for path in modes:  # pytest's folders are for their owner alone
            path.chmod(0o755)
        save = checkpoints.save(tmp_path / "shard", 1, {"x": small.EXAMPLES})
        restore = lambda: checkpoints.restore(tmp_path / "shard", {"x": small.EXAMPLES})  # noqa: E731
        (save / "record.json").chmod(0o600)
        said = as_nobody(restore)
        assert said.startswith("PermissionError: ")
        assert "record.json" in said
        (save / "record.json").chmod(0o644)
        save.chmod(0o700)
        assert as_nobody(restore).startswith("PermissionError: ")
        assert restore().step == 1
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
