"""The AR(1) prior against the whole covariance in numpy; its committed rate by search."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from vae_jax import priors

RNG = np.random.default_rng(0)
ALPHAS = [-0.9, -0.3, 0.0, 0.5, 0.99]


def covariance(alpha, num_steps):
    """Of one channel: `alpha^|t - s|`."""
    lag = np.abs(np.subtract.outer(np.arange(num_steps), np.arange(num_steps)))
    return np.float64(alpha) ** lag


def whole_kl(mean, logvar, alpha):
    """KL(N(mean, diag) || N(0, covariance)) of one channel, by matrices."""
    sigma = covariance(alpha, len(mean))
    inverse = np.linalg.inv(sigma)
    quadratic = np.trace(inverse * np.exp(logvar)) + mean @ inverse @ mean
    log_ratio = np.linalg.slogdet(sigma)[1] - logvar.sum()
    return 0.5 * (quadratic - len(mean) + log_ratio)


def in_float64(function, *arrays):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, jax.jit(function)(*arrays))


def prior(num_steps, alpha, num_channels=1):
    return priors.autoregressive(num_steps * num_channels, num_steps, alpha)


@pytest.mark.parametrize("num_steps", [1, 2, 7])
def test_density_and_kl_are_those_of_the_whole_covariance(num_steps):
    z, mean, logvar = RNG.normal(size=(3, 5, num_steps))

    def both(alpha):
        law = prior(num_steps, alpha)
        return law.log_prob({}, z), law.kl({}, mean, logvar)

    density, kl = in_float64(jax.vmap(both), np.array(ALPHAS))
    for index, alpha in enumerate(ALPHAS):
        normal = stats.multivariate_normal(cov=covariance(alpha, num_steps))
        # inverting a matrix of condition 1400 (alpha = 0.99) loses 1e-13
        expected = np.atleast_1d(normal.logpdf(z))
        np.testing.assert_allclose(density[index], expected, rtol=1e-10)
        expected = [whole_kl(*rows, alpha) for rows in zip(mean, logvar, strict=True)]
        np.testing.assert_allclose(kl[index].sum(axis=-1), expected, rtol=1e-10)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_each_unit_is_a_term_of_the_chain_rule(alpha):
    """`E_q KL(q(z_t) || p(z_t | z_(t-1)))`, by quadrature over the step before."""
    mean, logvar = RNG.normal(size=(2, 4))
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    variance = 1 - alpha**2
    expected = [0.5 * (mean[0] ** 2 + np.exp(logvar[0]) - logvar[0] - 1)]
    for t in range(1, 4):
        before = mean[t - 1] + np.exp(logvar[t - 1] / 2) * nodes
        shift = np.square(mean[t] - alpha * before) / variance
        ratio = np.exp(logvar[t]) / variance
        expected.append(weights @ (shift + ratio - 1 - np.log(ratio)) / 2)
    expected = np.array(expected) / [1, *[weights.sum()] * 3]
    kl = jax.jit(lambda *arrays: prior(4, alpha).kl({}, *arrays))
    found = kl(np.float32(mean), np.float32(logvar))
    # float32 alpha: 1 - 0.99^2 is off by 3e-6 of it
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)
    assert (found >= 0).all()


def test_slopes_against_differences():
    """In float64, of density and KL, in every argument and alpha."""
    arrays = [*RNG.normal(size=(3, 6)), np.array([0.6, -0.4])]

    def total(z, mean, logvar, alpha):
        law = prior(3, alpha, num_channels=2)
        return law.log_prob({}, z).sum() + law.kl({}, mean, logvar).sum()

    slopes = in_float64(jax.grad(total, (0, 1, 2, 3)), *arrays)
    value = jax.jit(total)
    with jax.enable_x64(True):
        for index, array in enumerate(arrays):
            for unit in range(array.size):
                ends = []
                for sign in (1, -1):
                    moved = [np.copy(other) for other in arrays]
                    moved[index][unit] += sign * 1e-5
                    ends.append(float(value(*moved)))
                expected = (ends[0] - ends[1]) / 2e-5
                # 1e-15 of a sum of size 30 over the step, and the step's square
                found = float(slopes[index][unit])
                assert found == pytest.approx(expected, abs=1e-8, rel=1e-8)


def test_steps_come_before_channels():
    """Units 0, 1 are the two channels at the first step; each channel has its alpha."""
    alpha = np.float32([0.9, -0.5])
    z, mean, logvar = RNG.normal(size=(3, 4, 6)).astype(np.float32)

    @partial(jax.jit, static_argnums=0)
    def both(num_channels, alpha, z, mean, logvar):
        law = prior(3, alpha, num_channels)
        return law.log_prob({}, z), law.kl({}, mean, logvar)

    density, kl = both(2, alpha, z, mean, logvar)
    own = [
        both(1, a, *(x[:, c::2] for x in (z, mean, logvar)))
        for c, a in enumerate(alpha)
    ]
    np.testing.assert_allclose(density, own[0][0] + own[1][0], rtol=1e-5)
    for channel, (_, expected) in enumerate(own):
        np.testing.assert_allclose(kl[:, channel::2], expected, rtol=1e-5)


def test_samples_are_stationary_with_the_correlation_alpha(key):
    """The whole covariance within 5 standard errors, across channels too."""
    alpha, num = np.float32([0.8, -0.5]), 20_000
    draw = partial(prior(4, alpha, num_channels=2).sample, params={}, shape=(num,))
    z = np.float64(jax.jit(draw)(key))
    expected = np.zeros((4, 2, 4, 2))
    for channel in range(2):
        expected[:, channel, :, channel] = covariance(alpha[channel], 4)
    products = z[:, :, None] * z[:, None, :]
    error = products.std(axis=0) / np.sqrt(num)
    excess = np.abs(products.mean(axis=0) - expected.reshape(8, 8))
    assert (excess < 5 * error).all()
    assert (np.abs(z.mean(axis=0)) < 5 / np.sqrt(num)).all()


def smallest_kl(alpha, num_steps):
    """By search over means and log-variances, from a start away from the answer."""
    law = prior(num_steps, alpha)

    @jax.jit
    def objective(flat):
        mean, logvar = jnp.split(flat, 2)
        return law.kl({}, mean, logvar).sum()

    start = np.random.default_rng(1).normal(size=2 * num_steps)
    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(objective))
        return optimize.minimize(
            lambda flat: float(objective(flat)),
            start,
            jac=lambda flat: np.asarray(slope(flat)),
            method="BFGS",
            options={"gtol": 1e-7, "maxiter": 2000},
        )


@pytest.mark.parametrize("num_steps", [1, 2, 3, 10])
@pytest.mark.parametrize("alpha", [0.5, -0.8, 0.99])
def test_the_committed_rate_is_the_smallest_kl(alpha, num_steps):
    found = smallest_kl(alpha, num_steps)
    rate = in_float64(partial(priors.committed_rate, num_steps=num_steps), alpha)
    # at a minimum the value is off by the square of the slope over the curvature
    assert found.fun == pytest.approx(float(rate), abs=1e-8)
    mean, logvar = np.split(found.x, 2)
    np.testing.assert_allclose(mean, 0, atol=1e-4)
    if num_steps > 1:
        variance = np.full(num_steps, (1 - alpha**2) / (1 + alpha**2))
        variance[[0, -1]] = 1 - alpha**2
        np.testing.assert_allclose(np.exp(logvar), variance, rtol=1e-4)


@pytest.mark.parametrize(
    ("alpha", "num_steps", "expected"), [(0.5, 10, 1.03642), (0.99, 10, 4.69111)]
)
def test_known_rates(alpha, num_steps, expected):
    found = float(priors.committed_rate(alpha, num_steps))
    assert found == pytest.approx(expected, abs=5e-6)


def test_one_step_commits_to_nothing_and_two_to_half_the_mutual_information():
    alpha = np.float32(ALPHAS)
    np.testing.assert_array_equal(priors.committed_rate(alpha, 1), np.zeros(5))
    # a Gaussian pair with correlation alpha: I = -log(1 - alpha^2) / 2
    expected = -0.5 * np.log1p(-(np.float64(alpha) ** 2))
    np.testing.assert_allclose(priors.committed_rate(alpha, 2), expected, rtol=1e-6)


def test_the_rate_keeps_its_digits():
    """From alpha 1e-6, where it is alpha^2 (T - 1) / 2, to a rounding below 1."""
    alpha = np.float32([1e-6, 1e-3, 0.1, 0.4999, 0.5, 0.9, 0.9999, 1 - 6e-8])
    exact = np.longdouble(alpha)

    @partial(jax.jit, static_argnums=1)
    def both(alpha, num_steps):
        rate = partial(priors.committed_rate, num_steps=num_steps)
        return rate(alpha), rate(-alpha), jax.vmap(jax.grad(rate))(alpha)

    for num_steps in (2, 3, 1000):
        rate, mirrored, slope = both(alpha, num_steps)
        expected = (num_steps - 2) * np.log1p(exact**2) - np.log1p(-(exact**2))
        # three roundings of 6e-8, and as many in the logarithms
        np.testing.assert_allclose(rate, np.float64(expected / 2), rtol=5e-7)
        np.testing.assert_array_equal(rate, mirrored)
        expected = (num_steps - 2) * exact / (1 + exact**2) + exact / (1 - exact**2)
        np.testing.assert_allclose(slope, np.float64(expected), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log_prob", "kl", "sample", "rate"])
def test_alpha_may_be_swept(name, key):
    """A row of alphas in one program is each of them by itself."""
    z, logvar = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    call = {
        "log_prob": lambda alpha: prior(4, alpha).log_prob({}, z),
        "kl": lambda alpha: prior(4, alpha).kl({}, z, logvar),
        "sample": lambda alpha: prior(4, alpha).sample(key, {}, (3,)),
        "rate": lambda alpha: priors.committed_rate(alpha, 4),
    }[name]
    alphas = np.float32(ALPHAS)
    swept, one = jax.jit(jax.vmap(call))(alphas), jax.jit(call)
    for row, alpha in zip(swept, alphas, strict=True):
        np.testing.assert_allclose(row, one(alpha), rtol=1e-5, atol=1e-6)
    # and a number of Python's is one of them, although it is closed over
    constant = jax.jit(lambda: call(ALPHAS[3]))()
    np.testing.assert_allclose(swept[3], constant, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0, 1, 0.5), "`latent_dim` must be at least 1; got 0"),
        ((6, 0, 0.5), "`num_steps` must be at least 1; got 0"),
        ((6, 4, 0.5), "`latent_dim` must be a multiple of `num_steps`, 4; got 6"),
        ((6, 3, np.zeros(3)), r"one for each of the 2 channels; got the shape \(3,\)"),
        ((6, 3, 1.0), r"`alpha` must lie within \(-1, 1\); got 1.0"),
        ((6, 3, np.array([0.5, -1.5])), r"within \(-1, 1\); got -1.5"),
        ((6, 3, float("nan")), r"within \(-1, 1\); got nan"),
    ],
)
def test_refuses_what_is_no_process(arguments, said):
    with pytest.raises(ValueError, match=said):
        priors.autoregressive(*arguments)


def test_the_rate_of_no_process_is_refused():
    with pytest.raises(ValueError, match="`num_steps` must be at least 1; got 0"):
        priors.committed_rate(0.5, 0)
    with pytest.raises(ValueError, match=r"`alpha` must lie within \(-1, 1\); got 1.0"):
        priors.committed_rate(1.0, 3)
