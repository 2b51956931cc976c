"""Images as numpy arrays in three splits, and what turns them into a model's input.

`load` finds a set inside the package or on this machine; the transforms are pure JAX
and run inside the train step, on uint8 images that stay on the device.
"""

from vae_jax.data._dataset import Dataset, Split
from vae_jax.data._idx import read_idx
from vae_jax.data._load import NAMES, load
from vae_jax.data._locate import default_data_dir, prepared_names
from vae_jax.data._transforms import (
    binarize_dynamic,
    binarize_static,
    dequantize,
    scale,
)

__all__ = [
    "NAMES",
    "Dataset",
    "Split",
    "binarize_dynamic",
    "binarize_static",
    "default_data_dir",
    "dequantize",
    "load",
    "prepared_names",
    "read_idx",
    "scale",
]
