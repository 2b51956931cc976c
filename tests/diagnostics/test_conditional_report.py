"""The controls that a judgement of a conditional VAE must pass."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import analytic, diagnostics, gaussian

OFFSETS = np.array([[-4.0, 0.0], [0.0, 3.0], [4.0, -3.0]], np.float32)
"""What c says of x: means far apart, so that c alone reconstructs well."""

SPREAD = np.array([1.5, 1.0], np.float32)
"""Of x around the mean of its condition."""

VARIANCE = 0.25
SIZE = 600

REPORT = diagnostics.ConditionalReport(
    rate=np.float32(3.0),
    kl_per_unit=np.full(4, 0.75, np.float32),
    active_units=np.float32(4),
    collapsed_units=np.float32(0),
    conditional_information=np.float32(2.5),
    conditional_information_error=np.float32(0.05),
    conditional_information_ceiling=np.float32(np.log(500)),
    condition_information=np.float32(0.0),
    condition_information_error=np.float32(0.01),
    condition_information_ceiling=np.float32(np.log(3)),
    conditional_marginal_kl=np.float32(0.5),
    conditional_marginal_kl_error=np.float32(0.02),
    rate_residual=np.float32(0.0),
    rate_residual_error=np.float32(0.05),
    num_conditions=np.int32(3),
    alone=np.float32(0),
    shuffle_within_gap=np.float32(6.0),
    shuffle_within_gap_error=np.float32(0.2),
)


def population(seed):
    """Labels of unequal shares, and x around the mean of its condition."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, size=SIZE, p=[0.6, 0.3, 0.1]).astype(np.int32)
    x = OFFSETS[labels] + SPREAD * rng.normal(size=(SIZE, 2))
    return x.astype(np.float32), labels


def decoder(weights):
    def log_prob(z, x):
        data, labels = x
        guess = jnp.asarray(OFFSETS)[labels] + z @ jnp.asarray(weights, jnp.float32)
        return -jnp.sum(jnp.square(data - guess), axis=-1) / (2 * VARIANCE)

    return log_prob


def optimum():
    """Of the linear CVAE on the population: one eigenpair a feature."""
    return analytic.linear_vae_optimum(SPREAD**2, 2, 1.0, VARIANCE)


@jax.jit
def report_of(key, means, logvars, x, labels, weights):
    sample_key, key = jax.random.split(key)
    z = gaussian.reparameterize(sample_key, means, logvars)
    return diagnostics.conditional_report(
        key, means, logvars, labels, log_prob=decoder(weights), z=z, x=(x, labels)
    )


def judge(seed, means, logvars, x, labels, weights):
    found = report_of(
        jax.random.key(seed),
        np.float32(means),
        np.broadcast_to(np.float32(logvars), means.shape),
        x,
        labels,
        np.float32(weights),
    )
    return found, diagnostics.verdict(found)


def says(verdict, words):
    return any(words in reason for reason in verdict.reasons)


@pytest.mark.parametrize("seed", range(3))
def test_the_optimal_linear_cvae_uses_z(seed):
    """Rate, information and gap of its closed form, z without a word of c."""
    x, labels = population(seed)
    best = optimum()
    means = (x - OFFSETS[labels]) * np.asarray(best.encoder)
    logvars = np.log(np.asarray(best.posterior_variance))
    report, verdict = judge(seed, means, logvars, x, labels, np.diag(best.weights))
    assert verdict.label == "healthy"
    error = float(report.conditional_information_error)
    assert abs(float(report.conditional_information) - float(best.rate)) < 3 * error
    assert abs(float(report.rate_residual)) < 3 * float(report.rate_residual_error)
    assert abs(float(report.condition_information)) < 0.1
    # E[(s - w z')^2 - (s - w z)^2] / 2 v = w cov(s, z) / v, cov(s, z) = encoder * l
    gap = np.sum(np.asarray(best.weights * best.encoder) * SPREAD**2) / VARIANCE
    found, error = report.shuffle_within_gap, report.shuffle_within_gap_error
    assert abs(float(found) - gap) < 3 * float(error)
    assert says(verdict, "nats about x beside the condition")
    assert says(
        verdict, "The decoder uses z beside the condition: the z of another example"
    )
    assert not says(verdict, "repeats")


