"""From a name to three splits: every image in exactly one, wherever it comes from."""

import shutil
import socket

import numpy as np
import pytest
import small_sets

from vae_jax import data
from vae_jax.data._load import held_out


def part(size, start=0):
    """A split whose images are their own numbers."""
    numbers = np.arange(start, start + size)
    return data.Split(numbers, numbers.astype(np.int32))


def sizes(splits):
    return tuple(len(split.images) for split in splits)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_the_official_train_part_is_cut_at_55000(name):
    train, validation, test = held_out(
        name, {"train": part(60_000), "test": part(10_000, 60_000)}
    )
    np.testing.assert_array_equal(train.images, np.arange(55_000))
    np.testing.assert_array_equal(validation.images, np.arange(55_000, 60_000))
    np.testing.assert_array_equal(test.images, np.arange(60_000, 70_000))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"train": 200}, (160, 20, 20)),
        ({"train": 200, "test": 50}, (180, 20, 50)),
        ({"train": 200, "validation": 30}, (180, 30, 20)),
        ({"train": 200, "validation": 30, "test": 50}, (200, 30, 50)),
        ({"train": 205}, (165, 20, 20)),
        # what is neither train, validation nor test is left alone
        ({"train": 200, "test": 50, "extra": 500}, (180, 20, 50)),
    ],
)
def test_what_a_set_lacks_is_cut_off_the_end_of_train(parts, expected):
    starts = np.cumsum([0, *parts.values()])
    made = {
        name: part(size, start)
        for (name, size), start in zip(parts.items(), starts, strict=False)
    }
    splits = held_out("some_set", made)
    assert sizes(splits) == expected
    used = np.concatenate([split.images for split in splits])
    own = {name: size for name, size in parts.items() if name != "extra"}
    np.testing.assert_array_equal(np.sort(used), np.arange(sum(own.values())))
    for split in splits:
        np.testing.assert_array_equal(split.images, split.labels)


def test_every_image_of_the_files_is_in_exactly_one_split(arrays, root):
    loaded = data.load("mnist", data_dir=root)
    assert sizes(loaded[1:4]) == (40, 10, 20)
    images, labels = (
        np.concatenate([getattr(split, field) for split in loaded[1:4]])
        for field in data.Split._fields
    )
    expected = [
        np.concatenate([arrays[f"{split}_{field}"] for split in ("train", "test")])
        for field in ("images", "labels")
    ]
    # the images are all different, so that equal lists mean that none comes twice
    assert len({image.tobytes() for image in images}) == 70
    assert small_sets.examples(images, labels) == small_sets.examples(*expected)
    test = small_sets.examples(arrays["test_images"], arrays["test_labels"])
    assert small_sets.examples(*loaded.test) == test


def test_types_and_scale(root):
    loaded = data.load("mnist", data_dir=root)
    assert (loaded.name, loaded.max_value) == ("mnist", 255)
    for split in loaded[1:4]:
        assert split.images.shape[1:] == (28, 28)
        assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int32)
        assert split.labels.shape == split.images.shape[:1]


def test_a_local_folder_needs_no_network(family, idx_folder, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("asked for a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    loaded = data.load("mnist", folder=idx_folder, data_dir=tmp_path / "root")
    assert sizes(loaded[1:4]) == (40, 10, 20)


def test_a_folder_of_prepared_sets_is_read_where_it_lies(root, tmp_path):
    loaded = data.load("mnist", folder=root, data_dir=tmp_path / "unused")
    assert sizes(loaded[1:4]) == (40, 10, 20)
    assert not (tmp_path / "unused").exists()


def test_the_folder_of_tensorflow_datasets_is_the_default(root, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(root))
    assert sizes(data.load("mnist")[1:4]) == (40, 10, 20)
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(root.parent))
    root.rename(root.parent / "tensorflow_datasets")
    assert sizes(data.load("mnist", data_dir="~/tensorflow_datasets")[1:4]) == (
        sizes(data.load("mnist")[1:4])
    )


def test_a_config_of_a_set_has_a_slash(tmp_path):
    rows = small_sets.rgb_rows(20)
    prepared = small_sets.prepare_stock(tmp_path / "here", {"train": rows})
    nested = tmp_path / "data" / "tiny_rgb" / "colour" / "1.0.0"
    shutil.copytree(prepared, nested)
    loaded = data.load("tiny_rgb/colour", data_dir=tmp_path / "data")
    assert sizes(loaded[1:4]) == (16, 2, 2)
    with pytest.raises(ValueError, match="Did you mean `tiny_rgb/colour`"):
        data.load("tiny_rgb/color", data_dir=tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fashion-mnist", "Did you mean `fashion_mnist`"),
        ("mnits", "Did you mean `mnist`"),
        ("MNIST", "must be one of digits, .*got 'MNIST'"),
        ("digit", "Did you mean `digits`"),
        ("cifar10", "tfds build cifar10 --file_format=array_record(.|\n)*then copy"),
        ("", "must be one of digits"),
        ("../mnist", "must be one of digits"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(family, tmp_path, name, message):
    with pytest.raises(ValueError, match=message):
        data.load(name, data_dir=tmp_path)
