# mypy: disable-error-code="no-untyped-call"
# safetensors' reader is compiled and untyped
"""Arrays of a safetensors file: its library checks every offset against the file's size."""

import re
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from vae_jax.dumps._stored import Stored


def open_safetensors(path: Path) -> dict[str, Stored]:
    """What the header says that the file holds."""
    try:
        with safe_open(path, "np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {
                name: Stored(
                    tuple(part.get_shape()),
                    part.get_dtype(),
                    _itemsize(part.get_dtype()),
                    lambda name=name: _load(path, name),  # type: ignore[misc]
                )
                for name, part in slices.items()
            }
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}. Write it again.") from error


def _load(path: Path, name: str) -> np.ndarray:
    try:
        with safe_open(path, "np") as file:
            return np.asarray(file.get_tensor(name))
    except (TypeError, AttributeError) as error:  # a type that numpy has not
        raise ValueError(
            f"`{name}` in {path} has a number type that numpy cannot read ({error}). "
            "Write it as float32."
        ) from error


def _itemsize(dtype: str) -> int:
    """Bytes of a type such as `BF16` or `F8_E4M3`.

    >>> _itemsize("BF16"), _itemsize("F8_E4M3"), _itemsize("BOOL")
    (2, 1, 1)
    """
    bits = re.search(r"\d+", dtype)
    return max(1, int(bits[0]) // 8) if bits else 1
