"""Arrays that a caller gives, in the place of the data that runs name."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vae_jax.configs import Run
from vae_jax.data import Dataset, Images
from vae_jax.userdata import Held, from_arrays, hold

DEFAULT = Run().data.chosen_name


def with_data(configs: Sequence[Run], data: Any) -> list[Run]:
    """The runs on arrays of the caller's; what they say of binarisation stays.

    Args:
        configs: runs that name no data set.
        data: an array, a tuple of two or three (train, validation, test), or a `Dataset`.

    Raises:
        ValueError: a run names a data set, or see `userdata.from_arrays`.

    >>> import numpy as np
    >>> from vae_jax.likelihoods import Gaussian
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> [run] = with_data([Run(likelihood=Gaussian())], x)
    >>> run.data.load().train.images.shape
    (40, 3)
    """
    if data is None:
        return list(configs)
    if not isinstance(data, Dataset):
        data = from_arrays(*(data if isinstance(data, tuple | list) else (data,)))
    held = hold(data)
    return [replace(run, data=_read_alike(run, held)) for run in configs]


def _read_alike(run: Run, held: Held) -> Held:
    """The record of the arrays, with what the run says of how to read them."""
    bare = run.data.unfitted(run.likelihood.wants)
    if not isinstance(bare, Images) or bare.dataset != DEFAULT:
        raise ValueError(
            "`data` are given, so that no run may name a data set; got "
            f"dataset={bare.chosen_name!r}. Leave one out."
        )
    return replace(held, binarize=bare.binarize, dequantize=bare.dequantize)
