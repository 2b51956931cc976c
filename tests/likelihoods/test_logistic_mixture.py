"""The mixture of discretised logistics: scipy in float64, enumeration of all images."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from vae_jax import likelihoods
from vae_jax.likelihoods import MixtureParams

RNG = np.random.default_rng(0)
# the promise for float32: 1e-5 of the truth plus 1e-6
PROMISE = {"rtol": 1e-5, "atol": 1e-6}


def levels_of(levels):
    return 2 * np.arange(levels) / (levels - 1) - 1


def random_params(batch, channels, components=2, log_scale=-1.5):
    pairs = channels * (channels - 1) // 2
    draw = RNG.normal
    return MixtureParams(
        np.float32(draw(size=(batch, components))),
        np.float32(draw(size=(batch, channels, components)) * 0.6),
        np.float32(log_scale + 0.3 * draw(size=(batch, channels, components))),
        np.float32(draw(size=(batch, pairs, components))),
    )


def repeated(params, count, row=0):
    """One pixel's mixture for every image."""
    return MixtureParams(
        *(np.broadcast_to(leaf[row], (count, *leaf[row].shape)) for leaf in params)
    )


def every_image(levels, channels):
    return np.float32(list(itertools.product(levels_of(levels), repeat=channels)))


@partial(jax.jit, static_argnums=(2, 3))
def log_prob(params, x, levels=256, batch_ndim=1):
    return likelihoods.discretized_logistic_mixture_log_prob(
        params, x, levels, batch_ndim
    )


@partial(jax.jit, static_argnums=2)
def with_slopes(params, x, levels=256):
    value, pull = jax.vjp(lambda *args: log_prob(*args, levels), params, x)
    return value, *pull(jnp.ones_like(value))


def pmf(mean, log_scale, levels):
    """Of all levels, in float64."""
    edges = (2 * np.arange(levels - 1) + 1) / (levels - 1) - 1
    return np.diff(
        stats.logistic.cdf([-np.inf, *edges, np.inf], mean, np.exp(log_scale))
    )


def joint_pmf(params, levels):
    """Of all RGB values of the first pixel, by three nested loops over scipy."""
    logits, means, log_scales, raw = (np.float64(leaf[0]) for leaf in params)
    weights, pull, x = special.softmax(logits), np.tanh(raw), levels_of(levels)
    total = np.zeros((levels,) * 3)
    for k in range(len(weights)):
        red = pmf(means[0, k], log_scales[0, k], levels)
        for r in range(levels):
            green = pmf(means[1, k] + pull[0, k] * x[r], log_scales[1, k], levels)
            for g in range(levels):
                mean = means[2, k] + pull[1, k] * x[r] + pull[2, k] * x[g]
                blue = pmf(mean, log_scales[2, k], levels)
                total[r, g] += weights[k] * red[r] * green[g] * blue
    return total


