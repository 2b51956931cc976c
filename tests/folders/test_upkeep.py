"""How far a folder is, and what is set aside: all that is damaged, and nothing else."""

import shutil
import signal
import subprocess
import sys

import pytest

from vae_jax import checkpoints, configs, folders, results, sweeps
from vae_jax.cli import _main

QUIET = sweeps.Options(progress=False, strategy="map", width=2, keep_state=True)
SETTINGS = {"model": "linear", "latent_dim": 2, "num_steps": 50, "eval_samples": 2}


HOLD = """
import sys
from pathlib import Path
from vae_jax.sweeps.stored._claims import claims

with claims(Path({folder!r})) as mine:
    assert mine.take([{member!r}])
    print("held", flush=True)
    sys.stdin.read()
"""


def runs(num=4):
    return [configs.Run.of(**SETTINGS, seed=seed) for seed in range(num)]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Two shards of two members, with states kept."""
    out = tmp_path_factory.mktemp("stored") / "run"
    sweeps.run(runs(), out, QUIET)
    return out


@pytest.fixture
def out(stored, tmp_path):
    """The same, to be damaged; hard links would be damaged too."""
    shutil.copytree(stored, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """A shard that has ended, and one that was stopped after a step."""
    out = tmp_path_factory.mktemp("half") / "run"

    def stop(chunk):
        if chunk.members == (2, 3):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(sweeps.Interrupted):
        sweeps.run(runs(), out, QUIET, on_chunk=stop)
    return out


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def params_of(out, member):
    [path] = (out / "params").glob(f"member-{member:05d}-*")
    return path


def test_status_counts_what_is_there(stored, half):
    found = folders.status(stored)
    assert [one.state for one in found.members] == ["finished"] * 4
    assert (found.problems, found.finished_at is not None) == ((), True)
    found = folders.status(half)
    assert [one.state for one in found.members] == ["finished"] * 2 + ["stopped"] * 2
    assert [one.step for one in found.members] == [50, 50, 1, 1]
    assert (found.count("stopped"), found.count("stopped", 0)) == (2, 2)
    assert found.count("stopped", 1) == 0
    assert found.finished_at is None
    assert found.last_write is not None


def test_status_reads_only_and_reads_a_shard_once(half, monkeypatch):
    before = {name: (half / name).stat().st_mtime_ns for name in listing(half)}
    found = folders.status(half)
    assert {n: (half / n).stat().st_mtime_ns for n in listing(half)} == before
    monkeypatch.setattr("vae_jax.results._survey.read_shard", lambda path: 1 / 0)
    assert folders.status(half, found.survey).members == found.members


def test_a_process_that_has_members_in_hand_is_seen(half):
    """By another process: a lock of one's own is no other's."""
    ids = results.read_manifest(half)["members"]
    script = HOLD.format(folder=str(half), member=ids[2])
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        states = [one.state for one in folders.status(half).members]
        assert states == ["finished", "finished", "running", "stopped"]
        with pytest.raises(ValueError, match="processes work on 1 members"):
            folders.repair(half)
        holder.stdin.close()
    assert folders.status(half).count("running") == 0


def test_a_whole_folder_stays_as_it_is(out):
    before = listing(out)
    found = folders.repair(out)
    assert (found.moved, found.again) == ((), ())
    assert listing(out) == before


def test_a_dry_run_says_the_same_and_moves_nothing(out):
    flip(params_of(out, 1))
    before = listing(out)
    planned = folders.repair(out, dry_run=True)
    assert listing(out) == before
    done = folders.repair(out)
    assert [one.path for one in done.moved] == [one.path for one in planned.moved]
    assert done.again == planned.again == (1,)


def test_a_damaged_shard_is_set_aside_and_its_members_are_run_again(out, stored):
    shard = sorted((out / "shards").iterdir())[0]
    flip(shard)
    damaged = shard.read_bytes()
    assert "is damaged" in folders.status(out).problems[0]
    found = folders.repair(out)
    assert found.again == (0, 1)
    assert (found.aside / "shards" / shard.name).read_bytes() == damaged
    assert results.read(out).missing == (0, 1)  # the mark of the end has gone with it
    begun = sweeps.begun(out)
    sweeps.run(begun.configs, out, begun.options)
    assert results.content_hash(out) == results.content_hash(stored)
    assert folders.repair(out).moved == ()


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_of_damaged_parameters_that_member_alone_is_run_again(out, stored, damage):
    path = params_of(out, 1)
    if damage == "gone":
        path.unlink()
    else:
        flip(path)
    found = folders.repair(out)
    assert found.again == (1,)
    assert results.read(out).runs["member"].to_pylist() == [0, 2, 3]
    assert results.load(out, 0)  # stored together with it
    assert path.exists() is False
    begun = sweeps.begun(out)
    sweeps.run(begun.configs, out, begun.options)
    assert results.content_hash(out) == results.content_hash(stored)


def test_a_damaged_save_is_set_aside_and_the_one_before_is_gone_on_from(half, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(half, out)
    [save] = out.glob("checkpoints/*/step-*")
    flip(
        max(
            (save / "arrays").rglob("*"), key=lambda p: p.is_file() and p.stat().st_size
        )
    )
    found = folders.repair(out)
    assert [one.path for one in found.moved] == [save]
    assert found.again == (2, 3)
    assert (found.aside / save.relative_to(out) / "record.json").exists()
    assert checkpoints.peek(save.parent) == []


def test_a_torn_record_is_named_by_status(half, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(half, out)
    [save] = out.glob("checkpoints/*/step-*")
    (save / "record.json").write_text("{")
    found = folders.status(out)
    assert found.problems == (f"{save} is damaged: its record",)
    assert [one.state for one in found.members][2:] == ["left", "left"]


def test_a_shard_of_another_run_is_set_aside_whole(out, half):
    [foreign] = (half / "shards").iterdir()
    other = out.parent / "other"
    sweeps.run(runs(5)[4:], other, QUIET)
    [foreign] = (other / "shards").iterdir()
    (out / "shards" / foreign.name).write_bytes(foreign.read_bytes())
    found = folders.repair(out)
    assert found.again == ()
    assert "is whole" in found.moved[0].why
    assert (found.aside / "shards" / foreign.name).read_bytes() == foreign.read_bytes()


def test_what_may_not_be_read_is_no_damage(out, monkeypatch):
    """Root may read everything, so that the error is made."""
    before = listing(out)

    def forbidden(*_):
        raise PermissionError(13, "Permission denied", "a file")

    monkeypatch.setattr("vae_jax.results._survey.read_about", forbidden)
    with pytest.raises(PermissionError):
        folders.repair(out)
    assert listing(out) == before


def test_the_end_and_what_was_said_of_the_data_are_written_anew(out):
    mark, about = next(out.glob("finished-*")), next(out.glob("data-*"))
    for path in (mark, about):
        path.write_bytes(path.read_bytes()[:-20])
    assert len(folders.status(out).problems) == 2
    found = folders.repair(out)
    assert {one.path for one in found.moved} == {mark, about}
    assert found.again == ()


def test_the_words_after_sweep(out, half, capsys, tmp_path, monkeypatch):
    _main.main(["sweep", "status", str(half)])
    said = capsys.readouterr().out
    assert f"To go on: vae-jax sweep resume {half}" in said
    assert "all        4         2         0        0        2     0" in said
    flip(params_of(out, 0))
    _main.main(["sweep", "repair", str(out), "--dry-run"])
    said = capsys.readouterr().out
    assert "does not match its SHA-256" in said
    assert "Members to be run: 1 (0)." in said
    assert "would be moved" in said
    monkeypatch.chdir(tmp_path)
    for word in ("status", "resume", "repair"):
        with pytest.raises(SystemExit) as ended:
            _main.main(["sweep", word, "nowhere"])
        assert ended.value.code == 2
        assert "nowhere holds no manifest.json" in capsys.readouterr().err
    (tmp_path / "status").write_text("[base]\nnum_steps = 50\n")
    _main.main(["sweep", "./status", "--dry-run"])
    assert "Members: 1." in capsys.readouterr().out
