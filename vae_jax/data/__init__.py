"""Images as numpy arrays in three splits, and what turns them into a model's input.

`load` finds a set inside the package or on this machine; the transforms are pure JAX
and run inside the train step, on uint8 images that stay on the device.
"""

from vae_jax.data._contents import content_digest, file_digest
from vae_jax.data._covariates import Covariates, levels_of, vectors
from vae_jax.data._dataset import SPLITS, Dataset, Kind, Split
from vae_jax.data._decode import grey_levels, open_image
from vae_jax.data._described import described
from vae_jax.data._digests import digests, read_only, split_digest
from vae_jax.data._idx import read_idx
from vae_jax.data._levels import check_dataset, extremes, full_scale
from vae_jax.data._load import NAMES, load, source_digest
from vae_jax.data._locate import default_data_dir, prepared_names
from vae_jax.data._memory import remembered
from vae_jax.data._origin import Origin
from vae_jax.data._paths import PICTURES, cache_folder
from vae_jax.data._records import (
    Binarize,
    DataSet,
    Images,
    load_dataset,
    prepare_levels,
)
from vae_jax.data._transforms import (
    binarize_dynamic,
    binarize_static,
    dequantize,
    scale,
)

__all__ = [
    "Binarize",
    "DataSet",
    "Images",
    "PICTURES",
    "described",
    "load_dataset",
    "remembered",
    "NAMES",
    "SPLITS",
    "Kind",
    "extremes",
    "Covariates",
    "levels_of",
    "vectors",
    "Dataset",
    "Origin",
    "Split",
    "binarize_dynamic",
    "binarize_static",
    "cache_folder",
    "check_dataset",
    "content_digest",
    "default_data_dir",
    "dequantize",
    "digests",
    "full_scale",
    "file_digest",
    "grey_levels",
    "open_image",
    "prepare_levels",
    "load",
    "prepared_names",
    "read_idx",
    "read_only",
    "scale",
    "source_digest",
    "split_digest",
]
