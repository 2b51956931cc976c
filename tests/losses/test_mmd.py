"""MMD and InfoVAE: two Gaussians with a known distance, loops in numpy, differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import integrate

from vae_jax import losses

rng = np.random.default_rng(0)
Z = rng.normal(0.5, 1.5, (6, 3))
PRIOR = rng.normal(size=(8, 3))

WAE_SCALES = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
KERNELS = {
    "rbf": partial(losses.rbf_kernel, bandwidths=np.float32([0.5, 2.0])),
    "imq": losses.imq_kernel,
    "imq of a wide prior": partial(
        losses.imq_kernel, prior_variance=4.0, scales=(1.0, 3.0)
    ),
}
each_kernel = pytest.mark.parametrize("name", KERNELS)
mmd = jax.jit(losses.mmd, static_argnames="kernel")


def by_hand(name, x, y):
    """One pair of samples."""
    squared, latent = sum((x - y) ** 2), len(x)
    if name == "rbf":
        return sum(np.exp(-squared / (2 * b**2)) for b in (0.5, 2.0))
    variance, scales = (1.0, WAE_SCALES) if name == "imq" else (4.0, [1.0, 3.0])
    constants = [s * 2 * latent * variance for s in scales]
    return sum(c / (c + squared) for c in constants)


def by_loops(name, z, prior):
    """The U-statistic, pair by pair."""

    def within(samples):
        pairs = [
            by_hand(name, x, y)
            for i, x in enumerate(samples)
            for j, y in enumerate(samples)
            if i != j
        ]
        return np.mean(pairs)

    across = np.mean([by_hand(name, x, y) for x in z for y in prior])
    return within(z) + within(prior) - 2 * across


@each_kernel
def test_value_against_loops(name):
    found = mmd(np.float32(Z), np.float32(PRIOR), kernel=KERNELS[name])
    assert found.shape == (6,)
    # sums of 64 float32 numbers of size 1 to 7 that cancel
    expected = by_loops(name, Z, PRIOR)
    np.testing.assert_allclose(found, np.full(6, expected), rtol=1e-4, atol=1e-5)


def expected_kernel(name, shift, variance):
    """Mean of k(x, y), where x - y is N(shift, variance), unit by unit, in closed form.

    1 / (c + r^2) is the integral of exp(-t (c + r^2)) over t: one Gaussian kernel each.
    """

    def gaussian(t):
        """Mean of exp(-t |x - y|^2)."""
        wide = 1 + 2 * t * variance
        return np.prod(np.exp(-t * shift**2 / wide) / np.sqrt(wide))

    if name == "rbf":
        return sum(gaussian(1 / (2 * b**2)) for b in (0.5, 2.0))
    scales, prior = (WAE_SCALES, 1.0) if name == "imq" else ([1.0, 3.0], 4.0)
    constants = [s * 2 * len(shift) * prior for s in scales]
    return sum(
        integrate.quad(lambda u, c: np.exp(-u) * gaussian(u / c), 0, np.inf, (c,))[0]
        for c in constants
    )


@partial(jax.jit, static_argnums=2)
def replicate(mean, deviation, replications=1000):
    """Independent estimates from 12 samples of N(mean, deviation^2), 10 of N(0, I)."""
    keys = jax.random.split(jax.random.key(0), (replications, 2))

    def estimates(keys):
        z = mean[None] + deviation[None] * jax.random.normal(keys[0], (12, 2))
        prior = jax.random.normal(keys[1], (10, 2))
        return [losses.mmd(z, prior, kernel=kernel)[0] for kernel in KERNELS.values()]

    return jax.vmap(estimates)(keys)


def test_it_is_unbiased_between_two_gaussians(capsys):
    mean, deviation = np.float32([0.7, -0.4]), np.float32([0.5, 1.6])
    zero, one, spread = np.zeros(2), np.ones(2), np.float64(deviation) ** 2
    for name, found in zip(KERNELS, replicate(mean, deviation), strict=True):
        truth = (
            expected_kernel(name, zero, 2 * spread)
            + expected_kernel(name, zero, 2 * one)
            - 2 * expected_kernel(name, np.float64(mean), one + spread)
        )
        found = np.float64(found)
        error = found.std() / np.sqrt(len(found))
        with capsys.disabled():
            print(f"\n  {name}: {found.mean():.4f} +- {error:.4f}, exactly {truth:.4f}")
        assert found.mean() == pytest.approx(truth, abs=5 * error)
        # strong enough to see a statistic that counts a sample with itself
        assert 10 * error < truth


def test_it_is_zero_on_average_for_the_prior_itself():
    for found in replicate(np.zeros(2, np.float32), np.ones(2, np.float32)):
        found = np.float64(found)
        assert abs(found.mean()) < 5 * found.std() / np.sqrt(len(found))
        assert (found < 0).mean() > 0.3


@each_kernel
def test_slopes_against_differences(name):
    with jax.enable_x64(True):
        distance = jax.jit(partial(losses.mmd, kernel=KERNELS[name]))
        check_grads(distance, (Z, PRIOR), order=1, modes=["rev"], rtol=1e-5)


def test_slopes_in_the_settings_of_kernels_and_in_weights():
    with jax.enable_x64(True):

        def rbf(bandwidths, weights):
            kernel = partial(losses.rbf_kernel, bandwidths=bandwidths)
            return losses.mmd(Z, PRIOR, kernel=kernel, weights=weights)

        def imq(variance, scales):
            kernel = partial(losses.imq_kernel, prior_variance=variance, scales=scales)
            return losses.mmd(Z, PRIOR, kernel=kernel)

        scales, shares = np.array([0.5, 2.0]), np.arange(1.0, 7.0)
        check_grads(jax.jit(rbf), (scales, shares), 1, ["rev"], rtol=1e-5)
        check_grads(jax.jit(imq), (np.float64(2.0), scales), 1, ["rev"], rtol=1e-5)


@each_kernel
def test_padded_examples_do_not_count(name):
    padded = np.float32(np.concatenate([Z, np.full((2, 3), 0.1)]))
    weights = np.float32([1.0] * 6 + [0.0] * 2)
    found = mmd(padded, np.float32(PRIOR), kernel=KERNELS[name], weights=weights)
    expected = by_loops(name, Z, PRIOR)
    np.testing.assert_allclose(found, np.full(8, expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weights", [[1.0] * 6, [1.0, 1, 1, 1, 0, 0]])
def test_samples_of_all_devices_are_compared(weights):
    """Two devices: values, and the gradient in the samples of each."""
    arrays = np.float32(Z), np.float32(PRIOR), np.float32(weights)

    def loss(z, prior, weights, axis_name=None):
        found = losses.mmd(
            z, prior, kernel=losses.imq_kernel, weights=weights, axis_name=axis_name
        )
        return found.mean(), found

    def step(*arrays):
        """As in training: a gradient on each device, whose mean is taken."""
        whole = jax.grad(partial(loss, axis_name="devices"), (0, 1), has_aux=True)
        slopes, found = whole(*arrays)
        return [slope / 2 for slope in slopes], found

    split = [array.reshape(2, -1, *array.shape[1:]) for array in arrays]
    slopes, found = jax.jit(jax.vmap(step, axis_name="devices"))(*split)
    expected_slopes, expected = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(*arrays)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5, atol=1e-6)
    for own, whole in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(
            own.reshape(whole.shape), whole, rtol=1e-4, atol=1e-6
        )


def test_bandwidths_and_variances_of_a_sweep_are_one_program():
    def sweep(bandwidth, variance):
        rbf = partial(losses.rbf_kernel, bandwidths=bandwidth)
        imq = partial(losses.imq_kernel, prior_variance=variance)
        z, prior = np.float32(Z), np.float32(PRIOR)
        return losses.mmd(z, prior, kernel=rbf), losses.mmd(z, prior, kernel=imq)

    settings = np.float32([0.5, 3.0])
    swept = jax.jit(jax.vmap(sweep))(settings, settings)
    for i, setting in enumerate(settings):
        alone = jax.jit(sweep)(setting, setting)
        for row, expected in zip(swept, alone, strict=True):
            np.testing.assert_allclose(row[i], expected, rtol=1e-5, atol=1e-6)


@each_kernel
def test_far_and_equal_samples_have_finite_values_and_slopes(name):
    far = np.float32([[1e15] * 3, [-1e15] * 3, [0.0] * 3, [0.0] * 3])

    def loss(z):
        return losses.mmd(z, jnp.zeros((2, 3)), kernel=KERNELS[name])[0]

    value, slope = jax.jit(jax.value_and_grad(loss))(far)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
    # far from zero and close together, digits are kept: shifting both does nothing
    shifted = [np.float32(1024 + 0.25 * np.round(4 * array)) for array in (Z, PRIOR)]
    found = mmd(*shifted, kernel=KERNELS[name])
    expected = mmd(*(array - 1024 for array in shifted), kernel=KERNELS[name])
    np.testing.assert_array_equal(found, expected)


def test_half_precision_is_computed_in_float32():
    z, prior = jnp.asarray(Z, jnp.bfloat16), jnp.asarray(PRIOR, jnp.bfloat16)
    found = mmd(z, prior, kernel=losses.imq_kernel)
    assert found.dtype == jnp.float32
    expected = by_loops("imq", np.float64(z), np.float64(prior))
    np.testing.assert_allclose(found, np.full(6, expected), rtol=1e-4, atol=1e-5)


def test_infovae_in_its_parts():
    """With the KL as divergence: D + (1 - alpha) information + lambda marginal KL."""
    distortion, information, marginal = np.float32(rng.gamma(2.0, 1.0, (3, 5)))
    loss = jax.jit(losses.infovae_loss)
    for alpha, lambda_ in ((0.0, 1.0), (1.0, 10.0), (0.3, 0.8), (-2.0, 5.0)):
        found = loss(distortion, information + marginal, marginal, alpha, lambda_)
        expected = distortion + (1 - alpha) * information + lambda_ * marginal
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    terms = losses.ElboTerms(distortion, information[:, None])
    elbo = loss(distortion, information, marginal, 0.0, 1.0)
    np.testing.assert_array_equal(elbo, -terms.elbo)
    rows = np.float32([0.0, 0.5]), np.float32([1.0, 2.0])
    sweep = jax.vmap(losses.infovae_loss, in_axes=(None, None, None, 0, 0))
    swept = jax.jit(sweep)(distortion, information, marginal, *rows)
    np.testing.assert_allclose(
        swept[1], distortion + 0.5 * information + 1.5 * marginal, rtol=1e-6
    )


def test_infovae_slopes_against_differences():
    with jax.enable_x64(True):
        args = (*rng.gamma(2.0, 1.0, (3, 5)), np.float64(0.3), np.float64(7.0))
        check_grads(losses.infovae_loss, args, order=1, modes=["rev"], rtol=1e-6)


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_do_not_fit():
    z, prior = np.float32(Z), np.float32(PRIOR)
    distance = partial(losses.mmd, kernel=losses.imq_kernel)
    with pytest.raises(ValueError, match="units of `z`, 3; got 2"):
        distance(z, prior[:, :2])
    with pytest.raises(ValueError, match="`z` must hold at least 2 samples; got 1"):
        distance(z[:1], prior)
    with pytest.raises(ValueError, match="`prior_samples` must hold at least 2"):
        distance(z, prior[:1])
    with pytest.raises(ValueError, match=r"`z` must have the shape \(batch, latent\)"):
        distance(z[0], prior)
    with pytest.raises(ValueError, match=r"`prior_samples` must have the shape \(b"):
        distance(z, prior[0])
    with pytest.raises(ValueError, match=r"shape of the batch, \(6,\); got \(4,\)"):
        distance(z, prior, weights=np.ones(4, np.float32))
    with pytest.raises(ValueError, match=r"`x` must have the shape"):
        losses.rbf_kernel(z[0], z, bandwidths=1.0)
    with pytest.raises(ValueError, match=r"`y` must have the shape"):
        losses.imq_kernel(z, z[0])
    one, two = np.ones(1, np.float32), np.ones(2, np.float32)
    for name, args in (("rate", (two, one, two)), ("divergence", (two, two, one))):
        with pytest.raises(ValueError, match=f"`{name}` must have the shape of `dist"):
            losses.infovae_loss(*args, 0.0, 1.0)
