"""The three parts of the rate where they are known: by quadrature, and for a Gaussian."""

from functools import partial

import jax
import numpy as np
import pytest
from scipy import integrate, stats

from vae_jax import gaussian, losses

# a data set of six, whose two units say much the same
rng = np.random.default_rng(1)
MEAN = rng.normal(0, 1.3, (6, 1)) + rng.normal(0, 0.3, (6, 2))
LOGVAR = rng.normal(-0.5, 0.5, (6, 2))


def hermite(latent, nodes):
    """Standard normal nodes, (nodes^latent, latent), and weights that sum to 1."""
    points, shares = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.meshgrid(*[points] * latent, indexing="ij")
    weight = np.ones(1)
    for _ in range(latent):
        weight = np.outer(weight, shares / shares.sum()).ravel()
    return np.stack(grid, axis=-1).reshape(-1, latent), weight


def parts_by_hermite(mean, logvar, nodes):
    """Mean of the parts over the data set and over z, without noise."""
    points, weight = hermite(mean.shape[1], nodes)

    def parts_at(point):
        z = mean + np.exp(logvar / 2) * point[None]
        size = len(mean)
        parts = losses.tc_decomposition(z, mean, logvar, size, weighting="balanced")
        return [part.mean() for part in parts]

    with jax.enable_x64(True):
        return [float(weight @ part) for part in jax.jit(jax.vmap(parts_at))(points)]


def entropy_integral(log_ratio, pdf, low, high):
    return integrate.quad(
        lambda z: pdf(z) * log_ratio(z), low, high, limit=500, epsabs=1e-9
    )[0]


def test_the_split_in_one_dimension_by_quadrature(capsys):
    """No total correlation; information and marginal KL to 1e-3, as was promised."""
    mean, logvar = MEAN[:, :1], LOGVAR[:, :1]
    components = [
        stats.norm(m, np.exp(v / 2)) for (m,), (v,) in zip(mean, logvar, strict=True)
    ]

    def log_mixture(z):
        return np.log(np.mean([component.pdf(z) for component in components]))

    information = np.mean(
        [
            entropy_integral(lambda z, c=c: c.logpdf(z) - log_mixture(z), c.pdf, -9, 9)
            for c in components
        ]
    )
    marginal = entropy_integral(
        lambda z: log_mixture(z) - stats.norm.logpdf(z),
        lambda z: np.exp(log_mixture(z)),
        -9,
        9,
    )
    found = parts_by_hermite(mean, logvar, 60)
    with capsys.disabled():
        print(f"\n  information {found[0]:.6f}, exactly {information:.6f}", end="")
        print(f"; marginal KL {found[2]:.6f}, exactly {marginal:.6f}")
    np.testing.assert_allclose(found, [information, 0.0, marginal], atol=1e-3)
    # a mean of differences of equal logarithms of order 1, in float64
    assert abs(found[1]) < 1e-15


def test_the_split_in_two_dimensions_by_quadrature():
    """On a grid over the plane, the marginals by sums over one axis."""
    axis = np.linspace(-9, 9, 901)
    step = axis[1] - axis[0]
    one = stats.norm.pdf(
        axis[None, :, None], MEAN[:, None], np.exp(LOGVAR / 2)[:, None]
    )
    joint = np.einsum("nx,ny->xy", one[..., 0], one[..., 1]) / 6
    first, second = joint.sum(axis=1) * step, joint.sum(axis=0) * step
    product = np.outer(first, second)
    # the trapezoid rule on smooth functions that vanish at both ends: exact to 1e-9
    truth = np.sum(joint * np.log(joint / product)) * step**2
    each = sum(
        np.sum(one_unit * (np.log(one_unit) - stats.norm.logpdf(axis))) * step
        for one_unit in (first, second)
    )
    found = parts_by_hermite(MEAN, LOGVAR, 30)
    np.testing.assert_allclose(found[1:], [truth, each], atol=1e-3)
    assert truth > 0.1
    rate = 0.5 * np.sum(MEAN**2 + np.exp(LOGVAR) - LOGVAR - 1) / 6
    assert sum(found) == pytest.approx(rate, abs=1e-9)


def test_the_split_of_a_gaussian_channel(key, capsys):
    """x ~ N(0, S), q(z|x) = N(V x, d): q(z) is Gaussian and all parts are known."""
    examples, encoder = 3000, np.array([[1.0, 0.5], [0.8, -0.4], [0.1, 0.9]])
    covariance, noise = np.array([[1.0, 0.3], [0.3, 0.6]]), np.array([0.4, 0.7, 0.5])
    total = encoder @ covariance @ encoder.T + np.diag(noise)
    diagonal, log_det = np.diag(total), np.linalg.slogdet(total)[1]
    truth = [
        0.5 * (log_det - np.log(noise).sum()),
        0.5 * (np.log(diagonal).sum() - log_det),
        0.5 * (diagonal - np.log(diagonal) - 1).sum(),
    ]
    data = np.random.default_rng(2).multivariate_normal([0, 0], covariance, examples)
    mean = np.float32(data @ encoder.T)
    logvar = np.float32(np.tile(np.log(noise), (examples, 1)))
    z = gaussian.reparameterize(key, mean, logvar)
    # in ten batches of the ring, each an estimate of the parts of the whole set
    size = examples // 10
    batches = [array.reshape(10, size, 3) for array in (z, mean, logvar)]
    for weighting in ("balanced", "stratified"):
        batch_parts = partial(
            losses.tc_decomposition, dataset_size=examples, weighting=weighting
        )
        parts = jax.jit(jax.vmap(batch_parts))(*batches)
        for name, part, value in zip(parts._fields, parts, truth, strict=True):
            part = np.float64(part).ravel()
            error = part.std() / np.sqrt(examples)
            with capsys.disabled():
                print(f"\n  {weighting} {name}: {part.mean():.4f}", end="")
                print(f" +- {error:.4f}, exactly {value:.4f}", end="")
            # the finite mixture adds (mean of q(z|x) / q(z) - 1) / 2 B = 0.01 at most
            assert part.mean() == pytest.approx(value, abs=4 * error)