@pytest.mark.parametrize("log_scale", [-7.0, -3.0, 0.0, 2.0])
@pytest.mark.parametrize("levels", [2, 5, 256])
def test_grey_levels_against_scipy_and_their_sum(levels, log_scale):
    params = random_params(1, 1, components=3, log_scale=log_scale)
    found = log_prob(repeated(params, levels), every_image(levels, 1), levels)
    logits, means, log_scales, _ = (np.float64(leaf[0]) for leaf in params)
    masses = [pmf(means[0, k], log_scales[0, k], levels) for k in range(3)]
    expected = special.softmax(logits) @ masses
    # scipy's difference of two cdf loses what is below 1e-16
    seen = expected > 1e-10
    np.testing.assert_allclose(found[seen], np.log(expected[seen]), **PROMISE)
    assert np.exp(np.float64(found)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("levels", [2, 5])
def test_coupled_channels_against_scipy_and_their_sum(levels):
    params = random_params(1, 3)
    found = log_prob(repeated(params, levels**3), every_image(levels, 3), levels)
    expected = joint_pmf(params, levels).ravel()
    np.testing.assert_allclose(found, np.log(expected), **PROMISE)
    assert np.exp(np.float64(found)).sum() == pytest.approx(1, abs=1e-5)


def test_two_channels_have_one_coefficient():
    params = random_params(1, 2)
    found = log_prob(repeated(params, 49), every_image(7, 2), 7)
    assert np.exp(np.float64(found)).sum() == pytest.approx(1, abs=1e-5)


def narrow(log_scale, mean=-1.0):
    leaf = np.full((1, 1, 1), mean, np.float32)
    scales = np.full_like(leaf, log_scale)
    return MixtureParams(np.zeros((1, 1), np.float32), leaf, scales, leaf[:, :0])


@pytest.mark.parametrize("log_scale", [-4.0, -7.0, -15.0])
def test_a_mass_that_underflows_keeps_its_digits(log_scale):
    """The far end of a narrow logistic: `log P = -(distance to the edge) / scale`."""
    value, slope, _ = with_slopes(narrow(log_scale), np.ones((1, 1), np.float32))
    rate = np.exp(-np.float64(log_scale))
    distance = 2 - 1 / 255
    naive = special.expit(np.float32(-distance * rate))
    assert naive < 1e-38
    np.testing.assert_allclose(value, [-distance * rate], **PROMISE)
    # and its gradient leads back
    np.testing.assert_allclose(slope.means.ravel(), [rate], rtol=1e-5)
    np.testing.assert_allclose(slope.log_scales.ravel(), [distance * rate], rtol=1e-5)


@pytest.mark.parametrize("log_scale", [10.0, 15.0, 30.0])
def test_a_scale_far_wider_than_a_level(log_scale):
    """`width / (4 scale)`, whose difference of sigmoids is 0 in float32."""
    x = np.float32([[levels_of(256)[100]]])
    value, slope, _ = with_slopes(narrow(log_scale), x)
    np.testing.assert_allclose(value, [np.log(2 / 255 / 4) - log_scale], rtol=1e-6)
    np.testing.assert_allclose(slope.log_scales.ravel(), [-1], rtol=1e-6)


@pytest.mark.parametrize("log_scale", [-5.0, -7.0])
def test_edges_are_not_rounded(log_scale):
    """A mean next to an edge, closer than float32 can place the edge itself."""
    levels = levels_of(256)
    edge = (levels[153] + levels[154]) / 2
    mean = np.float32(edge)
    found = log_prob(narrow(log_scale, mean), np.float32([[levels[153]]]))
    rate = np.exp(-np.float64(log_scale))
    expected = np.log(
        special.expit((edge - np.float64(mean)) * rate)
        - special.expit((edge - 2 / 255 - np.float64(mean)) * rate)
    )
    np.testing.assert_allclose(found, [expected], rtol=2e-7)


def test_the_slope_in_the_middle_of_a_level_is_zero_to_rounding():
    """Two slopes of opposite sign: what is left is their rounding."""
    level = levels_of(256)[153]
    _, slope, _ = with_slopes(narrow(-7.0, level), np.float32([[level]]))
    rate = np.exp(7.0)
    tail = special.expit(-rate / 255)
    # the mean itself is rounded by 3e-8, and each slope by 8 eps
    allowed = tail * rate * (2.0**-20 + 3e-8 * rate)
    assert abs(float(slope.means[0, 0, 0])) < allowed


@pytest.mark.parametrize("channels", [1, 3])
def test_random_mixtures_at_all_scales_against_float64(channels):
    """2,000 pixels whose log-scales are anywhere from -15 to 15."""
    params = random_params(2000, channels, components=3)
    params = params._replace(
        log_scales=np.float32(RNG.uniform(-15, 15, params.means.shape))
    )
    x = levels_of(256)[RNG.integers(0, 256, (2000, channels))]
    value, slope, _ = with_slopes(params, np.float32(x))
    with jax.enable_x64(True):
        # its formula is held against 50 digits in test_against_float64
        wide = MixtureParams(*(np.float64(leaf) for leaf in params))
        expected, expected_slope, _ = jax.tree.map(np.array, with_slopes(wide, x))
    assert all(np.isfinite(leaf).all() for leaf in (value, *slope))
    allowed = 1e-5 * np.abs(expected) + 1e-6
    if channels > 1:
        # the coupled mean has four roundings of numbers up to 4
        rounding = 4 * 4 * 2.0**-24
        allowed += rounding * np.abs(expected_slope.means[:, 1:]).sum(axis=(1, 2))
    assert np.all(np.abs(value - expected) < allowed)


def test_components_are_shared_by_the_channels():
    """A mixture of products: two components apart never mix their channels."""
    logits = np.zeros((4, 2), np.float32)
    means = np.float32(np.tile([[-0.5, 0.5]] * 3, (4, 1, 1)))
    params = MixtureParams(
        logits, means, np.full_like(means, -5.0), np.zeros_like(means)
    )
    low, high = levels_of(5)[[1, 3]]
    x = np.float32([[low] * 3, [high] * 3, [low, low, high], [high, low, low]])
    found = np.exp(np.float64(log_prob(params, x, 5)))
    np.testing.assert_allclose(found, [0.5, 0.5, 0, 0], atol=1e-6)


@pytest.mark.parametrize("wrong", [0.5 / 255, 1.1, -1.01, np.nan, np.inf])
def test_what_is_no_level_is_nan(wrong):
    """Data scaled to [0, 1] or dequantised must not be taken for something near."""
    params = repeated(random_params(1, 3), 2)
    x = np.float32(levels_of(256)[RNG.integers(0, 256, (2, 3))])
    x[1, 2] = levels_of(256)[128] + 1 / 255 if wrong == 0.5 / 255 else wrong
    value, slope, _ = with_slopes(params, x)
    assert np.isnan(value).tolist() == [False, True]
    for leaf in slope:
        assert np.isfinite(leaf[0]).all()
        assert np.isnan(leaf[1]).any()


def test_data_scaled_to_the_unit_interval_is_seen():
    x = np.float32(np.arange(256) / 255)[:, None]
    found = log_prob(repeated(random_params(1, 1), 256), x)
    assert np.isnan(found).sum() == 128


def test_half_precision_loses_no_level():
    params, x = repeated(random_params(1, 1), 256), every_image(256, 1)
    found = log_prob(params, jnp.asarray(x, jnp.bfloat16))
    np.testing.assert_array_equal(found, log_prob(params, x))
    half = [jnp.asarray(leaf, jnp.bfloat16) for leaf in params]
    wide = [leaf.astype(jnp.float32) for leaf in half]
    found = log_prob(MixtureParams(*half), x)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, log_prob(MixtureParams(*wide), x))


