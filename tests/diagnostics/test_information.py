"""Information, marginal KL and their sum: quadrature, float64 references, honest errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from vae_jax import diagnostics, gaussian
from vae_jax.diagnostics import _log_ratios

# compiled: by itself, every call would compile some fifty small programs
mutual_information = jax.jit(
    diagnostics.mutual_information, static_argnames="block_size"
)
rate_decomposition = jax.jit(diagnostics.rate_decomposition)
collapse_report = jax.jit(diagnostics.collapse_report)
log_ratios = jax.jit(_log_ratios.log_ratios, static_argnums=3)

COLLAPSED = [(0.0, 0.0), (7.0, 0.0), (-300.0, -8.0), (0.1, 4.0)]


def posterior(num_examples=60, latent=1, seed=0):
    """Overlapping Gaussians of unlike widths."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(0, 1.5, (num_examples, latent)).astype(np.float32)
    return mean, rng.uniform(-3, 0.5, mean.shape).astype(np.float32)


def quadrature(mean, logvar):
    """Information and marginal KL of a unit in float64, given the examples."""
    z = np.linspace(-15, 15, 30_001)
    q = stats.norm.pdf(z, mean.astype(float), np.exp(logvar.astype(float) / 2))
    mixture = q.mean(axis=0)
    information = special.xlogy(q, q / mixture).mean(axis=0)
    marginal = special.xlogy(mixture, mixture / stats.norm.pdf(z))
    return np.trapezoid(information, z), np.trapezoid(marginal, z)


def channel(key, nats, num_examples, latent=1):
    """Means and log-variances of z = x + noise, scaled so that z ~ N(0, I)."""
    variance = np.exp(-2 * nats / latent)
    x = jax.random.normal(key, (num_examples, latent))
    return np.sqrt(1 - variance) * x, jnp.full_like(x, np.log(variance))


def test_quadrature_parts_add_up_to_the_rate():
    mean, logvar = posterior()
    rate = float(diagnostics.kl_per_unit(mean, logvar)[0])
    assert sum(quadrature(mean, logvar)) == pytest.approx(rate, abs=1e-3)


def test_estimates_agree_with_quadrature():
    """500 keys: the mean is the truth, and the stated error covers the spread."""
    mean, logvar = posterior()
    keys = jax.random.split(jax.random.key(1), 500)
    truth = quadrature(mean, logvar)
    estimators = (diagnostics.mutual_information, diagnostics.marginal_kl)
    for estimate, expected in zip(estimators, truth, strict=True):
        found = jax.jit(jax.vmap(estimate, (0, None, None)))(keys, mean, logvar)
        spread = float(jnp.std(found.value))
        # 4 standard errors of a mean of 500
        assert float(found.value.mean()) == pytest.approx(expected, abs=4 * spread / 22)
        # also for the data's own sampling, so it is at least the spread over z
        assert 0.9 * spread < float(found.standard_error.mean()) < 3 * spread


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nats", "latent", "num_examples"), [(1.0, 2, 2000), (5.0, 1, 5000)]
)
def test_known_channel(nats, latent, num_examples):
    """A population whose information is known, a new data set a repetition."""
    repeats = 24 if nats == 1 else 6

    def one(key):
        data_key, z_key = jax.random.split(key)
        means, logvars = channel(data_key, nats, num_examples, latent)
        return diagnostics.mutual_information(z_key, means, logvars)

    found = jax.jit(lambda keys: jax.lax.map(one, keys))(
        jax.random.split(jax.random.key(2), repeats)
    )
    scores = (np.asarray(found.value) - nats) / np.asarray(found.standard_error)
    # root mean square 1 within 4 of its standard errors, 1 / sqrt(2 repeats): the stated
    # error counts spread and bias of a finite mixture, so it is never more than 1
    assert np.sqrt(np.mean(scores**2)) < 1 + 4 / np.sqrt(2 * repeats)
    if nats == 1:  # 2000 examples show it without bias
        assert np.sqrt(np.mean(scores**2)) > 1 - 4 / np.sqrt(2 * repeats)
        assert abs(scores.mean()) < 4 / np.sqrt(repeats)


def test_more_than_the_ceiling_reads_as_the_ceiling(key):
    means, logvars = channel(key, 20.0, 1000, latent=4)
    found = mutual_information(key, means, logvars)
    assert float(found.ceiling) == pytest.approx(np.log(1000), rel=1e-6)
    # a nearest neighbour is on average 0.2 of the prior's width away, the noise is 0.007
    assert float(found.value) == pytest.approx(float(found.ceiling), abs=0.05)


@pytest.mark.parametrize(("mean", "logvar"), COLLAPSED)
@pytest.mark.parametrize("num_examples", [2, 65, 300])
def test_exact_collapse_has_no_information_and_no_spread(
    key, mean, logvar, num_examples
):
    same = jnp.full((num_examples, 32), mean), jnp.full((num_examples, 32), logvar)
    found = mutual_information(key, *same)
    # log of a sum of N ones, less log N, in float32
    assert abs(float(found.value)) < 2e-6
    assert float(found.standard_error) < 1e-7


def test_parts_of_a_far_away_constant(key):
    """All of the rate is distance from the prior."""
    found = rate_decomposition(key, jnp.full((500, 2), 3.0), jnp.zeros((500, 2)))
    assert float(found.rate) == pytest.approx(9, rel=1e-6)
    marginal = found.marginal_kl
    assert abs(float(marginal.value) - 9) < 4 * float(marginal.standard_error)
    assert 0 < float(marginal.standard_error) < 0.5


