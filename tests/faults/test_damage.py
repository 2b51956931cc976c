"""Flipped, swapped, zeroed, cut and deleted bytes: the exact state, or a clear error."""

import shutil
import warnings

import numpy as np
import pytest
import rows
import small
from states import DAMAGES, bits, damage, files_under, make_state, restore

from vae_jax import checkpoints, results
from vae_jax.sweeps.queue import _shard


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


def shard_of(out):
    (path,) = (out / "shards").iterdir()
    return path


def read_everything(out):
    read = results.read(out)
    return read.runs, read.metrics, results.content_hash(out)


def all_read(out):
    about = results.kept_about(out, "ab" * 16)
    return read_everything(out), results.finished_at(out), about


def attempt(call, kind):
    """What a call returns; or None, and what it says."""
    try:
        return call(), ""
    except (kind, FileNotFoundError) as error:
        return None, str(error)


def run_result_trials(tmp_path, num_trials, seed):
    """What is read of a folder with one damaged file; None where that is refused."""
    pristine = rows.make_run(tmp_path / "pristine")
    wanted = all_read(pristine)
    rng = np.random.default_rng(seed)
    names = [path.relative_to(pristine) for path in files_under(pristine)]
    outcomes = []
    for trial in range(num_trials):
        out = tmp_path / str(trial)
        shutil.copytree(pristine, out)
        path = out / names[(trial // len(DAMAGES)) % len(names)]
        kind = DAMAGES[trial % len(DAMAGES)]
        if not damage(path, kind, rng):
            continue
        found, said = attempt(lambda out=out: all_read(out), results.DamagedFile)
        if found is None and kind == "delete" and path.name == "manifest.json":
            assert "holds no manifest.json" in said
        elif found is None:
            assert path.name in said or kind == "delete"
            assert "run the same command again" in said
        else:  # what is there is what was written; what is not is not made up
            assert kind == "delete", path.name
            assert found[0] == wanted[0]
            assert found[1] in (wanted[1], None)
            assert found[2] in (wanted[2], None)
        outcomes.append(found)
        shutil.rmtree(out)
    return outcomes


def test_damaged_results_are_named(tmp_path):
    outcomes = run_result_trials(tmp_path, 45, seed=0)
    assert outcomes.count(None) >= 36


@pytest.mark.slow
def test_two_hundred_damaged_results(tmp_path):
    outcomes = run_result_trials(tmp_path, 200, seed=1)
    assert len(outcomes) > 190
    assert outcomes.count(None) > 150


def test_any_flipped_bit_of_a_footer_is_noticed(tmp_path):
    # Parquet checks its pages alone: a flip in the footer can rename a column
    out = rows.make_run(tmp_path / "run")
    path = shard_of(out)
    content = path.read_bytes()
    for place in range(len(content) - 1500, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(results.DamagedFile, match=path.name):
            results.read(out)


def test_deleted_parameters_are_named(tmp_path):
    out = rows.make_run(tmp_path / "run")
    min((out / "params").iterdir()).unlink()
    with pytest.raises(results.DamagedFile, match="is damaged: it is missing"):
        results.load(out, 0)


def test_the_named_fix_repairs_a_run(tmp_path):
    out = rows.make_run(tmp_path / "run")
    expected = results.content_hash(out)
    damage(min((out / "params").iterdir()), "flip", np.random.default_rng(0))
    with pytest.raises(results.DamagedFile, match=f"move .*{shard_of(out).name} away"):
        results.load(out, 0)
    shard_of(out).rename(tmp_path / "away")
    rows.make_run(out)
    assert results.content_hash(out) == expected


# a run that goes on


class Stopped(Exception):
    """By a function of the user's, with the state saved."""


def stop_at(step):
    def look(chunk):
        if chunk.step >= step:
            raise Stopped

    return look


@pytest.fixture(scope="module")
def stopped(whole, tmp_path_factory):
    """A run stopped on its way, with two saves, and what it comes to."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_shard, "next_chunk", lambda steps, seconds: 9)
        for step in (15, 35):
            with pytest.raises(Stopped):
                small.run(folder / "stopped", on_chunk=stop_at(step))
    assert len(saves_of(folder / "stopped")) == 2
    return folder / "stopped", whole


def saves_of(out):
    return sorted((out / "checkpoints").rglob("step-*"), reverse=True)


def go_on(out):
    """What the run comes to, and whether its saves were refused first."""
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        _, said = attempt(lambda: small.run(out), checkpoints.DamagedCheckpoint)
    if said:
        assert "move that folder away" in said
        (folder,) = (out / "checkpoints").iterdir()
        shutil.rmtree(folder)
        small.run(out)
    return small.everything(out), bool(said)


def run_whole_trials(stopped, tmp_path, trials, seed):
    pristine, wanted = stopped
    rng, refused = np.random.default_rng(seed), 0
    for trial in trials:
        out = tmp_path / str(trial)
        shutil.copytree(pristine, out)
        kind, both = DAMAGES[trial % len(DAMAGES)], trial % 2
        for save in saves_of(out)[: 1 + both]:
            files = files_under(save)
            damage(files[(trial // len(DAMAGES)) % len(files)], kind, rng)
        found, was_refused = go_on(out)
        assert found == wanted, (trial, kind)
        assert both or not was_refused
        refused += was_refused
        shutil.rmtree(out)
    return refused


def test_a_run_goes_on_from_the_save_before_a_damaged_one(stopped, tmp_path):
    assert run_whole_trials(stopped, tmp_path, range(1), seed=0) == 0


def test_a_run_with_two_damaged_records_is_not_begun_anew_without_a_word(
    stopped, tmp_path
):
    out = tmp_path / "run"
    shutil.copytree(stopped[0], out)
    for save in saves_of(out):
        (save / "record.json").write_text("{}")
    with pytest.raises(checkpoints.DamagedCheckpoint, match="step 38 is damaged"):
        small.run(out)
    assert len(saves_of(out)) == 2


@pytest.mark.slow  # each is a run
def test_two_hundred_damages_to_a_run_on_its_way(stopped, tmp_path):
    assert run_whole_trials(stopped, tmp_path, range(200), seed=4) > 20


# a manifest that was deleted


def test_the_manifest_that_a_run_was_extended_by_is_written_again(tmp_path):
    out = tmp_path / "run"
    small.run(out, small.members(2))
    small.run(out, small.members(3))
    whole = small.everything(out)
    (out / "manifest-0002.json").unlink()
    with pytest.raises(results.ForeignFile, match="Was a `manifest-.*` .* deleted"):
        results.read(out)
    small.run(out, small.members(3))
    assert small.everything(out) == whole
