"""The VampPrior against the mixture that it is, by numpyro in float64; its beginnings."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import special

from vae_jax import gaussian, priors
from vae_jax.vae import DiagGaussian

RNG = np.random.default_rng(0)
Z = 2 * RNG.normal(size=(9, 3))
WEIGHTS = {"weights": RNG.normal(size=(3, 4)), "bias": RNG.normal(size=3)}
INPUTS = RNG.uniform(size=(5, 2, 2))


def encode(model_params, x):
    """Of events (2, 2), with a variance that depends on them."""
    flat = x.reshape(len(x), 4)
    hidden = jnp.matmul(flat, model_params["weights"].T, precision="highest")
    hidden = hidden + jnp.broadcast_to(model_params["bias"], hidden.shape)
    return DiagGaussian(hidden, jnp.sin(hidden))


def with_slopes(function, *arrays):
    """Values and the slopes of their sum in every argument."""

    def total(*arrays):
        values = function(*arrays)
        return values.sum(), values

    order = tuple(range(len(arrays)))
    slopes, values = jax.jit(jax.grad(total, order, has_aux=True))(*arrays)
    return jax.tree.leaves((values, slopes))


@pytest.mark.parametrize("bounded", [False, True])
def test_the_vampprior_is_the_mixture_of_its_posteriors(bounded):
    """And so are its slopes in z, in the pseudo-inputs and in the encoder."""
    prior = priors.vampprior(encode, INPUTS, bounded=bounded)
    raw = special.logit(INPUTS) if bounded else INPUTS
    params = {"pseudo_inputs": raw, "model": WEIGHTS}

    def reference(params, z):
        inputs = params["pseudo_inputs"]
        inputs = 1 / (1 + jnp.exp(-inputs)) if bounded else inputs
        mean, logvar = encode(params["model"], inputs)
        components = dist.Normal(mean, jnp.exp(logvar / 2)).to_event(1)
        equal = dist.Categorical(logits=jnp.zeros(5, mean.dtype))
        return jax.vmap(dist.MixtureSameFamily(equal, components).log_prob)(z)

    narrow = jax.tree.map(np.float32, (params, Z))
    with jax.enable_x64(True):
        double = jax.tree.map(np.float64, narrow)
        expected, same = (with_slopes(f, *double) for f in (reference, prior.log_prob))
    single = with_slopes(prior.log_prob, *narrow)
    for found, wide, truth in zip(single, same, expected, strict=True):
        np.testing.assert_allclose(wide, truth, rtol=1e-11, atol=1e-11)
        # slopes of size 100 through an encoder: 20 roundings each way
        np.testing.assert_allclose(found, truth, rtol=1e-5, atol=3e-4)


def test_pseudo_inputs_begin_at_the_data_with_noise(key):
    start = np.broadcast_to(INPUTS.mean(axis=0), (1000, 2, 2))
    inputs = priors.vampprior(encode, start, noise=0.2).init(key)["pseudo_inputs"]
    added = np.float64(inputs) - start
    # 4000 values: 5 standard errors
    assert added.mean() == pytest.approx(0, abs=5 * 0.2 / np.sqrt(4000))
    assert added.std() == pytest.approx(0.2, rel=5 / np.sqrt(8000))
    exact = priors.vampprior(encode, INPUTS, noise=0.0).init(key)["pseudo_inputs"]
    np.testing.assert_array_equal(exact, np.float32(INPUTS))


def test_bounded_pseudo_inputs_begin_at_the_data_and_stay_images(key):
    start = np.float32([[0.0, 0.3, 1.0, 0.995]])
    prior = priors.vampprior(encode, start, noise=0.0, bounded=True)
    raw = prior.init(key)["pseudo_inputs"]
    # black and white begin 0.01 inside, from where a slope reaches them
    np.testing.assert_allclose(special.expit(raw), [[0.01, 0.3, 0.99, 0.99]], rtol=1e-5)
    seen = []

    def watch(model_params, x):
        seen.append(np.asarray(x))
        return DiagGaussian(x, x)

    prior = priors.vampprior(watch, start, bounded=True)
    params = {"pseudo_inputs": np.float32([[-1e4, -3, 3, 1e4]]), "model": {}}
    prior.log_prob(params, jnp.zeros(4))
    assert (seen[0] >= 0).all()
    assert (seen[0] <= 1).all()
    np.testing.assert_allclose(seen[0], special.expit([[-1e4, -3, 3, 1e4]]), rtol=1e-6)


def test_the_noise_is_data(key):
    def first(noise):
        return priors.vampprior(encode, INPUTS, noise=noise).init(key)["pseudo_inputs"]

    rows = jax.jit(jax.vmap(first))(np.float32([0.0, 0.1]))
    np.testing.assert_allclose(rows[0], INPUTS, rtol=1e-6)
    np.testing.assert_allclose(rows[1], first(0.1), rtol=1e-5)


def test_a_vampprior_at_the_example_itself_costs_nothing():
    x = np.float32(INPUTS[:1])
    prior = priors.vampprior(encode, x)
    model = jax.tree.map(np.float32, WEIGHTS)
    mean, logvar = encode(model, x)
    params = {"pseudo_inputs": x, "model": model}
    spread = [jnp.broadcast_to(part, (100, 3)) for part in (mean, logvar)]
    z = gaussian.reparameterize(jax.random.key(0), *spread)
    found = jax.jit(partial(priors.sampled_kl, prior))(params, z, *spread)
    # the encoder inside and the one before it are compiled apart: roundings of 5e-7
    np.testing.assert_allclose(found, 0, atol=2e-6)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize(
    ("start", "bounded", "said"),
    [
        (np.zeros((0, 4)), False, r"at least one component; got \(0, 4\)"),
        (np.zeros(()), False, r"shape \(components, \*event\) .* got \(\)"),
        (np.full((2, 4), 1.5), True, r"within \[0, 1\] for bounded .* got 1.5"),
        (np.full((2, 4), -0.1), True, r"got -0.1.* Scale it, or leave `bounded` out"),
        (np.full((2, 4), np.nan), True, "got nan"),
    ],
)
def test_refuses_a_start_that_makes_no_prior(start, bounded, said):
    with pytest.raises(ValueError, match=said):
        priors.vampprior(encode, start, bounded=bounded)


def test_says_that_the_model_is_missing(key):
    prior = priors.vampprior(encode, INPUTS)
    params = prior.init(key)
    said = (
        r"pass \{\*\*params, 'model': model_params\}; got the keys \['pseudo_inputs'\]"
    )
    for call in (
        lambda: prior.log_prob(params, jnp.zeros(3)),
        lambda: prior.sample(key, params),
    ):
        with pytest.raises(ValueError, match=said):
            call()