def test_data_get_no_gradient():
    _, _, in_x = with_slopes(repeated(random_params(1, 3), 125), every_image(5, 3), 5)
    np.testing.assert_array_equal(in_x, 0)


def test_batch_axes_are_kept_and_the_others_summed():
    flat = random_params(24, 3)
    params = MixtureParams(*(leaf.reshape(2, 3, 4, *leaf.shape[1:]) for leaf in flat))
    x = np.float32(levels_of(256)[RNG.integers(0, 256, (2, 3, 4, 3))])
    pixels = np.float64(log_prob(params, x, 256, 3))
    for batch_ndim, axes in ((0, (0, 1, 2)), (1, (1, 2)), (2, 2)):
        found = log_prob(params, x, 256, batch_ndim)
        np.testing.assert_allclose(found, pixels.sum(axis=axes), rtol=1e-5)


def test_packed_features_in_their_order():
    packed = np.float32(np.arange(2 * 20).reshape(2, 20))
    params = likelihoods.mixture_params(packed, num_channels=3)
    first = MixtureParams(*(leaf[0].tolist() for leaf in params))
    assert first.logits == [0, 1]
    assert first.means == [[2, 3], [4, 5], [6, 7]]
    assert first.log_scales == [[8, 9], [10, 11], [12, 13]]
    assert first.coefficients == [[14, 15], [16, 17], [18, 19]]
    grey = likelihoods.mixture_params(packed[:, :12], num_channels=1)
    assert [leaf.shape for leaf in grey] == [(2, 4), (2, 1, 4), (2, 1, 4), (2, 0, 4)]


def draws(key, params, levels, count):
    family = likelihoods.discretized_logistic_mixture(levels)
    return np.asarray(jax.jit(family.sample)(key, repeated(params, count)))


@pytest.mark.parametrize("log_scale", [-4.0, 1.0])
def test_grey_samples_have_their_masses(key, log_scale):
    params = random_params(1, 1, components=3, log_scale=log_scale)
    sample = draws(key, params, 9, 8000)
    index = np.searchsorted(np.float32(levels_of(9)), sample[:, 0])
    np.testing.assert_array_equal(np.float32(levels_of(9))[index], sample[:, 0])
    masses = np.exp(np.float64(log_prob(repeated(params, 9), every_image(9, 1), 9)))
    check_counts(np.bincount(index, minlength=9), masses)


def test_coupled_samples_have_their_masses(key):
    """All 27 colours: each channel given the levels drawn before it."""
    params = random_params(1, 3)
    sample = draws(key, params, 3, 8000)
    index = np.int64(sample + 1) @ [9, 3, 1]
    check_counts(np.bincount(index, minlength=27), joint_pmf(params, 3).ravel())


