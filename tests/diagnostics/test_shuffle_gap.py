"""The gap of log-likelihoods that were computed elsewhere, and an error that is honest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import diagnostics


def log_prob(z, x):
    return -jnp.sum(jnp.square(x - z), axis=-1) / 2


def test_it_is_the_gap_of_the_decoder(key):
    z = jax.random.normal(jax.random.key(1), (50, 2))
    x = z + jax.random.normal(jax.random.key(2), (50, 2))
    whole = diagnostics.z_shuffle_gap(key, log_prob, z, x)
    partner = diagnostics.derangement(key, 50)
    own, other = log_prob(z, x), log_prob(z[partner], x)
    found = diagnostics.shuffle_gap(own, other, partner)
    assert found == whole
    unknown = diagnostics.shuffle_gap(own, other)
    assert float(unknown.value) == float(whole.value)
    drop = np.asarray(own - other, np.float64)
    assert float(unknown.standard_error) == pytest.approx(
        np.sqrt(2 * drop.var(ddof=1) / 50), rel=1e-5
    )


@pytest.mark.parametrize("step", [1, 25])  # one cycle of 50, and pairs that are swapped
def test_without_the_partner_the_error_covers_the_worst(step):
    """4000 data sets whose drops are made of the shared z alone: variance 2 / N."""
    rng = np.random.default_rng(0)
    of_z = rng.normal(size=(4000, 50))
    drops = of_z + np.roll(of_z, step, axis=1)  # what both have seen, of their own z
    spread = drops.mean(axis=1).std()
    errors = np.sqrt(2 * drops.var(axis=1, ddof=1) / 50)
    # the standard deviation of 4000 is known to 1.1 %, 3 of them
    assert spread <= 1.034 * errors.mean()
    assert spread > 0.9 * errors.mean()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((5, 2)), np.zeros((5, 2))), r"must have shape \(examples,\)"),
        ((np.zeros(1), np.zeros(1)), "at least 2 examples"),
        ((np.zeros(5), np.zeros(4)), "`shuffled` must have the shape"),
        ((np.zeros(5), np.zeros(5), np.zeros(4, int)), r"of shape \(5,\)"),
        ((np.zeros(3), np.zeros(3), np.array([1, 2, 3])), "from 0 to 2; got 3"),
        ((np.zeros(3), np.zeros(3), np.array([1, 0, 2])), "the example itself 1 times"),
    ],
)
@pytest.mark.usefixtures("users_view")
def test_wrong_log_likelihoods(arguments, words):
    with pytest.raises(ValueError, match=words):
        diagnostics.shuffle_gap(*arguments)


@pytest.mark.usefixtures("users_view")
def test_a_partner_of_real_numbers():
    with pytest.raises(ValueError, match="must be whole numbers"):
        diagnostics.shuffle_gap(np.zeros(3), np.zeros(3), jnp.ones(3) * 1.0)
