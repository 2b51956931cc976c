"""The shuffle of z within a condition: does the decoder use z beside the condition?

A decoder that is told c may draw all it knows of c from c; somebody else's z costs it
nothing where z only repeats c. So z is exchanged among examples of one condition. Drops of
the log-likelihood are in nats per example.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vae_jax.diagnostics._checks import as_examples
from vae_jax.diagnostics._groups import (
    Groups,
    alone,
    as_conditions,
    as_groups,
    average,
)
from vae_jax.diagnostics._shuffle import likelihood_drop
from vae_jax.keys import as_key
from vae_jax.types import ArrayLike, PRNGKey


class ConditionalShuffleGap(NamedTuple):
    """Mean drop of the log-likelihood in nats, with its standard error.

    Attributes:
        value: the mean, over the examples that are not alone in their condition.
        standard_error: of the mean.
        alone: examples with nobody to exchange z with, which are left out.

    >>> ConditionalShuffleGap._fields
    ('value', 'standard_error', 'alone')
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]
    alone: Float[Array, ""]


def shuffle_within(
    key: PRNGKey, labels: Int[ArrayLike, " examples"]
) -> Int[Array, " examples"]:
    """A random cycle through the examples of each condition: a permutation of all.

    None keeps its place but those alone in their condition. With one condition it is
    `derangement`.

    Raises:
        TypeError: no key, or labels that are no whole numbers.
        ValueError: not one label an example.

    >>> shuffle_within(jax.random.key(0), jnp.array([7, 3, 7, 3, 5])).tolist()
    [2, 3, 0, 1, 4]
    """
    return cycle_within(key, as_conditions(labels, np.size(labels)))


def cycle_within(
    key: PRNGKey, labels: Int[Array, " examples"]
) -> Int[Array, " examples"]:
    """In a random order, sorted by label: each takes the next one's place."""
    size = len(labels)
    order = jax.random.permutation(as_key("key", key), size)
    order = order[jnp.argsort(labels[order], stable=True)]
    ascending = labels[order]
    following = jnp.roll(order, -1)
    last = jnp.roll(ascending, -1) != ascending
    last = last.at[-1].set(True)
    start = jnp.searchsorted(ascending, ascending, side="left")
    return jnp.zeros_like(order).at[order].set(jnp.where(last, order[start], following))


def conditional_shuffle_gap(
    key: PRNGKey,
    log_prob: Callable[[Array, Any], Array],
    z: Float[ArrayLike, "examples latent"],
    x: Any,
    labels: Int[ArrayLike, " examples"],
) -> ConditionalShuffleGap:
    """How much log p(x|z, c) drops when each x gets the z of another of its condition.

    `mean_i [log p(x_i|z_i, c_i) - log p(x_i|z_s(i), c_i)]`, s a random cycle within each
    condition. It is 0 for a decoder that ignores z or reads nothing but c from it, however
    well it reconstructs. With one condition it is `z_shuffle_gap`.

    Args:
        key: for the cycles.
        log_prob: `log_prob(z, x) -> (examples,)`, row i given the condition of example i.
        z: a sample of the posterior of each example.
        x: the data, in whatever form `log_prob` takes it, the conditions among them.
        labels: the condition of each example, any whole numbers.

    Raises:
        TypeError: no key, or labels that are no whole numbers.
        ValueError: fewer than 2 examples, no two of one condition, or `log_prob` does not
            give one number each.

    >>> def log_prob(z, x):
    ...     return -jnp.sum((x - z) ** 2, axis=-1) / 2
    >>> z = jnp.array([[0.0], [2.0], [50.0], [50.0]])
    >>> labels = jnp.array([0, 0, 1, 1])
    >>> float(conditional_shuffle_gap(jax.random.key(0), log_prob, z, z, labels).value)
    1.0
    """
    codes = as_examples("z", z)
    groups = as_groups(labels, codes)
    partner = cycle_within(key, groups.labels)
    drop = likelihood_drop(log_prob, codes, x, partner)
    return ConditionalShuffleGap(
        average(drop, groups), drop_error(drop, partner, groups), alone(groups)
    )


def drop_error(
    drop: Float[Array, " examples"], partner: Int[Array, " examples"], groups: Groups
) -> Float[Array, ""]:
    """As of `z_shuffle_gap`: neighbours in a cycle share a z, and two of two share both."""
    count = jnp.sum(groups.kept)
    centred = drop - average(drop, groups)
    neighbours = jnp.minimum(groups.sizes - 1, 2)
    shared = average(centred * centred[partner] * neighbours, groups)
    variance = average(jnp.square(centred), groups) * count / jnp.maximum(count - 1, 1)
    return jnp.sqrt((variance + jnp.maximum(shared, 0)) / jnp.maximum(count, 1))
