"""When aggressive training ends: mutual information stops growing over the epochs.

He, Spokoyny, Neubig, Berg-Kirkpatrick (2019), arXiv:1901.05534.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vae_jax import diagnostics
from vae_jax.conditions import on_device
from vae_jax.training._batches import map_batches
from vae_jax.training._keys import Stream, fold_indices, stream_key
from vae_jax.training._program import Prepare
from vae_jax.types import ArrayLike
from vae_jax.vae import VAE

MAX_MEASURED = 2000
"""Training examples that the mutual information is measured on."""


class Judgement(NamedTuple):
    """Whether a run still is aggressive, and what that was judged by.

    Attributes:
        aggressive: once False, for good.
        information: the last mutual information, in nats; 0 before the first epoch's end.
        best: the largest so far.
        failures: epoch ends at which it was below the best.

    >>> Judgement._fields
    ('aggressive', 'information', 'best', 'failures')
    """

    aggressive: Bool[Array, ""]
    information: Float[Array, ""]
    best: Float[Array, ""]
    failures: Int[Array, ""]


def first_judgement(aggressive: Bool[ArrayLike, ""]) -> Judgement:
    """Before the first epoch's end.

    >>> first_judgement(True).failures
    Array(0, dtype=int32)
    """
    return Judgement(
        jnp.asarray(aggressive, jnp.bool_),
        jnp.zeros((), jnp.float32),
        jnp.full((), -jnp.inf, jnp.float32),
        jnp.zeros((), jnp.int32),
    )


def judge(
    before: Judgement, found: Float[Array, ""], patience: Int[ArrayLike, ""]
) -> Judgement:
    """An epoch's end: aggressive training is over with the `patience`-th failure.

    With a patience of 1 that is the first epoch end at which the mutual information is
    below that of the one before. An estimate that is not finite counts as the last one.

    >>> seen = first_judgement(True)
    >>> for information in (0.5, 0.7, 0.6):
    ...     seen = judge(seen, jnp.array(information), 1)
    >>> bool(seen.aggressive), int(seen.failures)
    (False, 1)
    """
    found = jnp.asarray(found, jnp.float32)
    found = jnp.where(jnp.isfinite(found), found, before.information)
    failures = before.failures + (found < before.best).astype(jnp.int32)
    return Judgement(
        before.aggressive & (failures < patience),
        found,
        jnp.maximum(before.best, found),
        failures,
    )


def make_measure(
    vae: VAE, prepare: Prepare, batch_size: int, num_measured: int
) -> Callable[..., Float[Array, ""]]:
    """Mutual information on the first training examples, at the end of a step.

    Returns:
        `measure(params, t, key, knobs, images) -> nats`.

    See `make_aggressive_program`.
    """

    def measure(params, t, key, knobs, images):  # type: ignore[no-untyped-def]
        some = on_device(images)[:num_measured]
        # the inner loop counts from 1, which leaves this address free
        root = jax.random.fold_in(stream_key(key, Stream.INNER, t), 0)
        prepare_key, sample_key = jax.random.split(root)

        def encode(keys: Array, images: Any) -> Any:
            return vae.encode(params, prepare(keys, images), knobs=knobs)

        keys = fold_indices(prepare_key, jnp.arange(len(some)))
        posterior = map_batches(encode, batch_size, keys, some)
        return diagnostics.mutual_information(sample_key, *posterior).value

    return measure