@pytest.mark.parametrize(("offset", "width"), [(0.0, 0.0), (1e3, -10.0), (0.0, 20.0)])
def test_ratios_agree_with_float64(key, offset, width):
    """All pairs at once with scipy, on the same samples; 37 units make an odd block."""
    mean, logvar = posterior(150, 37)
    mean, logvar = (
        mean * np.float32(np.exp(width / 2)) + np.float32(offset),
        logvar + width,
    )
    mean, logvar = mean.astype(np.float32), logvar.astype(np.float32)
    noise = np.asarray(jax.random.normal(key, mean.shape))
    wide = [array.astype(float) for array in (noise, mean, logvar)]
    wide[0] = wide[1] + np.exp(wide[2] / 2) * wide[0]
    log_q = stats.norm.logpdf(
        wide[0][:, None], wide[1][None], np.exp(wide[2] / 2)[None]
    ).sum(-1)
    own = np.diag(log_q)
    found = log_ratios(*map(jnp.asarray, (noise, mean, logvar)), 64)
    expected = own - special.logsumexp(log_q, axis=1) + np.log(150)
    to_prior = own - stats.norm.logpdf(wide[0]).sum(-1)
    # float32 sums of 37 squares: 1e-6 of the exponents, which are up to a few hundred where
    # they matter
    np.testing.assert_allclose(found.to_mixture, expected, atol=1e-3)
    np.testing.assert_allclose(found.to_prior, to_prior, rtol=1e-5, atol=1e-3)


def test_residual_is_zero_within_an_honest_error():
    """Over keys, the residual in its own standard errors is a standard normal."""
    mean, logvar = posterior(400, 3)
    mean[:40] += 6  # parts that vary much over the data
    keys = jax.random.split(jax.random.key(3), 200)
    found = jax.jit(
        jax.vmap(lambda key: diagnostics.rate_decomposition(key, mean, logvar))
    )(keys)
    scores = np.asarray(found.residual.value / found.residual.standard_error)
    assert abs(scores.mean()) < 4 / np.sqrt(200)
    assert np.sqrt(np.mean(scores**2)) == pytest.approx(1, abs=4 / np.sqrt(400))


@pytest.mark.slow
def test_blocks_do_not_change_the_answer(key):
    mean, logvar = posterior(130, 3)
    found = [
        mutual_information(key, mean, logvar, block_size=size)
        for size in (1, 64, 130, 1000)
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other.value, found[0].value, rtol=1e-5)


@pytest.mark.slow
def test_memory_grows_with_the_examples_and_not_with_their_pairs():
    def temporary_bytes(size):
        shape = jax.ShapeDtypeStruct((size, 64), jnp.float32)
        lowered = jax.jit(diagnostics.mutual_information).lower(key, shape, shape)
        return lowered.compile().memory_analysis().temp_size_in_bytes

    key = jax.random.key(0)
    # all pairs of 4000 are 64 MB, and four times as many as those of 2000
    assert temporary_bytes(4000) < 4 * 4000**2 / 4
    assert temporary_bytes(4000) / temporary_bytes(2000) == pytest.approx(2, rel=0.1)


def test_double_precision_is_kept():
    with jax.enable_x64(True):
        mean, logvar = (array.astype(np.float64) for array in posterior())
        found = mutual_information(jax.random.key(0), mean, logvar)
        assert found.value.dtype == jnp.float64


@pytest.mark.slow
def test_a_batch_of_models(key):
    mean, logvar = (
        np.stack(parts) for parts in zip(posterior(), posterior(seed=1), strict=True)
    )
    keys = jax.random.split(key, 2)
    batched = jax.jit(jax.vmap(diagnostics.rate_decomposition))(keys, mean, logvar)
    for i in range(2):
        one = rate_decomposition(keys[i], mean[i], logvar[i])
        for leaf, expected in zip(
            jax.tree.leaves(batched), jax.tree.leaves(one), strict=True
        ):
            np.testing.assert_allclose(leaf[i], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("logvar", [-10.0, -40.0, -90.0, -180.0, -300.0])
def test_posteriors_without_noise_carry_the_index(key, logvar):
    """No two of them meet: the information is log N, whatever the rounding of z."""
    means = np.float32(np.random.default_rng(0).normal(size=(64, 3)))
    found = collapse_report(key, means, np.full_like(means, logvar))
    assert float(found.mutual_information) == pytest.approx(np.log(64), abs=1e-5)
    # what is left is rate - log N, on average over the noise
    rate = float(gaussian.kl_standard(means, np.full_like(means, logvar)).sum(1).mean())
    assert float(found.rate) == pytest.approx(rate, rel=1e-6)
    error = 5 * float(found.marginal_kl_error)
    assert float(found.marginal_kl) == pytest.approx(rate - np.log(64), abs=error)
    assert diagnostics.verdict(found).label == "healthy"


@pytest.mark.parametrize("logvar", [-40.0, -90.0, -180.0])
def test_equal_posteriors_without_noise_carry_nothing(key, logvar):
    means = np.full((64, 3), 7.3, np.float32)
    found = collapse_report(key, means, np.full_like(means, logvar))
    assert float(found.mutual_information) == pytest.approx(0, abs=1e-5)
    assert diagnostics.verdict(found).label == "collapsed"
