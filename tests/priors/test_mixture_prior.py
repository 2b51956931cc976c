"""Mixtures of Gaussians against loops and numpyro in float64; their sampled KL."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, special, stats

from vae_jax import gaussian, priors

RNG = np.random.default_rng(0)
Z = 2 * RNG.normal(size=(9, 3))
PARAMS = {
    "means": 2 * RNG.normal(size=(4, 3)),
    "logvars": RNG.normal(size=(4, 3)),
    "logits": np.array([0.3, -1.0, 2.0, 0.0]),
}


def by_loops(params, z):
    """What a reader of the formula would write down."""
    weights = special.softmax(params["logits"])
    total = np.zeros(len(z))
    for weight, mean, logvar in zip(
        weights, params["means"], params["logvars"], strict=True
    ):
        total += weight * stats.multivariate_normal(mean, np.exp(logvar)).pdf(z)
    return np.log(total)


def by_numpyro(params, z):
    components = dist.Normal(params["means"], jnp.exp(params["logvars"] / 2))
    weights = dist.Categorical(logits=params["logits"])
    law = dist.MixtureSameFamily(weights, components.to_event(1))
    return jax.vmap(law.log_prob)(z)


def with_slopes(function, *arrays):
    """Values and the slopes of their sum in every argument."""

    def total(*arrays):
        values = function(*arrays)
        return values.sum(), values

    order = tuple(range(len(arrays)))
    slopes, values = jax.jit(jax.grad(total, order, has_aux=True))(*arrays)
    return jax.tree.leaves((values, slopes))


def test_the_density_is_the_weighted_sum():
    prior = priors.mixture(3, 4)
    narrow = jax.tree.map(np.float32, (PARAMS, Z))
    found = jax.jit(prior.log_prob)(*narrow)
    np.testing.assert_allclose(found, by_loops(PARAMS, Z), rtol=1e-5, atol=1e-6)


def test_the_density_and_its_slopes_against_numpyro():
    prior = priors.mixture(3, 4)
    narrow = jax.tree.map(np.float32, (PARAMS, Z))
    with jax.enable_x64(True):
        double = jax.tree.map(np.float64, narrow)
        expected, same = (with_slopes(f, *double) for f in (by_numpyro, prior.log_prob))
    single = with_slopes(prior.log_prob, *narrow)
    for found, wide, truth in zip(single, same, expected, strict=True):
        # numpyro's weights round: 1e-15 in double precision, of slopes up to 30
        np.testing.assert_allclose(wide, truth, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(found, truth, rtol=1e-5, atol=1e-5)


def test_far_away_it_is_the_nearest_component():
    """Where every density underflows: e^-5e7 of two components, one a hair nearer."""
    params = {
        "means": np.float32([[0, 0, 0], [1, 0, 0]]),
        "logvars": np.zeros((2, 3), np.float32),
        "logits": np.zeros(2, np.float32),
    }
    z = np.float32([1e4, 0, 0])
    value, *slopes = with_slopes(priors.mixture(3, 2).log_prob, params, z)
    expected = -0.5 * (1e4 - 1) ** 2 - 1.5 * np.log(2 * np.pi) - np.log(2)
    assert float(value) == pytest.approx(expected, rel=1e-6)
    # the slope in z, the last leaf, is that of the second component alone
    np.testing.assert_allclose(slopes[-1], [-(1e4 - 1), 0, 0], rtol=1e-6)


def test_a_component_of_weight_zero_does_not_count():
    params = jax.tree.map(np.float32, PARAMS)
    without = {name: value[1:] for name, value in params.items()}
    params["logits"] = np.float32([-np.inf, *params["logits"][1:]])
    z = np.float32(Z)
    np.testing.assert_allclose(
        jax.jit(priors.mixture(3, 4).log_prob)(params, z),
        jax.jit(priors.mixture(3, 3).log_prob)(without, z),
        rtol=1e-6,
    )


@pytest.mark.parametrize("spread", [0.0, 1.0, 5.0])
def test_the_initial_means_have_the_spread_asked_for(spread, key):
    params = priors.mixture(50, 40, spread).init(key)
    # a standard deviation of 2000 values: 5 standard errors are 8 %
    assert np.std(params["means"]) == pytest.approx(spread, rel=0.08)
    assert params["means"].shape == params["logvars"].shape == (40, 50)
    np.testing.assert_array_equal(params["logvars"], 0)
    np.testing.assert_array_equal(params["logits"], np.zeros(40))


def test_the_spread_is_data(key):
    spreads = np.float32([0.0, 0.5, 2.0])
    means = jax.jit(jax.vmap(lambda s: priors.mixture(2, 3, s).init(key)["means"]))(
        spreads
    )
    once = priors.mixture(2, 3).init(key)["means"]
    for row, spread in zip(means, spreads, strict=True):
        np.testing.assert_allclose(row, spread * once, rtol=1e-6)


def test_components_are_drawn_by_their_weights(key):
    params = {
        "means": 100 * np.float32([[0], [1], [2]]),
        "logvars": np.float32([[0], [-2], [2]]),
        "logits": np.log(np.float32([0.2, 0.5, 0.3])),
    }
    z = np.ravel(priors.mixture(1, 3).sample(key, params, (10_000,)))
    which = np.rint(z / 100)
    for index, weight in enumerate((0.2, 0.5, 0.3)):
        error = np.sqrt(weight * (1 - weight) / 10_000)
        assert (which == index).mean() == pytest.approx(weight, abs=5 * error)
        own = z[which == index]
        # 5 standard errors of a standard deviation: 5 / sqrt(2 n) of it
        expected = np.exp([0, -1, 1][index])
        assert own.std() == pytest.approx(expected, rel=5 / np.sqrt(2 * len(own)))


def test_the_noise_is_independent_of_the_component(key):
    """One code a key and as many units as components, where shared bits would meet."""
    params = {
        "means": 100 * np.repeat(np.float32([[0], [1], [2]]), 3, axis=1),
        "logvars": np.zeros((3, 3), np.float32),
        "logits": np.zeros(3, np.float32),
    }
    draw = jax.vmap(priors.mixture(3, 3).sample, (0, None))
    z = np.float64(jax.jit(draw)(jax.random.split(key, 6000), params))
    which = np.rint(z[:, 0] / 100)
    for index in range(3):
        noise = z[which == index] - 100 * index
        assert (np.abs(noise.mean(axis=0)) < 5 / np.sqrt(len(noise))).all()


@pytest.mark.slow
def test_the_sampled_kl_is_unbiased_in_value_and_slope():
    """Against quadrature over the line, within 5 standard errors."""
    params = {
        "means": np.float32([[-1.0], [2.0]]),
        "logvars": np.float32([[0.0], [-1.0]]),
        "logits": np.float32([0.0, 0.7]),
    }
    law = np.float32([[0.5], [-0.3]])
    prior, num = priors.mixture(1, 2), 20_000

    def exact(mean, logvar):
        q = stats.norm(mean, np.exp(logvar / 2))

        def excess(z):
            return q.pdf(z) * (q.logpdf(z) - by_loops(params, np.array([[z]]))[0])

        return integrate.quad(excess, -15, 15, epsabs=1e-10)[0]

    def one(key, mean, logvar):
        z = gaussian.reparameterize(key, mean, logvar)
        return priors.sampled_kl(prior, params, z, mean, logvar)

    keys = jax.random.split(jax.random.key(2), num)
    both = jax.vmap(jax.value_and_grad(one, (1, 2)), (0, None, None))
    value, slopes = jax.jit(both)(keys, *law)
    mean, logvar = float(law[0, 0]), float(law[1, 0])
    step = 1e-4
    expected = [
        exact(mean, logvar),
        (exact(mean + step, logvar) - exact(mean - step, logvar)) / (2 * step),
        (exact(mean, logvar + step) - exact(mean, logvar - step)) / (2 * step),
    ]
    for found, truth in zip((value, *slopes), expected, strict=True):
        found = np.float64(found).ravel()
        error = found.std() / np.sqrt(num)
        assert found.mean() == pytest.approx(truth, abs=5 * error)
