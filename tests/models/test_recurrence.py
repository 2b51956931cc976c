"""The recurrence against a loop in numpy, and its gradient against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from vae_jax.models._recurrence import lstm_recurrence, lstm_step

TIME, BATCH, HIDDEN = 6, 3, 4
SHAPES = [(HIDDEN, 16), (TIME, BATCH, 16), (BATCH, HIDDEN), (BATCH, HIDDEN)]


def arguments(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]


def loop(weight, projected, hidden, cell):
    """A unit and a step at a time, in float64."""
    weight, projected, h, c = (
        np.array(a, np.float64) for a in (weight, projected, hidden, cell)
    )
    outputs = []
    for at in projected:
        sums = at + h @ weight
        i, f, g, o = (sums[:, n * HIDDEN : (n + 1) * HIDDEN] for n in range(4))
        c = expit(f) * c + expit(i) * np.tanh(g)
        h = expit(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def plain(weight, projected, hidden, cell):
    """The same through a scan that JAX differentiates by itself."""

    def step(state, at):
        hidden, cell, _ = lstm_step(weight, at, *state)
        return (hidden, cell), hidden

    return jax.lax.scan(step, (hidden, cell), projected)[1]


def loss(function):
    """Reads every output, each with another weight."""
    weights = jnp.asarray(np.random.default_rng(9).normal(size=(TIME, BATCH, HIDDEN)))
    return lambda *a: jnp.sum(jnp.sin(function(*a)) * weights.astype(a[0].dtype))


def test_values_are_those_of_the_loop():
    given = arguments()
    # float32 through six steps of numbers of order one
    np.testing.assert_allclose(lstm_recurrence(*given), loop(*given), atol=2e-6)


@pytest.mark.parametrize("index", range(4), ids=["weight", "inputs", "hidden", "cell"])
def test_gradient_by_central_differences(index):
    """Each argument, along a random direction, in float64."""
    with jax.enable_x64(True):
        given = arguments(dtype=np.float64)
        found = jax.grad(loss(lstm_recurrence), argnums=index)(*given)
        direction = np.random.default_rng(3).normal(size=SHAPES[index])

        def moved(by):
            there = [*given]
            there[index] = given[index] + by * direction
            weights = np.random.default_rng(9).normal(size=(TIME, BATCH, HIDDEN))
            return np.sum(np.sin(loop(*there)) * weights)

        step = 1e-5
        expected = (moved(step) - moved(-step)) / (2 * step)
        # the error of central differences is of the order of the step squared
        assert np.sum(found * direction) == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.slow
def test_gradients_are_those_of_the_plain_scan_under_vmap():
    """Every entry, for three members with weights and states of their own."""
    members = [jnp.stack(a) for a in zip(*map(arguments, range(3)), strict=True)]
    every = tuple(range(4))
    own = jax.vmap(jax.grad(loss(lstm_recurrence), argnums=every))(*members)
    other = jax.vmap(jax.grad(loss(plain), argnums=every))(*members)
    for a, b in zip(own, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_second_derivatives():
    """Reverse over reverse and forward over reverse: refinement, and the escape test."""
    given = arguments()
    tangent = arguments(seed=5)[3]

    def slope(function):
        return lambda cell: jax.grad(loss(function), argnums=3)(*given[:3], cell)

    for transform in (
        lambda f: jax.grad(lambda cell: jnp.sum(f(cell) * tangent))(given[3]),
        lambda f: jax.jvp(f, (given[3],), (tangent,))[1],
    ):
        own, other = (transform(slope(f)) for f in (lstm_recurrence, plain))
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)


def test_a_later_input_changes_no_earlier_output():
    weight, projected, hidden, cell = arguments()
    for time in range(TIME):
        moved = projected.at[time].add(1.0)
        a = lstm_recurrence(weight, projected, hidden, cell)
        b = lstm_recurrence(weight, moved, hidden, cell)
        np.testing.assert_array_equal(a[:time], b[:time])
        assert (np.abs(a[time] - b[time]).max(axis=-1) > 0).all()


@pytest.mark.slow
def test_computed_again_it_is_the_same_and_keeps_less():
    """Seven steps: segments of three, two filled up; 400 steps for the memory."""
    given = arguments()
    given[1] = jnp.concatenate([given[1], given[1][:1] + 0.5])

    def slopes(remat):
        def total(*a):
            return jnp.sum(jnp.sin(lstm_recurrence(*a, remat)))

        return jax.value_and_grad(total, argnums=(0, 1, 2, 3))(*given)

    for a, b in zip(*map(jax.tree.leaves, map(slopes, (False, True))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)

    weight, _, hidden, cell = given
    long = jax.ShapeDtypeStruct((400, BATCH, 16), jnp.float32)

    def peak(remat):
        def slope(projected):
            f = lambda p: jnp.sum(lstm_recurrence(weight, p, hidden, cell, remat))  # noqa: E731
            return jax.grad(f)(projected)

        compiled = jax.jit(slope).lower(long).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    # gates, cells and outputs of 400 steps against those of 20, and the inputs' gradient
    assert peak(True) < 0.6 * peak(False)


def test_saturated_gates_are_finite():
    weight, projected, hidden, cell = arguments()
    for scale in (1e4, -1e4):
        given = weight, scale * projected, hidden, cell
        found = jax.grad(loss(lstm_recurrence), argnums=(0, 1, 2, 3))(*given)
        assert all(np.isfinite(g).all() for g in found)
