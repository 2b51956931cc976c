"""The grid against Gaussian posteriors in closed form, and what it says of a bad grid."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import diagnostics

NOISE = 0.5
WEIGHTS = {
    1: np.array([[1.5], [-0.7], [0.2]]),
    2: np.array([[1.5, 0.4], [-0.7, 0.9], [0.2, -1.1]]),
}
X = np.random.default_rng(0).normal(size=(5, 3)) * 1.5
FINE = np.linspace(-8, 8, 161)  # six and more standard deviations around every mean


def truth(weights, x=X):
    """Mean, covariance and evidence of `x ~ N(W z, noise)`, in float64."""
    precision = weights.T @ weights + NOISE * np.eye(weights.shape[1])
    mean = np.linalg.solve(precision, weights.T @ x.T).T
    marginal = weights @ weights.T + NOISE * np.eye(len(weights))
    evidence = stats.multivariate_normal.logpdf(x, np.zeros(len(weights)), marginal)
    return mean, NOISE * np.linalg.inv(precision), evidence


def log_joint_of(weights, x=X):
    w, data = jnp.asarray(weights, jnp.float32), jnp.asarray(x, jnp.float32)

    def log_joint(z):
        error = jnp.sum(jnp.square(data - (w @ z)[None]), axis=-1) / NOISE
        constant = data.shape[1] * np.log(2 * np.pi * NOISE)
        log_prior = -(jnp.sum(jnp.square(z)) + z.size * np.log(2 * np.pi)) / 2
        return log_prior - (error + constant) / 2

    return log_joint


@partial(jax.jit, static_argnames="block_size")
def posterior(weights, axes, block_size=64):
    return diagnostics.grid_posterior(
        log_joint_of(weights), axes, block_size=block_size
    )


def on_an_axis(log_joint, axis, **options):
    """The posterior on one axis, compiled."""
    grid = partial(diagnostics.grid_posterior, log_joint, **options)
    return jax.jit(lambda axis: grid([axis]))(jnp.asarray(axis, jnp.float32))


@pytest.mark.parametrize("latent", [1, 2])
def test_linear_gaussian_posterior(latent):
    axes = [FINE, FINE[::2]][:latent]
    found = posterior(WEIGHTS[latent], axes)
    mean, covariance, evidence = truth(WEIGHTS[latent])
    # the trapezoid rule is exact here; float32 sums of exponents of size 50
    np.testing.assert_allclose(found.mean, mean, atol=2e-5)
    np.testing.assert_allclose(
        found.covariance, np.broadcast_to(covariance, found.covariance.shape), atol=2e-5
    )
    np.testing.assert_allclose(found.log_evidence, evidence, atol=5e-5)
    assert found.weights.shape == (5, *(len(axis) for axis in axes))
    # which axis is which: the mean again, from the table
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, latent)
    table = np.asarray(found.weights).reshape(5, -1)
    np.testing.assert_allclose(table @ grid, mean, atol=2e-5)
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-5)
    assert float(found.edge_mass.max()) < 1e-9


def test_weights_are_the_density_times_the_step():
    """On an axis of unequal steps, too, and with the edges at half weight."""
    axis = np.concatenate([np.linspace(-1, 0.5, 30), np.linspace(0.5, 2, 130)[1:]])
    found = posterior(WEIGHTS[1], [axis])
    mean, covariance, evidence = truth(WEIGHTS[1])
    step = np.gradient(axis) * ([0.5] + [1] * (len(axis) - 2) + [0.5])
    share = step * stats.norm.pdf(axis, mean, np.sqrt(covariance[0, 0]))
    total = share.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.weights, share / total, atol=1e-6)
    expected = evidence + np.log(total[:, 0])
    np.testing.assert_allclose(found.log_evidence, expected, atol=5e-5)
    np.testing.assert_allclose(found.peak_mass, found.weights.max(axis=1), rtol=1e-5)
    edges = found.weights[:, 0] + found.weights[:, -1]
    np.testing.assert_allclose(found.edge_mass, edges, rtol=1e-4)
    assert float(edges.max()) > 0.01


def test_default_grid_is_that_of_he_et_al():
    axis = diagnostics.GRID_AXIS
    assert (len(axis), axis[0], axis[-1]) == (400, -20.0, 19.9)
    np.testing.assert_allclose(np.diff(axis), 0.1, rtol=1e-12)
    found = jax.jit(lambda: diagnostics.grid_posterior(log_joint_of(WEIGHTS[1])))()
    mean, covariance, evidence = truth(WEIGHTS[1])
    np.testing.assert_allclose(found.mean, mean, atol=2e-5)
    np.testing.assert_allclose(found.covariance[:, 0, 0], covariance[0, 0], atol=2e-5)
    np.testing.assert_allclose(found.log_evidence, evidence, atol=5e-5)


def test_two_modes():
    """The mixture's own mean and variance."""

    def log_joint(z):
        modes = -jnp.square(z - jnp.array([-3.0, 4.0])) * 8
        return jax.nn.logsumexp(modes + jnp.log(jnp.array([0.3, 0.7])))[None]

    found = on_an_axis(log_joint, FINE)
    assert float(found.mean[0, 0]) == pytest.approx(0.3 * -3 + 0.7 * 4, abs=1e-5)
    expected = 1 / 16 + 0.3 * 0.7 * 49
    assert float(found.covariance[0, 0, 0]) == pytest.approx(expected, rel=1e-5)


