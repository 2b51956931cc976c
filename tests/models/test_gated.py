"""A gated layer against loops over pixels and taps, and how far layers reach."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.models._gated import GatedLayer, reaches
from vae_jax.vae import FULL_WINDOW

HEIGHT, WIDTH, CHANNELS, HALF, Z = 3, 4, 2, 1, 2


@pytest.fixture
def problem():
    draw = np.random.default_rng(0).normal
    v, h, place = (draw(size=(1, HEIGHT, WIDTH, CHANNELS)) for _ in range(3))
    return v, h, draw(size=(1, Z)), place


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_loops(params, number, v, h, z, place, reach):
    """The two stacks and the output, pixel by pixel and tap by tap."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    last = 0 if number else -1
    after_v, after_h, skips = (np.zeros((HEIGHT, WIDTH, CHANNELS)) for _ in range(3))

    def gate(sums):
        return np.tanh(sums[:CHANNELS]) * sigmoid(sums[CHANNELS:])

    def linear(name, x):
        return x @ params[name]["kernel"] + params[name]["bias"]

    for i in range(HEIGHT):
        for j in range(WIDTH):
            above = params["vertical"]["bias"].copy()
            left = params["horizontal"]["bias"].copy()
            for down in range(-reach, last + 1):
                for right in range(-reach, reach + 1):
                    if i + down >= 0 and 0 <= j + right < WIDTH:
                        taps = params["vertical"]["kernel"][down + HALF, right + HALF]
                        above += v[0, i + down, j + right] @ taps
            for right in range(-reach, last + 1):
                if j + right >= 0:
                    taps = params["horizontal"]["kernel"][0, right + HALF]
                    left += h[0, i, j + right] @ taps
            given = linear("of_code", z[0]) + linear("of_map", place[0, i, j])
            after_v[i, j] = gate(above + given[: 2 * CHANNELS])
            gated = gate(left + linear("across", above) + given[2 * CHANNELS :])
            after_h[i, j] = linear("onward", gated) + (h[0, i, j] if number else 0)
            skips[i, j] = linear("skip", gated)
    return after_v, after_h, skips


@pytest.mark.parametrize("method", ["slices", "convolution"])
@pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_against_loops(problem, number, method, key):
    layer = GatedLayer(CHANNELS, HALF, number, method)
    v, h, *rest = (jnp.asarray(array, jnp.float32) for array in problem)
    params = layer.init(key, (v, h), *rest, 1)["params"]
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    for reach in (0, 1):
        found = layer.apply({"params": params}, (v, h), *rest, reach)
        expected = by_loops(params, number, *problem, reach)
        for one, two in zip(jax.tree.leaves(found), expected, strict=True):
            # float32 sums of 18 terms of order one
            np.testing.assert_allclose(one[0], two, atol=5e-6)


@pytest.mark.parametrize(("layers", "half"), [(1, 1), (3, 1), (4, 2), (5, 3)])
def test_reaches_add_up_to_the_window(layers, half):
    for window in [*range(layers * half + 3), FULL_WINDOW]:
        found = np.asarray(reaches(window, layers, half))
        # the definition, in integers that cannot overflow
        expected = [-(-(window - layer) // layers) for layer in range(layers)]
        np.testing.assert_array_equal(found, np.minimum(expected, half))
        assert found.sum() == min(window, layers * half)
