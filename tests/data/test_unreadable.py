"""What cannot be read is not damaged: the system's word reaches the user, no advice."""

import errno
import os
import shutil
from pathlib import Path

import pytest
import small_sets
import tensorflow_datasets as tfds

from vae_jax import data
from vae_jax.data import _cache, _locate, _tfds

VERSION = Path("mnist", "3.0.1")
TRAIN = "mnist-train.array_record-00000-of-00001"


@pytest.fixture
def forbid(monkeypatch):
    """Forbids a file, as the system does to users other than root."""

    def refuse(path, method, number=errno.EACCES):
        real = getattr(Path, method)

        def refusing(self, *arguments, **options):
            if self == path:
                raise OSError(number, os.strerror(number), str(path))
            return real(self, *arguments, **options)

        monkeypatch.setattr(Path, method, refusing)

    return refuse


def test_a_file_that_may_not_be_read_is_no_damage(root, forbid):
    folder = root / VERSION
    # the reader of the format calls a file that it may not open an empty one
    (folder / TRAIN).write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read, split 'train'.*Delete"):
        _tfds.read_prepared(folder)
    forbid(folder / TRAIN, "open")
    with pytest.raises(PermissionError, match=f"denied: '{folder / TRAIN}'$"):
        _tfds.read_prepared(folder)
    with pytest.raises(PermissionError, match=f"denied: '{folder / TRAIN}'$"):
        data.load("mnist", data_dir=root)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_description_that_cannot_be_read_is_no_damage(root, forbid, number):
    info = root / VERSION / "dataset_info.json"
    forbid(info, "open", number)
    forbid(info, "read_text", number)
    with pytest.raises(OSError, match=os.strerror(number)) as told:
        data.load("mnist", data_dir=root)
    assert "Delete" not in str(told.value)


@pytest.mark.parametrize("error", [MemoryError("no memory"), ImportError("no pillow")])
def test_what_is_missing_elsewhere_is_no_damage(root, error):
    with pytest.raises(type(error), match=str(error)), _tfds.naming(root, "a part"):
        raise error


def test_a_folder_that_may_not_be_looked_at_is_not_absent(root, forbid, monkeypatch):
    """Otherwise an older version would be read, or the set downloaded."""
    shutil.copytree(root / VERSION, root / "mnist" / "3.0.0")
    monkeypatch.setattr(_locate, "why_unreachable", None)
    for path, method in (
        (root / VERSION / "dataset_info.json", "stat"),
        (root, "stat"),
    ):
        with monkeypatch.context():
            forbid(path, method)
            with pytest.raises(PermissionError):
                _locate.find_prepared("mnist", root)
    forbid(root / "mnist", "iterdir")
    with pytest.raises(PermissionError):
        data.load("mnist", data_dir=root)


def test_a_missing_file_is_said_before_anything_is_advised(root):
    (root / VERSION / TRAIN).unlink()
    with pytest.raises(
        ValueError, match=f"lacks .*{TRAIN}; if that lies elsewhere, copy"
    ):
        _tfds.read_prepared(root / VERSION)


def test_a_cache_that_cannot_be_read_is_made_again_with_the_reason(root, forbid):
    expected = data.load("mnist", data_dir=root)
    forbid(root / VERSION / _cache.FOLDER / "test_images.npy", "read_bytes", errno.EIO)
    with pytest.warns(UserWarning, match="made again: .*Input/output error"):
        assert data.digests(data.load("mnist", data_dir=root)) == data.digests(expected)


class Downloads:
    def __init__(self, error):
        self.error = error

    def download(self, urls):
        raise self.error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_disk_is_no_failed_download(number):
    error = OSError(number, os.strerror(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        _tfds._download("mnist", Downloads(error))


def test_a_failed_download_is_one():
    error = OSError(errno.ECONNRESET, "reset by peer")
    with pytest.raises(ConnectionError, match="the download failed: .*reset by peer"):
        _tfds._download("mnist", Downloads(error))


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": None}, TypeError, "`name` must be a text; got None"),
        ({"name": "mnist", "folder": 3}, TypeError, "`folder` must be a path.*got 3"),
        ({"name": "mnist", "data_dir": b"x"}, TypeError, "`data_dir` must be a path"),
        ({"name": "mnist", "folder": ""}, ValueError, "`folder` must name a folder"),
        ({"name": "digits", "max_value": 15}, ValueError, "largest level, 16; got 15"),
        ({"name": "digits", "max_value": 16.0}, TypeError, "whole number; got 16.0"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        data.load(**arguments)


def test_a_home_that_is_not_known_is_said(monkeypatch):
    def unknown(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    with pytest.raises(ValueError, match="`TFDS_DATA_DIR`.* must be set"):
        data.default_data_dir()


def test_an_empty_part_is_refused(tmp_path):
    features = {"image": tfds.features.Image(shape=(6, 4, 3))}
    rows = [{"image": row["image"]} for row in small_sets.rgb_rows(3)]
    small_sets.prepare_stock(tmp_path, {"train": rows}, features)
    # a tenth of three is none
    with pytest.raises(ValueError, match=r"hold an image; got \(0, 6, 4, 3\) as split"):
        data.load("tiny_rgb", data_dir=tmp_path)