def test_narrow_and_far_from_zero():
    """A width of 0.0625 at z = 1000, where float32 knows squares to 0.06."""
    axis = 1000 + np.arange(-64, 65) / 64

    def log_joint(z):
        return -jnp.square((z - 1000) / 0.0625) / 2 + 4096

    found = on_an_axis(log_joint, axis, block_size=7)
    # weights are known to the rounding of the log joint at 4096, 5e-4
    assert float(found.covariance[0, 0, 0]) == pytest.approx(0.0625**2, rel=2e-3)
    assert float(found.mean[0, 0]) == pytest.approx(1000, abs=1e-3 * 0.0625 + 6e-5)
    expected = 4096 + np.log(0.0625 * np.sqrt(2 * np.pi))
    assert float(found.log_evidence[0]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("block_size", [1, 100, 10_000])
def test_blocks_do_not_change_the_answer(block_size):
    axes = [FINE[::4], FINE[::5]]
    expected = posterior(WEIGHTS[2], axes)
    found = posterior(WEIGHTS[2], axes, block_size=block_size)
    for leaf, reference in zip(found, expected, strict=True):
        # float32 sums of 1353 terms in another order
        np.testing.assert_allclose(leaf, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("latent", [1, 2])
def test_a_grid_too_small_is_seen(latent):
    """Every example's mean lies beyond the last point."""
    found = posterior(WEIGHTS[latent], [np.linspace(-0.2, 0.2, 9)] * latent)
    assert float(found.edge_mass.min()) > 0.1


def test_a_grid_too_coarse_is_seen():
    """Narrower than the step: one point has it all. As wide as the step: 0.4 and exact."""

    def log_joint(z):
        widths = jnp.array([0.01, 0.1])
        return -jnp.square(z / widths) / 2 - jnp.log(widths) - np.log(2 * np.pi) / 2

    found = on_an_axis(log_joint, diagnostics.GRID_AXIS)
    assert float(found.peak_mass[0]) > 0.99
    assert float(found.peak_mass[1]) == pytest.approx(0.39894, abs=1e-4)
    # 2 exp(-2 pi^2) = 5e-9 of the rule; the points themselves are rounded to float32
    assert float(found.log_evidence[1]) == pytest.approx(0, abs=1e-5)


def test_no_mass_on_a_part_of_the_grid():
    """An exponential: -inf left of 0, without a NaN in value or gradient."""
    axis = (jnp.arange(50_001.0) - 5000) / 1000  # 0 is one of its points

    def evidence(rate):
        def log_joint(z):
            return jnp.where(z < 0, -jnp.inf, jnp.log(rate) - rate * z)

        found = diagnostics.grid_posterior(log_joint, [axis], block_size=500)
        return found.log_evidence[0], found

    (value, found), slope = jax.jit(jax.value_and_grad(evidence, has_aux=True))(
        jnp.array(0.8)
    )
    # the rule has half a step too much at the jump: log(1 + 0.8 * 0.0005)
    assert float(value) == pytest.approx(4e-4, abs=2e-5)
    assert float(slope) == pytest.approx(5e-4, abs=5e-5)
    assert float(found.mean[0, 0]) == pytest.approx(1.25, rel=1e-3)
    assert float(found.covariance[0, 0, 0]) == pytest.approx(1.25**2, rel=1e-3)


def test_no_mass_at_all_and_not_a_number():
    def log_joint(z):
        good = -jnp.square(z[0]) / 2
        bad = jnp.where(jnp.abs(z[0] - 1) < 0.01, jnp.nan, good)
        return jnp.stack([jnp.full((), -jnp.inf), bad, good])

    found = on_an_axis(log_joint, FINE)
    assert float(found.log_evidence[0]) == -np.inf
    assert np.isnan(found.log_evidence[1])
    for leaf in (found.mean, found.covariance, found.edge_mass, found.peak_mass):
        assert np.isnan(np.asarray(leaf)[:2]).all()
    assert np.isnan(np.asarray(found.weights)[:2]).any(axis=1).all()
    assert all(bool(np.isfinite(leaf[2]).all()) for leaf in found)


def test_gradient_of_the_evidence_is_that_of_the_marginal():
    def loss(scale):
        weights = jnp.asarray(WEIGHTS[1], jnp.float32) * scale
        return posterior(weights, [FINE]).log_evidence.sum()

    slope = jax.grad(loss)(jnp.ones(()))
    up, down = (truth(WEIGHTS[1] * s)[2].sum() for s in (1 + 1e-5, 1 - 1e-5))
    # float32 sums of 161 terms against a central difference in float64
    assert float(slope) == pytest.approx((up - down) / 2e-5, rel=1e-4)


def test_a_batch_of_decoders():
    scales = jnp.array([0.5, 1.0, 2.0])
    weights = jnp.asarray(WEIGHTS[1], jnp.float32)
    batched = jax.vmap(lambda scale: posterior(weights * scale, [FINE]))(scales)
    for i, scale in enumerate(scales):
        mean, _, evidence = truth(WEIGHTS[1] * float(scale))
        np.testing.assert_allclose(batched.mean[i], mean, atol=2e-5)
        np.testing.assert_allclose(batched.log_evidence[i], evidence, atol=5e-5)


def test_axes_that_do_not_increase_are_not_a_number():
    assert np.isnan(posterior(WEIGHTS[1], [FINE[::-1]]).log_evidence).all()


@pytest.mark.slow
def test_half_precision_is_summed_in_float32():
    """bfloat16 counts to 256."""
    axis = jnp.arange(400).astype(jnp.float32)
    found = on_an_axis(lambda z: jnp.zeros(1, jnp.bfloat16), axis)
    assert found.log_evidence.dtype == jnp.float32
    assert float(found.log_evidence[0]) == pytest.approx(np.log(399), rel=1e-6)
    on_coarse = diagnostics.grid_posterior(
        lambda z: jnp.zeros(1), [jnp.zeros(2, jnp.bfloat16).at[1].set(1)]
    )
    assert on_coarse.mean.dtype == jnp.float32
    assert on_coarse.mean.tolist() == [[0.5]]


def test_memory_without_the_table_is_that_of_a_block():
    """40 000 points and 100 examples: the table alone would be 16 MB."""
    axis, x = np.linspace(-3, 3, 200), np.zeros((100, 3))

    def moments(w):
        found = diagnostics.grid_posterior(log_joint_of(w, x), [axis, axis])
        return found._replace(weights=None)

    weights = jax.ShapeDtypeStruct((3, 2), jnp.float32)
    compiled = jax.jit(moments).lower(weights).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 4e6


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ([], r"got shapes \[\]"),
        ([FINE] * 3, r"one or two axes .*\(161,\), \(161,\), \(161,\)"),
        ([FINE[:1]], r"at least 2 points each; got shapes \[\(1,\)\]"),
        ([FINE[None]], r"got shapes \[\(1, 161\)\]"),
    ],
)
def test_refuses_what_is_no_grid(axes, said):
    with pytest.raises(ValueError, match=said):
        diagnostics.grid_posterior(log_joint_of(WEIGHTS[1]), axes)


def test_refuses_a_log_joint_of_another_shape():
    with pytest.raises(ValueError, match=r"for a z of shape \(2,\); got \(\)"):
        diagnostics.grid_posterior(lambda z: jnp.sum(z), [FINE, FINE])
