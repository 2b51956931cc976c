"""Learning of the linear VAE by its exact equation, with one unit and with several.

The model is that of `vae_jax.analytic.OrderParameters`, of many settings at once: the
weight of the rate is `beta tanh(speed t)` at time t, or `beta` where the speed is 0.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

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


class OrderMatrices(NamedTuple):
    """The order parameters of a VAE with several units, one number or matrix for each.

    Attributes:
        decoder_overlap: m = W' u / N, `(units,)`, with u all ones.
        encoder_overlap: d = V' u / N, `(units,)`.
        decoder_norm: Q = W' W / N, `(units, units)`.
        encoder_norm: E = V' V / N, `(units, units)`.
        cross: R = W' V / N, `(units, units)`.
        posterior_variance: D, `(units,)`.
    """

    decoder_overlap: Any
    encoder_overlap: Any
    decoder_norm: Any
    encoder_norm: Any
    cross: Any
    posterior_variance: Any


def slope_of_units(order: OrderMatrices, beta: jax.Array) -> OrderMatrices:
    """The flow with several units, of which one gives `slope`.

    The averages over an example of the step of SGD and of its square: with `a = Q + beta`,
    `A = s d d' + noise E`, `B = s m m' + noise Q`, `C = s m d' + noise R` and D a diagonal
    matrix, the encoder's error `g = h_w - a h_v` has `<h_v g'> = C' - A a` and
    `<g g'> = B - C a - a C' + a A a`.
    """
    m, d, q, e, r, own = order
    t, total = LEARNING_RATE, SIGNAL + NOISE
    weight = q + beta * jnp.eye(len(m), dtype=q.dtype)
    encoded = SIGNAL * jnp.outer(d, d) + NOISE * e
    decoded = SIGNAL * jnp.outer(m, m) + NOISE * q
    both = SIGNAL * jnp.outer(m, d) + NOISE * r
    drawn = encoded + jnp.diag(own)
    miss = both.T - encoded @ weight
    spread = decoded - 2 * both @ weight + weight @ encoded @ weight
    return OrderMatrices(
        t * (total * d - drawn @ m),
        t * total * (m - weight @ d),
        # symmetric to the last digit: the equation magnifies what rounding would leave
        twice(t * (both - q @ drawn) + t**2 * NOISE / 2 * encoded),
        twice(t * miss + t**2 * NOISE / 2 * spread),
        t * (encoded - drawn @ r + decoded - both @ weight) + t**2 * NOISE * miss,
        -t / 2 * (jnp.diag(q) + beta * (1 - 1 / own)),
    )


def twice(matrix: jax.Array) -> jax.Array:
    """Twice the symmetric part.

    >>> twice(jnp.array([[1.0, 4.0], [0.0, 1.0]])).tolist()
    [[2.0, 4.0], [4.0, 2.0]]
    """
    return matrix + matrix.T


def error_of_units(order: OrderMatrices) -> np.ndarray:
    """`s - 2 sqrt(s) |m| + tr Q`, of one unit the generalisation error.

    It does not change with a turn of z: it is the squared distance of the decoder from the
    signal's direction in the unit that has all of it, and of the others from 0.
    """
    overlap = np.linalg.norm(order.decoder_overlap, axis=-1)
    norm = np.trace(order.decoder_norm, axis1=-2, axis2=-1)
    return np.asarray(SIGNAL - 2 * np.sqrt(SIGNAL) * overlap + norm)


def runge_kutta(
    flow: Callable, order: Any, annealing: Annealing, time: jax.Array, step: float
) -> Any:
    """One step of the classical method of order 4."""

    def moved(change: Any, share: float) -> Any:
        return jax.tree.map(lambda x, dx: x + share * step * dx, order, change)

    middle = weight_at(annealing, time + step / 2)
    first = flow(order, weight_at(annealing, time))
    second = flow(moved(first, 0.5), middle)
    third = flow(moved(second, 0.5), middle)
    last = flow(moved(third, 1.0), weight_at(annealing, time + step))
    return jax.tree.map(
        lambda x, a, b, c, d: x + step / 6 * (a + 2 * b + 2 * c + d),
        *(order, first, second, third, last),
    )


@partial(jax.jit, static_argnames=("num_rows", "steps_a_row", "step", "flow"))
def _integrated(
    order: Any,
    annealing: Annealing,
    num_rows: int,
    steps_a_row: int,
    step: float,
    flow: Callable,
) -> Any:
    def row(carry: Any, number: jax.Array) -> tuple:
        def one(k: jax.Array, now: Any) -> Any:
            passed = jnp.asarray(number * steps_a_row + k, annealing.beta.dtype)
            time = passed * step
            return jax.vmap(partial(runge_kutta, flow), in_axes=(0, 0, None, None))(
                now, annealing, time, step
            )

        after = jax.lax.fori_loop(0, steps_a_row, one, carry)
        return after, after

    _, rows = jax.lax.scan(row, order, jnp.arange(num_rows))
    return jax.tree.map(
        lambda first, rest: jnp.concatenate([first[None], rest]), order, rows
    )


def integrate(
    order: Any,
    annealing: Annealing,
    num_rows: int,
    steps_a_row: int = 4,
    step: float = 0.25,
    flow: Callable = slope,
) -> Any:
    """The order parameters of many settings over time, in float64, by Runge-Kutta.

    Args:
        order: at time 0, each `(settings, ...)`.
        annealing: of every setting, `(settings,)`.
        num_rows: rows after the first.
        steps_a_row: of the method.
        step: of it, in time. The fastest rate is a few times `LEARNING_RATE`.
        flow: `flow(order, beta)`, of one setting.

    Returns:
        Each `(num_rows + 1, settings, ...)`.
    """
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), (order, annealing))
        found = _integrated(*wide, num_rows, steps_a_row, step, flow)
        return jax.tree.map(np.asarray, found)
