"""The cache of decoded arrays is used when it is right, and made again when it is not."""

import json
import os
import shutil

import numpy as np
import pytest

from vae_jax import data
from vae_jax.data import _cache, _load

VERSION = "mnist/3.0.1"


@pytest.fixture
def prepared(root):
    return root / VERSION


@pytest.fixture
def load(root):
    return lambda: data.load("mnist", data_dir=root)


@pytest.fixture
def decoded(monkeypatch):
    """Counts how often the prepared data is decoded."""
    calls, real = [], _load.read_prepared

    def counting(folder):
        calls.append(folder)
        return real(folder)

    monkeypatch.setattr(_load, "read_prepared", counting)
    return calls


def assert_same(left, right):
    for a, b in zip(left[1:4], right[1:4], strict=True):
        for one, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


def remade_with_a_warning(load, decoded, expected, message):
    with pytest.warns(UserWarning, match=f"is made again: {message}"):
        assert_same(load(), expected)
    # and it is right afterwards
    assert_same(load(), expected)
    assert len(decoded) == 1


def test_the_cache_holds_what_decoding_gives(load, prepared, decoded):
    from_cache = load()
    assert decoded == []
    shutil.rmtree(prepared / _cache.FOLDER)
    assert_same(load(), from_cache)
    assert_same(load(), from_cache)
    assert decoded == [prepared]


@pytest.mark.parametrize("name", list(_cache.file_names()))
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_a_flipped_bit_is_noticed_in_every_file(load, prepared, decoded, name, place):
    expected = load()
    path = prepared / _cache.FOLDER / name
    content = bytearray(path.read_bytes())
    content[place if place < 0 else int(place * len(content))] ^= 1
    path.write_bytes(content)
    remade_with_a_warning(load, decoded, expected, f"{name} is damaged")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "sha256.json is damaged"),
        ("{}", "sha256.json is damaged"),
        ("\x00", "Expecting value"),
    ],
)
def test_a_damaged_list_of_checksums_is_noticed(
    load, prepared, decoded, content, message
):
    expected = load()
    (prepared / _cache.FOLDER / _cache.SIDECAR).write_text(content)
    remade_with_a_warning(load, decoded, expected, message)


def test_a_missing_array_is_noticed(load, prepared, decoded):
    expected = load()
    (prepared / _cache.FOLDER / "test_labels.npy").unlink()
    remade_with_a_warning(load, decoded, expected, ".*test_labels.npy")


def test_a_cache_of_other_data_is_not_used(load, prepared, decoded):
    expected = load()
    (prepared / "mnist-extra.array_record-00000-of-00001").write_bytes(b"more")
    remade_with_a_warning(load, decoded, expected, "the prepared data has changed")


def test_a_cache_of_splits_cut_elsewhere_is_not_used(
    load, prepared, decoded, monkeypatch
):
    expected = load()
    sidecar = prepared / _cache.FOLDER / _cache.SIDECAR
    record = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(record | {"layout": record["layout"] - 1}))
    remade_with_a_warning(load, decoded, expected, "another version of this package")


def test_an_unfinished_cache_is_made_again_without_a_word(load, prepared, decoded):
    expected = load()
    (prepared / _cache.FOLDER / _cache.SIDECAR).unlink()
    (prepared / _cache.FOLDER / "train_images.npy").write_bytes(b"half")
    assert_same(load(), expected)
    assert len(decoded) == 1


def test_a_copy_of_the_folder_takes_its_cache_along(root, load, decoded, tmp_path):
    elsewhere = shutil.copytree(root, tmp_path / "elsewhere")
    assert_same(data.load("mnist", data_dir=elsewhere), load())
    assert decoded == []


def test_nothing_is_cached_where_nothing_may_be_written(
    load, prepared, decoded, monkeypatch
):
    expected = load()
    shutil.rmtree(prepared / _cache.FOLDER)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert_same(load(), expected)
    assert not (prepared / _cache.FOLDER).exists()


def test_a_cache_that_cannot_be_written_costs_no_run(load, prepared, decoded):
    expected = load()
    shutil.rmtree(prepared / _cache.FOLDER)
    (prepared / _cache.FOLDER).write_text("a file is in the way")
    with (
        pytest.warns(UserWarning, match="is made again: .*Not a directory"),
        pytest.warns(UserWarning, match="data is not cached in .*File exists"),
    ):
        assert_same(load(), expected)
