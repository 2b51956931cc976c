"""Data sets that are remembered, known by what the files behind them hold."""

from collections.abc import Callable
from typing import Any

from vae_jax.data._dataset import Dataset
from vae_jax.data._digests import read_only

MOST = 4
"""Data sets that are remembered."""

_REMEMBERED: dict[Any, Dataset] = {}


def remembered(
    asked: Any, digest: Callable[[], str], load: Callable[[], Dataset]
) -> Dataset:
    """What `load()` returns, read-only; the same as before while the digest is.

    Args:
        asked: all but the files that decides about the data.
        digest: of the files.
        load: reads them.

    >>> from vae_jax.data import load
    >>> digits = remembered("my digits", lambda: "a", load)
    >>> remembered("my digits", lambda: "a", load) is digits
    True
    >>> remembered("my digits", lambda: "b", load) is digits
    False
    """
    key = asked, digest()
    if key in _REMEMBERED:
        # the last one used is the last one to be forgotten
        _REMEMBERED[key] = _REMEMBERED.pop(key)
        return _REMEMBERED[key]
    dataset = read_only(load())
    # files that changed while they were read have another digest by now
    if (asked, digest()) == key:
        _REMEMBERED[key] = dataset
    while len(_REMEMBERED) > MOST:
        del _REMEMBERED[next(iter(_REMEMBERED))]
    return dataset
