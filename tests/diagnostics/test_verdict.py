"""The controls that every judgement of collapse must pass, and each rule by itself."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from vae_jax import analytic, diagnostics, gaussian

REPORT = diagnostics.CollapseReport(
    rate=np.float32(3.0),
    kl_per_unit=np.full(4, 0.75, np.float32),
    active_units=np.int32(4),
    collapsed_units=np.int32(0),
    mutual_information=np.float32(2.5),
    mutual_information_error=np.float32(0.05),
    mutual_information_ceiling=np.float32(np.log(1000)),
    marginal_kl=np.float32(0.5),
    marginal_kl_error=np.float32(0.02),
    rate_residual=np.float32(0.0),
    rate_residual_error=np.float32(0.05),
    shuffle_gap=np.float32(6.0),
    shuffle_gap_error=np.float32(0.2),
)


def judge(key, means, logvars, log_prob=None, x=None):
    """Report, as it runs in a compiled evaluation, and verdict."""
    sample_key, key = jax.random.split(key)
    means, logvars = jnp.asarray(means, jnp.float32), jnp.asarray(logvars, jnp.float32)

    @jax.jit
    def report(means, logvars):
        z = gaussian.reparameterize(sample_key, means, logvars)
        decoder = {} if log_prob is None else {"log_prob": log_prob, "z": z, "x": x}
        return diagnostics.collapse_report(key, means, logvars, **decoder)

    found = report(means, logvars)
    return found, diagnostics.verdict(found)


def linear_vae(latent_dim, variance, num_examples=1797):
    """The optimum on digits: data, posterior, and the decoder's log-likelihood."""
    data = load_digits().data / 16
    data = data - data.mean(axis=0)
    vectors = np.linalg.eigh(data.T @ data)[1][:, ::-1][:, :latent_dim]
    best = analytic.linear_vae_optimum(
        analytic.eigenvalues(data), latent_dim, 1.0, variance
    )
    data = data[:num_examples]
    means = data @ (vectors * np.asarray(best.encoder))
    logvars = np.broadcast_to(np.log(np.asarray(best.posterior_variance)), means.shape)
    decoder = jnp.asarray((vectors * np.asarray(best.weights)).T, jnp.float32)

    def log_prob(z, x):
        return -jnp.sum(jnp.square(x - z @ decoder), axis=-1) / (2 * variance)

    return means, logvars, log_prob, jnp.asarray(data, jnp.float32), best


def says(verdict, words):
    return any(words in reason for reason in verdict.reasons)


def test_exact_collapse(key):
    report, verdict = judge(key, np.zeros((300, 8)), np.zeros((300, 8)))
    assert verdict.label == "collapsed"
    assert (int(report.active_units), int(report.collapsed_units)) == (0, 8)
    assert abs(float(report.rate_residual)) < 1e-5
    assert says(verdict, "No unit is active")


def test_constant_encoder_far_away(key):
    """A large KL on every unit, no information: collapsed, and the KL is explained."""
    report, verdict = judge(key, np.full((300, 8), 5.0), np.full((300, 8), -2.0))
    assert verdict.label == "collapsed"
    assert float(report.rate) > 100
    assert int(report.collapsed_units) == 0
    assert says(verdict, "no information")


@pytest.mark.slow
def test_batch_normalised_encoder_drowned_in_noise(key):
    """Means of variance 0.0144 by construction, posterior of variance 1."""
    means = np.random.default_rng(0).normal(size=(1000, 4))
    means = 0.12 * (means - means.mean(axis=0)) / means.std(axis=0)
    report, verdict = judge(key, means, np.zeros((1000, 4)))
    assert int(report.active_units) == 4
    assert verdict.label == "collapsed"
    assert says(verdict, "4 of 4 units count as active")


@pytest.mark.slow
def test_batch_normalised_encoder_before_a_decoder_that_ignores_it(key):
    means = np.random.default_rng(0).normal(size=(1000, 4))
    report, verdict = judge(
        key,
        means,
        np.full((1000, 4), -2.0),
        lambda z, x: -jnp.sum(jnp.square(x), axis=-1),
        jnp.ones((1000, 3)),
    )
    assert float(report.mutual_information) > 2
    assert verdict.label == "collapsed"
    assert says(verdict, "The decoder ignores z")


def test_healthy_linear_vae(key):
    means, logvars, log_prob, x, best = linear_vae(8, 0.1)
    report, verdict = judge(key, means, logvars, log_prob, x)
    assert verdict.label == "healthy"
    assert float(report.rate) == pytest.approx(float(best.rate), rel=1e-4)
    assert says(verdict, "8 of 8 units are in use")
    assert says(verdict, "The decoder uses z")
    # with the posterior of the fitted model, the drop is at least the information
    assert float(report.shuffle_gap) > float(report.mutual_information)


