"""A tree of arrays as JSON with a name for every leaf, and back, without importing JAX.

The JSON of a leaf is `{"leaf": name}`, of None it is null, and of every other node
`{"kind": ..., "class": ..., "keys": [...], "children": [...]}`.
"""

import json
import operator
import sys
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

Structure = Any
"""JSON that says what a tree is made of."""

_MAPPINGS = {"dict": dict, "ordered": OrderedDict}
_SEQUENCES = {"list": list, "tuple": tuple}


class Node(NamedTuple):
    """One level of a tree.

    Attributes:
        kind: "list", "tuple", "dict", "ordered" (an `OrderedDict`), "named" (a
            NamedTuple) or "registered" (a node that a package registered with JAX).
        origin: module and name of the class of the last two, otherwise empty.
        keys: one for each child, as JSON.
        children: the subtrees.
        build: makes the node of other children.
    """

    kind: str
    origin: str
    keys: list[Any]
    children: list[Any]
    build: Callable[[list[Any]], Any]


def split(tree: Any) -> Node | None:
    """The uppermost node of a tree; None for a leaf, and for None itself."""
    kind = type(tree)
    if tree is None or isinstance(tree, np.ndarray | np.generic):
        return None
    if kind in _SEQUENCES.values():
        return Node(kind.__name__, "", list(range(len(tree))), list(tree), kind)
    if kind in _MAPPINGS.values():
        name = "dict" if kind is dict else "ordered"
        keys = [_encode(key) for key in tree]
        return Node(name, "", keys, list(tree.values()), _mapping(kind, list(tree)))
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        # as `_make` does it: no `__new__` of somebody's own stands in the way
        build = partial(tuple.__new__, kind)
        return Node("named", _origin(kind), list(kind._fields), list(tree), build)
    return _registered(tree)


def describe(tree: Any) -> tuple[Structure, dict[str, Any]]:
    """The structure of a tree, and its leaves under the names that stand in it.

    A name is the path joined by ".", as in PyTorch. Keys may hold "." themselves: a
    second leaf of the same name is called "name#2", and so on.

    >>> describe({"a.b": np.ones(1), "a": {"b": np.zeros(1)}})[1]
    {'a.b': array([1.]), 'a.b#2': array([0.])}
    """
    leaves: dict[str, Any] = {}
    return _describe(tree, "", leaves), leaves


def build(structure: Structure, leaves: Mapping[str, Any], path: str = "") -> Any:
    """The tree that was described.

    A NamedTuple comes back in its own class where that is imported already and has the
    same fields, otherwise in one that is made for it: a file imports nothing.

    Raises:
        ValueError: it holds nodes that another package registered with JAX.
    """
    if structure is None:
        return None
    if "leaf" in structure:
        return leaves[structure["leaf"]]
    kind, keys = structure["kind"], structure["keys"]
    parts = zip(keys, structure["children"], strict=True)
    children = [build(child, leaves, _join(path, key)) for key, child in parts]
    if kind in _SEQUENCES:
        return _SEQUENCES[kind](children)
    if kind in _MAPPINGS:
        return _mapping(_MAPPINGS[kind], [_decode(key) for key in keys])(children)
    if kind == "named":
        return tuple.__new__(_named_class(structure["class"], tuple(keys)), children)
    raise ValueError(
        f"{_at(path)} is a {structure['class']}, which only its package can make: give "
        "`like`, a tree of the same structure, such as what `init` returns"
    )


def build_like(
    structure: Structure, leaves: Mapping[str, Any], like: Any, path: str = ""
) -> Any:
    """The tree that was described, in the classes of `like`.

    Raises:
        ValueError: `like` has another structure, or leaves of other shapes or dtypes.
    """
    node = split(like)
    if structure is None or "leaf" in structure:
        if node or (structure is None) != (like is None):
            raise _differs(structure, like, path)
        return structure and _leaf(leaves[structure["leaf"]], like, path)
    if node is None or node.kind != structure["kind"]:
        raise _differs(structure, like, path)
    children = dict(
        zip(map(_text, structure["keys"]), structure["children"], strict=True)
    )
    if children.keys() != set(map(_text, node.keys)):
        raise _differs(structure, like, path)
    return node.build(
        [
            build_like(children[_text(key)], leaves, below, _join(path, key))
            for key, below in zip(node.keys, node.children, strict=True)
        ]
    )


