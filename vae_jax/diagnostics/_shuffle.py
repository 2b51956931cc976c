"""An intervention on the decoder: does it notice when z is somebody else's?

Drops of the log-likelihood are in nats per example.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vae_jax import checks
from vae_jax.diagnostics._checks import as_examples
from vae_jax.keys import as_key
from vae_jax.types import ArrayLike, PRNGKey


class ShuffleGap(NamedTuple):
    """Mean drop of the log-likelihood in nats, with its standard error.

    >>> ShuffleGap._fields
    ('value', 'standard_error')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


def derangement(key: PRNGKey, size: int) -> Int[Array, " size"]:
    """A random cycle through all indices: a permutation that leaves none in its place.

    Raises:
        TypeError: no key, or `size` is no whole number.
        ValueError: `size` is below 2.

    >>> derangement(jax.random.key(0), 2).tolist()
    [1, 0]
    """
    size = checks.whole("size", size, 2)  # of one, the only index stays
    cycle = jax.random.permutation(as_key("key", key), size)
    return jnp.zeros(size, cycle.dtype).at[cycle].set(jnp.roll(cycle, -1))


def z_shuffle_gap(
    key: PRNGKey,
    log_prob: Callable[[Array, Any], Array],
    z: Float[ArrayLike, "examples latent"],
    x: Any,
) -> ShuffleGap:
    """How much log p(x|z) drops, on average, when each x gets the z of another example.

    `mean_i [log p(x_i|z_i) - log p(x_i|z_s(i))]`, s a random cycle without fixed points.
    It is 0 for a decoder that ignores z, whatever the encoder does, and at least the mutual
    information where the encoder is the true posterior. Neighbours in the cycle share a z;
    the standard error counts a positive correlation between them.

    Args:
        key: for the cycle.
        log_prob: `log_prob(z, x) -> (examples,)`, the log-likelihood of each example.
        z: a sample of the posterior of each example.
        x: the data, in whatever form `log_prob` takes it.

    Raises:
        TypeError: no key.
        ValueError: fewer than 2 examples, or `log_prob` does not give one number each.

    >>> def log_prob(z, x):
    ...     return -jnp.sum((x - z) ** 2, axis=-1) / 2
    >>> z = jnp.array([[0.0], [2.0]])
    >>> float(z_shuffle_gap(jax.random.key(0), log_prob, z, z).value)
    2.0
    """
    codes = as_examples("z", z)
    partner = derangement(key, len(codes))
    drop = likelihood_drop(log_prob, codes, x, partner)
    centred = drop - jnp.mean(drop)
    with_neighbour = jnp.mean(centred * centred[partner])
    spread = jnp.var(drop, ddof=1) + 2 * jnp.maximum(with_neighbour, 0)
    size = jnp.asarray(len(codes), drop.dtype)
    return ShuffleGap(jnp.mean(drop), jnp.sqrt(spread / size))


def likelihood_drop(
    log_prob: Callable[[Array, Any], Array],
    codes: Float[Array, "examples latent"],
    x: Any,
    partner: Int[Array, " examples"],
) -> Float[Array, " examples"]:
    """`log p(x_i|z_i) - log p(x_i|z_s(i))` of every example."""
    own, other = log_prob(codes, x), log_prob(codes[partner], x)
    if own.shape != (len(codes),):
        raise ValueError(
            f"`log_prob` must return one number an example, ({len(codes)},); "
            f"got {own.shape}."
        )
    return own - other
