"""The embedded digits are scikit-learn's, in the frozen split."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from vae_jax import data

SIZES = (1200, 300, 297)


def test_equal_to_scikit_learn_in_the_frozen_order():
    theirs, ours = load_digits(), data.load("digits")
    order = np.random.default_rng(0).permutation(1797)
    images = np.concatenate([split.images for split in ours[1:4]])
    labels = np.concatenate([split.labels for split in ours[1:4]])
    np.testing.assert_array_equal(images, theirs.images[order])
    np.testing.assert_array_equal(labels, theirs.target[order])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int32)
    assert tuple(len(split.images) for split in ours[1:4]) == SIZES
    assert (ours.name, ours.max_value, images.max()) == ("digits", 16, 16)


def test_is_the_default():
    assert data.load().name == "digits"


def test_the_licence_travels_with_the_data():
    note = data.__path__[0] + "/digits.LICENSE.md"
    with open(note) as file:
        text = file.read()
    assert "CC BY 4.0" in text
    assert "Alpaydin" in text


@pytest.mark.parametrize("argument", ["folder", "data_dir"])
def test_a_folder_for_embedded_data_is_refused(argument, tmp_path):
    with pytest.raises(ValueError, match="must be None for the digits"):
        data.load("digits", **{argument: tmp_path})
