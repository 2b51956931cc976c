"""What every `Likelihood` obeys: normalised, its samples have its mean, vmap is a batch."""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import likelihoods

NUM_SAMPLES = 20_000


class Law(NamedTuple):
    """A family, what a decoder returns for 3 examples, and all that x can be.

    Attributes:
        support: `(points, *event)`: every event, or the nodes of a quadrature.
        weights: of the points.
        counted: what the mean is the mean of; classes are counted one by one.
        exact_mean: whether `mean` is exact, not only near.
    """

    family: likelihoods.Likelihood
    output: object
    support: np.ndarray
    weights: np.ndarray
    counted: object = staticmethod(lambda x: x)
    exact_mean: bool = True


def normal(*shape, scale=1.0, seed=0):
    return np.float32(scale * np.random.default_rng(seed).normal(size=shape))


def every(values, size):
    events = np.array(list(itertools.product(values, repeat=size)))
    return events, np.ones(len(events))


def between(low, high, kink=None):
    """Gauss-Legendre with 200 nodes on each side of a kink: exact to 1e-10 here."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    ends = [low, high] if kink is None else [low, kink, high]
    parts = [
        ((b - a) / 2 * nodes + (a + b) / 2, (b - a) / 2 * weights)
        for a, b in itertools.pairwise(ends)
    ]
    x, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return np.float32(x)[:, None], weights


def mixture(channels, log_scale, components=2):
    features = components * (1 + 2 * channels + channels * (channels - 1) // 2)
    params = likelihoods.mixture_params(normal(3, features, scale=0.3), channels)
    return params._replace(log_scales=params.log_scales + log_scale)


MEAN = normal(3, 1)
LAWS = {
    "bernoulli": Law(
        likelihoods.bernoulli(), normal(3, 4, scale=2.0), *every([0.0, 1.0], 4)
    ),
    "continuous_bernoulli": Law(
        likelihoods.continuous_bernoulli(),
        np.float32([[0.1], [-7.0], [30.0]]),
        *between(0.0, 1.0),
    ),
    "gaussian": Law(
        likelihoods.gaussian(), (MEAN, normal(3, 1, seed=1)), *between(-15.0, 15.0)
    ),
    "gaussian, one variance": Law(
        likelihoods.gaussian(), (MEAN, np.float32(-0.7)), *between(-15.0, 15.0)
    ),
    "laplace": Law(
        likelihoods.laplace(),
        (MEAN, normal(3, 1, scale=0.3, seed=1)),
        *between(-40.0, 40.0, kink=MEAN[0, 0]),
    ),
    "laplace, one scale": Law(
        likelihoods.laplace(),
        (MEAN, np.float32(-0.7)),
        *between(-30.0, 30.0, kink=MEAN[0, 0]),
    ),
    "student_t": Law(
        likelihoods.student_t(20.0),
        (MEAN, normal(3, 1, scale=0.3, seed=1)),
        *between(-50.0, 50.0, kink=MEAN[0, 0]),
    ),
    "poisson": Law(likelihoods.poisson(), MEAN, *every(np.arange(60.0), 1)),
    "negative_binomial": Law(
        likelihoods.negative_binomial(),
        (MEAN, normal(3, 1, scale=0.3, seed=1)),
        *every(np.arange(200.0), 1),
    ),
    "negative_binomial, a large concentration": Law(
        likelihoods.negative_binomial(),
        (MEAN, np.float32(20.0)),
        *every(np.arange(60.0), 1),
    ),
    "zero_inflated_negative_binomial": Law(
        likelihoods.zero_inflated_negative_binomial(),
        (MEAN, np.float32(-0.3), normal(3, 1, seed=2)),
        *every(np.arange(200.0), 1),
    ),
    "categorical": Law(
        likelihoods.categorical(),
        normal(3, 2, 5, scale=2.0),
        *every(range(5), 2),
        counted=lambda x: np.eye(5)[x],
    ),
    "grey mixture": Law(
        likelihoods.discretized_logistic_mixture(),
        mixture(1, -1.0, components=3),
        *every(2 * np.arange(256) / 255 - 1, 1),
    ),
    "coupled mixture": Law(
        likelihoods.discretized_logistic_mixture(5),
        mixture(3, -1.0),
        *every(2 * np.arange(5) / 4 - 1, 3),
        exact_mean=False,
    ),
}
every_law = pytest.mark.parametrize("name", LAWS)


def as_data(law):
    """In the types that a user has: float32, or integers for tokens."""
    whole = np.issubdtype(law.support.dtype, np.integer)
    return law.support.astype(np.int32 if whole else np.float32)


def batch_of(output, count, row=0):
    """One example's output for a whole batch; a scalar is for all of them already."""
    return jax.tree.map(
        lambda leaf: (
            jnp.broadcast_to(leaf[row], (count, *leaf.shape[1:])) if leaf.ndim else leaf
        ),
        output,
    )