@pytest.mark.parametrize("seed", range(3))
def test_a_cvae_that_ignores_z_is_collapsed_however_well_it_reconstructs(seed):
    x, labels = population(seed)
    means = np.zeros((SIZE, 2))
    report, verdict = judge(seed, means, 0.0, x, labels, np.zeros((2, 2)))
    assert np.var(x - OFFSETS[labels]) < 0.25 * np.var(x)
    assert verdict.label == "collapsed"
    assert says(verdict, "z carries 0.000 nats about x beside the condition, below 0.1")
    assert says(verdict, "The decoder ignores z beside the condition: the z of another")
    assert says(verdict, "No unit is active within a condition")
    assert float(report.rate) == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_code_that_repeats_the_condition_is_collapsed(seed):
    """A large rate, units that vary, a decoder that reads them: all of it about c."""
    x, labels = population(seed)
    report, verdict = judge(seed, OFFSETS[labels], -2.0, x, labels, np.eye(2))
    assert float(report.rate) > 5
    means = OFFSETS[labels]
    assert int(diagnostics.active_units(means)) == 2
    assert int(report.active_units) == 0
    assert float(report.condition_information) == pytest.approx(
        float(report.condition_information_ceiling), abs=0.01
    )
    assert verdict.label == "collapsed"
    assert verdict.reasons[1].startswith("z repeats the condition: it carries 0.")
    assert says(verdict, "The z of another example of the same condition costs ")
    gap, error = (
        float(report.shuffle_within_gap),
        float(report.shuffle_within_gap_error),
    )
    assert abs(gap) < 3 * error
    assert says(verdict, "the distance of the aggregate posterior of each condition")


def test_an_encoder_that_a_decoder_ignores():
    x, labels = population(0)
    means = (x - OFFSETS[labels]) * 0.6
    report, verdict = judge(0, means, -2.0, x, labels, np.zeros((2, 2)))
    assert float(report.conditional_information) > 1
    assert verdict.label == "collapsed"
    assert says(verdict, "The decoder ignores z beside the condition")
    assert not says(verdict, "z carries 0.0")


def test_a_code_that_is_used_and_repeats_as_well():
    """Healthy, with a word on what is wasted; the plain report cannot tell them apart."""
    x, labels = population(1)
    best = optimum()
    means = (x - OFFSETS[labels]) * np.asarray(best.encoder) + OFFSETS[labels]
    logvars = np.log(np.asarray(best.posterior_variance))
    report, verdict = judge(1, means, logvars, x, labels, np.diag(best.weights))
    error = float(report.conditional_information_error)
    assert abs(float(report.conditional_information) - float(best.rate)) < 3 * error
    assert verdict.label == "healthy"
    assert says(verdict, "z repeats the condition")


def test_what_few_examples_seem_to_repeat_is_not_said():
    few = {"condition_information": 0.17, "condition_information_error": 0.17}
    assert not says(diagnostics.verdict(REPORT._replace(**few)), "repeats")


@pytest.mark.slow
def test_one_condition_has_the_numbers_of_the_plain_report(key):
    x, _ = population(2)
    means, logvars = np.float32(x * 0.5), np.full_like(x, -1.0)

    def log_prob(z, x):
        return -jnp.sum(jnp.square(x - z), axis=-1)

    def both(key):
        decoder = {"log_prob": log_prob, "z": jnp.asarray(means), "x": x}
        labels = jnp.zeros(SIZE, jnp.int32)
        return (
            diagnostics.conditional_report(key, means, logvars, labels, **decoder),
            diagnostics.collapse_report(key, means, logvars, **decoder),
        )

    found, plain = jax.jit(both)(key)
    for ours, theirs in (
        ("rate", "rate"),
        ("kl_per_unit", "kl_per_unit"),
        ("active_units", "active_units"),
        ("collapsed_units", "collapsed_units"),
        ("conditional_information", "mutual_information"),
        ("conditional_information_error", "mutual_information_error"),
        ("conditional_information_ceiling", "mutual_information_ceiling"),
        ("conditional_marginal_kl", "marginal_kl"),
        ("conditional_marginal_kl_error", "marginal_kl_error"),
        ("shuffle_within_gap", "shuffle_gap"),
        ("shuffle_within_gap_error", "shuffle_gap_error"),
    ):
        np.testing.assert_allclose(
            getattr(found, ours), getattr(plain, theirs), rtol=1e-4, err_msg=ours
        )
    verdict = diagnostics.verdict(found)
    assert verdict.label == diagnostics.verdict(plain).label
    assert says(verdict, "There is one condition")


