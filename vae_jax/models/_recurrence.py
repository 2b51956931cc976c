"""The recurrence of an LSTM, with a gradient that leaves one matrix product for last."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Residuals = tuple[Array, ...]


def lstm_recurrence(
    weight: Float[Array, "hidden gates"],
    projected: Float[Array, "time batch gates"],
    hidden: Float[Array, "batch hidden"],
    cell: Float[Array, "batch hidden"],
    remat: bool = False,
) -> Float[Array, "time batch hidden"]:
    """The hidden state after every step.

    `i, f, g, o = projected_t + h W`, `c' = s(f) c + s(i) tanh(g)`, `h' = s(o) tanh(c')`,
    with s the logistic function; there are four gates a unit, in this order. Hochreiter &
    Schmidhuber (1997), with the forget gate of Gers et al. (2000).

    The caller projects its inputs, biases included, before: one matrix product for all
    steps. The gradient of the weight is one product as well, after the reverse scan, where
    that of a plain scan adds up one a step. Both matter most where the state is small.

    By reverse mode alone: `jax.jvp` and `jax.hessian` refuse a custom gradient, where
    `jax.jacrev(jax.jacrev(f))` is a Hessian.

    With `remat` the gradient keeps the states of every n-th step alone, n the root of the
    number of steps, and computes those between again: a third more time for memory of the
    order of the root. Chen et al. (2016), arXiv:1604.06174.

    >>> weight, projected = jnp.zeros((2, 8)), jnp.zeros((5, 3, 8))
    >>> lstm_recurrence(weight, projected, jnp.ones((3, 2)), jnp.ones((3, 2))).shape
    (5, 3, 2)
    """
    if not remat:
        every: Array = _segment(weight, projected, hidden, cell)[0]
        return every
    time = len(projected)
    length = math.ceil(math.sqrt(time))
    number = -(-time // length)
    # steps added after the last one change none before
    filled = jnp.pad(projected, ((0, number * length - time), (0, 0), (0, 0)))

    @jax.checkpoint
    def advance(
        state: tuple[Array, Array], projected: Array
    ) -> tuple[tuple[Array, Array], Array]:
        outputs, cell = _segment(weight, projected, *state)
        return (outputs[-1], cell), outputs

    parts = filled.reshape(number, length, *filled.shape[1:])
    _, outputs = jax.lax.scan(advance, (hidden, cell), parts)
    flat: Array = outputs.reshape(-1, *hidden.shape)
    return flat[:time]


@jax.custom_vjp
def _segment(
    weight: Array, projected: Array, hidden: Array, cell: Array
) -> tuple[Array, Array]:
    """Every hidden state, and the last cell."""
    return _forward(weight, projected, hidden, cell)[0]


def lstm_step(
    weight: Array, projected: Array, hidden: Array, cell: Array
) -> tuple[Array, Array, Array]:
    """Hidden state and cell after one step, and the gates that led to them.

    >>> zero = jnp.zeros((3, 2))
    >>> [a.shape for a in lstm_step(jnp.zeros((2, 8)), jnp.zeros((3, 8)), zero, zero)]
    [(3, 2), (3, 2), (3, 8)]
    """
    i, f, g, o = jnp.split(projected + hidden @ weight, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    cell = f * cell + i * g
    return o * jnp.tanh(cell), cell, jnp.concatenate([i, f, g, o], axis=-1)


def _forward(
    weight: Array, projected: Array, hidden: Array, cell: Array
) -> tuple[tuple[Array, Array], Residuals]:
    def step(
        state: tuple[Array, Array], projected: Array
    ) -> tuple[tuple[Array, Array], Residuals]:
        hidden, cell, gates = lstm_step(weight, projected, *state)
        return (hidden, cell), (hidden, cell, gates)

    (_, last), (outputs, cells, gates) = jax.lax.scan(step, (hidden, cell), projected)
    return (outputs, last), (weight, hidden, cell, outputs, cells, gates)


def _backward(
    saved: Residuals, slopes: tuple[Array, Array]
) -> tuple[Array, Array, Array, Array]:
    """`slopes` are the gradients of every output and of the last cell."""
    slope, of_last = slopes
    weight, hidden, cell, outputs, cells, gates = saved
    before = jnp.concatenate([cell[None], cells[:-1]])
    # turned once for all steps: left to itself, XLA moves the turn into every product
    turned = jax.lax.optimization_barrier(weight.T)

    def step(
        state: tuple[Array, Array], at: Residuals
    ) -> tuple[tuple[Array, Array], Array]:
        (of_hidden, of_cell), (own, kept, bent, *of_sums, last) = state, at
        of_hidden = of_hidden + own
        of_cell = of_cell + of_hidden * bent
        parts = [*(of_cell * slope for slope in of_sums), of_hidden * last]
        sums = jnp.concatenate(parts, axis=-1)
        return (sums @ turned, of_cell * kept), sums

    nothing = jnp.zeros_like(hidden), of_last
    inputs = slope, *_slopes(gates, cells, before)
    (of_hidden, of_cell), sums = jax.lax.scan(step, nothing, inputs, reverse=True)
    entering = jnp.concatenate([hidden[None], outputs[:-1]])
    of_weight = _rows(entering).T @ _rows(sums)
    return of_weight, sums, of_hidden, of_cell


def _slopes(gates: Array, cells: Array, before: Array) -> tuple[Array, ...]:
    """What the reverse scan multiplies by, of all steps at once.

    The slopes of the cell by the one before, of the output by the cell, and of the cell,
    cell, cell and output by the sums that the logistic function and tanh are taken of.
    """
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    bent = jnp.tanh(cells)
    by_sums = g * i * (1 - i), before * f * (1 - f), i * (1 - g**2), bent * o * (1 - o)
    return f, o * (1 - bent**2), *by_sums


def _rows(states: Array) -> Array:
    return states.reshape(-1, states.shape[-1])


_segment.defvjp(_forward, _backward)
