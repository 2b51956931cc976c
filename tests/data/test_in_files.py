"""A large train part of tensorflow-datasets stays in its files, and is the same data."""

import shutil

import numpy as np
import pytest
import small_sets
import tensorflow_datasets as tfds
from PIL import Image

from vae_jax import data, views
from vae_jax.data import _cache
from vae_jax.views import Rows

SIZE = (6, 4)
RGB = small_sets.rgb_rows(60)
GREY_LEVELS = np.random.default_rng(1).integers(0, 256, (60, *SIZE), np.uint8)
GREY = [
    {"image": Image.fromarray(image), "label": place % 2}
    for place, image in enumerate(GREY_LEVELS)
]
EQUAL = [
    {**row, "image": row["image"].convert("RGB")}  # three channels that are equal
    for row in GREY
]
SPLITS = {
    "train alone": {"train": RGB},
    "train and test": {"train": RGB[:45], "test": RGB[45:]},
    "all three": {"train": RGB[:40], "validation": RGB[40:50], "test": RGB[50:]},
    "grey throughout": {"train": EQUAL[:45], "test": EQUAL[45:]},
    "grey, then colours": {"train": GREY[:30] + RGB[:30]},
    "grey to train on": {"train": GREY[:45], "test": RGB[45:]},
}


@pytest.fixture
def large(monkeypatch):
    """Afterwards every train part is a large one, and is read in small blocks."""

    def change():
        monkeypatch.setattr(views, "LARGE", 1)
        monkeypatch.setattr(views, "BLOCK_BYTES", 500)

    return change


def prepared(root, splits):
    return small_sets.prepare_stock(root, splits)


@pytest.mark.parametrize("case", SPLITS)
def test_it_is_the_data_of_a_set_in_memory(tmp_path, large, case):
    folder = prepared(tmp_path, SPLITS[case])
    expected = data.load("tiny_rgb", data_dir=tmp_path)
    shutil.rmtree(folder / _cache.FOLDER)
    large()
    found = data.load("tiny_rgb", data_dir=tmp_path)
    assert not (folder / _cache.FOLDER).exists()
    assert isinstance(found.train.images, Rows)
    assert data.digests(found) == data.digests(expected)
    assert found[4:] == expected[4:]
    places = np.random.default_rng(2).permutation(len(found.train.images))
    np.testing.assert_array_equal(
        found.train.images[places], expected.train.images[places]
    )
    for split in data.SPLITS:
        own, other = getattr(found, split), getattr(expected, split)
        np.testing.assert_array_equal(own.images[:], other.images)
        np.testing.assert_array_equal(own.labels, other.labels)
        assert isinstance(own.images, Rows) == (split == "train")


def test_a_large_array_that_is_cached_is_mapped(tmp_path, large):
    prepared(tmp_path, SPLITS["train alone"])
    expected = data.load("tiny_rgb", data_dir=tmp_path)
    large()
    found = data.load("tiny_rgb", data_dir=tmp_path)
    assert isinstance(found.train.images, Rows)
    assert isinstance(found.test.images, np.ndarray)
    np.testing.assert_array_equal(found.train.images[:], expected.train.images)
    assert data.digests(found) == data.digests(expected)


def test_images_of_two_sizes_are_refused(tmp_path, large):
    wide = small_sets.rgb_rows(3, (6, 5))
    prepared(tmp_path, {"train": RGB[:20] + wide})
    large()
    with pytest.raises(ValueError, match="one size.*6, 4, 3.*6, 5, 3.* split 'train'"):
        data.load("tiny_rgb", data_dir=tmp_path)


def test_images_of_two_sizes_in_other_batches_are_refused(tmp_path, large, monkeypatch):
    monkeypatch.setattr(data._tfds, "BATCH", 10)
    wide = small_sets.rgb_rows(30, (6, 5))
    prepared(tmp_path, {"train": RGB[:20] + wide})
    large()
    with pytest.raises(ValueError, match="one size.*6, 4, 3.*6, 5, 3.* split 'train'"):
        data.load("tiny_rgb", data_dir=tmp_path)


def test_a_file_that_is_damaged_is_named(tmp_path, large):
    folder = prepared(tmp_path, {"train": RGB})
    [path] = folder.glob("*train*array_record*")
    content = bytearray(path.read_bytes())
    place = len(content) // 2
    content[place : place + 64] = bytes(64)
    path.write_bytes(content)
    large()
    with pytest.raises(ValueError, match=f"{folder} cannot be read, split 'train'"):
        data.load("tiny_rgb", data_dir=tmp_path)


def test_what_goes_missing_later_is_named(tmp_path, large):
    """Every block is read anew: what was there when the set was loaded may be gone."""
    folder = prepared(tmp_path, {"train": RGB})
    large()
    images = data.load("tiny_rgb", data_dir=tmp_path).train.images
    [path] = folder.glob("*train*array_record*")
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ValueError, match=f"{folder} cannot be read, split 'train'"):
        images[:]


def test_features_are_read_by_the_set_s_own_names(tmp_path, large):
    features = {"picture": tfds.features.Image(shape=(*SIZE, 1))}
    rows = [{"picture": row["image"]} for row in GREY]
    small_sets.prepare_stock(tmp_path, {"train": rows}, features, "tiny_grey")
    large()
    found = data.load("tiny_grey", data_dir=tmp_path)
    assert found.train.images.shape == (48, *SIZE)
    assert set(found.train.labels) == {-1}
    every = np.concatenate([getattr(found, s).images[:] for s in data.SPLITS])
    assert sorted(x.tobytes() for x in every) == sorted(
        x.tobytes() for x in GREY_LEVELS
    )