@pytest.mark.slow
def test_a_prior_of_the_condition_and_units_without_a_closed_form(key):
    """z repeats c as the prior says it does: a unit at its prior is unused."""
    _, labels = population(3)
    rng = np.random.default_rng(3)
    means = np.float32(OFFSETS[labels])
    means[:, 1] += np.float32(0.9 * rng.normal(size=SIZE))
    logvars = np.stack([np.zeros(SIZE), np.full(SIZE, np.log(0.19))], 1).astype(
        np.float32
    )
    centre, zero = jnp.asarray(OFFSETS)[labels], jnp.zeros((SIZE, 2))

    def reports(key):
        def log_prior(z):
            return gaussian.log_prob(z, centre, zero).sum(axis=-1)

        kl = gaussian.kl_between(means, logvars, centre, zero)
        given = key, means, logvars, labels
        return (
            diagnostics.conditional_report(*given, log_prior=log_prior, kl=kl),
            diagnostics.conditional_report(*given, log_prior=log_prior),
        )

    # 0.9^2 + 0.19 = 1: the second unit is at its prior on average
    truth = -np.log(0.19) / 2
    for report in jax.jit(reports)(key):
        error = float(report.conditional_information_error)
        assert abs(float(report.conditional_information) - truth) < 3 * error
        assert (int(report.active_units), int(report.collapsed_units)) == (1, 1)
        assert float(report.kl_per_unit[0]) == pytest.approx(0, abs=1e-5)
        assert float(report.kl_per_unit[1]) == pytest.approx(truth, abs=0.1)
        assert diagnostics.verdict(report).label == "healthy"


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ({}, "healthy", "z carries 2.500 nats about x beside the condition"),
        (
            {"condition_information": 0.4},
            "healthy",
            "repeats the condition: it carries 0.4",
        ),
        (
            {"shuffle_within_gap": 0.01, "shuffle_within_gap_error": 0.01},
            "collapsed",
            "ig",
        ),
        ({"conditional_information": 0.09}, "collapsed", "beside the condition, below"),
        ({"shuffle_within_gap": 0.3}, "unreliable", "shuffling z within a condition"),
        ({"conditional_information": 0.5}, "partially collapsed", "less than one bit"),
        (
            # two examples a condition show one bit at most: that is no fault of the code
            {
                "conditional_information": 0.6,
                "conditional_information_ceiling": np.log(2),
            },
            "healthy",
            "more examples of each condition raise the ceiling",
        ),
        ({"active_units": 1}, "partially collapsed", "1 of 4 units"),
        ({"alone": 7}, "healthy", "left out: 7"),
        ({"num_conditions": 1}, "healthy", "There is one condition"),
        ({"condition_information": np.nan}, "unreliable", "Not finite: `condition_inf"),
        ({"rate_residual": 0.4}, "unreliable", "are left over"),
    ],
)
def test_rules(changes, label, words):
    verdict = diagnostics.verdict(REPORT._replace(**changes))
    assert verdict.label == label
    assert says(verdict, words), verdict.reasons


def test_not_a_number_is_unreliable():
    x, labels = population(0)
    means = np.zeros((SIZE, 2))
    means[3, 1] = np.nan
    report, verdict = judge(0, means, 0.0, x, labels, np.eye(2))
    assert verdict.label == "unreliable"
    assert np.isnan(report.active_units)
    assert says(verdict, "Not finite: `rate`")


def test_traced_labels_that_are_all_alone_are_unreliable():
    x, _ = population(0)
    labels = np.arange(SIZE, dtype=np.int32)
    report, verdict = judge(0, 0 * x, 0.0, x, labels, np.eye(2))
    assert verdict.label == "unreliable"
    assert int(report.alone) == int(report.num_conditions) == SIZE


@pytest.mark.slow
def test_reports_of_a_batch_are_judged_one_by_one(key):
    labels = jnp.arange(60, dtype=jnp.int32) % 3
    means = jnp.stack([jnp.zeros((60, 2)), jax.random.normal(key, (60, 2)) * 3])
    batch = jax.jit(jax.vmap(diagnostics.conditional_report, (0, 0, 0, None)))(
        jax.random.split(key), means, means * 0 - 2, labels
    )
    labels = [
        diagnostics.verdict(jax.tree.map(operator.itemgetter(i), batch)).label
        for i in range(2)
    ]
    assert labels == ["collapsed", "healthy"]
    with pytest.raises(ValueError, match="`rate` must have 0 dimensions"):
        diagnostics.verdict(batch)


@pytest.mark.usefixtures("users_view")
def test_refuses_by_name(key):
    means, labels = jnp.zeros((5, 2)), np.array([0, 0, 1, 1, 1])
    ask = diagnostics.conditional_report
    with pytest.raises(ValueError, match="`log_prob` needs `z` and `x`"):
        ask(key, means, means, labels, log_prob=lambda z, x: x)
    with pytest.raises(TypeError, match="`labels` must be whole numbers"):
        ask(key, means, means, means[:, 0])
    with pytest.raises(ValueError, match="each alone in its condition"):
        ask(key, means, means, np.arange(5))
    with pytest.raises(ValueError, match="`kl`"):
        ask(key, means, means, labels, kl=means)
    with pytest.raises(ValueError, match="`active_threshold` must be"):
        ask(key, means, means, labels, active_threshold=-1.0)
