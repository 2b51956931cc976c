"""A small MNIST family that stands in for the official one, and no network."""

import shutil
import socket

import pytest
import small_sets

from vae_jax import data
from vae_jax.data import _idx, _load, _locate


@pytest.fixture(scope="session")
def arrays():
    return small_sets.family_arrays()


@pytest.fixture
def family(arrays, monkeypatch):
    """The small files are the official ones, nothing is installed on the system."""
    for name in _idx.SOURCES:
        monkeypatch.setitem(_idx.SOURCES, name, small_sets.source(arrays))
    monkeypatch.setattr(_load, "MNIST_VALIDATION", small_sets.NUM_VALIDATION)
    monkeypatch.setattr(_locate, "SYSTEM_FOLDERS", {})


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Only this machine can be reached, by its number."""
    look_up = socket.getaddrinfo

    def local(host, *arguments, **options):
        if host != "127.0.0.1":
            raise socket.gaierror(f"a test asked the network for {host}")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", local)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def idx_folder(tmp_path, arrays):
    return small_sets.write_idx(tmp_path / "idx", arrays)


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory, arrays):
    """MNIST prepared from the IDX files, once for all tests."""
    folder = tmp_path_factory.mktemp("prepared")
    idx = small_sets.write_idx(folder / "idx", arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_idx.SOURCES, "mnist", small_sets.source(arrays))
        patch.setattr(_load, "MNIST_VALIDATION", small_sets.NUM_VALIDATION)
        data.load("mnist", folder=idx, data_dir=folder / "root")
    return folder / "root"


@pytest.fixture
def root(prepared_once, tmp_path, family):
    """A copy of the prepared MNIST with its cache, to be damaged at will."""
    return shutil.copytree(prepared_once, tmp_path / "root")
