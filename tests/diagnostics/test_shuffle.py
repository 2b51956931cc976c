"""The shuffle: a derangement, a closed form, and an error that is honest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import diagnostics


def gaussian_decoder(z, x):
    return -jnp.sum(jnp.square(x - z), axis=-1) / 2


@pytest.mark.parametrize("size", [2, 3, 4, 17])
def test_one_cycle_without_fixed_points(size):
    keys = jax.random.split(jax.random.key(0), 200)
    permutations = jax.vmap(lambda key: diagnostics.derangement(key, size))(keys)
    for permutation in np.asarray(permutations):
        visited = [0]
        while (following := permutation[visited[-1]]) != 0:
            visited.append(following)
        assert sorted(visited) == list(range(size))


def test_every_partner_is_equally_likely():
    keys = jax.random.split(jax.random.key(1), 4000)
    partners = jax.vmap(lambda key: diagnostics.derangement(key, 5)[0])(keys)
    counts = np.bincount(partners, minlength=5)
    assert counts[0] == 0
    # binomial of 4000 trials at 1/4: standard deviation 27
    np.testing.assert_allclose(counts[1:], 1000, atol=4 * 27.4)


def test_gap_of_a_gaussian_channel_and_its_error():
    """x = z + noise: the drop is E[(z_i - z_j)^2 ... ] / 2 = 1 a unit of variance 1."""

    def one(key):
        z_key, noise_key, cycle_key = jax.random.split(key, 3)
        z = jax.random.normal(z_key, (300, 2))
        x = z + 0.5 * jax.random.normal(noise_key, z.shape)
        return diagnostics.z_shuffle_gap(cycle_key, gaussian_decoder, z, x)

    found = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(2), 400))
    scores = np.asarray((found.value - 2) / found.standard_error)
    assert abs(scores.mean()) < 4 / np.sqrt(400) + 0.1  # a t statistic leans a little
    # an error that ignores the shared z reads 1.2 here
    assert np.sqrt(np.mean(scores**2)) == pytest.approx(1, abs=4 / np.sqrt(800))


def test_a_decoder_that_ignores_z_loses_nothing(key):
    z = jax.random.normal(key, (50, 3))
    found = diagnostics.z_shuffle_gap(key, lambda z, x: -jnp.sum(x**2, axis=-1), z, z)
    assert (float(found.value), float(found.standard_error)) == (0, 0)


def test_data_of_any_form(key):
    z = jax.random.normal(key, (8, 1))
    x = {"image": z, "mask": jnp.ones((8, 1))}
    found = diagnostics.z_shuffle_gap(
        key, lambda z, x: gaussian_decoder(z, x["image"] * x["mask"]), z, x
    )
    assert float(found.value) > 0


def test_refuses_what_cannot_be_shuffled(key):
    with pytest.raises(ValueError, match="`size` must be at least 2"):
        diagnostics.derangement(key, 1)
    with pytest.raises(ValueError, match="at least 2 examples"):
        diagnostics.z_shuffle_gap(key, gaussian_decoder, jnp.zeros((1, 2)), None)
    with pytest.raises(ValueError, match=r"one number an example, \(4,\); got \(\)"):
        diagnostics.z_shuffle_gap(
            key, lambda z, x: jnp.sum(z), jnp.zeros((4, 2)), jnp.zeros((4, 2))
        )
