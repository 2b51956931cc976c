"""What files hold decides, not their names, sizes or times."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import small_sets
import tensorflow_datasets as tfds
from PIL import Image

from vae_jax import data
from vae_jax.data import _contents

OLD = 10**18
"""A time that is settled."""


def settled(path):
    os.utime(path, ns=(OLD, OLD))
    return path


@pytest.fixture
def reads(monkeypatch):
    """Counts how often a file is read."""
    calls, real = [], hashlib.file_digest

    def counting(file, kind):
        calls.append(file.name)
        return real(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", counting)
    return calls


@pytest.fixture
def long_ago(monkeypatch):
    """The files of a test are as new as it is; here they count as old."""
    monkeypatch.setattr(_contents, "SETTLED_NS", -(10**12))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once_until_it_changes(tmp_path, reads, long_ago):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    for _ in range(3):
        assert _contents.file_digest(path) == sha256(b"before")
    assert len(reads) == 1
    path.write_bytes(b"afters")
    assert _contents.file_digest(path) == sha256(b"afters")


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path, long_ago):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    assert _contents.file_digest(settled(path)) == sha256(b"before")
    path.write_bytes(b"afters")
    assert _contents.file_digest(settled(path)) == sha256(b"afters")
    other = tmp_path / "other"
    other.write_bytes(b"others")
    settled(other).replace(path)
    assert _contents.file_digest(path) == sha256(b"others")


def test_what_has_just_changed_is_read_again(tmp_path, reads):
    path = tmp_path / "file"
    path.write_bytes(b"new")
    assert _contents.file_digest(path) == _contents.file_digest(path)
    assert len(reads) == 2


def test_the_digest_of_files_is_of_names_and_contents(tmp_path, monkeypatch):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("a")
        (tmp_path / name / "b.txt").write_text("b")
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    files = _contents.files_of
    here = data.content_digest(files(tmp_path / "here"))
    for name in ("there", "link", "here/", "./here/../here"):
        assert data.content_digest(files(tmp_path / name)) == here
        assert data.content_digest(files(Path(name))) == here
    (tmp_path / "there" / "a.txt").rename(tmp_path / "there" / "c.txt")
    assert data.content_digest(files(tmp_path / "there")) != here


def prepare(root, seed):
    images = np.random.default_rng(seed).integers(0, 2, (30, 4, 4), np.uint8)
    rows = [
        {"image": Image.fromarray(np.where(each, 255, 0).astype(np.uint8))}
        for each in images
    ]
    features = {"image": tfds.features.Image(shape=(4, 4, 1))}
    return small_sets.prepare_stock(root, {"train": rows}, features, "tiny")


def test_a_set_prepared_again_is_decoded_again(tmp_path):
    """With the same names and sizes, which was all that the cache looked at."""
    folder = prepare(tmp_path / "root", 0)
    before = data.load("tiny", data_dir=tmp_path / "root")
    asked = data.source_digest("tiny", data_dir=tmp_path / "root")
    other = prepare(tmp_path / "other", 1)
    sizes = {
        path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()
    }
    for path in other.glob("*.array_record*"):
        shutil.copy(path, folder / path.name)
        assert path.stat().st_size == sizes[path.name]
    with pytest.warns(UserWarning, match="the prepared data has changed"):
        after = data.load("tiny", data_dir=tmp_path / "root")
    assert data.digests(after) != data.digests(before)
    assert data.source_digest("tiny", data_dir=tmp_path / "root") != asked
    expected = data.load("tiny", data_dir=tmp_path / "other")
    assert data.digests(after) == data.digests(expected)


def test_what_changes_while_it_is_decoded_is_not_cached(root, monkeypatch):
    from vae_jax.data import _cache, _load

    prepared = root / "mnist" / "3.0.1"
    shutil.rmtree(prepared / _cache.FOLDER)
    real = _load.read_prepared

    def meanwhile(folder):
        parts = real(folder)
        (folder / "features.json").write_text(
            (folder / "features.json").read_text() + " "
        )
        return parts

    monkeypatch.setattr(_load, "read_prepared", meanwhile)
    data.load("mnist", data_dir=root)
    assert not (prepared / _cache.FOLDER).exists()


def test_the_digest_of_a_source_is_that_of_its_files(root, tmp_path, monkeypatch):
    here = data.source_digest("mnist", data_dir=root)
    copy = shutil.copytree(root, tmp_path / "copy")
    monkeypatch.setenv("HOME", str(tmp_path))
    for other in (copy, "~/copy", f"{copy}/"):
        assert data.source_digest("mnist", data_dir=other) == here
        assert data.source_digest("mnist", folder=other, data_dir=root) == here
    assert data.source_digest("digits") == data.source_digest()


def test_official_files_are_compared_once_until_they_change(
    family, idx_folder, root, reads, long_ago
):
    for _ in range(2):
        data.source_digest("mnist", folder=idx_folder, data_dir=root)
    of_idx = [name for name in reads if str(idx_folder) in str(name)]
    assert len(of_idx) == 4
    path = next(idx_folder.glob("t10k-labels*"))
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(ValueError, match="not the official file of mnist"):
        data.source_digest("mnist", folder=idx_folder, data_dir=root)
