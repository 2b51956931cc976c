"""Spectra of data sets, and the counts that follow from them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from digits_spectrum import digits, spectrum

from vae_jax import analytic

# printed to five digits by an independent implementation
DIGITS = (
    *(0.69886, 0.63917, 0.55355, 0.3947, 0.27138, 0.23076, 0.20256, 0.17184, 0.15738),
    *(0.1445, 0.11134, 0.10666, 0.08551, 0.08325, 0.06886, 0.06616, 0.06189, 0.05858),
    *(0.04776, 0.0425),
)


def test_digits():
    values = spectrum()
    np.testing.assert_allclose(values[:20], DIGITS, atol=6e-6)
    assert values.sum() == pytest.approx(4.693276, abs=6e-7)
    assert (values > 1e-12).sum() == 61
    assert (values >= 0).all()
    assert (np.diff(values) <= 0).all()


def test_agrees_with_singular_values_of_many_chunks():
    data = np.random.default_rng(0).normal(3.0, 1.0, (9000, 5)) * np.arange(1, 6)
    singular = np.linalg.svd(data - data.mean(axis=0), compute_uv=False)
    # two float64 algorithms
    np.testing.assert_allclose(
        analytic.eigenvalues(data), singular**2 / len(data), rtol=1e-10
    )


def test_far_from_the_origin_and_integers():
    """Centred before squaring, so an offset costs no digits; greys may be integers."""
    data = digits()
    np.testing.assert_allclose(analytic.eigenvalues(data + 1e4), spectrum(), atol=1e-10)
    greys = (data * 16).astype(np.uint8)
    np.testing.assert_allclose(
        analytic.eigenvalues(greys) / 256, spectrum(), atol=1e-12
    )


def test_refuses_what_has_no_spectrum():
    with pytest.raises(ValueError, match="finite"):
        analytic.eigenvalues(np.array([[1.0, np.nan], [0.0, 1.0]]))
    with pytest.raises(ValueError, match=r"\(examples, features\); got \(0, 3\)"):
        analytic.eigenvalues(np.zeros((0, 3)))


@pytest.mark.parametrize(
    ("level", "count"),
    [(0.5, 3), (0.3, 4), (0.1, 12), (0.05, 18), (0.01, 39), (0.001, 50)],
)
def test_active_units_of_digits(level, count):
    assert int(analytic.predicted_active_units(spectrum(), 2.0, level / 2)) == count


def test_threshold_is_the_variance_of_the_posterior_mean():
    """Var(mean) = (w_i / lam_i)^2 lam_i at the optimum, against the closed condition."""
    level = 0.0988  # 1 - level / lam is below 0.01 for none, but below 0.2 for some
    best = analytic.linear_vae_optimum(spectrum(), 64, 1.0, level)
    spread = np.asarray(best.encoder) ** 2 * spectrum()
    for threshold in (0.01, 0.1, 0.2, 0.5):
        count = analytic.predicted_active_units(
            spectrum(), 1.0, level, threshold=threshold
        )
        assert int(count) == (spread > threshold).sum()


def test_counts_are_data_of_one_program():
    betas = jnp.array([0.5, 1.0, 2.0, 100.0])
    count = jax.jit(jax.vmap(analytic.predicted_active_units, in_axes=(None, 0, None)))
    expected = [(spectrum() > beta * 0.1).sum() for beta in betas]
    np.testing.assert_array_equal(count(spectrum(), betas, 0.1), expected)
