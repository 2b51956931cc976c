"""Settings of the closed forms: their own numbers whatever the spectrum is made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import analytic

WHOLE = np.array([4, 2, 1])
KINDS = [np.int32, np.int64, np.uint8, np.float64, jnp.bfloat16]
pytestmark = pytest.mark.usefixtures("users_view")


@pytest.mark.parametrize("kind", KINDS)
def test_a_spectrum_of_whole_numbers_cuts_no_setting(kind):
    """Against the formulas by hand, at the level 1.5."""
    spectrum = WHOLE.astype(kind)
    best = analytic.linear_vae_optimum(spectrum, 2, 1.5, 1.0)
    rate = np.log(4 / 1.5) / 2 + np.log(2 / 1.5) / 2
    assert float(best.rate) == pytest.approx(rate, rel=1e-6)
    assert rate == pytest.approx(0.6343, abs=5e-5)
    assert best.rate.dtype == best.weights.dtype == jnp.float32
    np.testing.assert_allclose(best.weights, np.sqrt([2.5, 0.5]), rtol=1e-6)

    # 1 nat for two units at sqrt(8) / e = 1.0405, above the third
    point = analytic.water_filling(spectrum, np.float64(1.0))
    assert float(point.level) == pytest.approx(np.sqrt(8) / np.e, rel=1e-6)
    assert float(point.distance) == pytest.approx(2 * np.sqrt(8) / np.e + 1, rel=1e-6)

    count = analytic.predicted_active_units(spectrum, 1.5, 0.9, threshold=0.35)
    assert int(count) == 1  # 2.6 is above 1.35, and 1.3 is not

    fit = analytic.ppca(spectrum, 1, 1.5)
    terms = np.log(4) + 1 + 2 * np.log(1.5) + 3 / 1.5
    value = -(3 * np.log(2 * np.pi) + terms) / 2
    assert float(fit.log_likelihood) == pytest.approx(value, rel=1e-6)
    assert float(analytic.ppca(spectrum, 1).variance) == pytest.approx(1.5)

    # 3 / (3 - 1.5) with one unit active, at a level of 3
    assert float(analytic.optimal_variance(spectrum, 1, 1.5)) == pytest.approx(2.0)


def test_settings_are_leading_axes():
    """Also where they are as many as the eigenvalues."""
    betas = np.array([0.5, 1.5, 3.0])
    counts = analytic.predicted_active_units(WHOLE, betas, 1.0)
    assert counts.tolist() == [3, 2, 1]
    variances = np.array([[1.0], [2.0]])
    counts = analytic.predicted_active_units(WHOLE, betas, variances)
    assert counts.tolist() == [[3, 2, 1], [2, 1, 0]]
    best = analytic.linear_vae_optimum(WHOLE, 5, betas, variances)
    assert best.kl.shape == (2, 3, 5)
    assert best.rate.shape == best.elbo.shape == best.distortion.shape == (2, 3)
    one = analytic.linear_vae_optimum(WHOLE, 5, 1.5, 2.0)
    for leaf, expected in zip(best, one, strict=True):
        np.testing.assert_allclose(leaf[1, 1], expected, rtol=1e-6)
    hessian = analytic.collapsed_hessian(WHOLE, betas, variances)
    assert hessian.shape == (2, 3, 3, 2, 2)
    np.testing.assert_allclose(
        hessian[1, 2, 0], analytic.collapsed_hessian(4, 3.0, 2.0), rtol=1e-6
    )


def test_settings_that_do_not_broadcast_are_named():
    with pytest.raises(
        ValueError, match=r"`beta`, \(2,\), and `variance`, \(3,\), must"
    ):
        analytic.linear_vae_optimum(WHOLE, 2, np.ones(2), np.ones(3))


def test_a_rank_deficient_spectrum_has_an_infinite_likelihood():
    fit = analytic.ppca(np.array([3.0, 1.0, 0.0, 0.0]), 2)
    assert float(fit.log_likelihood) == np.inf
    assert float(fit.variance) == 0
    np.testing.assert_allclose(fit.weights, np.sqrt([3, 1]), rtol=1e-6)
    with jax.debug_nans(True):
        assert float(analytic.ppca(jnp.array([3.0, 0.0, 0.0]), 2).variance) == 0


@pytest.mark.parametrize(
    ("spectrum", "said"),
    [
        ([1.0, np.nan], "`eigenvalues` must be finite; got nan"),
        ([1.0, np.inf], "`eigenvalues` must be finite; got inf"),
        ([1.0, -0.1], "`eigenvalues` must be variances, .* got -0.1"),
        ([[1.0]], r"`eigenvalues` must have the shape \(features,\).* got \(1, 1\)"),
        ([], r"`eigenvalues` must have the shape \(features,\).* got \(0,\)"),
    ],
)
def test_what_is_no_spectrum_is_refused(spectrum, said):
    spectrum = np.array(spectrum)
    for ask in (
        lambda: analytic.linear_vae_optimum(spectrum, 1, 1.0, 1.0),
        lambda: analytic.ppca(spectrum, 1),
        lambda: analytic.optimal_variance(spectrum, 1, 1.0),
        lambda: analytic.predicted_active_units(spectrum, 1.0, 1.0),
        lambda: analytic.water_filling(spectrum, 1.0),
    ):
        with pytest.raises(ValueError, match=said):
            ask()


def test_rounding_below_zero_is_a_variance():
    spectrum = np.array([1.0, -1e-7])
    assert int(analytic.predicted_active_units(spectrum, 0.0, 1.0)) == 1


def test_a_traced_nan_is_seen_in_the_result():
    rate = jax.jit(lambda s: analytic.linear_vae_optimum(s, 2, 1.0, 1.0).rate)
    assert np.isnan(rate(jnp.array([2.0, np.nan, 0.5])))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"encoder": np.ones((2, 3))},
            r"`encoder` must have the shape \(1, 3\).* \(2, 3\)",
        ),
        ({"covariance": np.ones((1, 3))}, r"`covariance` .* \(3, 3\).* got \(1, 3\)"),
        (
            {"posterior_variance": np.ones(3)},
            r"`posterior_variance` .* \(1,\).* \(3,\)",
        ),
        ({"posterior_variance": np.zeros(1)}, "`posterior_variance` must be above 0"),
        ({"decoder": np.ones(3)}, r"`decoder` .* \(features, latent\); got \(3,\)"),
    ],
)
def test_matrices_that_do_not_fit_are_named(changed, said):
    right = {
        "decoder": np.ones((3, 1)),
        "encoder": np.ones((1, 3)),
        "posterior_variance": np.ones(1),
        "covariance": np.eye(3),
        "beta": 1.0,
        "variance": 1.0,
    }
    with pytest.raises(ValueError, match=said):
        analytic.linear_vae_objective(**right | changed)


def test_data_of_every_kind_have_a_spectrum_and_complex_ones_none():
    data = np.array([[0, 1], [2, 5], [1, 0]])
    expected = np.linalg.eigvalsh(np.cov(data.T, ddof=0))[::-1]
    for kind in (np.uint8, np.float16, jnp.bfloat16, np.int64):
        np.testing.assert_allclose(
            analytic.eigenvalues(data.astype(kind)), expected, rtol=1e-12
        )
    with pytest.raises(TypeError, match="`data` must be a real number"):
        analytic.eigenvalues(data + 1j)
    with pytest.raises(TypeError, match="`data` must be known numbers"):
        jax.jit(analytic.eigenvalues)(data)
