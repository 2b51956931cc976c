"""The level that stands for 1 comes from the data, whatever image library is installed."""

import numpy as np
import pytest
import small_sets
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.features import image_feature

from vae_jax import data
from vae_jax.data import _cache

SHAPE = (5, 4)
BITS = np.random.default_rng(0).integers(0, 2, (20, *SHAPE), np.uint8)
SIXTEEN = np.random.default_rng(1).integers(0, 16, (20, *SHAPE), np.uint8)
BITS[:, 0, 0], BITS[:, 0, 1], SIXTEEN[:, 0, 0] = 0, 1, 15


class OpenCv:
    """Stands in where OpenCV is installed: whoever decodes with it is found out."""

    IMREAD_UNCHANGED = -1

    def imdecode(self, *_):
        raise AssertionError("decoded by OpenCV")


@pytest.fixture(params=["with OpenCV", "without"])
def any_library(request, monkeypatch):
    cv2 = OpenCv() if request.param == "with OpenCV" else None
    monkeypatch.setattr(image_feature, "cv2", cv2)


any_library_installed = pytest.mark.usefixtures("any_library")


def palette(levels):
    image = Image.fromarray(levels)
    image.putpalette([200, 200, 200, 40, 40, 40])
    return image


def bi_level(levels):
    return Image.fromarray(levels.astype(bool))


def repeated(levels):
    return Image.fromarray(np.repeat(levels[..., None], 3, axis=-1))


def rows(images, picture=Image.fromarray):
    return [{"image": picture(levels), "label": 0} for levels in images]


def prepared(root, train, channels=1, dtype=np.uint8, **others):
    features = {
        "image": tfds.features.Image(shape=(*SHAPE, channels), dtype=dtype),
        "label": tfds.features.ClassLabel(names="ab"),
    }
    return small_sets.prepare_stock(root, {"train": train, **others}, features, "tiny")


def together(loaded):
    return np.concatenate([split.images for split in loaded[1:4]])


@any_library_installed
@pytest.mark.parametrize(
    ("images", "picture", "channels", "max_value", "truth"),
    [
        (BITS, Image.fromarray, 1, 1, BITS),
        (255 * BITS, Image.fromarray, 1, 255, BITS),
        (SIXTEEN, Image.fromarray, 1, 15, SIXTEEN / 15),
        (BITS, bi_level, 1, 255, BITS),
        (BITS, bi_level, 3, 255, BITS),  # as omniglot is stored
        (BITS, palette, 3, 255, np.where(BITS, 40, 200) / 255),
        (255 * BITS, repeated, 3, 255, BITS),
        (BITS, repeated, 3, 1, BITS),
        # bytes of which none is white are bytes all the same
        (254 * BITS, Image.fromarray, 1, 255, 254 / 255 * BITS),
    ],
    ids=[
        *("zero and one", "zero and 255", "sixteen levels", "one bit"),
        *("one bit, three channels", "palette", "three equal channels"),
        *("three equal channels of zero and one", "nearly white"),
    ],
)
def test_the_mean_that_a_model_sees_is_that_of_the_data(
    tmp_path, images, picture, channels, max_value, truth
):
    prepared(tmp_path, rows(images, picture), channels)
    for loaded in (data.load("tiny", data_dir=tmp_path) for _ in ("decoded", "cached")):
        assert loaded.max_value == max_value
        assert together(loaded).shape == (20, *SHAPE)
        seen = data.scale(together(loaded), loaded.max_value)
        np.testing.assert_allclose(np.mean(seen), np.mean(truth), rtol=1e-6)
        binary = data.binarize_static(together(loaded), loaded.max_value)
        assert np.mean(binary) == np.mean(truth > 0.5)


def test_one_bit_beside_eight_is_white_in_both(tmp_path):
    mixed = rows(BITS[:10], bi_level) + rows(255 * BITS[10:])
    prepared(tmp_path, mixed, 3)
    loaded = data.load("tiny", data_dir=tmp_path)
    assert np.mean(together(loaded)) == 255 * np.mean(BITS)


def test_colours_in_one_image_keep_three_channels_in_all(tmp_path):
    coloured = np.zeros((1, *SHAPE, 3), np.uint8)
    coloured[..., 0] = 255
    prepared(tmp_path, rows(255 * BITS[:19]) + rows(coloured), 3)
    loaded = data.load("tiny", data_dir=tmp_path)
    assert together(loaded).shape == (20, *SHAPE, 3)
    np.testing.assert_allclose(
        together(loaded).sum(), 3 * 255.0 * BITS[:19].sum() + 255.0 * 5 * 4
    )