def _describe(tree: Any, path: str, leaves: dict[str, Any]) -> Structure:
    if tree is None:
        return None
    node = split(tree)
    if node is None:
        name = _unused(path or "value", leaves)
        leaves[name] = tree
        return {"leaf": name}
    parts = zip(node.keys, node.children, strict=True)
    children = [_describe(child, _join(path, key), leaves) for key, child in parts]
    head = {"kind": node.kind, "class": node.origin, "keys": node.keys}
    return head | {"children": children}


def _unused(path: str, leaves: Mapping[str, Any]) -> str:
    # what UTF-8 cannot hold is escaped; safetensors keeps one name for itself
    name = path.encode(errors="backslashreplace").decode()
    unused, number = name, 2
    while unused in leaves or unused == "__metadata__":
        unused, number = f"{name}#{number}", number + 1
    return unused


def _registered(tree: Any) -> Node | None:
    """A node of the user's own; where there is one, JAX is imported already."""
    tree_util: Any = sys.modules.get("jax.tree_util")
    if tree_util is None:
        return None
    pairs, treedef = tree_util.tree_flatten_with_path(
        tree, is_leaf=lambda part: part is not tree
    )
    if pairs and not pairs[0][0]:  # the path to itself: a leaf
        return None
    keys = [tree_util.keystr(path, simple=True, separator=".") for path, _ in pairs]
    children = [child for _, child in pairs]
    return Node("registered", _origin(type(tree)), keys, children, treedef.unflatten)


def _origin(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


@cache
def _new_class(name: str, fields: tuple[str, ...]) -> Any:
    # fields that begin with an underscore exist only where they were renamed so
    return namedtuple(name, fields, rename=True)


def _named_class(origin: str, fields: tuple[str, ...]) -> Any:
    module, _, name = origin.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    its_own = isinstance(found, type) and issubclass(found, tuple)
    if its_own and getattr(found, "_fields", None) == fields:
        return found
    return _new_class(name.rpartition(".")[2], fields)


def _mapping(kind: Callable[[Any], Any], keys: list[Any]) -> Callable[[list[Any]], Any]:
    return lambda children: kind(zip(keys, children, strict=True))


def _encode(key: Any) -> Any:
    """The key of a dict as JSON, from which an equal key comes back."""
    if key is None or type(key) is bool:
        return key
    if isinstance(key, str | float):
        return str(key) if isinstance(key, str) else float(key)
    if isinstance(key, int | np.integer):
        return operator.index(key)
    if type(key) is tuple:
        return {"tuple": [_encode(part) for part in key]}
    if type(key) is bytes:
        return {"bytes": key.hex()}
    raise TypeError(
        "the keys of parameters must be strings, numbers, bytes, None or tuples of "
        f"them; got {key!r}, a {type(key).__name__}"
    )


def _decode(key: Any) -> Any:
    if isinstance(key, dict):
        if "tuple" in key:
            return tuple(_decode(part) for part in key["tuple"])
        return bytes.fromhex(key["bytes"])
    return key


def _join(path: str, key: Any) -> str:
    key = _decode(key)
    part = ",".join(map(str, key)) if isinstance(key, tuple) else str(key)
    return f"{path}.{part}" if path else part


def _at(path: str) -> str:
    return f"`{path}`" if path else "the tree"


def _shown(node: Any) -> str:
    if not isinstance(node, dict):
        return str(node)
    return "a leaf" if "leaf" in node else f"a {node['kind']} of {node['keys']}"


def _text(key: Any) -> str:
    return json.dumps(key, sort_keys=True)


def _leaf(array: np.ndarray, like: Any, path: str) -> np.ndarray:
    wanted = [getattr(like, name, None) for name in ("shape", "dtype")]
    if wanted[0] not in (None, array.shape) or wanted[1] not in (None, array.dtype):
        raise ValueError(
            f"{_at(path)} was stored as {array.dtype} {array.shape}; "
            f"`like` has {wanted[1]} {wanted[0]}"
        )
    return array


def _differs(structure: Structure, like: Any, path: str) -> ValueError:
    node = split(like)
    told = {"kind": node.kind, "keys": node.keys} if node else type(like).__name__
    return ValueError(
        "`like` must have the structure of what was stored: "
        f"{_at(path)} was {_shown(structure)}; it is {_shown(told)}"
    )
