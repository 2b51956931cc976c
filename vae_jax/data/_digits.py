"""The embedded default: 1797 handwritten digits of 8x8 pixels, 17 grey levels.

See `digits.LICENSE.md` for where they come from.
"""

from pathlib import Path

import numpy as np

from vae_jax.data._dataset import Split

ARCHIVE = Path(__file__).with_name("digits.npz")
NUM_TRAIN, NUM_VALIDATION = 1200, 300
MAX_VALUE = 16


def load_digits() -> tuple[Split, Split, Split]:
    """The digits in their frozen split: 1200 train, 300 validation, 297 test.

    The order is scikit-learn's, permuted by numpy's `default_rng(0)`.

    >>> load_digits()[2].images.shape
    (297, 8, 8)
    """
    with np.load(ARCHIVE) as archive:
        images, labels = archive["images"], archive["labels"].astype(np.int32)
    order = np.random.default_rng(0).permutation(len(images))
    parts = np.split(order, [NUM_TRAIN, NUM_TRAIN + NUM_VALIDATION])
    train, validation, test = (Split(images[part], labels[part]) for part in parts)
    return train, validation, test
