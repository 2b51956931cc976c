"""Small sets on disk that the data tests share: IDX files, and prepared copies."""

import gzip
import hashlib

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from prepared_sets import prepare

from vae_jax.data._idx import FILES, Source

NUM_TRAIN, NUM_VALIDATION, NUM_TEST = 40, 10, 20
NOWHERE = "http://127.0.0.1:1/"
"""A port of this machine that nothing listens on: refused, and no packet leaves."""


def family_arrays():
    """Four arrays like those of MNIST, no two images the same."""
    rng = np.random.default_rng(0)
    result = {}
    for split, num in (("train", NUM_TRAIN + NUM_VALIDATION), ("test", NUM_TEST)):
        result[f"{split}_images"] = rng.integers(0, 256, (num, 28, 28), np.uint8)
        result[f"{split}_labels"] = rng.integers(0, 10, num, np.uint8)
    return result


def idx_bytes(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_idx(folder, arrays):
    """Two of the files compressed, two as they are; both are found in the wild."""
    folder.mkdir()
    for key, array in arrays.items():
        if key.endswith("images"):
            packed = gzip.compress(idx_bytes(array), mtime=0)
            (folder / f"{FILES[key]}.gz").write_bytes(packed)
        else:
            (folder / FILES[key]).write_bytes(idx_bytes(array))
    return folder


def source(arrays, url=NOWHERE):
    """The small files as if they were the official ones."""
    hashes = {k: hashlib.sha256(idx_bytes(a)).hexdigest() for k, a in arrays.items()}
    return Source(url, hashes)


def examples(images, labels):
    """Sorted pairs: what a set holds, whatever its order."""
    return sorted(
        (image.tobytes(), int(label))
        for image, label in zip(images, labels, strict=True)
    )


def prepare_stock(root, splits, features=None, set_name="tiny_rgb"):
    """Prepare a set as any user of tensorflow-datasets does, without TensorFlow.

    `splits` is name -> list of examples.
    """
    image = tfds.features.Image(shape=(None, None, 3))
    features = features or {
        "image": image,
        "label": tfds.features.ClassLabel(names="ab"),
    }

    return prepare(root, splits, features, set_name)


def rgb_rows(num, size=(6, 4), seed=0):
    """Pictures in colour with labels, as a builder yields them."""
    pixels = np.random.default_rng(seed).integers(0, 256, (num, *size, 3), np.uint8)
    return [
        {"image": Image.fromarray(picture), "label": index % 2}
        for index, picture in enumerate(pixels)
    ]