def test_partially_collapsed_linear_vae(key):
    report, verdict = judge(key, *linear_vae(16, 0.3)[:4])
    assert verdict.label == "partially collapsed"
    assert (int(report.active_units), int(report.collapsed_units)) == (4, 12)
    assert says(verdict, "4 of 16 units are in use; fewer than half")


@pytest.mark.slow
def test_information_at_its_ceiling_is_said(key):
    report, verdict = judge(key, *linear_vae(20, 0.005, num_examples=200)[:4])
    assert float(report.mutual_information) > np.log(200) - 0.1
    assert verdict.label == "healthy"
    assert says(verdict, "at its ceiling, log 200 = 5.30 nats")


@pytest.mark.slow
def test_report_agrees_with_its_parts(key):
    means, logvars, log_prob, x, _ = linear_vae(5, 0.1, num_examples=400)
    report, _ = judge(key, means, logvars, log_prob, x)
    kl = gaussian.kl_standard(jnp.asarray(means), jnp.asarray(logvars))
    np.testing.assert_allclose(
        report.kl_per_unit, diagnostics.kl_per_unit(means, logvars), rtol=1e-5
    )
    assert float(report.rate) == pytest.approx(
        float(report.kl_per_unit.sum()), rel=1e-5
    )
    assert int(report.collapsed_units) == int(diagnostics.collapsed_units(kl))
    left = report.rate - report.mutual_information - report.marginal_kl
    assert float(report.rate_residual) == pytest.approx(float(left), abs=1e-5)
    assert abs(float(report.rate_residual)) < 5 * float(report.rate_residual_error)


def test_reports_of_a_batch_are_judged_one_by_one(key):
    means = jnp.stack([jnp.zeros((50, 2)), jax.random.normal(key, (50, 2)) * 3])
    batch = jax.jit(jax.vmap(diagnostics.collapse_report))(
        jax.random.split(key), means, means * 0 - 2
    )
    labels = [
        diagnostics.verdict(jax.tree.map(operator.itemgetter(i), batch)).label
        for i in range(2)
    ]
    assert labels == ["collapsed", "healthy"]
    with pytest.raises(ValueError, match="`rate` must have 0 dimensions"):
        diagnostics.verdict(batch)


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ({}, "healthy", "z carries 2.500 nats"),
        ({"shuffle_gap": None, "shuffle_gap_error": None}, "healthy", "4 of 4 units"),
        ({"rate": np.inf}, "unreliable", "Not finite: `rate`"),
        ({"rate_residual": 0.3}, "unreliable", "0.300 nats are left over"),
        ({"rate_residual": 0.2}, "healthy", "z carries"),
        ({"mutual_information": 0.099}, "collapsed", "below 0.1"),
        ({"mutual_information": 0.11}, "partially collapsed", "within 2 standard"),
        ({"mutual_information": 0.69}, "partially collapsed", "less than one bit"),
        ({"mutual_information": 0.70}, "healthy", "z carries 0.700 nats"),
        ({"mutual_information": -0.0001}, "collapsed", "carries 0.000 nats"),
        ({"shuffle_gap": 0.3}, "unreliable", "cannot be told"),
        ({"shuffle_gap": 0.3, "shuffle_gap_error": 0.1}, "healthy", "uses z"),
        ({"shuffle_gap": 0.01, "shuffle_gap_error": 0.01}, "collapsed", "ignores z"),
        ({"shuffle_gap": -3.0}, "collapsed", "ignores z"),
        ({"active_units": 1}, "partially collapsed", "1 of 4 units"),
        ({"active_units": 2}, "healthy", "2 of 4 units"),
        ({"collapsed_units": 3}, "partially collapsed", "1 of 4 units"),
        ({"active_units": 0}, "partially collapsed", "below the threshold of active"),
        ({"mutual_information": 6.5}, "healthy", "at its ceiling, log 1000"),
        ({"marginal_kl": 2.6}, "healthy", "no information: 2.600"),
    ],
)
def test_rules(changes, label, words):
    verdict = diagnostics.verdict(REPORT._replace(**changes))
    assert verdict.label == label
    assert says(verdict, words), verdict.reasons


@pytest.mark.usefixtures("users_view")
def test_refuses_half_a_decoder(key):
    means = jnp.zeros((5, 2))
    with pytest.raises(ValueError, match="`log_prob` needs `z` and `x`"):
        diagnostics.collapse_report(key, means, means, log_prob=lambda z, x: x)
    with pytest.raises(ValueError, match=r"shape of `means`, \(5, 2\); got \(5, 3\)"):
        jax.eval_shape(
            lambda: diagnostics.collapse_report(
                key, means, means, log_prob=lambda z, x: x, z=jnp.zeros((5, 3)), x=means
            )
        )


def test_a_run_that_diverged_is_judged_by_that_alone():
    verdict = diagnostics.diverged(12)
    assert verdict.label == "diverged"
    assert says(verdict, "not finite at step 12")
    with pytest.raises(ValueError, match="`first_bad_step` must be at least 0; got -1"):
        diagnostics.diverged(-1)
