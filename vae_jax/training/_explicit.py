"""A step under a mesh whose axes are explicit, the default of `jax.make_mesh`.

Explicit axes make the sharding of a batch a part of its type, and every operation must say
what becomes of it: a batch that is split meets keys that are not, and `vmap` refuses. In a
step nothing is to be said: the batch is split or not, the state is everywhere. So it runs
with those axes automatic, as under any other mesh.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
from jax.sharding import AxisType, PartitionSpec


def in_auto_axes(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, with explicit axes of the arguments' mesh made automatic.

    Results are replicated where there are any.

    >>> in_auto_axes(lambda x, y: x + y, 1, 2)
    3
    """
    mesh = explicit_mesh(args)
    return function(*args) if mesh is None else automatic(function, mesh)(*args)


@lru_cache(maxsize=16)
def automatic(function: Callable[..., Any], mesh: Any) -> Callable[..., Any]:
    """The function with the explicit axes of a mesh made automatic, and compiled.

    It must be: outside of a program, an abstract mesh says nothing of the devices.

    >>> mesh = jax.make_mesh((1,), ("batch",), (AxisType.Explicit,))
    >>> int(automatic(lambda x: x + 1, mesh.abstract_mesh)(1))
    2
    """

    def run(*args: Any) -> Any:
        inner = jax.sharding.auto_axes(function, out_sharding=PartitionSpec())
        with jax.sharding.use_abstract_mesh(mesh):
            return inner(*args)

    return jax.jit(run)


def explicit_mesh(tree: Any) -> Any:
    """The mesh with explicit axes that an array of a tree lies on, or None.

    >>> explicit_mesh({"a": 1.0}) is None
    True
    """
    for leaf in jax.tree.leaves(tree):
        mesh = getattr(jax.typeof(leaf).sharding, "mesh", None)
        if mesh is not None and AxisType.Explicit in mesh.axis_types:
            return mesh
    return None
