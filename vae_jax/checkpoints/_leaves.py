"""A pytree as a list of leaves: described, brought to the host, and put back."""

import hashlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Params

Leaf = dict[str, Any]
"""What the record says of one leaf."""

# what orbax stores as it is; narrower and newer numbers go as bytes
_PLAIN = {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
_PLAIN |= {"bool", "float16", "float32", "float64", "bfloat16"}
_PLAIN |= {"complex64", "complex128"}


class TargetMismatch(ValueError):
    """The target has other leaves, shapes or dtypes than the save."""


def describe(tree: Params) -> list[Leaf]:
    """Path, dtype and shape of every leaf, and the kind of its keys."""
    described: list[Leaf] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = "state" + jax.tree_util.keystr(path)
        _check_leaf(leaf, name)
        # a foreign byte order is another way to write the same numbers
        dtype, shape = str(_native(leaf.dtype)), list(leaf.shape)
        entry: Leaf = {"path": name, "dtype": dtype, "shape": shape}
        if isinstance(leaf, jax.Array) and _is_key(leaf):
            entry["key_impl"] = jax.random.key_impl(leaf)
        described.append(entry)
    return described


def _check_leaf(leaf: Any, name: str) -> None:
    if not isinstance(leaf, jax.Array | np.ndarray | jax.ShapeDtypeStruct):
        raise TypeError(f"`{name}` must be an array; got {type(leaf).__name__}")
    if isinstance(leaf, np.ma.MaskedArray):
        raise TypeError(
            f"`{name}` is a masked array, whose mask would be lost; save data and mask"
        )
    if not (
        _is_key(leaf) or jnp.issubdtype(leaf.dtype, np.number) or leaf.dtype == bool
    ):
        raise TypeError(f"`{name}` must be an array of numbers; got {leaf.dtype}")


def _native(dtype: Any) -> Any:
    return dtype.newbyteorder("=") if isinstance(dtype, np.dtype) else dtype


def to_host(tree: Params) -> list[np.ndarray]:
    """The leaves as numpy arrays in native byte order, typed keys as their data."""
    leaves = jax.tree.leaves(tree)
    raw = [jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in leaves]
    host = jax.device_get(raw)
    return [np.asarray(array, _native(array.dtype)) for array in host]


def goes_as_bytes(array: np.ndarray) -> bool:
    """Whether orbax has no form of its own for this dtype."""
    return array.dtype.name not in _PLAIN


def as_bytes(array: np.ndarray) -> np.ndarray:
    """The bytes of an array in a row."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def digest(array: np.ndarray) -> str:
    """SHA-256 of dtype, shape and bytes."""
    sha = hashlib.sha256(f"{array.dtype.name} {array.shape}\n".encode())
    sha.update(as_bytes(array).data)
    return sha.hexdigest()


def check_target(leaves: list[Leaf], target: Params, path: Path) -> None:
    """Refuse a target that the save does not fit, naming the first difference."""
    expected = describe(target)
    saved, wanted = {x["path"] for x in leaves}, {x["path"] for x in expected}
    if saved != wanted:
        raise TargetMismatch(
            f"the target must have the leaves saved in {path}; "
            f"it lacks {sorted(saved - wanted)} and adds {sorted(wanted - saved)}"
        )
    by_path = {leaf["path"]: leaf for leaf in leaves}
    for new in expected:
        old = by_path[new["path"]]
        if (old["dtype"], old["shape"]) != (new["dtype"], new["shape"]):
            raise TargetMismatch(
                f"`{new['path']}` was saved in {path} as {old['dtype']} "
                f"{old['shape']}; the target has {new['dtype']} {new['shape']}"
            )


def place(
    arrays: list[np.ndarray],
    leaves: list[Leaf],
    target: Params,
    sharding: jax.sharding.Sharding | None,
) -> Params:
    """The arrays in the structure of `target`, on the devices of `sharding`."""
    # by path, since the fields of a NamedTuple may stand in another order by now
    index = {leaf["path"]: i for i, leaf in enumerate(leaves)}
    order = [index[leaf["path"]] for leaf in describe(target)]
    targets, structure = jax.tree.flatten(target)
    placed = [
        arrays[i].astype(like.dtype, copy=False)  # its byte order
        if isinstance(like, np.ndarray)
        else _on_device(arrays[i], leaves[i], sharding)
        for like, i in zip(targets, order, strict=True)
    ]
    return jax.tree.unflatten(structure, placed)


def _on_device(
    array: np.ndarray, leaf: Leaf, sharding: jax.sharding.Sharding | None
) -> jax.Array:
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise TargetMismatch(
            f"`{leaf['path']}` was saved as {leaf['dtype']}, which JAX holds only with "
            "jax_enable_x64; turn it on, or give a numpy array as target"
        )
    value = jnp.asarray(array)
    if "key_impl" in leaf:
        value = jax.random.wrap_key_data(value, impl=leaf["key_impl"])
    placed: jax.Array = jax.device_put(value, sharding)
    return placed
