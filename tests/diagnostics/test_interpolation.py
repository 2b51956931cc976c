"""Paths through latent space: their geometry, and decoders whose path is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import geometric_slerp

from vae_jax import diagnostics

RNG = np.random.default_rng(0)
A, B = np.float32(RNG.normal(size=(2, 5, 3)))

interpolate = jax.jit(diagnostics.interpolate, static_argnums=(2, 3))
KINDS = ("linear", "spherical")


def smooth(decode, z_a, z_b, num_points=17, kind="linear"):
    def run(z_a, z_b):
        return diagnostics.interpolation_smoothness(
            decode, z_a, z_b, num_points=num_points, kind=kind
        )

    return jax.jit(run)(z_a, z_b)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_points", [2, 7])
def test_ends_are_exact(kind, num_points):
    path = interpolate(A, B, num_points, kind)
    assert path.shape == (5, num_points, 3)
    np.testing.assert_array_equal(path[:, 0], A)
    np.testing.assert_array_equal(path[:, -1], B)


def test_linear_path():
    path = interpolate(A, B, 9, "linear")
    for i, t in enumerate(np.linspace(0, 1, 9)):
        np.testing.assert_allclose(path[:, i], (1 - t) * A + t * B, atol=1e-6)


def test_spherical_path_is_that_of_scipy():
    unit_a, unit_b = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (A, B))
    path = interpolate(3 * unit_a, 3 * unit_b, 9, "spherical")
    for i in range(5):
        one = [unit[i].astype(float) for unit in (unit_a, unit_b)]
        one = [z / np.linalg.norm(z) for z in one]
        expected = 3 * geometric_slerp(*one, np.linspace(0, 1, 9))
        np.testing.assert_allclose(path[i], expected, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 3, rtol=1e-6)


def test_codes_of_other_norms_follow_the_formula():
    """In float64, with the angle by the arc cosine."""
    a, b = A.astype(float), 5 * B.astype(float)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    w = np.arccos((a * b).sum(axis=1) / norms)[:, None]
    path = interpolate(a, b, 5, "spherical")
    for i, t in enumerate(np.linspace(0, 1, 5)):
        expected = (np.sin((1 - t) * w) * a + np.sin(t * w) * b) / np.sin(w)
        np.testing.assert_allclose(path[:, i], expected, rtol=2e-5, atol=1e-5)


def test_parallel_equal_and_zero_codes_go_straight():
    start = np.float32([[1, 2, 0], [1, 2, 0], [0, 0, 0], [0, 0, 0], [1e30, 0, 0]])
    end = np.float32([[3, 6, 0], [1, 2, 0], [1, 2, 0], [0, 0, 0], [2e30, 0, 0]])
    path = interpolate(start, end, 5, "spherical")
    np.testing.assert_allclose(path, interpolate(start, end, 5, "linear"), rtol=1e-6)


@pytest.mark.parametrize("angle", [1e-5, 1e-3, 0.1, 3.1, np.pi - 1e-2])
def test_small_and_large_angles(angle):
    """In the plane, where the arc is known; float32 of the end itself leaves 1e-7."""
    start = np.array([[2.0, 0.0]])
    end = 2 * np.array([[np.cos(angle), np.sin(angle)]])
    path = interpolate(start, end, 5, "spherical")[0]
    turned = angle * np.linspace(0, 1, 5)
    expected = 2 * np.stack([np.cos(turned), np.sin(turned)], axis=1)
    np.testing.assert_allclose(path, expected, atol=2e-6 / np.sin(angle) * angle + 1e-6)


def test_opposite_codes_have_no_shortest_arc():
    path = interpolate(A, -A, 5, "spherical")
    assert np.isnan(path[:, 1:-1]).all()
    np.testing.assert_array_equal(path[:, 0], A)
    np.testing.assert_array_equal(path[:, -1], -A)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_where_codes_meet(kind):
    start = jnp.array([[1.0, 2.0], [0.0, 0.0], [1.0, 0.0]])
    end = jnp.array([[1.0, 2.0], [1.0, 1.0], [0.0, 1.0]])
    slope = jax.grad(lambda a: interpolate(a, end, 4, kind)[:, 1].sum())(start)
    assert bool(jnp.isfinite(slope).all())
    step = np.float32([[0, 0], [0, 0], [1e-2, 0]])
    up, down = (
        float(interpolate(start + s, end, 4, kind)[2, 1].sum()) for s in (step, -step)
    )
    assert float(slope[2, 0]) == pytest.approx((up - down) / 2e-2, abs=1e-3)


def test_a_linear_decoder_is_straight_and_even():
    weights = jnp.asarray(RNG.normal(size=(3, 8)), jnp.float32)
    found = smooth(lambda z: (z @ weights + 1).reshape(-1, 2, 4), A, B)
    chord = np.linalg.norm((B - A) @ np.asarray(weights), axis=1)
    np.testing.assert_allclose(found.total_change, chord, rtol=1e-5)
    np.testing.assert_allclose(found.path_length, chord, rtol=1e-5)
    np.testing.assert_allclose(found.straightness, 1, rtol=1e-5)
    # sixteen differences of outputs of size 1 to 5
    np.testing.assert_allclose(found.evenness, 1, rtol=1e-4)


def test_a_half_circle():
    """f = (cos, sin) of pi t: even, and 2 / pi of its length as the crow flies."""

    def decode(z):
        return jnp.concatenate([jnp.cos(jnp.pi * z), jnp.sin(jnp.pi * z)], axis=-1)

    found = smooth(decode, np.zeros((1, 1)), np.ones((1, 1)), num_points=201)
    assert float(found.total_change[0]) == pytest.approx(2, rel=1e-5)
    assert float(found.path_length[0]) == pytest.approx(np.pi, rel=1e-4)
    assert float(found.straightness[0]) == pytest.approx(2 / np.pi, rel=1e-4)
    assert float(found.evenness[0]) == pytest.approx(1, rel=1e-3)


def test_a_single_jump_is_uneven():
    found = smooth(
        lambda z: (z > 0.3).astype(jnp.float32), np.zeros((1, 1)), np.ones((1, 1))
    )
    assert [float(part[0]) for part in found] == [1, 1, 1, 1 / 16]


def test_there_and_back_is_not_straight():
    found = smooth(lambda z: z * (1 - z), np.zeros((1, 1)), np.ones((1, 1)))
    assert float(found.total_change[0]) == 0
    assert float(found.path_length[0]) == pytest.approx(0.5, rel=1e-6)
    assert float(found.straightness[0]) == 0
    assert 0 < float(found.evenness[0]) < 1


def test_steps_of_the_spherical_path_are_taken():
    a, b = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    found = smooth(lambda z: z, a, b, num_points=101, kind="spherical")
    assert float(found.path_length[0]) == pytest.approx(np.pi / 2, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e6])
def test_a_decoder_that_ignores_z_reads_as_the_worst(value):
    """Also if rounding lets its output tremble."""

    def decode(z):
        tremble = jnp.where(jnp.sin(1e3 * z[:, :1]) > 0, 1 + 2e-7, 1.0)
        return value * tremble * jnp.ones((1, 784))

    found = smooth(decode, A, B)
    for part in found:
        np.testing.assert_array_equal(part, 0)


def test_a_pair_of_equal_codes_goes_nowhere():
    found = smooth(lambda z: z, A, A)
    for part in found:
        np.testing.assert_array_equal(part, 0)


def test_outputs_of_any_size():
    for scale in (1e-30, 1e30):
        found = smooth(lambda z, s=scale: z * jnp.float32(s), A, B)
        np.testing.assert_allclose(found.straightness, 1, rtol=1e-5)
        np.testing.assert_allclose(
            found.total_change, np.linalg.norm(B - A, axis=1) * scale, rtol=1e-5
        )


def test_not_a_number_is_shown():
    found = smooth(
        lambda z: jnp.where(z > 0.5, jnp.nan, z), np.zeros((1, 1)), np.ones((1, 1))
    )
    assert all(bool(np.isnan(part).all()) for part in found)


def test_a_batch_of_decoders_and_low_precision():
    scales = jnp.array([1.0, 0.0])

    def one(scale):
        return diagnostics.interpolation_smoothness(lambda z: jnp.tanh(z) * scale, A, B)

    found = jax.jit(jax.vmap(one))(scales)
    np.testing.assert_array_equal(found.straightness[1], 0)
    expected = smooth(jnp.tanh, A, B)
    np.testing.assert_allclose(found.straightness[0], expected.straightness, rtol=1e-5)
    assert float(expected.straightness.min()) > 0.5
    half = jnp.zeros((1, 1), jnp.bfloat16)
    assert interpolate(half, half + 1, 300, "linear").dtype == jnp.float32


@pytest.mark.usefixtures("users_view")
def test_refuses_what_is_no_path():
    with pytest.raises(ValueError, match="'linear', 'spherical'; got 'cubic'"):
        diagnostics.interpolate(A, B, 3, "cubic")
    with pytest.raises(ValueError, match="`num_points` must be at least 2; got 1"):
        diagnostics.interpolate(A, B, 1)
    with pytest.raises(ValueError, match=r"`z_b` .*`z_a`, \(5, 3\); got \(4, 3\)"):
        diagnostics.interpolate(A, B[:4], 3)
    with pytest.raises(ValueError, match=r"shape \(batch, latent\); got \(3,\)"):
        diagnostics.interpolate(A[0], B[0], 3)
    with pytest.raises(ValueError, match=r"one row a code, \(85, ...\); got \(\)"):
        diagnostics.interpolation_smoothness(jnp.sum, A, B)
