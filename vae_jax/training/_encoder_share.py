"""The encoder's share of the parameters, and optimisers that move the shares apart.

Two remedies train a model's halves differently: see `make_aggressive_program` and
`with_decoder_reset`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax.training._learning_rate import take_rate
from vae_jax.types import Array, Params

ENCODER_NAMES = ("encoder", "batch_norm")
"""What belongs to the posterior in the models of this package."""

IsEncoder = Callable[[tuple[str, ...]], bool]
"""`is_encoder(path) -> bool`: does the leaf at these names belong to the encoder?"""


def in_encoder(path: tuple[str, ...]) -> bool:
    """Whether one of the names on the way to a leaf is `encoder` or `batch_norm`.

    It holds for the models of this package, also wrapped in others, such as
    `with_prior`.

    >>> in_encoder(("model", "encoder", "kernel")), in_encoder(("decoder", "kernel"))
    (True, False)
    """
    return any(name in ENCODER_NAMES for name in path)


def encoder_mask(params: Params, is_encoder: IsEncoder) -> Params:
    """A bool for every leaf: is it the encoder's?

    Raises:
        ValueError: all leaves are, or none is.

    >>> encoder_mask({"encoder": 1.0, "decoder": {"scale": 2.0}}, in_encoder)
    {'decoder': {'scale': False}, 'encoder': True}
    """

    def names(path: Any) -> tuple[str, ...]:
        return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)

    mask = jax.tree_util.tree_map_with_path(
        lambda path, leaf: bool(is_encoder(names(path))), params
    )
    found = jax.tree.leaves(mask)
    if all(found) or not any(found):
        paths = [names(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
        raise ValueError(
            "`is_encoder` must be true of some parameters and false of others; it is "
            f"{all(found)} of all of {paths}. Pass one that knows this model's encoder."
        )
    return mask


def take(tree: Any, mask: Any) -> list[Any]:
    """The leaves where the mask is true.

    >>> take({"a": 1, "b": 2}, {"a": False, "b": True})
    [2]
    """
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(mask), strict=True)
    return [leaf for leaf, is_taken in pairs if is_taken]


def put(leaves: Sequence[Any], tree: Any, mask: Any) -> Any:
    """The tree with other leaves where the mask is true.

    >>> put([5], {"a": 1, "b": 2}, {"a": False, "b": True})
    {'a': 1, 'b': 5}
    """
    new = iter(leaves)
    return jax.tree.map(lambda leaf, own: next(new) if own else leaf, tree, mask)


class ShareStates(NamedTuple):
    """The leaves of an optimiser's state for each share, each with its own counters.

    >>> ShareStates._fields
    ('encoder', 'rest')
    """

    encoder: list[Array]
    rest: list[Array]


class ShareOptimizers(NamedTuple):
    """Two optimisers over one state, `ShareStates`.

    Attributes:
        encoder: moves the encoder only.
        both: moves both shares, each by its own state.

    >>> ShareOptimizers._fields
    ('encoder', 'both')
    """

    encoder: optax.GradientTransformationExtraArgs
    both: optax.GradientTransformationExtraArgs


def share_optimizers(
    optimizer: optax.GradientTransformation, is_encoder: IsEncoder
) -> ShareOptimizers:
    """An optimiser as two: of the encoder alone, and of both shares.

    Each share has its own moments and its own count of updates. Whatever looks at the
    gradient as a whole, such as a clip by its global norm, sees that of all parameters,
    also when only the encoder moves. A learning rate that is data, and other extra
    arguments, reach the optimiser as they would by itself.

    >>> made = share_optimizers(optax.clip_by_global_norm(1.0), in_encoder)
    >>> grads = {"encoder": jnp.array(3.0), "decoder": jnp.array(4.0)}
    >>> updates, _ = made.encoder.update(grads, made.encoder.init(grads), grads)
    >>> {name: round(float(update), 3) for name, update in updates.items()}
    {'decoder': 0.0, 'encoder': 0.6}
    """
    taking = take_rate(optimizer)

    def init(params: Params) -> ShareStates:
        state, mask = optimizer.init(params), encoder_mask(params, is_encoder)
        return ShareStates(
            *(take(state, own_state(optimizer, state, m)) for m in (mask, flip(mask)))
        )

    def move(
        grads: Any, leaves: Any, params: Any, mask: Any, extra: Any
    ) -> tuple[Any, Any]:
        # the other share's moments are taken as fresh; what follows from them is dropped
        fresh = optimizer.init(params)
        own = own_state(optimizer, fresh, mask)
        updates, state = taking.update(grads, put(leaves, fresh, own), params, **extra)
        return take(updates, mask), take(state, own)

    def update_encoder(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, ShareStates]:
        mask = encoder_mask(params, is_encoder)
        moves, encoder = move(updates, state.encoder, params, mask, extra)
        still = jax.tree.map(jnp.zeros_like, updates)
        return put(moves, still, mask), ShareStates(encoder, state.rest)

    def update_both(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, ShareStates]:
        moved, own = update_encoder(updates, state, params, **extra)
        others = flip(encoder_mask(params, is_encoder))
        moves, rest = move(updates, state.rest, params, others, extra)
        return put(moves, moved, others), ShareStates(own.encoder, rest)

    return ShareOptimizers(
        optax.GradientTransformationExtraArgs(init, update_encoder),
        optax.GradientTransformationExtraArgs(init, update_both),
    )


def flip(mask: Any) -> Any:
    """True where it was false.

    >>> flip({"a": True, "b": False})
    {'a': False, 'b': True}
    """
    return jax.tree.map(lambda is_taken: not is_taken, mask)


def own_state(optimizer: optax.GradientTransformation, state: Any, mask: Any) -> Any:
    """A bool for every leaf of an optimiser's state: is it of these parameters, or of none?

    >>> params = {"a": jnp.zeros(2), "b": jnp.zeros(3)}
    >>> optimizer = optax.scale_by_adam()
    >>> found = own_state(optimizer, optimizer.init(params), {"a": True, "b": False})
    >>> found.count, found.mu
    (True, {'a': True, 'b': False})
    """

    def left_out(node: Any) -> bool:
        return isinstance(node, optax.MaskedNode)

    return optax.tree.map_params(
        optimizer,
        lambda leaf, own: leaf if left_out(leaf) else own,
        state,
        mask,
        transform_non_params=lambda _: True,
        is_leaf=left_out,
    )
