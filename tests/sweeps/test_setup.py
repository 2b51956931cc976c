"""Where compiled programs lie, and whether results can be written."""

import os
from pathlib import Path

import pytest

from vae_jax import data, results, sweeps


def homeless():
    raise RuntimeError("Could not determine home directory.")


@pytest.fixture
def no_variables(monkeypatch):
    for name in ("VAE_JAX_CACHE", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_the_cache_lies_in_the_home(no_variables, monkeypatch):
    monkeypatch.setenv("HOME", "/of/mine")
    assert sweeps.cache_folder() == Path("/of/mine/.cache/vae_jax")


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/vae_jax"),
        ({"VAE_JAX_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own"),
        ({"VAE_JAX_CACHE": "", "XDG_CACHE_HOME": "/xdg"}, "/xdg/vae_jax"),
    ],
)
def test_no_home_is_needed_where_a_variable_names_the_cache(
    variables, folder, no_variables, monkeypatch
):
    monkeypatch.setattr(Path, "home", homeless)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert sweeps.cache_folder() == Path(folder)


def test_empty_and_relative_variables_are_none(no_variables, monkeypatch):
    monkeypatch.setenv("HOME", "/of/mine")
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert sweeps.cache_folder() == Path("/of/mine/.cache/vae_jax")


def test_a_tilde_in_the_variable_is_the_home(no_variables, monkeypatch):
    monkeypatch.setenv("HOME", "/of/mine")
    monkeypatch.setenv("VAE_JAX_CACHE", "~/cache")
    assert sweeps.cache_folder() == Path("/of/mine/cache")


def test_without_a_home_the_variable_is_named(no_variables, monkeypatch):
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(ValueError, match="`VAE_JAX_CACHE`.* must be set"):
        sweeps.cache_folder()
    monkeypatch.setattr(Path, "expanduser", lambda path: homeless())
    with pytest.raises(ValueError, match="`TFDS_DATA_DIR`.* must be set"):
        data.default_data_dir()


@pytest.mark.parametrize("number", [0, -2, 1025])
def test_a_wrong_number_of_devices_is_refused(number):
    with pytest.raises(ValueError, match=f"`devices` must be at least 1.*got {number}"):
        sweeps.setup_jax(number)


GLOB = "beta=[0.5,2.0] {a} *?! ~x $y 'z' \"w\" \\\n\t\u00e9"


@pytest.mark.parametrize("name", [".", "new", "new/deeper", GLOB, "~"])
def test_a_folder_that_can_be_made_is_fine(name, tmp_path):
    sweeps.check_out(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name, reason in {
        "file": "is a file",
        "file/deeper": "is a file",
        "link": "is a link to what does not exist",
        "link/deeper": "is a link to what does not exist",
        "x" * 300: "a name in it has 300 bytes",
        "a\0b": "holds no NUL",
    }.items():
        with pytest.raises(ValueError, match=f"`out` must be a folder.*{reason}"):
            sweeps.check_out(tmp_path / name)


def test_a_folder_of_somebody_else_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(Path, "owner", lambda path: "ada")
    with pytest.raises(ValueError, match="belongs to 'ada' and may not be written"):
        sweeps.check_out(tmp_path / "run")


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_somebody_else_can_be_read_once_it_is_finished(
    finished, tmp_path, monkeypatch
):
    manifest = {"spec": {}, "versions": {}, "members": ["one"]}
    results.create_or_open(tmp_path / "run", manifest)
    row = {
        "member": 0,
        "member_id": "one",
        "status": "finished",
        "first_bad_step": None,
    }
    if finished:
        results.commit_shard(tmp_path / "run", [row])
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    if finished:
        sweeps.check_out(tmp_path / "run")
    else:
        with pytest.raises(ValueError, match="may not be written by you"):
            sweeps.check_out(tmp_path / "run")
