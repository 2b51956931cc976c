"""How the members of a shard share the devices: `lax.map` or `vmap` within each."""

import math
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from vae_jax.sweeps.devices._mesh import EVERYWHERE, MEMBER, MEMBERS

Strategy = Literal["map", "vmap"]

VMAP_BELOW_FLOP = 5e6
"""On CPU, `vmap` is faster than `lax.map` only for steps smaller than this.

Measured on 2 cores (AVX-512, jax 0.10): a step of 0.05 MFLOP takes 0.54 of the time
under vmap over 16 members, one of 6 MFLOP 0.96, one of 80 MFLOP 1.32.
"""


def choose_strategy(program_step: Callable[..., Any], *arguments: Any) -> Strategy:
    """`vmap` on accelerators and for the smallest steps on CPU, else `map`.

    >>> choose_strategy(lambda x: x @ x, jax.numpy.ones((4, 4)))
    'vmap'
    """
    return strategy_for(jax.make_jaxpr(program_step)(*arguments).jaxpr)


def strategy_for(step: Any) -> Strategy:
    """The same, of a step that is traced already.

    >>> strategy_for(jax.make_jaxpr(lambda x: x @ x)(jax.numpy.ones((4, 4))).jaxpr)
    'vmap'
    """
    small = jax.default_backend() != "cpu" or flop(step) < VMAP_BELOW_FLOP
    return "vmap" if small else "map"


def step_flop(function: Callable[..., Any], *arguments: Any) -> float:
    """Floating-point operations of one call in matrix products and convolutions.

    Counted in the traced program, where a `lax.scan` still says how long it is: XLA's own
    count takes every loop as one turn, a sentence as one word. A `while_loop` is one turn
    here too, and of the branches of a `cond` the dearest counts, however seldom it is
    taken: under `vmap`, members that differ in it take all of them.

    >>> step_flop(lambda x: x @ x, jax.numpy.ones((4, 4)))
    128.0
    >>> turn = lambda x, _: (x @ x, None)
    >>> step_flop(lambda x: jax.lax.scan(turn, x, length=5), jax.numpy.ones((4, 4)))
    640.0
    """
    return flop(jax.make_jaxpr(function)(*arguments).jaxpr)


def flop(jaxpr: Any) -> float:
    """Of a traced program; see `step_flop`."""
    total = 0.0
    for equation in jaxpr.eqns:
        inner = [flop(own) for own in inner_programs(equation)]
        if equation.primitive.name == "cond":
            total += max(inner)
        else:
            total += equation.params.get("length", 1) * sum(inner)
        total += _product_flop(equation)
    return total


def inner_programs(equation: Any) -> list[Any]:
    """The programs that an equation runs: of loops, branches, calls, derivatives."""
    found = []
    for leaf in jax.tree.leaves(list(equation.params.values())):
        # a closed one holds the open one, which has equations
        open_one = getattr(leaf, "jaxpr", leaf)
        if hasattr(open_one, "eqns"):
            found.append(open_one)
    return found


def _product_flop(equation: Any) -> float:
    """Two for every output and every input that it sums over."""
    if equation.primitive.name == "dot_general":
        (summed, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        terms = math.prod(shape[axis] for axis in summed)
    elif equation.primitive.name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        outputs = equation.params["dimension_numbers"].rhs_spec[0]
        terms = math.prod(kernel) // kernel[outputs]
    else:
        return 0.0
    total: float = 2.0 * terms * math.prod(equation.outvars[0].aval.shape)
    return total


def over_members(
    function: Callable[..., Any],
    mesh: Mesh,
    strategy: Strategy,
    shared_specs: Any = EVERYWHERE,
) -> Callable[..., Any]:
    """`function(member, shared)` over the first `num_real` stacked members.

    They are sharded over the first axis of the mesh, whose size the leading size of
    `members` must be a multiple of. What fills it up is not computed by `map`, and comes
    back as zeros.
    `shared_specs` say which parts of what is shared are only so by the members of a device.

    >>> from vae_jax.sweeps.devices._mesh import member_mesh
    >>> double = over_members(lambda m, s: m * s, member_mesh(), "map")
    >>> size = jax.device_count()
    >>> double(jax.numpy.ones(size), jax.numpy.asarray(2.0), size).sum() == 2 * size
    Array(True, dtype=bool)
    """

    def local(members: Any, shared: Any, num_real: Any) -> Any:
        size = jax.tree.leaves(members)[0].shape[0]
        # a vmap of size 1 costs 17 % more than none
        if strategy == "vmap" and size > 1:
            return jax.vmap(function, in_axes=(0, None))(members, shared)
        before = jax.lax.axis_index(MEMBER).astype(jnp.int32) * size
        count = jnp.clip(jnp.asarray(num_real, jnp.int32) - before, 0, size)
        return map_first(function, members, shared, count)

    return jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(MEMBERS, shared_specs, EVERYWHERE),
        out_specs=MEMBERS,
        check_vma=False,
    )


def map_first(
    function: Callable[..., Any], members: Any, shared: Any, count: Any
) -> Any:
    """`function(member, shared)` of the first `count` members, one after another.

    >>> map_first(lambda m, s: m + s, jax.numpy.ones(3), 1.0, 2).tolist()
    [2.0, 2.0, 0.0]
    """
    size = jax.tree.leaves(members)[0].shape[0]
    # traced once, for its shapes and for the loop
    once = jax.jit(function, inline=True)
    shapes = jax.eval_shape(once, jax.tree.map(lambda x: x[0], members), shared)
    empty = jax.tree.map(lambda x: jnp.zeros((size, *x.shape), x.dtype), shapes)

    def one(i: Any, rows: Any) -> Any:
        new = once(jax.tree.map(lambda leaf: leaf[i], members), shared)
        return jax.tree.map(lambda row, leaf: row.at[i].set(leaf), rows, new)

    return jax.lax.fori_loop(jnp.int32(0), count, one, empty)


def pad_members(tree: Any, size: int) -> Any:
    """Stacked members filled up to `size` by repeating the last one.

    >>> pad_members(np.arange(3), 4).tolist()
    [0, 1, 2, 2]
    """

    def pad(leaf: Any) -> Any:
        rows = np.minimum(np.arange(size), len(leaf) - 1)
        if isinstance(leaf, jax.Array):  # typed keys are none of numpy's
            return leaf[rows]
        return np.asarray(leaf)[rows]

    return jax.tree.map(pad, tree)
