"""Files of numbers that are not copied: read in parts, and as they are needed."""

from pathlib import Path

import numpy as np

from vae_jax.userdata._arrays import read_npy
from vae_jax.userdata._raw import WHOLE, Raw
from vae_jax.views import Rows, is_large


def mapped_npy(path: Path) -> Raw:
    """The array of a `.npy`; that of a large one as rows that stay in the file.

    An array in Fortran's order is copied whatever its size: an example is not in one place.

    Raises:
        ValueError: see `read_npy`.

    >>> mapped_npy(Path("nowhere.npy"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    raw = read_npy(path)
    array = np.asanyarray(raw.parts[WHOLE])  # still the map
    whole = array.ndim > 1 and 0 not in array.shape and array.dtype.kind in "biuf"
    if not (is_large(array.nbytes) and whole and array.flags.c_contiguous):
        return raw
    return raw._replace(parts={WHOLE: Rows(array)})
