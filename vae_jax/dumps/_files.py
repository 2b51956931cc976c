"""Named arrays of an npz, Parquet or safetensors file, as far as they are asked for.

What a file is, its first bytes say, not its name. Shapes are read before anything else, so
that neither a damaged header nor a compressed terabyte takes memory; nothing is unpickled.
"""

import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.damage import BROKEN
from vae_jax.dumps._parquet import open_parquet
from vae_jax.dumps._safetensors import open_safetensors
from vae_jax.dumps._stored import Stored

MOST_BYTES = 2**31
"""Of one array, 2 GiB: 5000 examples of 100 000 units in float32."""

NPZ_SAVE = "np.savez('posterior.npz', means=means, logvars=logvars)"


class Format(NamedTuple):
    """What the first bytes of a file stand for, and what opens it."""

    begins: Callable[[bytes], bool]
    opens: Callable[[Path], dict[str, Stored]]


def list_arrays(path: str | os.PathLike[str]) -> dict[str, Stored]:
    """What a file holds, by name; nothing but the shapes is read yet.

    Args:
        path: an npz, Parquet or safetensors file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is empty, damaged, or of another format; says which and the fix.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "posterior.npz"
    ...     np.savez(path, means=np.zeros((9, 2)), logvars=np.zeros((9, 2)))
    ...     {name: stored.shape for name, stored in list_arrays(path).items()}
    {'means': (9, 2), 'logvars': (9, 2)}
    """
    path = Path(path)
    with open(path, "rb") as file:
        head = file.read(64)
    if not head:
        raise ValueError(f"{path} is empty. Write it again: {NPZ_SAVE}.")
    for known in FORMATS:
        if known.begins(head):
            return known.opens(path)
    raise ValueError(
        f"{path} must be an npz, Parquet or safetensors file; it begins with "
        f"{head[:8]!r}{_guess(head)}. Write it as {NPZ_SAVE}."
    )


def load_array(path: Path, name: str, stored: Stored) -> np.ndarray:
    """One array in memory.

    Raises:
        ValueError: it is larger than `MOST_BYTES`, or damaged.
    """
    size = math.prod(stored.shape) * stored.itemsize
    if size > MOST_BYTES:
        raise ValueError(
            f"`{name}` in {path} has the shape {stored.shape}: {size / 2**30:.1f} GiB, and "
            f"at most {MOST_BYTES / 2**30:g} GiB are read. Write fewer examples; some "
            "thousands are enough."
        )
    return stored.load()


def _open_npz(path: Path) -> dict[str, Stored]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.filename.endswith("data.pkl") for member in members):
                raise ValueError(_pickled(path))
            arrays = [member for member in members if member.filename.endswith(".npy")]
            return {m.filename[:-4]: _npz_member(path, archive, m) for m in arrays}
    except (zipfile.BadZipFile, EOFError) as error:
        raise _damaged(path, error) from error


def _npz_member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Stored:
    """The header of one array, checked against the bytes that the archive has for it."""
    name = member.filename[:-4]
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = header(file)
            start = file.tell()
    except (*BROKEN, OSError) as error:
        raise _damaged(path, error) from error
    if dtype.hasobject:
        raise ValueError(
            f"`{name}` in {path} holds Python objects, which are pickled and not read. "
            f"Give every array one shape and a number type: {NPZ_SAVE}."
        )
    if start + math.prod(shape) * dtype.itemsize != member.file_size:
        raise _damaged(path, f"`{name}` has not the bytes of its shape {shape}")
    return Stored(shape, dtype.name, dtype.itemsize, lambda: _load_npz(path, name))


def _load_npz(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return np.asarray(archive[name])
    except BROKEN as error:
        raise _damaged(path, error) from error


def _refuse_pickle(path: Path) -> dict[str, Stored]:
    raise ValueError(_pickled(path))


def _pickled(path: Path) -> str:
    return (
        f"{path} is a pickle, as torch.save writes it, which may run any code when it is "
        "read: it is refused. Write the arrays: np.savez('posterior.npz', "
        "means=means.cpu().numpy(), logvars=logvars.cpu().numpy())."
    )


def _damaged(path: Path, error: Exception | str) -> ValueError:
    return ValueError(f"{path} is damaged: {error}. Write it again.")


def _guess(head: bytes) -> str:
    """What else it looks like."""
    if head.startswith(b"\x93NUMPY"):
        return ", as one array of np.save does"
    if head.startswith(b"\x89HDF"):
        return ", as HDF5 does"
    return ""


def _is_safetensors(head: bytes) -> bool:
    """The length of a header, then the header, which is JSON."""
    return len(head) > 8 and head[8:9] == b"{"


def _is_pickle(head: bytes) -> bool:
    return head[0] == 0x80 and head[1] in range(2, 6)


FORMATS = (
    Format(lambda head: head.startswith((b"PK\x03\x04", b"PK\x05\x06")), _open_npz),
    Format(lambda head: head.startswith(b"PAR1"), open_parquet),
    Format(_is_safetensors, open_safetensors),
    Format(_is_pickle, _refuse_pickle),
)
