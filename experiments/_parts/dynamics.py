"""Learning of the linear VAE with one unit: its exact equation, and the SGD that it is of.

The model is that of `vae_jax.analytic.OrderParameters`. Both are batches of settings: the
weight of the rate is `beta tanh(speed t)` at time t, or `beta` where the speed is 0.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import analytic
from vae_jax.analytic import OrderParameters

SIGNAL, NOISE, LEARNING_RATE = 1.0, 1.0, 0.01
"""The paper's: rho, eta and tau."""
LONG = 100_000
"""The time after which learning has ended."""


class Annealing(NamedTuple):
    """Weights of the rate, one number or a row of them."""

    beta: np.ndarray
    speed: np.ndarray


def weight_at(annealing: Annealing, time: jax.Array) -> jax.Array:
    """`beta tanh(speed t)`; a speed of 0 stands for no annealing.

    >>> print(f"{weight_at(Annealing(jnp.array(2.0), jnp.array(0.0)), 5.0):.1f}")
    2.0
    """
    share = jnp.where(annealing.speed > 0, jnp.tanh(annealing.speed * time), 1.0)
    return annealing.beta * share


def slope(order: OrderParameters, beta: jax.Array) -> OrderParameters:
    """The flow at the page's signal, noise and learning rate."""
    return analytic.order_parameter_flow(order, beta, SIGNAL, NOISE, LEARNING_RATE)


def runge_kutta(
    order: OrderParameters, annealing: Annealing, time: jax.Array, step: float
) -> OrderParameters:
    """One step of the classical method of order 4."""

    def moved(change: OrderParameters, share: float) -> OrderParameters:
        return jax.tree.map(lambda x, dx: x + share * step * dx, order, change)

    middle = weight_at(annealing, time + step / 2)
    first = slope(order, weight_at(annealing, time))
    second = slope(moved(first, 0.5), middle)
    third = slope(moved(second, 0.5), middle)
    last = slope(moved(third, 1.0), weight_at(annealing, time + step))
    return jax.tree.map(
        lambda x, a, b, c, d: x + step / 6 * (a + 2 * b + 2 * c + d),
        *(order, first, second, third, last),
    )


@partial(jax.jit, static_argnames=("num_rows", "steps_a_row", "step"))
def _integrated(
    order: OrderParameters,
    annealing: Annealing,
    num_rows: int,
    steps_a_row: int,
    step: float,
) -> OrderParameters:
    def row(carry: OrderParameters, number: jax.Array) -> tuple:
        def one(k: jax.Array, now: OrderParameters) -> OrderParameters:
            passed = jnp.asarray(number * steps_a_row + k, annealing.beta.dtype)
            time = passed * step
            return jax.vmap(runge_kutta, in_axes=(0, 0, None, None))(
                now, annealing, time, step
            )

        after = jax.lax.fori_loop(0, steps_a_row, one, carry)
        return after, after

    _, rows = jax.lax.scan(row, order, jnp.arange(num_rows))
    return jax.tree.map(
        lambda first, rest: jnp.concatenate([first[None], rest]), order, rows
    )


def integrate(
    order: OrderParameters,
    annealing: Annealing,
    num_rows: int,
    steps_a_row: int = 4,
    step: float = 0.25,
) -> OrderParameters:
    """The order parameters of many settings over time, in float64, by Runge-Kutta.

    Args:
        order: at time 0, each `(settings,)`.
        annealing: of every setting, likewise.
        num_rows: rows after the first.
        steps_a_row: of the method.
        step: of it, in time. The fastest rate is a few times `LEARNING_RATE`.

    Returns:
        Each `(num_rows + 1, settings)`.
    """
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), (order, annealing))
        found = _integrated(*wide, num_rows, steps_a_row, step)
        return jax.tree.map(np.asarray, found)


class Weights(NamedTuple):
    """Of the VAE: decoder and encoder, `(settings, features)`, and D, `(settings,)`."""

    decoder: jax.Array
    encoder: jax.Array
    variance: jax.Array


def loss(weights: Weights, x: jax.Array, beta: jax.Array) -> jax.Array:
    """Of one example, without its constant, summed over settings: each has its own."""
    size = x.shape[-1]
    decoded = weights.decoder @ x / np.sqrt(size).astype(np.float32)
    encoded = weights.encoder @ x / np.sqrt(size).astype(np.float32)
    norm = jnp.square(weights.decoder).sum(axis=-1) / size
    own = jnp.square(encoded) + weights.variance
    rate = beta * (own - jnp.log(weights.variance)) / 2
    return jnp.sum(-decoded * encoded + norm * own / 2 + rate)


def sgd(weights: Weights, x: jax.Array, beta: jax.Array) -> Weights:
    """A step on one example: the rate of the variance is the others' over N."""
    slopes = jax.grad(loss)(weights, x, beta)
    return Weights(
        weights.decoder - LEARNING_RATE * slopes.decoder,
        weights.encoder - LEARNING_RATE * slopes.encoder,
        weights.variance - LEARNING_RATE / x.shape[-1] * slopes.variance,
    )


def order_of(weights: Weights) -> OrderParameters:
    """The six averages; the direction of the signal is that of all ones."""
    w, v = weights.decoder, weights.encoder
    return OrderParameters(
        w.mean(axis=-1),
        v.mean(axis=-1),
        jnp.square(w).mean(axis=-1),
        jnp.square(v).mean(axis=-1),
        (w * v).mean(axis=-1),
        weights.variance,
    )


def examples(key: jax.Array, num_features: int) -> jax.Array:
    """As many examples as features: one unit of time."""
    code_key, noise_key = jax.random.split(key)
    code = jax.random.normal(code_key, (num_features, 1))
    noise = jax.random.normal(noise_key, (num_features, num_features))
    along = np.sqrt(SIGNAL / num_features).astype(np.float32) * code
    return along + np.float32(np.sqrt(NOISE)) * noise


@partial(jax.jit, static_argnames=("num_features", "num_rows"))
def simulate(
    seeds: jax.Array, annealing: Annealing, num_features: int, num_rows: int
) -> OrderParameters:
    """Online SGD of every setting with every seed: the order parameters over time.

    Settings with the same seed share their start and their examples. Decoder and encoder
    begin with standard normal entries, D with 1.

    Args:
        seeds: `(seeds,)`.
        annealing: each `(settings,)`, in float32.
        num_features: N.
        num_rows: units of time, of N examples each.

    Returns:
        Each `(seeds, num_rows + 1, settings)`.
    """
    settings = annealing.beta.shape[0]

    def one(seed: jax.Array) -> OrderParameters:
        start_key, data_key = jax.random.split(jax.random.key(seed))
        drawn = jax.random.normal(start_key, (2, 1, num_features))
        decoder, encoder = jnp.broadcast_to(drawn, (2, settings, num_features))
        start = Weights(decoder, encoder, jnp.ones(settings))

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
