"""An intervention on the decoder: does it notice when z is somebody else's?

Drops of the log-likelihood are in nats per example.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vae_jax import checks
from vae_jax.diagnostics._checks import as_codes
from vae_jax.keys import as_key
from vae_jax.numerics import as_float, check_same_shape
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
    z: Float[ArrayLike, " examples *latent"],
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
        z: a sample of the posterior of each example; its further axes are the latent's.
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
    codes = as_codes("z", z)
    partner = derangement(key, len(codes))
    return shuffle_gap(*_scored(log_prob, codes, x, partner), partner)


def likelihood_drop(
    log_prob: Callable[[Array, Any], Array],
    codes: Float[Array, "examples latent"],
    x: Any,
    partner: Int[Array, " examples"],
) -> Float[Array, " examples"]:
    """`log p(x_i|z_i) - log p(x_i|z_s(i))` of every example."""
    own, other = _scored(log_prob, codes, x, partner)
    return own - other


def _scored(
    log_prob: Callable[[Array, Any], Array],
    codes: Float[Array, "examples ..."],
    x: Any,
    partner: Int[Array, " examples"],
) -> tuple[Float[Array, " examples"], Float[Array, " examples"]]:
    """Log-likelihoods under the own z and under the partner's."""
    own, other = log_prob(codes, x), log_prob(codes[partner], x)
    if own.shape != (len(codes),):
        raise ValueError(
            f"`log_prob` must return one number an example, ({len(codes)},); "
            f"got {own.shape}."
        )
    return own, other


def shuffle_gap(
    log_likelihood: Float[ArrayLike, " examples"],
    shuffled: Float[ArrayLike, " examples"],
    partner: Int[ArrayLike, " examples"] | None = None,
) -> ShuffleGap:
    """The same drop, from log-likelihoods that were computed elsewhere, in nats.

    `mean_i [log p(x_i|z_i) - log p(x_i|z_s(i))]`. Two examples may have met the same z: x_i
    and x_s(i) both meet z_s(i). Where s is known the standard error has their covariance,
    as `z_shuffle_gap` has; where it is not, the largest that it can be, which doubles the
    variance of the mean: in a cycle it is at most half of the variance of one drop, in a
    pair that was swapped all of it, which is counted once.

    Args:
        log_likelihood: of every example under a z of its own.
        shuffled: of every example under the z of another one.
        partner: s, whose z it was; None where it is not known.

    Raises:
        ValueError: fewer than 2 examples, other shapes, or a partner that is out of range
            or the example itself.

    >>> found = shuffle_gap(jnp.array([-1.0, -1.0]), jnp.array([-3.0, -4.0]))
    >>> float(found.value), round(float(found.standard_error), 4)
    (2.5, 0.7071)
    """
    own, other = as_float(log_likelihood), as_float(shuffled)
    if own.ndim != 1 or len(own) < 2:
        raise ValueError(
            "`log_likelihood` must have shape (examples,) with at least 2 examples; got "
            f"{own.shape}."
        )
    check_same_shape("shuffled", other, "log_likelihood", own)
    drop = own - other
    size = jnp.asarray(len(drop), drop.dtype)
    variance = jnp.var(drop, ddof=1)
    if partner is None:
        return ShuffleGap(jnp.mean(drop), jnp.sqrt(2 * variance / size))
    index = _as_partner(partner, len(drop))
    centred = drop - jnp.mean(drop)
    with_neighbour = jnp.mean(centred * centred[index])
    spread = variance + 2 * jnp.maximum(with_neighbour, 0)
    return ShuffleGap(jnp.mean(drop), jnp.sqrt(spread / size))


def _as_partner(partner: ArrayLike, size: int) -> Int[Array, " size"]:
    """Whose z each example met; by its values where they are known."""
    index = jnp.asarray(partner)
    if index.shape != (size,) or not jnp.issubdtype(index.dtype, jnp.integer):
        raise ValueError(
            f"`partner` must be whole numbers of shape ({size},), one an example; got "
            f"{index.dtype} of shape {index.shape}."
        )
    known = checks.concrete("partner", index)
    if known is None:
        return index
    checks.in_range("partner", known, 0, size - 1)
    same = int((known == np.arange(size)).sum())
    if same:
        raise ValueError(
            "`partner` must be another example for each; got the example itself "
            f"{same} times. Roll z by one: `z.roll(1, 0)`."
        )
    return index
