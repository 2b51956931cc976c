"""Which members share a compiled program, and which are resident at once."""

import itertools
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import jax

from vae_jax.configs import Run


class Shard(NamedTuple):
    """Members of one cohort that run together and are committed as one file.

    Attributes:
        number: over the whole sweep at this width, independent of the machine.
        members: numbers of its members: positions in the list of configs.
        configs: of those members.

    >>> Shard(0, (0,), (Run(),)).number
    0
    """

    number: int
    members: tuple[int, ...]
    configs: tuple[Run, ...]


def cohort_key(run: Run) -> Any:
    """What shapes the compiled program: the structure of the run, and of its arrays.

    >>> from vae_jax.configs import changed
    >>> cohort_key(changed(Run(), beta=1.0)) == cohort_key(changed(Run(), beta=2.0, seed=1))
    True
    >>> cohort_key(changed(Run(), latent_dim=2)) == cohort_key(Run())
    False
    """
    leaves, structure = jax.tree.flatten(run.on_device())
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def split_shards(configs: Sequence[Run], width: int) -> list[list[Shard]]:
    """The shards of each cohort: at most `width` members each, in the order given.

    They are of one size but for the last, which the engine fills up to that size: a
    cohort is compiled for one size only.

    >>> cohorts = split_shards([Run(seed=s) for s in range(5)], width=4)
    >>> [[shard.members for shard in shards] for shards in cohorts]
    [[(0, 1, 2), (3, 4)]]
    """
    cohorts: dict[Any, list[int]] = {}
    for member, config in enumerate(configs):
        cohorts.setdefault(cohort_key(config), []).append(member)
    number, result = itertools.count(), []
    for members in cohorts.values():
        size = -(-len(members) // -(-len(members) // width))
        groups = [tuple(members[i : i + size]) for i in range(0, len(members), size)]
        result.append(
            [Shard(next(number), g, tuple(configs[m] for m in g)) for g in groups]
        )
    return result


def part_of(shard: Shard, members: Collection[int]) -> Shard:
    """The shard with only some of its members.

    >>> part_of(Shard(0, (4, 5), (Run(seed=1), Run(seed=2))), {5}).members
    (5,)
    """
    kept = [i for i, member in enumerate(shard.members) if member in members]
    return shard._replace(
        members=tuple(shard.members[i] for i in kept),
        configs=tuple(shard.configs[i] for i in kept),
    )
