"""Convolutions against scipy; both ways to compute them are one function."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate2d

from vae_jax.models._convolution import Convolution, GroupNorm, convolve

convolved = jax.jit(convolve, static_argnums=(2, 3, 4))
METHODS = ["slices", "convolution"]
CASES = {  # kernel, padding, stride
    "same": ((3, 3), ((1, 1), (1, 1)), 1),
    "halving": ((4, 4), ((1, 1), (1, 1)), 2),
    "rows above": ((2, 5), ((2, -1), (2, 2)), 1),
    "to the left": ((1, 3), ((0, 0), (2, 0)), 1),
    "next to it": ((1, 1), ((0, 0), (1, -1)), 1),
    "inside": ((3, 2), ((0, 0), (0, 0)), 1),
}


def problem(name):
    """Image, kernel, and the rest of the arguments."""
    taps, padding, stride = CASES[name]
    draw = np.random.default_rng(0).normal
    x, kernel = draw(size=(2, 6, 8, 3)), draw(size=(*taps, 3, 4))
    return (
        jnp.asarray(x, jnp.float32),
        jnp.asarray(kernel, jnp.float32),
        padding,
        stride,
    )


def by_scipy(x, kernel, padding, stride):
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    more = np.maximum(padding, 0)
    x = np.pad(x, ((0, 0), *more, (0, 0)))
    (top, bottom), (left, right) = np.minimum(padding, 0)
    x = x[:, -top : bottom or None, -left : right or None]
    found = [
        [
            sum(
                correlate2d(image[:, :, i], kernel[:, :, i, o], "valid")
                for i in range(kernel.shape[2])
            )
            for o in range(kernel.shape[3])
        ]
        for image in x
    ]
    return np.moveaxis(np.array(found), 1, -1)[:, ::stride, ::stride]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CASES)
def test_against_scipy(name, method):
    found = convolved(*problem(name), method)
    # float32 sums of up to 48 terms of order one
    np.testing.assert_allclose(found, by_scipy(*problem(name)), atol=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_both_methods_agree(name):
    x, kernel, *rest = problem(name)
    weights = jnp.asarray(
        np.random.default_rng(1).normal(size=convolved(x, kernel, *rest).shape),
        jnp.float32,
    )

    def slopes(method):
        def loss(x, kernel):
            return jnp.sum(weights * jnp.tanh(convolve(x, kernel, *rest, method)))

        return jax.jit(jax.grad(loss, argnums=(0, 1)))(x, kernel)

    for one, other in zip(*map(slopes, METHODS), strict=True):
        # float32 sums of up to 96 terms of order one
        np.testing.assert_allclose(one, other, atol=5e-5)
        assert np.abs(one).max() > 0


def test_members_and_steps_at_once():
    x, kernel, *rest = problem("halving")
    kernels = jnp.stack([kernel, -2 * kernel, 0 * kernel])

    @partial(jax.jit, static_argnums=1)
    def slope(kernel, method):
        return jax.grad(lambda k: jnp.sum(convolve(x, k, *rest, method) ** 2))(kernel)

    for method in METHODS:
        alone = [slope(kernel, method) for kernel in kernels]
        _, scanned = jax.lax.scan(
            lambda _, k, method=method: (None, slope(k, method)), None, kernels
        )
        mapped = jax.vmap(lambda k, method=method: slope(k, method))(kernels)
        # the same float32 products in another order; entries up to about 1e3
        np.testing.assert_allclose(scanned, jnp.stack(alone), rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(mapped, jnp.stack(alone), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_jacobian_of_one_tap_is_a_shift(method):
    x, kernel, *rest = problem("next to it")
    # 16 features: for as many, jax 0.10 on CPU is wrong if the convolution itself pads
    kernel = jnp.concatenate([kernel, -2 * kernel, 3 * kernel, kernel], axis=-1)

    def sums(x):
        return convolve(x, kernel, *rest, method).sum(axis=(0, 3)).ravel()

    found = jax.jit(jax.jacrev(sums))(x).reshape(6, 8, *x.shape)
    expected = np.zeros(found.shape)
    for row, column in np.ndindex(6, 7):
        expected[row, column + 1, :, row, column] = kernel[0, 0].sum(axis=-1)
    # float32 sums of 16 terms of order one
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_backend_chooses(monkeypatch):
    def primitives():
        text = str(jax.make_jaxpr(lambda *a: convolve(*a, *rest))(x, kernel))
        return "conv_general_dilated" in text

    x, kernel, *rest = problem("same")
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert not primitives()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert primitives()


def test_a_mask_takes_taps_out(key):
    x, kernel, padding, _ = problem("same")
    layer = Convolution(4, (3, 3))
    bias = jnp.arange(4.0)
    mask = jnp.asarray(np.arange(9).reshape(3, 3) % 2 == 0)
    found = layer.apply({"params": {"kernel": kernel, "bias": bias}}, x, padding, mask)
    cut = np.asarray(kernel) * np.asarray(mask)[:, :, None, None]
    expected = by_scipy(x, cut, padding, 1) + np.arange(4.0)
    # float32 sums of 27 terms of order one
    np.testing.assert_allclose(found, expected, atol=2e-5)
    # normal with variance 1 / 27: four standard errors of a variance of 108 numbers
    drawn = layer.init(key, x, padding)["params"]["kernel"]
    np.testing.assert_allclose(np.var(drawn) * 27, 1, atol=4 * np.sqrt(2 / 108))


@pytest.mark.parametrize(("channels", "groups"), [(32, 4), (12, 1), (5, 1), (24, 3)])
def test_group_norm_against_numpy(channels, groups):
    draw = np.random.default_rng(0).normal
    x, scale, bias = draw(3, 2, (2, 4, 6, channels)), draw(size=channels), 0.3
    parts = x.reshape(2, 24, groups, channels // groups)
    mean = parts.mean(axis=(1, 3), keepdims=True)
    variance = parts.var(axis=(1, 3), keepdims=True)
    normal = ((parts - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    params = {
        "scale": jnp.asarray(scale, jnp.float32),
        "bias": jnp.full(channels, bias),
    }
    found = GroupNorm().apply({"params": params}, jnp.asarray(x, jnp.float32))
    # float32, numbers up to about 10
    np.testing.assert_allclose(found, normal * scale + bias, atol=1e-5)


def test_group_norm_adds_up_in_float32():
    # in bfloat16 a sum of ones stops at 256; here 16384 of each sign and their squares
    x = jnp.ones((1, 64, 64, 8), jnp.bfloat16).at[:, ::2].set(-1)
    params = {"scale": jnp.ones(8, jnp.bfloat16), "bias": jnp.zeros(8, jnp.bfloat16)}
    found = GroupNorm().apply({"params": params}, x)
    assert found.dtype == jnp.bfloat16
    np.testing.assert_array_equal(found, x)
