"""The settings of the members of a cohort: what differs is stacked, the rest is shared.

What all members agree on stays one array for all of them. Under `vmap` it is then no
batched value: a branch on it is taken once, and what follows from it is computed once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np


class Members(NamedTuple):
    """Stacked settings of the resident members.

    Attributes:
        seed: of each member.
        own: the settings in which members differ, a row a member.

    >>> Members._fields
    ('seed', 'own')
    """

    seed: Any
    own: list[Any]


class Settings(NamedTuple):
    """How the settings of a cohort fall into two.

    Attributes:
        structure: of one member's settings.
        is_shared: for each of its leaves.
        shared: the leaves that all members agree on.

    >>> settings = split_settings([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
    >>> settings.shared, settings.own({"a": 1, "b": 3}), settings.join([3], [1])
    ([1], [3], {'a': 1, 'b': 3})
    """

    structure: Any
    is_shared: tuple[bool, ...]
    shared: list[Any]

    def own(self, hyper: Any) -> list[Any]:
        """The leaves of one member's settings that are its own."""
        pairs = zip(jax.tree.leaves(hyper), self.is_shared, strict=True)
        return [leaf for leaf, is_shared in pairs if not is_shared]

    def join(self, own: Sequence[Any], shared: Sequence[Any]) -> Any:
        """One member's settings, whole again."""
        sources = iter(own), iter(shared)
        leaves = [next(sources[is_shared]) for is_shared in self.is_shared]
        return jax.tree.unflatten(self.structure, leaves)


def split_settings(hypers: Sequence[Any]) -> Settings:
    """Find what the members of a whole cohort agree on.

    >>> split_settings([{"a": 1}]).is_shared
    (True,)
    """
    rows = [jax.tree.leaves(hyper) for hyper in hypers]
    is_shared = tuple(
        all(np.array_equal(leaf, column[0]) for leaf in column[1:])
        for column in zip(*rows, strict=True)
    )
    shared = [leaf for leaf, same in zip(rows[0], is_shared, strict=True) if same]
    return Settings(jax.tree.structure(hypers[0]), is_shared, shared)
