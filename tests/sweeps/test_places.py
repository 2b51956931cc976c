"""Results hold no secret, no name of a host and no absolute path, and go on without."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from vae_jax import configs, results, sweeps
from vae_jax.sweeps.spec import _places

SECRET = "s3cr3t-t0ken-of-this-test"
SETTINGS = {
    "model": "linear",
    "latent_dim": 2,
    "likelihood": "gaussian",
    "num_steps": 50,
    "batch_size": 32,
    "eval_samples": 2,
}
QUIET = sweeps.Options(progress=False)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A file of numbers under an absolute path, and a cache of its own."""
    monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "home-of-somebody"
    folder.mkdir()
    values = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.save(folder / "x.npy", values)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder / "x.npy"


def runs(path, **changes):
    settings = SETTINGS | {"dataset": str(path)} | changes
    return [configs.Run.of(**settings, seed=seed) for seed in range(2)]


def written(out):
    return [path for path in out.rglob("*") if path.is_file()]


@pytest.mark.parametrize("stopped", [False, True])
def test_nothing_that_is_written_says_where_it_was(own, tmp_path, monkeypatch, stopped):
    monkeypatch.setenv("MY_API_TOKEN", SECRET)
    out = tmp_path / "run"

    def stop(chunk):
        if stopped:
            raise KeyError("enough")

    options = QUIET._replace(keep_state=True)
    try:
        sweeps.run(runs(own), out, options, on_chunk=stop)
    except KeyError:
        assert [*out.rglob("step-*")]
    found = written(out)
    assert len(found) > 3
    unwanted = [SECRET, str(tmp_path), os.path.expanduser("~") + "/"]
    unwanted += [name for name in [socket.gethostname()] if len(name) > 6]
    for path in found:
        content = path.read_bytes()
        for word in unwanted:
            assert word.encode() not in content, f"{path} holds {word}"
        assert b"x.npy" in content or path.name != "manifest.json"


def test_a_folder_goes_on_by_itself_where_its_data_are_known(own, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "run"
    options = QUIET._replace(width=1, strategy="map")
    sweeps.run(runs(own), whole, options)
    sweeps.run(runs(own), out, options, shard=sweeps.Division(1, 2))
    found = sweeps.begun(out)
    assert [run["dataset"] for run in found.configs] == [str(own)] * 2
    assert (found.options.width, found.options.strategy) == (1, "map")
    assert not sweeps.run(found.configs, out, found.options).missing
    assert results.content_hash(out) == results.content_hash(whole)


def test_the_same_data_in_another_place_are_the_same_run(own, tmp_path, capsys):
    sweeps.run(runs(own), tmp_path / "run", QUIET)
    moved = tmp_path / "moved"
    moved.mkdir()
    own.rename(moved / "x.npy")
    sweeps.run(runs(moved / "x.npy"), tmp_path / "run")
    assert "Nothing was trained: all of 2 members had ended" in capsys.readouterr().err


def test_where_the_place_is_unknown_the_folder_says_what_to_give(
    own, tmp_path, monkeypatch
):
    sweeps.run(runs(own), tmp_path / "run", QUIET, shard=sweeps.Division(1, 2))
    monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "another"))
    with pytest.raises(ValueError, match="where 'x.npy' lies, `dataset` of"):
        sweeps.begun(tmp_path / "run")


def test_a_cache_that_cannot_be_written_is_said(own, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vae_jax.sweeps._told.remember_places", full)
    sweeps.run(runs(own), tmp_path / "run")
    assert "Where the data lie cannot be kept" in capsys.readouterr().err


def test_runs_of_a_script_are_refused(tmp_path):
    import tiny

    given = [tiny.BASE]
    sweeps.run(given, tmp_path / "run", QUIET, make_job=tiny.make_job)
    with pytest.raises(ValueError, match="`make_job` of a script"):
        sweeps.begun(tmp_path / "run")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("/data/photos/", "<elsewhere>/photos/"),
        ("runs/first:0", "runs/first:0"),
        ("/runs/first:0", "<elsewhere>/first:0"),
        (["/a/b", "c"], ["<elsewhere>/b", "c"]),
        ("/", "/"),
        (3, 3),
    ],
)
def test_the_last_name_of_a_path_is_kept(value, kept):
    assert _places._without_place(value) == kept


def test_status_needs_no_jax():
    script = "import sys; from vae_jax import folders; print('jax' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
