"""The standard and the diagonal prior against scipy and numpyro in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from vae_jax import gaussian, priors

RNG = np.random.default_rng(0)
Z, MEAN, LOGVAR = (RNG.normal(size=(7, 3)) for _ in range(3))
PARAMS = {"mean": np.array([0.5, -2.0, 0.0]), "logvar": np.array([1.0, -3.0, 0.2])}
# the promise for float32: 1e-5 of the truth plus 1e-6
PROMISE = {"rtol": 1e-5, "atol": 1e-6}


def with_slopes(function, *arrays):
    """Values and the slopes of their sum in every argument."""

    def total(*arrays):
        values = function(*arrays)
        return values.sum(), values

    order = tuple(range(len(arrays)))
    slopes, values = jax.jit(jax.grad(total, order, has_aux=True))(*arrays)
    return jax.tree.leaves((values, slopes))


def check(function, reference, *arrays):
    """In float32 against another implementation in float64."""
    narrow = jax.tree.map(np.float32, arrays)
    with jax.enable_x64(True):
        expected = with_slopes(reference, *jax.tree.map(np.float64, narrow))
        same = with_slopes(function, *jax.tree.map(np.float64, narrow))
    for found, wide, truth in zip(
        with_slopes(function, *narrow), same, expected, strict=True
    ):
        np.testing.assert_allclose(found, truth, **PROMISE)
        # double precision is not lost on the way: a few roundings of numbers below 1e3
        np.testing.assert_allclose(wide, truth, rtol=1e-12, atol=1e-12)


def law(params, shape):
    mean, logvar = (jnp.broadcast_to(params[key], shape) for key in ("mean", "logvar"))
    return dist.Normal(mean, jnp.exp(logvar / 2)).to_event(1)


def test_standard_is_the_multivariate_normal():
    expected = stats.multivariate_normal(np.zeros(3)).logpdf(Z)
    found = priors.standard(3).log_prob({}, np.float32(Z))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    kl = priors.standard(3).kl({}, MEAN, LOGVAR)
    np.testing.assert_array_equal(kl, gaussian.kl_standard(MEAN, LOGVAR))


def test_the_density_of_both_and_its_slopes():
    zero = {"mean": np.zeros(3), "logvar": np.zeros(3)}
    check(
        lambda z: priors.standard(3).log_prob({}, z),
        lambda z: law(zero, z.shape).log_prob(z),
        Z,
    )
    check(
        priors.diagonal(3).log_prob,
        lambda params, z: law(params, z.shape).log_prob(z),
        PARAMS,
        Z,
    )


def test_the_kl_of_the_diagonal_prior_and_its_slopes():
    def reference(params, mean, logvar):
        own = dist.Normal(mean, jnp.exp(logvar / 2))
        return dist.kl_divergence(own, law(params, mean.shape).base_dist)

    check(priors.diagonal(3).kl, reference, PARAMS, MEAN, LOGVAR)


def test_the_diagonal_prior_begins_as_the_standard_one(key):
    params = priors.diagonal(3).init(key)
    z = np.float32(Z)
    np.testing.assert_array_equal(
        priors.diagonal(3).log_prob(params, z), priors.standard(3).log_prob({}, z)
    )
    assert params["mean"].shape == params["logvar"].shape == (3,)
    assert priors.standard(3).init(key) == {}


@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_the_best_diagonal_prior_is_the_moments_of_the_posterior(spread):
    """d/d params of the mean KL is 0 at the mean and the variance of the aggregate."""
    mean = spread * MEAN
    params = {
        "mean": mean.mean(axis=0),
        "logvar": np.log(np.exp(LOGVAR).mean(axis=0) + mean.var(axis=0)),
    }
    with jax.enable_x64(True):
        kl = partial(priors.diagonal(3).kl, mean=mean, logvar=LOGVAR)
        slopes = jax.jit(jax.grad(lambda params: kl(params).mean()))(params)
    for slope in jax.tree.leaves(slopes):
        np.testing.assert_allclose(slope, 0, atol=1e-13)
