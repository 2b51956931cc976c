"""The parts of the marginal KL: quadrature, a Gaussian closed form, honest errors."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from vae_jax import diagnostics, gaussian
from vae_jax.diagnostics import _total_correlation

MIXING = np.array([[0.8, 0.0, 0.3], [0.6, 0.5, 0.0], [0.0, -0.4, 0.6]])
NOISE = np.array([0.2, 0.4, 0.5])

decompose = jax.jit(diagnostics.marginal_decomposition)


def channel_truth():
    """z = A x + noise, x ~ N(0, I): rate, information, total correlation, unit KLs."""
    covariance = MIXING @ MIXING.T + np.diag(NOISE)
    variance = np.diagonal(covariance)
    log_det = np.linalg.slogdet(covariance)[1]
    units = (variance - np.log(variance) - 1) / 2
    information = (log_det - np.log(NOISE).sum()) / 2
    correlation = (np.log(variance).sum() - log_det) / 2
    rate = (NOISE - np.log(NOISE) - 1 + np.square(MIXING).sum(axis=1)).sum() / 2
    return rate, information, correlation, units


def channel(key, num_examples):
    x = jax.random.normal(key, (num_examples, 3))
    mixing = jnp.asarray(MIXING, x.dtype)
    logvar = jnp.log(jnp.asarray(NOISE, x.dtype))
    return x @ mixing.T, jnp.broadcast_to(logvar, x.shape)


def two_units(num_examples=130):
    """Overlapping Gaussians of unlike widths whose units depend on one another."""
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 1.2, (num_examples, 2))
    mean[:, 1] += mean[:, 0]
    return np.float32(mean), np.float32(rng.uniform(-2, 0.3, mean.shape))


def quadrature(mean, logvar):
    """Rate, information, total correlation and unit KLs of two units, in float64."""
    z, step = np.linspace(-10, 10, 801, retstep=True)
    width = np.exp(logvar.astype(float) / 2)
    first, second = (
        stats.norm.pdf(z, mean[:, j, None].astype(float), width[:, j, None])
        for j in range(2)
    )
    joint = first.T @ second / len(mean)
    one, two = first.mean(axis=0), second.mean(axis=0)
    correlation = special.xlogy(joint, joint / np.outer(one, two)).sum() * step**2
    prior = stats.norm.pdf(z)
    units = [special.xlogy(q, q / prior).sum() * step for q in (one, two)]
    log_joint = special.xlogy(joint, joint).sum() * step**2
    own = -stats.norm.entropy(0, width).sum(axis=1).mean()
    rate = (mean**2 + width**2 - logvar.astype(float) - 1).sum(axis=1).mean() / 2
    return rate, own - log_joint, correlation, np.array(units)


def test_the_split_of_the_rate_by_quadrature():
    """rate = information + total correlation + dimension-wise KL, to 1e-3 nats."""
    rate, information, correlation, units = quadrature(*two_units(40))
    left = rate - information - correlation - units.sum()
    print(f"quadrature: rate {rate:.6f}, left over {left:.1e}")
    assert abs(left) < 1e-3
    assert correlation > 0.1


def test_the_split_of_the_rate_in_closed_form():
    rate, information, correlation, units = channel_truth()
    assert rate == pytest.approx(information + correlation + units.sum(), rel=1e-12)


def test_estimates_agree_with_quadrature():
    """300 keys: the mean is the truth of these examples."""
    mean, logvar = two_units(40)
    _, _, correlation, units = quadrature(mean, logvar)
    found = jax.jit(
        jax.vmap(lambda key: diagnostics.marginal_decomposition(key, mean, logvar))
    )(jax.random.split(jax.random.key(1), 300))
    parts = found.total_correlation, found.dimension_wise_kl
    for part, truth in zip(parts, (correlation, units.sum()), strict=True):
        spread = float(jnp.std(part.value))
        print(f"{float(part.value.mean()):.4f} {truth:.4f} +- {spread / 300**0.5:.4f}")
        # 4 standard errors of a mean of 300
        assert float(part.value.mean()) == pytest.approx(truth, abs=4 * spread / 17.3)
        # for the data's own sampling, too, so it is at least the spread over z
        assert 0.9 * spread < float(part.standard_error.mean()) < 4 * spread
    spread = np.std(found.dimension_wise_kl.per_unit, axis=0)
    error = np.mean(found.dimension_wise_kl.per_unit, axis=0) - units
    assert (np.abs(error) < 4 * spread / 17.3).all()


def test_gaussian_channel_with_a_known_total_correlation(key):
    """One data set of 5000: every part within 4 of its standard errors."""
    rate, information, correlation, units = channel_truth()
    means, logvars = channel(key, 5000)
    keys = jax.random.split(key)
    parts = decompose(keys[0], means, logvars)
    mutual = jax.jit(diagnostics.mutual_information)(keys[1], means, logvars)
    rates = gaussian.kl_standard(means, logvars).sum(axis=1)
    rate_error = float(rates.std() / 5000**0.5)
    for name, value, error, truth in (
        ("rate", rates.mean(), rate_error, rate),
        ("mutual information", mutual.value, mutual.standard_error, information),
        ("total correlation", *parts.total_correlation, correlation),
        ("dimension-wise KL", *parts.dimension_wise_kl[:2], units.sum()),
        ("marginal KL", *parts.marginal_kl, correlation + units.sum()),
    ):
        score = (float(value) - truth) / float(error)
        print(f"{name}: {float(value):.4f}, truth {truth:.4f}, {score:+.2f} errors")
        assert abs(score) < 4
    scores = (parts.dimension_wise_kl.per_unit - units) / (
        parts.dimension_wise_kl.per_unit_error
    )
    assert (np.abs(scores) < 4).all()


@pytest.mark.slow
def test_errors_are_honest():
    """New data sets: scores of root mean square 1 within 4 standard errors of it."""
    _, _, correlation, units = channel_truth()

    def one(key):
        data_key, z_key = jax.random.split(key)
        return diagnostics.marginal_decomposition(z_key, *channel(data_key, 500))

    found = jax.jit(lambda keys: jax.lax.map(one, keys))(
        jax.random.split(jax.random.key(5), 100)
    )
    for part, truth in (
        (found.total_correlation, correlation),
        (found.dimension_wise_kl, units.sum()),
    ):
        scores = (np.asarray(part.value) - truth) / np.asarray(part.standard_error)
        print(f"rms {np.sqrt(np.mean(scores**2)):.2f}, mean {scores.mean():+.2f}")
        # the bias of a finite mixture is counted as an error, hence not below by much
        assert 0.6 < np.sqrt(np.mean(scores**2)) < 1 + 4 / np.sqrt(200)


@pytest.mark.slow
def test_ratios_of_units_agree_with_float64(key):
    """All pairs at once with scipy, on the same samples, narrow and far from 0, too."""
    rng = np.random.default_rng(1)
    mean = np.float32(rng.normal(0, 1, (150, 3)) * [1, 1e-3, 30] + [0, 1e3, 0])
    logvar = np.float32(rng.uniform(-2, 0, mean.shape) + [0, -14, 6])
    noise = np.asarray(jax.random.normal(key, mean.shape))
    given = map(jnp.asarray, (noise, mean, logvar))
    found = _total_correlation.unit_log_ratios(*given, 64)
    for j in range(3):
        wide = [array[:, j].astype(float) for array in (noise, mean, logvar)]
        wide[0] = wide[1] + np.exp(wide[2] / 2) * wide[0]
        log_q = stats.norm.logpdf(
            wide[0][:, None], wide[1][None], np.exp(wide[2] / 2)[None]
        )
        expected = np.diag(log_q) - special.logsumexp(log_q, axis=1) + np.log(150)
        # squares up to a few hundred in float32 where they matter
        np.testing.assert_allclose(found[:, j], expected, atol=1e-4)


@pytest.mark.slow
def test_parts_add_up_to_the_marginal_kl_of_the_same_key(key):
    mean, logvar = two_units()
    found = decompose(key, mean, logvar)
    total = found.total_correlation.value + found.dimension_wise_kl.value
    np.testing.assert_allclose(total, found.marginal_kl.value, atol=2e-6)
    same = jax.jit(diagnostics.marginal_kl)(key, mean, logvar)
    for leaf, expected in zip(found.marginal_kl, same, strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=1e-5)
    alone = jax.jit(diagnostics.total_correlation)(key, mean, logvar)
    for leaf, expected in zip(alone, found.total_correlation, strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=1e-4, atol=1e-6)
    per_unit = found.dimension_wise_kl.per_unit
    np.testing.assert_allclose(per_unit.sum(), found.dimension_wise_kl.value, rtol=1e-5)


def test_one_unit_has_no_total_correlation(key):
    mean, logvar = two_units()
    found = decompose(key, mean[:, :1], logvar[:, :1])
    # one number by two routes, in float32
    assert abs(float(found.total_correlation.value)) < 1e-6
    assert float(found.total_correlation.standard_error) < 1e-6


@pytest.mark.slow
def test_independent_units_have_none(key):
    """Every pair of values occurs: q(z) is a product."""
    axes = np.linspace(-2, 2, 13), np.linspace(-1, 2, 10)
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    found = decompose(key, np.float32(grid), np.full((130, 2), -1.0, np.float32))
    assert abs(float(found.total_correlation.value)) < 1e-5
    assert float(found.dimension_wise_kl.value) > 0.1


@pytest.mark.parametrize(("mean", "logvar"), [(0.0, 0.0), (7.0, 0.0), (-300.0, -8.0)])
def test_exact_collapse_has_none_and_no_spread(key, mean, logvar):
    same = jnp.full((130, 2), mean), jnp.full((130, 2), logvar)
    found = decompose(key, *same)
    # logarithms of a sum of 130 ones
    assert abs(float(found.total_correlation.value)) < 1e-5
    assert float(found.total_correlation.standard_error) < 1e-5
    if mean == logvar == 0:
        assert float(jnp.abs(found.dimension_wise_kl.per_unit).max()) < 1e-5


@pytest.mark.slow
def test_blocks_do_not_change_the_answer(key):
    mean, logvar = two_units()
    expected = decompose(key, mean, logvar)
    for size in (1, 1000):
        in_blocks = partial(diagnostics.marginal_decomposition, block_size=size)
        found = jax.jit(in_blocks)(key, mean, logvar)
        for leaf, other in zip(
            jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
        ):
            np.testing.assert_allclose(leaf, other, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_memory_grows_with_the_examples_and_not_with_their_pairs():
    shape = jax.ShapeDtypeStruct((4000, 64), jnp.float32)
    lowered = decompose.lower(jax.random.key(0), shape, shape)
    # all pairs of 4000 are 64 MB
    assert lowered.compile().memory_analysis().temp_size_in_bytes < 4 * 4000**2 / 4


@pytest.mark.slow
def test_a_batch_of_models(key):
    mean, logvar = two_units()
    keys = jax.random.split(key, 2)
    batched = jax.vmap(decompose)(keys, np.stack([mean, -mean]), np.stack([logvar] * 2))
    one = decompose(keys[1], -mean, logvar)
    for leaf, expected in zip(
        jax.tree.leaves(batched), jax.tree.leaves(one), strict=True
    ):
        np.testing.assert_allclose(leaf[1], expected, rtol=1e-4, atol=1e-5)


def test_half_precision_is_summed_in_float32(key):
    half = jax.ShapeDtypeStruct((10, 2), jnp.bfloat16)
    found = jax.eval_shape(diagnostics.marginal_decomposition, key, half, half)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("float32")}


def test_not_a_number_is_not_independence(key):
    mean, logvar = two_units()
    mean[3, 0] = np.nan
    assert np.isnan(decompose(key, mean, logvar).total_correlation.value)


@pytest.mark.usefixtures("users_view")
def test_refuses_other_shapes(key):
    with pytest.raises(ValueError, match=r"shape of `means`, \(5, 2\); got \(5, 3\)"):
        diagnostics.total_correlation(key, jnp.zeros((5, 2)), jnp.zeros((5, 3)))