@any_library_installed
def test_sixteen_bits_are_refused(tmp_path):
    deep = rows((257 * BITS.astype(np.uint16)).astype(np.uint16))
    prepared(tmp_path, deep)
    with pytest.raises(ValueError, match=r"tiny, split 'train': .* 8 bits .*mode I"):
        data.load("tiny", data_dir=tmp_path)
    prepared(tmp_path / "declared", deep, dtype=np.uint16)
    with pytest.raises(ValueError, match="in uint8; got uint16"):
        data.load("tiny", data_dir=tmp_path / "declared")


def test_a_split_of_one_level_is_refused_by_its_name(tmp_path):
    black = rows(np.zeros((3, *SHAPE), np.uint8))
    prepared(tmp_path, rows(BITS), test=black)
    with pytest.raises(
        ValueError, match="got 0 in every pixel of split 'test' of tiny"
    ):
        data.load("tiny", data_dir=tmp_path)


def test_a_scale_that_the_data_cannot_say_is_asked_for(tmp_path):
    prepared(tmp_path, rows(40 * BITS))
    with pytest.raises(
        ValueError, match=r"tiny must be 1, 3, 15, 16 or at least 128.*40"
    ):
        data.load("tiny", data_dir=tmp_path)
    assert data.load("tiny", data_dir=tmp_path, max_value=40).max_value == 40
    assert data.load("tiny", data_dir=tmp_path, max_value=255).max_value == 255
    with pytest.raises(ValueError, match="at least its largest level, 40; got 39"):
        data.load("tiny", data_dir=tmp_path, max_value=39)


def test_what_another_decoder_left_in_the_cache_is_not_used(tmp_path):
    """In layout 1 the arrays were those of the library that was installed."""
    folder = prepared(tmp_path, rows(BITS, bi_level))
    expected = data.load("tiny", data_dir=tmp_path)
    assert _cache.LAYOUT > 1
    sidecar = folder / _cache.FOLDER / _cache.SIDECAR
    sidecar.write_text(sidecar.read_text().replace('"layout": 2', '"layout": 1'))
    with pytest.warns(UserWarning, match="another version of this package"):
        loaded = data.load("tiny", data_dir=tmp_path)
    assert data.digests(loaded) == data.digests(expected)


def test_the_rule_of_the_full_scale():
    known = {1: 1, 3: 3, 15: 15, 16: 16} | dict.fromkeys(range(128, 256), 255)
    for largest in range(256):
        if largest in known:
            assert data.full_scale(largest) == known[largest]
        else:
            with pytest.raises(
                ValueError, match=f"got {largest}. Say it: .*max_value="
            ):
                data.full_scale(largest)


def own(images, max_value, labels=None):
    labels = np.zeros(len(images), np.int32) if labels is None else labels
    return data.Dataset("mine", *[data.Split(images, labels)] * 3, max_value)


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (own(255 * BITS, 1), ValueError, "largest level, 255; got 1"),
        (own(BITS, 255), ValueError, "must be 1, as its levels are 0 and 1; got 255"),
        (own(BITS * 0, 1), ValueError, "got 0 in every pixel of split 'train' of mine"),
        (own(BITS / 2, 1), TypeError, r"got float64 .*np.round\(255 \* x\)"),
        (own(BITS > 0, 1), TypeError, r"got bool .*x.astype\(np.uint8\)"),
        (
            own(BITS[:0], 1),
            ValueError,
            r"hold an image; got \(0, 5, 4\) as split 'train'",
        ),
        (own(BITS, 1, np.zeros(3)), ValueError, r"one per image, \(20,\); got \(3,\)"),
        (
            own(BITS, 1.0),
            TypeError,
            "`max_value` of mine must be a whole number; got 1.0",
        ),
        (own(BITS, True), TypeError, "must be a whole number; got True"),
        (own(BITS, 0), ValueError, "must be at least 1; got 0"),
        (own(BITS.astype(np.int32) - 1, 1), ValueError, "at least 0; got -1"),
        (own(BITS.astype(np.int64) + 2**32, 7), ValueError, "4294967297; got 7"),
    ],
)
def test_own_arrays_that_are_not_what_is_said_are_refused(dataset, error, message):
    with pytest.raises(error, match=message):
        data.check_dataset(dataset)


def test_splits_of_other_sizes_are_refused():
    dataset = own(BITS, 1)
    larger = data.Split(np.pad(BITS, ((0, 0), (1, 0), (0, 0))), dataset.test.labels)
    with pytest.raises(
        ValueError, match=r"of one size in all splits; got \(5, 4\), \(6"
    ):
        data.check_dataset(dataset._replace(test=larger))


def test_what_is_right_passes():
    data.check_dataset(own(BITS, 1))
    data.check_dataset(own(BITS.astype(np.int32), 9))
    data.check_dataset(data.load("digits"))


def test_arrays_that_can_be_written_to_are_looked_at_every_time():
    images = BITS.copy()
    data.check_dataset(own(images, 1))
    images[3, 2, 1] = 9
    with pytest.raises(ValueError, match="largest level, 9; got 1"):
        data.check_dataset(own(images, 1))