def check_counts(counts, masses):
    """A chi-square test, with the rare cells in one."""
    common = masses * counts.sum() > 5
    seen = np.append(counts[common], counts[~common].sum())
    expected = np.append(masses[common], masses[~common].sum()) * counts.sum()
    keep = expected > 0
    expected = expected[keep] * seen.sum() / expected[keep].sum()
    assert stats.chisquare(seen[keep], expected).pvalue > 1e-3


@pytest.mark.parametrize("log_scale", [-7.0, -2.0, 1.0, 15.0])
def test_grey_mean_is_exact(log_scale):
    params = random_params(1, 1, components=3, log_scale=log_scale)
    logits, means, log_scales, _ = (np.float64(leaf[0]) for leaf in params)
    rows = zip(means[0], log_scales[0], strict=True)
    masses = [pmf(mean, log_scale, 256) for mean, log_scale in rows]
    expected = special.softmax(logits) @ masses @ levels_of(256)
    found = jax.jit(likelihoods.discretized_logistic_mixture().mean)(params)
    # 255 sigmoids are added up
    assert float(found[0, 0]) == pytest.approx(expected, abs=1e-5)


def test_mean_of_coupled_channels():
    """Exact in the first; as exact in the others as the tails are light."""
    levels, x = 24, levels_of(24)
    flat = random_params(1, 3, log_scale=-2.6)
    params = flat._replace(means=flat.means * 0.2, coefficients=0.5 * flat.coefficients)
    mass = joint_pmf(params, levels)
    expected = [np.sum(mass * x.reshape(shape)) for shape in ((-1, 1, 1), (-1, 1), -1)]
    found = jax.jit(likelihoods.discretized_logistic_mixture(levels).mean)(params)[0]
    assert float(found[0]) == pytest.approx(expected[0], abs=1e-6)
    np.testing.assert_allclose(found[1:], expected[1:], atol=2e-3)


def test_extreme_scales_give_finite_samples_and_means(key):
    params = random_params(6, 3)._replace(
        log_scales=np.float32(RNG.choice([-30.0, 30.0], (6, 3, 2)))
    )
    family = likelihoods.discretized_logistic_mixture()
    for leaf in (jax.jit(family.sample)(key, params), jax.jit(family.mean)(params)):
        assert np.all(np.abs(leaf) <= 1)


@pytest.mark.parametrize("wrong", [0.3, -1.3, 1.5, np.nan])
def test_refuses_data_that_is_not_on_the_grid(wrong):
    likelihoods.check_logistic_mixture_data(np.float16(levels_of(5)), levels=5)
    likelihoods.check_logistic_mixture_data(np.float32(levels_of(256)))
    with pytest.raises(
        ValueError, match=rf"5 levels from -1 to 1, .*; got {wrong}. Use 2 \* data.sca"
    ):
        likelihoods.check_logistic_mixture_data(np.array([0.0, wrong]), levels=5)
    with pytest.raises(ValueError, match="256 levels"):
        likelihoods.check_logistic_mixture_data(np.arange(256) / 255)


@pytest.mark.usefixtures("users_view")
def test_refuses_shapes_that_do_not_fit():
    params, x = random_params(2, 3), np.zeros((2, 3), np.float32)
    density = likelihoods.discretized_logistic_mixture_log_prob
    with pytest.raises(ValueError, match=r"components, \(2, 3\); got \(2, 1\)"):
        density(params, x[:, :1])
    for name, shape in (
        ("logits", r"\(2, 2\)"),
        ("log_scales", r"\(2, 3, 2\)"),
        ("coefficients", r"\(2, 3, 2\)"),
    ):
        with pytest.raises(ValueError, match=rf"`{name}` must have the shape {shape}"):
            density(params._replace(**{name: x[:1]}), x)
    with pytest.raises(
        ValueError, match=r"end in \(channels, components\); got \(2,\)"
    ):
        density(params._replace(means=x[:, 0]), x)
    with pytest.raises(ValueError, match="`levels` must be at least 2; got 1"):
        density(params, x, levels=1)
    for features in (11, 0):
        with pytest.raises(ValueError, match=rf"10 features .* 3 .*\(2, {features}\)"):
            likelihoods.mixture_params(np.zeros((2, features), np.float32), 3)