def three_of(law):
    """The first, the last and a middle point of the support, one an example."""
    return as_data(law)[[0, -1, len(law.support) // 2]]


@functools.cache
def facts(name):
    """All that the laws are about, from one compiled program a family."""
    law = LAWS[name]
    family, axes = (
        law.family,
        jax.tree.map(lambda leaf: 0 if leaf.ndim else None, law.output),
    )

    def alone(output, x):
        grown = jax.tree.map(
            lambda leaf: leaf[None] if jnp.ndim(leaf) else leaf, output
        )
        return family.log_prob(grown, x[None])[0], family.mean(output)

    @jax.jit
    def run(key, output, support, three):
        sample = family.sample(key, batch_of(output, NUM_SAMPLES))
        keys = jax.random.split(key, 3)
        return {
            "density": family.log_prob(batch_of(output, len(support)), support),
            "mean": family.mean(output),
            "sample": sample,
            "density of sample": family.log_prob(batch_of(output, NUM_SAMPLES), sample),
            "three": family.log_prob(output, three),
            "vmapped": jax.vmap(alone, (axes, 0))(output, three),
            "drawn": jax.vmap(family.sample, (0, axes))(keys, output),
        }

    return run(jax.random.key(0), law.output, as_data(law), three_of(law))


def mass(name):
    return LAWS[name].weights * np.exp(np.float64(facts(name)["density"]))


@every_law
def test_density_is_normalised(name):
    # log-densities of size 20 round by 1e-6
    assert mass(name).sum() == pytest.approx(1, abs=1e-5)


@every_law
def test_mean_is_that_of_the_density(name):
    law = LAWS[name]
    expected = np.tensordot(mass(name), law.counted(law.support), axes=1)
    found = np.asarray(facts(name)["mean"])
    if law.exact_mean:
        np.testing.assert_allclose(found[0], expected, atol=1e-5)
    else:  # the first channel alone
        assert float(found[0, 0]) == pytest.approx(expected[0], abs=1e-5)
        np.testing.assert_allclose(found[0], expected, atol=0.1)


@every_law
def test_samples_have_the_mean(name):
    law = LAWS[name]
    x = np.asarray(facts(name)["sample"])
    assert x.shape == (NUM_SAMPLES, *law.support.shape[1:])
    counted, mean = np.float64(law.counted(x)), np.float64(facts(name)["mean"])[0]
    if not law.exact_mean:
        counted, mean = counted[..., :1], mean[..., :1]
    # 5 standard errors; a class that was never drawn may be as rare as 5 in all samples
    allowed = np.maximum(5 * counted.std(axis=0) / NUM_SAMPLES**0.5, 5 / NUM_SAMPLES)
    assert np.all(np.abs(counted.mean(axis=0) - mean) < allowed)


@every_law
def test_samples_have_the_density(name):
    """The mean of `log p(x)` over samples is minus the entropy of the density."""
    seen = np.float64(facts(name)["density of sample"])
    known = np.float64(facts(name)["density"])
    # 5 standard errors, and the rounding of x to a density as steep as 30
    allowed = 5 * seen.std() / NUM_SAMPLES**0.5 + 1e-5
    assert abs(seen.mean() - mass(name) @ known) < allowed


@pytest.mark.slow
@every_law
def test_jit_is_the_same(name):
    law = LAWS[name]
    eager = law.family.log_prob(law.output, three_of(law))
    assert eager.shape == (3,)
    # fused, a few roundings fall differently
    np.testing.assert_allclose(facts(name)["three"], eager, rtol=1e-5, atol=1e-6)


@every_law
def test_vmap_over_examples_is_the_batch(name):
    found, mean = facts(name)["vmapped"]
    np.testing.assert_allclose(found, facts(name)["three"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mean, facts(name)["mean"], atol=1e-6)


@every_law
def test_one_key_an_example_draws_like_x(name):
    """As `models.sample` does, with `vmap` over keys and outputs."""
    drawn = np.asarray(facts(name)["drawn"])
    assert drawn.shape == (3, *LAWS[name].support.shape[1:])
    assert drawn.dtype == as_data(LAWS[name]).dtype
    assert drawn.min() >= LAWS[name].support.min()
    assert drawn.max() <= LAWS[name].support.max()
