# mypy: disable-error-code="no-untyped-call"
# safetensors' reader is compiled and untyped
"""The parameters of one member as a safetensors file, which PyTorch and others read.

Beside the tensors it holds, as text, whose they are and of what tree they are leaves.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from vae_jax.results._files import DamagedFile, ForeignFile, write_over
from vae_jax.results._trees import build, build_like, describe

_TREE, _DTYPES = "vae_jax.tree", "vae_jax.dtypes"
# what every safetensors stores under its own name; the rest goes as pairs of real
# numbers, as integers or as bytes
_OWN = {np.dtype(name) for name in ("b1", "f2", "f4", "f8")}
_OWN |= {np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)}
_OWN |= {np.dtype(ml_dtypes.bfloat16), np.dtype(ml_dtypes.float8_e4m3fn)}
_OWN |= {np.dtype(ml_dtypes.float8_e5m2)}


def params_path(folder: Path, name: str) -> Path:
    """The file of this name, if the name leads nowhere else.

    Raises:
        ValueError: the name is no plain file name.
    """
    if name in ("", ".", "..") or set(name) & {"/", "\\", "\0"}:
        raise ValueError(
            f"a parameters file must have a plain name inside {folder}; got {name!r}"
        )
    return folder / name


def write_params(
    folder: str | os.PathLike[str], name: str, tree: Any, about: Mapping[str, str]
) -> str:
    """Store a member's parameters in `folder/name`, durably and all at once.

    Args:
        folder: made if it is missing.
        name: a plain file name; "{digest}" in it becomes 12 digits of the SHA-256, so
            that rivals whose bytes differ write two files.
        tree: dicts, lists, tuples, NamedTuples, None and what is registered with JAX,
            with arrays as leaves: numbers of any dtype.
        about: whose the parameters are, as text.

    Returns:
        The SHA-256 of the file, in hexadecimal.

    Raises:
        TypeError: a leaf is no array of numbers, a key or a text is of another type.
        ValueError: the name leads out of the folder.
        OSError: the disk is full; names the file and the bytes.
    """
    content = _encode(tree, about)
    digest = hashlib.sha256(content).hexdigest()
    path = params_path(Path(folder), name.replace("{digest}", digest[:12]))
    write_over(path, content)
    return digest


def read_params(
    path: Path, digest: str, about: Mapping[str, str] | None = None, like: Any = None
) -> Any:
    """The tree that was stored, with numpy arrays as leaves.

    Args:
        path: a file of `write_params`.
        digest: what that returned.
        about: entries that must stand in the file as they do here.
        like: a tree of the same structure, for nodes that a package registered with
            JAX; its leaves may be `jax.ShapeDtypeStruct`.

    Raises:
        DamagedFile: the file is missing from its folder, or its bytes have changed.
        ForeignFile: it belongs to another member or run.
        ValueError: `like` is missing where it is needed, or has another structure.
    """
    structure, leaves = _contents(path, digest, about or {})
    return (
        build(structure, leaves)
        if like is None
        else build_like(structure, leaves, like)
    )


def read_leaves(path: Path, digest: str) -> dict[str, np.ndarray]:
    """The arrays that were stored, by name.

    Raises:
        DamagedFile: as for `read_params`.
    """
    return _contents(path, digest, {})[1]


def _contents(
    path: Path, digest: str, about: Mapping[str, str]
) -> tuple[Any, dict[str, np.ndarray]]:
    """The structure of the tree, and its leaves by name."""
    content = _read(path, digest)
    notes = _notes(path, content)
    _check_about(path, notes, about)
    try:
        structure, dtypes = json.loads(notes[_TREE]), json.loads(notes[_DTYPES])
        return structure, {
            name: _decode(np.dtype(getattr(ml_dtypes, dtypes[name], dtypes[name])), raw)
            for name, raw in safetensors.deserialize(content)
        }
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise _unreadable(path) from error


def read_about(path: Path, digest: str | None = None) -> dict[str, str]:
    """What the file says of itself; without `digest` its bytes are not verified.

    Raises:
        DamagedFile: the file is missing from its folder, or its bytes have changed.
    """
    notes = _notes(path, _read(path, digest))
    return {name: text for name, text in notes.items() if name not in (_TREE, _DTYPES)}


def _read(path: Path, digest: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        if path.parent.is_dir():
            raise DamagedFile(f"{path} is damaged: it is missing") from error
        raise
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise DamagedFile(f"{path} is damaged: it does not match its SHA-256")
    return content


def _encode(tree: Any, about: Mapping[str, str]) -> bytes:
    structure, leaves = describe(tree)
    arrays = {name: _array(leaf, name) for name, leaf in leaves.items()}
    dtypes = {name: array.dtype.name for name, array in arrays.items()}
    stored = {name: _carried(array) for name, array in arrays.items()}
    notes = {_TREE: json.dumps(structure), _DTYPES: json.dumps(dtypes)}
    return _ordered(safetensors.numpy.save(stored, notes | _texts(about)))


def _texts(about: Mapping[str, str]) -> dict[str, str]:
    for name, text in about.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(
                f"`about` must map strings to strings; got {name!r}: {text!r}"
            )
    if taken := {_TREE, _DTYPES} & set(about):
        raise ValueError(f"`about` must not use the names {sorted(taken)}")
    return dict(about)


def _ordered(content: bytes) -> bytes:
    """The same file with its notes in order: safetensors writes them at random."""
    size = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + size]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def _array(leaf: Any, name: str) -> np.ndarray:
    """A leaf as an array in the byte order of this machine, its elements in a row."""
    if not hasattr(leaf, "dtype") or not hasattr(leaf, "__array__"):
        raise TypeError(f"`{name}` must be an array; got {type(leaf).__name__}")
    if isinstance(leaf, np.ma.MaskedArray) or not _is_of_numbers(leaf.dtype):
        got = "masked" if isinstance(leaf, np.ma.MaskedArray) else str(leaf.dtype)
        raise TypeError(f"`{name}` must be an array of numbers; got {got}")
    return np.asarray(leaf, leaf.dtype.newbyteorder("="), order="C")


def _is_of_numbers(dtype: Any) -> bool:
    if not isinstance(dtype, np.dtype):  # JAX's typed keys
        return False
    widest = 16 if dtype.kind == "c" else 8
    known = dtype.kind in "biufc" or dtype.type.__module__ == "ml_dtypes"
    return known and dtype.itemsize <= widest


def _carried(array: np.ndarray) -> np.ndarray:
    """The array in a dtype that safetensors has."""
    dtype = array.dtype
    if dtype in _OWN:
        return array
    if dtype.kind == "c":
        return np.stack([array.real, array.imag], axis=-1)
    if np.can_cast(dtype, np.int8):
        return array.astype(np.int8)
    return array.view(np.uint8)


def _decode(dtype: np.dtype, raw: Mapping[str, Any]) -> np.ndarray:
    """What was carried, in a dtype of the user's."""
    shape = raw["shape"]
    if dtype.kind == "c":
        shape = shape[:-1]
    elif dtype not in _OWN and np.can_cast(dtype, np.int8):
        return np.frombuffer(raw["data"], np.int8).reshape(shape).astype(dtype)
    return np.frombuffer(raw["data"], dtype).reshape(shape).copy()


def _notes(path: Path, content: bytes) -> dict[str, str]:
    """The texts of the header."""
    try:
        size = int.from_bytes(content[:8], "little")
        notes: dict[str, str] = json.loads(content[8 : 8 + size])["__metadata__"]
        return dict(notes)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path) from error


def _check_about(
    path: Path, notes: Mapping[str, str], about: Mapping[str, str]
) -> None:
    for name, wanted in about.items():
        if notes.get(name) != wanted:
            raise ForeignFile(
                f"{path} belongs to another member or run: its `{name}` is "
                f"{notes.get(name)!r}, where {wanted!r} was expected. It is whole, and "
                "is left as it is; put the file of this run in its place"
            )


def _unreadable(path: Path) -> DamagedFile:
    return DamagedFile(f"{path} is damaged: it holds no parameters of this library")
