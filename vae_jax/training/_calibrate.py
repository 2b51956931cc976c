"""Parameters that depend on the whole training set, set before a model is evaluated."""

from typing import Any

import jax.numpy as jnp

from vae_jax.training._batches import map_batches
from vae_jax.training._keys import Stream, fold_indices, stream_key
from vae_jax.training._program import Calibrate, Prepare
from vae_jax.training._streamed import whole
from vae_jax.types import Array, Params
from vae_jax.vae import VAE, Knobs


def make_calibrate(vae: VAE, prepare: Prepare, batch_size: int) -> Calibrate | None:
    """What `vae.calibrate` makes of the training images as training sees them.

    Args:
        vae: the model.
        prepare: as in training.
        batch_size: images prepared at a time.

    Returns:
        `calibrate(params, key, knobs, images) -> params`; None where the model has none.

    >>> make_calibrate(VAE(len, len, len), lambda keys, images: images, 2) is None
    True
    """
    calibrated = vae.calibrate
    if calibrated is None:
        return None

    def calibrate(params: Params, key: Array, knobs: Knobs, images: Any) -> Params:
        images = whole(images, "parameters that are set from all of it")
        keys = fold_indices(
            stream_key(key, Stream.CALIBRATE, 0), jnp.arange(len(images))
        )
        return calibrated(
            params, map_batches(prepare, batch_size, keys, images), knobs=knobs
        )

    return calibrate
