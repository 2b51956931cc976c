"""A digest is of the values: not of where they lie, nor in which order their bytes are."""

import hashlib
import json

import numpy as np
import pytest

from vae_jax import data
from vae_jax.data import _cache, _digests

IMAGES = np.random.default_rng(0).integers(0, 17, (6, 4, 3), np.uint8)
LABELS = np.arange(6, dtype=np.int32)


def by_hand(*arrays):
    parts = []
    for array in arrays:
        little = array.astype(array.dtype.newbyteorder("<"))
        parts.append(json.dumps([little.dtype.str, list(array.shape)]).encode())
        parts.append(little.tobytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize(
    "images",
    [IMAGES, IMAGES.astype(">i4"), IMAGES.T, IMAGES[::2], IMAGES[:0], IMAGES / 16],
)
def test_the_digest_is_of_type_shape_and_values(images):
    labels = LABELS.astype(">i4")
    expected = by_hand(images, LABELS)
    assert data.split_digest(data.Split(images, labels)) == expected
    assert data.split_digest(data.Split(images.copy(), LABELS)) == expected


@pytest.mark.parametrize(
    "other",
    [
        data.Split(IMAGES[::-1], LABELS),
        data.Split(IMAGES, LABELS[::-1]),
        data.Split(IMAGES.reshape(6, 12), LABELS),
        data.Split(IMAGES.astype(np.int8), LABELS),
        data.Split(IMAGES, LABELS.astype(np.int64)),
    ],
)
def test_other_data_have_another_digest(other):
    split = data.Split(IMAGES, LABELS)
    assert data.split_digest(other) != data.split_digest(split)


def test_what_holds_no_numbers_is_refused():
    with pytest.raises(TypeError, match="arrays of numbers; got object"):
        data.split_digest(data.Split(np.array([{}]), LABELS))


def test_a_set_is_named_by_its_splits_and_levels():
    digits = data.load("digits")
    found = data.digests(digits)
    assert list(found) == ["train", "validation", "test", "levels"]
    assert found["train"] == by_hand(digits.train.images, digits.train.labels)
    assert found["levels"] == "0 to 16"
    assert data.digests(data.load("digits")) == found


def test_a_change_in_place_is_seen():
    images = IMAGES.copy()
    split = data.Split(images, LABELS)
    before = data.split_digest(split)
    images[0, 0, 0] ^= 1
    assert data.split_digest(split) != before


def test_what_is_loaded_cannot_be_changed_and_is_hashed_once(monkeypatch):
    split = data.load("digits").validation
    with pytest.raises(ValueError, match="read-only"):
        split.images[0] = 0
    known = data.split_digest(split)
    monkeypatch.setattr(_digests, "_digest", None)
    assert data.split_digest(split) == known


def test_a_digest_is_of_images_and_labels_together():
    fixed = data.read_only(data.load("digits"))
    swapped = data.Split(fixed.train.images, fixed.train.labels[::-1])
    assert data.split_digest(fixed.train) == data.split_digest(fixed.train)
    assert data.split_digest(swapped) == by_hand(*swapped)
    assert data.split_digest(swapped) != data.split_digest(fixed.train)


def test_the_cache_knows_its_digests(root, monkeypatch):
    loaded = data.load("mnist", data_dir=root)
    sidecar = root / "mnist" / "3.0.1" / _cache.FOLDER / _cache.SIDECAR
    stored = json.loads(sidecar.read_text())["splits"]
    assert stored == {name: by_hand(*getattr(loaded, name)) for name in stored}
    monkeypatch.setattr(_digests, "_digest", None)
    again = data.load("mnist", data_dir=root)
    assert data.digests(again) == stored | {"levels": "0 to 255"}


def test_a_flipped_bit_in_a_stored_digest_is_noticed(root):
    expected = data.digests(data.load("mnist", data_dir=root))
    sidecar = root / "mnist" / "3.0.1" / _cache.FOLDER / _cache.SIDECAR
    digit = expected["train"][0]
    wrong = "0" if digit != "0" else "1"
    sidecar.write_text(
        sidecar.read_text().replace(expected["train"], wrong + expected["train"][1:])
    )
    with pytest.warns(UserWarning, match="made again: sha256.json is damaged"):
        assert data.digests(data.load("mnist", data_dir=root)) == expected
