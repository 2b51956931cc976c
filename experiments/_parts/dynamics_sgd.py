"""Online SGD of the linear VAE with one unit or several, one example after another.

The loss and the order parameters are those of `dynamics`, whose equation tells what this
does with infinitely many features.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments._parts.dynamics import (
    LEARNING_RATE,
    NOISE,
    SIGNAL,
    Annealing,
    OrderMatrices,
    weight_at,
)


class Weights(NamedTuple):
    """Decoder and encoder, `(settings, units, features)`, and D, `(settings, units)`."""

    decoder: jax.Array
    encoder: jax.Array
    variance: jax.Array


def loss(weights: Weights, x: jax.Array, beta: jax.Array) -> jax.Array:
    """Of one example, without its constant, summed over settings: each has its own."""
    size = x.shape[-1]
    decoded = weights.decoder @ x / np.sqrt(size).astype(np.float32)
    encoded = weights.encoder @ x / np.sqrt(size).astype(np.float32)
    drawn = jnp.einsum("sk,skn->sn", encoded, weights.decoder)
    norms = jnp.square(weights.decoder).sum(axis=-1)
    squared = jnp.square(drawn).sum() + jnp.sum(norms * weights.variance)
    own = jnp.square(encoded) + weights.variance
    rate = beta[:, None] * (own - jnp.log(weights.variance)) / 2
    return jnp.sum(-decoded * encoded + rate) + squared / (2 * size)


def sgd(weights: Weights, x: jax.Array, beta: jax.Array) -> Weights:
    """A step on one example: the rate of the variance is the others' over N."""
    slopes = jax.grad(loss)(weights, x, beta)
    return Weights(
        weights.decoder - LEARNING_RATE * slopes.decoder,
        weights.encoder - LEARNING_RATE * slopes.encoder,
        weights.variance - LEARNING_RATE / x.shape[-1] * slopes.variance,
    )


def order_of(weights: Weights) -> OrderMatrices:
    """The six averages; the direction of the signal is that of all ones."""
    w, v = weights.decoder, weights.encoder

    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.einsum("sin,sjn->sij", a, b) / a.shape[-1]

    means = w.mean(axis=-1), v.mean(axis=-1)
    products = product(w, w), product(v, v), product(w, v)
    return OrderMatrices(*means, *products, weights.variance)


def examples(key: jax.Array, num_features: int) -> jax.Array:
    """As many examples as features: one unit of time."""
    code_key, noise_key = jax.random.split(key)
    code = jax.random.normal(code_key, (num_features, 1))
    noise = jax.random.normal(noise_key, (num_features, num_features))
    along = np.sqrt(SIGNAL / num_features).astype(np.float32) * code
    return along + np.float32(np.sqrt(NOISE)) * noise


@partial(jax.jit, static_argnames=("num_features", "num_rows", "units"))
def simulate(
    seeds: jax.Array,
    annealing: Annealing,
    num_features: int,
    num_rows: int,
    units: int = 1,
) -> OrderMatrices:
    """Online SGD of every setting with every seed: the order parameters over time.

    Settings with the same seed share their start and their examples. Decoder and encoder
    begin with standard normal entries, D with 1.

    Args:
        seeds: `(seeds,)`.
        annealing: each `(settings,)`, in float32.
        num_features: N.
        num_rows: spans of time, of N examples each.
        units: of z.

    Returns:
        Each `(seeds, num_rows + 1, settings, ...)`.
    """
    settings = annealing.beta.shape[0]

    def one(seed: jax.Array) -> OrderMatrices:
        start_key, data_key = jax.random.split(jax.random.key(seed))
        drawn = jax.random.normal(start_key, (2, 1, units, num_features))
        both = jnp.broadcast_to(drawn, (2, settings, units, num_features))
        start = Weights(both[0], both[1], jnp.ones((settings, units)))

        def row(weights: Weights, number: jax.Array) -> tuple:
            x = examples(jax.random.fold_in(data_key, number), num_features)
            passed = jnp.arange(num_features, dtype=jnp.float32) / num_features
            times = number.astype(jnp.float32) + passed

            def step(now: Weights, given: tuple) -> tuple:
                example, time = given
                return sgd(now, example, weight_at(annealing, time)), None

            after, _ = jax.lax.scan(step, weights, (x, times))
            return after, order_of(after)

        _, rows = jax.lax.scan(row, start, jnp.arange(num_rows))
        return jax.tree.map(
            lambda first, rest: jnp.concatenate([first[None], rest]),
            order_of(start),
            rows,
        )

    return jax.vmap(one)(seeds)
