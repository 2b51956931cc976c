"""Replacing z: a Gaussian channel, honest errors, decoders that ignore it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import diagnostics

NOISE = 0.5
SIZE, REPEATS = 300, 300


def log_prob(z, x):
    return -jnp.sum(jnp.square(x - z), axis=-1) / (2 * NOISE)


z_reliance = jax.jit(diagnostics.z_reliance, static_argnums=1)


def scores_of(mean, scale, truth):
    """Errors in standard errors, over data sets: z ~ N(mean, scale^2), x = z + noise."""

    def one(key):
        z_key, noise_key, key = jax.random.split(key, 3)
        z = mean + scale * jax.random.normal(z_key, (SIZE, 2))
        x = z + NOISE**0.5 * jax.random.normal(noise_key, z.shape)
        return diagnostics.z_reliance(key, log_prob, z, x)

    found = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), REPEATS))
    return [
        np.asarray((gap.value - expected) / gap.standard_error)
        for gap, expected in zip(found, truth, strict=True)
    ]


@pytest.mark.parametrize(("mean", "scale"), [(0.0, 1.0), (1.5, 0.7)])
def test_gaussian_channel(mean, scale):
    """`E (x - z')^2 - noise` over twice the noise, two units, for each replacement."""
    truth = [
        2 * 2 * scale**2 / (2 * NOISE),  # another z
        2 * (mean**2 + scale**2) / (2 * NOISE),  # zero
        2 * (mean**2 + scale**2 + 1) / (2 * NOISE),  # the prior
    ]
    for name, scores in zip(
        diagnostics.ZReliance._fields, scores_of(mean, scale, truth), strict=True
    ):
        rms = np.sqrt(np.mean(scores**2))
        print(f"{name}: mean {scores.mean():+.2f}, rms {rms:.2f}")
        # a t statistic leans a little with the skewness of squares
        assert abs(scores.mean()) < 4 / np.sqrt(REPEATS) + 0.1
        assert rms == pytest.approx(1, abs=4 / np.sqrt(2 * REPEATS))


def test_the_shuffle_is_z_shuffle_gap(key):
    z = jax.random.normal(key, (50, 3))
    found = diagnostics.z_reliance(key, log_prob, z, z)
    shuffle_key, _ = jax.random.split(key)
    expected = diagnostics.z_shuffle_gap(shuffle_key, log_prob, z, z)
    assert [float(v) for v in found.shuffled] == [float(v) for v in expected]


def test_a_decoder_that_ignores_z_loses_nothing(key):
    z = jax.random.normal(key, (50, 3))
    found = diagnostics.z_reliance(key, lambda z, x: -jnp.sum(x**2, axis=-1), z, z)
    assert [float(leaf) for leaf in jax.tree.leaves(found)] == [0] * 6


def test_a_misleading_z_is_worse_than_none(key):
    z = jax.random.normal(key, (200, 3))
    found = z_reliance(key, log_prob, z, -z)
    # E (x - z)^2 = 4, E x^2 = 1: three units over twice the noise
    assert float(found.zeroed.value) == pytest.approx(-9, abs=1.5)


def test_a_posterior_off_the_prior_pays_for_its_samples(key):
    """Every z near 5 and none of it about x: the shuffle costs nothing, the prior does."""
    z = 5 + 0.01 * jax.random.normal(key, (200, 2))
    found = z_reliance(key, log_prob, z, jnp.full_like(z, 5.0))
    assert abs(float(found.shuffled.value)) < 4 * float(found.shuffled.standard_error)
    assert float(found.resampled.value) > 20
    assert float(found.resampled.value) > float(found.zeroed.value)


@pytest.mark.slow
def test_data_of_any_form_compiled_and_batched(key):
    z = jax.random.normal(key, (2, 8, 1))
    x = {"image": 2 * z, "mask": jnp.ones((2, 8, 1))}

    def decoder(z, x):
        return log_prob(z, x["image"] * x["mask"])

    def one(key, z, x):
        return diagnostics.z_reliance(key, decoder, z, x)

    keys = jax.random.split(key)
    batched = jax.jit(jax.vmap(one))(keys, z, x)
    expected = one(keys[1], z[1], jax.tree.map(lambda leaf: leaf[1], x))
    for leaf, other in zip(
        jax.tree.leaves(batched), jax.tree.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(leaf[1], other, rtol=1e-5)


def test_not_a_number_is_shown_and_low_precision_promoted(key):
    z = jnp.ones((8, 1)).at[3].set(jnp.nan)
    found = diagnostics.z_reliance(key, log_prob, z, jnp.ones((8, 1)))
    assert all(bool(jnp.isnan(leaf)) for leaf in jax.tree.leaves(found))
    half = jnp.ones((8, 1), jnp.bfloat16)
    found = diagnostics.z_reliance(key, log_prob, half, jnp.ones((8, 1)))
    assert found.zeroed.value.dtype == jnp.float32


def test_refuses_what_cannot_be_replaced(key):
    with pytest.raises(ValueError, match="at least 2 examples"):
        diagnostics.z_reliance(key, log_prob, jnp.zeros((1, 2)), None)
    with pytest.raises(ValueError, match=r"one number an example, \(4,\); got \(\)"):
        diagnostics.z_reliance(
            key, lambda z, x: jnp.sum(z), jnp.zeros((4, 2)), jnp.zeros((4, 2))
        )
