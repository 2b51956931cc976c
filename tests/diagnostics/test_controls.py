"""Known answers: channels, a constant encoder, batch-normalised encoders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from vae_jax import diagnostics, gaussian

DATA = np.float32(load_digits().data / 16)
DATA = DATA - DATA.mean(axis=0)
LABELS = load_digits().target
SIZE, LATENT = len(DATA), 8
GAMMA = 0.5  # the standard deviation that batch normalisation gives to every mean
NOISE = 0.3  # of the decoder
FIT, JUDGE = slice(0, None, 2), slice(1, None, 2)

information = jax.jit(diagnostics.mutual_information)


@pytest.mark.parametrize(
    ("nats", "latent"),
    [
        pytest.param(1.0, 2, marks=pytest.mark.slow),
        (5.0, 2),
        pytest.param(20.0, 4, marks=pytest.mark.slow),
    ],
)
def test_a_channel_of_known_information_at_10_000_examples(nats, latent):
    """Within its stated error, or at its stated ceiling."""
    variance = np.exp(-2 * nats / latent)
    x = np.random.default_rng(0).normal(size=(10_000, latent)).astype(np.float32)
    means = np.float32(np.sqrt(1 - variance)) * x
    found = information(jax.random.key(1), means, np.full_like(x, np.log(variance)))
    value, error, ceiling = (float(number) for number in found)
    print(f"{nats} nats: {value:.4f} +- {error:.4f}, ceiling {ceiling:.4f}")
    assert ceiling == pytest.approx(np.log(10_000), rel=1e-6)
    if nats < ceiling:
        assert abs(value - nats) < 4 * error
        assert error < 0.1 * nats
    else:
        # the nearest of 10 000 in four dimensions is 0.1 away, ten widths of the noise
        assert ceiling - 0.05 < value < ceiling + 1e-3


def test_exact_collapse_at_10_000_examples():
    same = jnp.zeros((10_000, 2))
    found = information(jax.random.key(0), same, same)
    print(f"{float(found.value):.1e} +- {float(found.standard_error):.1e}")
    assert abs(float(found.value)) < 1e-5
    assert float(found.standard_error) < 1e-7


def best_decoder(z):
    """Log-likelihood, up to a constant, of the least-squares decoder of half the set."""
    code, data = np.float64(z)[FIT], np.float64(DATA)[FIT]
    weights = np.linalg.lstsq(code, data, rcond=None)[0]
    weights = jnp.asarray(weights, jnp.float32)

    def log_prob(z, x):
        return -jnp.sum(jnp.square(x - z @ weights), axis=-1) / (2 * NOISE)

    return log_prob


def judge(means, logvar, *, with_decoder=True):
    """Report and verdict on the half that the decoder was not fitted to."""
    means = np.float32(means)
    z = gaussian.reparameterize(jax.random.key(3), means, np.full_like(means, logvar))
    decoder = {"log_prob": best_decoder(z), "z": z[JUDGE], "x": DATA[JUDGE]}

    @jax.jit
    def run(key, means):
        return diagnostics.collapse_report(
            key,
            means,
            jnp.full_like(means, logvar),
            **(decoder if with_decoder else {}),
        )

    report = run(jax.random.key(2), means[JUDGE])
    return report, diagnostics.verdict(report)


def batch_normalised(raw):
    return GAMMA * (raw - raw.mean(axis=0)) / raw.std(axis=0)


def says(verdict, words):
    return any(words in reason for reason in verdict.reasons)


@pytest.mark.slow
def test_constant_encoder_with_its_best_decoder():
    """The same far-away Gaussian for every x: a rate of 83 nats, and collapsed."""
    report, verdict = judge(np.full((SIZE, LATENT), 4.5), -1.0)
    assert float(report.rate) > 80
    assert abs(float(report.mutual_information)) < 1e-3
    assert float(report.mutual_information_error) < 1e-6
    assert int(report.collapsed_units) == 0
    assert verdict.label == "collapsed"
    assert says(verdict, "no information")
    gap, error = float(report.shuffle_gap), float(report.shuffle_gap_error)
    assert abs(gap) < 4 * error < 0.4


@pytest.mark.slow
def test_batch_normalised_noise_of_a_collapsed_encoder():
    """Means that were rounding noise, blown up to gamma: each x has its own code.

    The rate is at the bound of batch normalisation and the code does tell examples apart,
    as any distinct means do; only the decoder shows that it says nothing about them.
    """
    noise = np.random.default_rng(0).normal(size=(SIZE, LATENT)) * 1e-8
    means = batch_normalised(noise)
    report, verdict = judge(means, -2.0)
    assert float(report.rate) > LATENT * GAMMA**2 / 2
    assert int(report.active_units) == LATENT
    assert float(report.mutual_information) > 1
    assert verdict.label == "collapsed"
    assert says(verdict, "decoder ignores z")
    _, blind = judge(means, -2.0, with_decoder=False)
    assert blind.label == "healthy"


def test_batch_normalised_means_drowned_in_the_noise_of_the_posterior():
    """Means of the data, but the posterior is as wide as the prior."""
    scores = DATA @ np.linalg.svd(DATA, full_matrices=False)[2][:LATENT].T
    report, verdict = judge(batch_normalised(scores) * 0.22, 0.0)
    assert int(report.active_units) == LATENT
    assert float(report.mutual_information) < 0.1
    assert verdict.label == "collapsed"
    assert says(verdict, "drowns in the posterior's own noise")


def test_batch_normalised_encoder_with_real_information():
    """Principal components at the same scale as the noise above: healthy."""
    scores = DATA @ np.linalg.svd(DATA, full_matrices=False)[2][:LATENT].T
    report, verdict = judge(batch_normalised(scores), -4.0)
    assert verdict.label == "healthy"
    assert float(report.shuffle_gap) > 5
    assert says(verdict, "8 of 8 units are in use")


def test_the_constant_encoder_before_every_other_diagnostic():
    """None of them finds anything in it, and those that cannot know do not claim to."""
    means = np.full((SIZE, 2), 4.5, np.float32)
    logvars = np.full_like(means, -1.0)
    z = gaussian.reparameterize(jax.random.key(0), means, logvars)
    parts = jax.jit(diagnostics.marginal_decomposition)(
        jax.random.key(1), means, logvars
    )
    assert abs(float(parts.total_correlation.value)) < 1e-5
    marginal = float(parts.dimension_wise_kl.value)
    rate = float(diagnostics.kl_per_unit(means, logvars).sum())
    assert abs(marginal - rate) < 4 * float(parts.dimension_wise_kl.standard_error)
    assert diagnostics.mean_correlation(means).constant.all()
    half = SIZE // 2
    probe = jax.jit(diagnostics.linear_probe, static_argnums=4)(
        means[:half], LABELS[:half], means[half:], LABELS[half:], 10
    )
    assert float(probe.accuracy) == float(probe.baseline)
    assert float(probe.information) <= 0
    decoder = best_decoder(0 * z)  # that of a code without information: the mean
    reliance = jax.jit(lambda key: diagnostics.z_reliance(key, decoder, z, DATA))(
        jax.random.key(2)
    )
    assert max(abs(float(gap.value)) for gap in reliance) < 1e-6
    # its rate is high, so that the online watch on the rate is blind to it
    _, info = jax.jit(diagnostics.online_update)(
        diagnostics.online_init(2), means, logvars
    )
    assert (int(info.active_units), int(info.collapsed_since)) == (0, -1)
