"""Latents of several axes: a loss is that of their units in a row, and asks to be told."""

import numpy as np
import pytest

from vae_jax import losses

KL = np.random.default_rng(0).random((5, 3, 3, 2)).astype(np.float32)
FLAT = KL.reshape(5, -1)


@pytest.mark.parametrize("mean", ["batch", "example"])
@pytest.mark.parametrize("over", ["unit", "total"])
def test_free_bits(mean, over):
    options = {"over": over, "mean": mean, "rule": "max"}
    got = losses.free_bits(KL, 0.4, latent_ndim=3, **options)
    np.testing.assert_array_equal(got, losses.free_bits(FLAT, 0.4, **options))


def test_free_bits_of_channels():
    """A threshold a channel: the maximum of each channel's sum, by numpy."""
    groups = np.broadcast_to(np.arange(2), KL.shape[1:])
    of_channel = KL.sum(axis=(1, 2)).mean(axis=0)
    floor = float(of_channel.mean())  # of one channel it is above, of the other below
    got = losses.free_bits(
        KL, floor, over="group", mean="batch", rule="max", groups=groups, latent_ndim=3
    )
    want = np.maximum(of_channel, floor).sum()
    np.testing.assert_allclose(got, np.full(5, want), rtol=1e-6)


def test_the_other_penalties():
    np.testing.assert_array_equal(
        losses.capacity(KL, 2.0, 3.0, latent_ndim=3), losses.capacity(FLAT, 2.0, 3.0)
    )
    np.testing.assert_array_equal(
        losses.minimum_rate(KL, 2.0, 0.5, latent_ndim=3),
        losses.minimum_rate(FLAT, 2.0, 0.5),
    )
    np.testing.assert_array_equal(
        losses.minimum_rate_violation(KL, 20.0, latent_ndim=3),
        losses.minimum_rate_violation(FLAT, 20.0),
    )


def test_the_elbo_sums_over_all_axes_of_the_latent():
    terms = losses.elbo_terms(np.zeros(5, np.float32), KL, latent_ndim=3)
    np.testing.assert_allclose(terms.rate, KL.sum(axis=(1, 2, 3)), rtol=1e-6)
    sequence = losses.elbo_terms(np.zeros((5, 3), np.float32), KL, latent_ndim=2)
    np.testing.assert_allclose(sequence.rate, KL.sum(axis=(2, 3)), rtol=1e-6)


@pytest.mark.usefixtures("users_view")
def test_without_being_told_it_is_refused_with_the_recipe():
    with pytest.raises(ValueError, match=r"is said by latent_ndim=3"):
        losses.elbo_terms(np.zeros(5, np.float32), KL)
    with pytest.raises(
        ValueError, match=r"Say latent_ndim=3, .*`kl.reshape\(len\(kl\), -1\)`"
    ):
        losses.free_bits(KL, 0.4, over="unit", mean="batch", rule="max")
    # a mean over the batch is no latent of two axes
    with pytest.raises(ValueError, match=r"`kl` must have the shape .*latent\)") as no:
        losses.elbo_terms(np.float32(0), FLAT)
    assert "latent_ndim" not in str(no.value)
    with pytest.raises(ValueError, match="the 5 axes of the latent"):
        losses.elbo_terms(np.zeros(5, np.float32), KL, latent_ndim=5)
    with pytest.raises(TypeError, match="`latent_ndim` must be a whole number"):
        losses.free_bits(
            KL, 0.4, over="unit", mean="batch", rule="max", latent_ndim=1.5
        )
