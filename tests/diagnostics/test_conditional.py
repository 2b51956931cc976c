"""Information beside the condition: closed forms, quadrature, float64, honest errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from vae_jax import diagnostics, gaussian
from vae_jax.diagnostics import _groups

conditional_information = jax.jit(diagnostics.conditional_information)
condition_information = jax.jit(diagnostics.condition_information)
conditional_decomposition = jax.jit(diagnostics.conditional_decomposition)

SHARES = np.array([0.5, 0.3, 0.2])
"""Of three conditions, not of one size."""

OFFSETS = np.array([-2.0, 0.5, 3.0])
"""What the code repeats of them."""


def channel(seed, nats, repeats, num_examples=900):
    """z = offset(c) + sqrt(1 - v) s + sqrt(v) noise, s ~ N(0, 1): q(z|c) = N(offset, 1)."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(SHARES), size=num_examples, p=SHARES)
    variance = np.exp(-2 * nats)
    means = np.sqrt(1 - variance) * rng.normal(size=(num_examples, 1))
    means = means + repeats * OFFSETS[labels][:, None]
    logvars = np.full(means.shape, np.log(variance))
    return means.astype(np.float32), logvars.astype(np.float32), labels.astype(np.int32)


def repeated(scale):
    """I(z; c) of the mixture, by numerical integration in float64."""
    z = np.linspace(-15, 15, 30_001)
    q = stats.norm.pdf(z, scale * OFFSETS[:, None])
    mixture = SHARES @ q
    return np.trapezoid(SHARES @ special.xlogy(q, q / mixture), z)


def marginal_to_standard(scale):
    """E_c KL(N(offset, 1) || N(0, 1))."""
    return SHARES @ np.square(scale * OFFSETS) / 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("nats", "scale"), [(1.0, 1.0), (0.3, 0.0), (1.5, 0.4)])
def test_parts_of_a_gaussian_channel(seed, nats, scale):
    means, logvars, labels = channel(seed, nats, scale)
    found = conditional_decomposition(jax.random.key(seed), means, logvars, labels)
    for name, part, truth in (
        ("I(z; x | c)", found.conditional_information, nats),
        ("I(z; c)", found.condition_information, repeated(scale)),
        ("KL(q(z|c))", found.conditional_marginal_kl, marginal_to_standard(scale)),
        ("residual", found.residual, 0.0),
    ):
        # 3 standard errors: of 36 numbers, one would be off in one of ten such tests
        assert abs(float(part.value) - truth) < 3 * float(part.standard_error), name
        assert float(part.standard_error) < 0.2, name
    kl = gaussian.kl_standard(means, logvars).sum(axis=1).mean()
    assert float(found.rate) == pytest.approx(float(kl), rel=1e-5)


@pytest.mark.slow
def test_the_error_is_honest():
    """Over populations, the estimate in its own standard errors is a standard normal."""

    def one(key):
        data_key, label_key, z_key = jax.random.split(key, 3)
        labels = jax.random.randint(label_key, (300,), 0, 6)
        variance = np.exp(-2.0)
        means = np.sqrt(1 - variance) * jax.random.normal(data_key, (300, 1))
        logvars = jnp.full_like(means, np.log(variance))
        return diagnostics.conditional_information(z_key, means, logvars, labels)

    keys = jax.random.split(jax.random.key(2), 200)
    found = jax.jit(lambda keys: jax.lax.map(one, keys))(keys)
    scores = (np.asarray(found.value) - 1) / np.asarray(found.standard_error)
    # root mean square 1 within 4 of its standard errors; the stated error counts spread and
    # bias, so it is never more, and 50 examples a condition lean by less than one
    assert np.sqrt(np.mean(scores**2)) < 1 + 4 / np.sqrt(400)
    assert abs(scores.mean()) < 1


def test_a_prior_that_knows_the_condition():
    """p(z|c) = q(z|c): all of the rate is information, and z still repeats c."""
    means, logvars, labels = channel(3, 1.0, 1.0)
    centre = jnp.asarray(OFFSETS[labels][:, None], jnp.float32)
    zero = jnp.zeros_like(centre)

    def log_prior(z):
        return gaussian.log_prob(z, centre, zero).sum(axis=-1)

    kl = gaussian.kl_between(means, logvars, centre, zero).sum(axis=-1)

    found = jax.jit(
        lambda key: diagnostics.conditional_decomposition(
            key, means, logvars, labels, log_prior=log_prior, kl=kl
        )
    )(jax.random.key(0))
    marginal = found.conditional_marginal_kl
    assert abs(float(marginal.value)) < 3 * float(marginal.standard_error) < 0.3
    assert float(found.rate) == pytest.approx(float(kl.mean()), rel=1e-5)
    assert abs(float(found.residual.value)) < 3 * float(found.residual.standard_error)
    assert float(found.condition_information.value) > 0.5


@pytest.mark.slow
def test_a_prior_without_a_closed_form_is_sampled():
    means, logvars, labels = channel(3, 1.0, 1.0)
    centre = jnp.asarray(OFFSETS[labels][:, None], jnp.float32)
    zero = jnp.zeros_like(centre)

    def log_prior(z):
        return gaussian.log_prob(z, centre, zero).sum(axis=-1)

    kl = gaussian.kl_between(means, logvars, centre, zero).sum(axis=-1)
    given = means, logvars, labels
    alone = jax.jit(
        lambda key: diagnostics.conditional_marginal_kl(
            key, *given, log_prior=log_prior
        )
    )(jax.random.key(1))
    assert abs(float(alone.value)) < 3 * float(alone.standard_error)
    sampled = jax.jit(
        lambda key: diagnostics.conditional_decomposition(
            key, *given, log_prior=log_prior
        )
    )(jax.random.key(0))
    assert float(sampled.rate) == pytest.approx(float(kl.mean()), abs=0.1)


def test_agrees_with_each_group_by_itself():
    """An independent sum over the groups, by scipy in float64, on the same samples."""
    means, logvars, labels = channel(4, 1.2, 0.3, 200)
    key = jax.random.key(5)
    noise = np.asarray(jax.random.normal(key, means.shape), float)
    z = means + np.exp(logvars / 2.0) * noise
    log_q = stats.norm.logpdf(z, means[:, 0].astype(float), np.exp(logvars[:, 0] / 2))
    total = 0.0
    for label in np.unique(labels):
        inside = log_q[np.ix_(labels == label, labels == label)]
        own = np.diag(inside)
        mixture = special.logsumexp(inside, axis=1) - np.log(len(inside))
        total += (own - mixture).sum()
    found = conditional_information(key, means, logvars, labels)
    assert float(found.value) == pytest.approx(total / 200, abs=1e-5)
    sizes = np.bincount(labels)[labels]
    assert float(found.ceiling) == pytest.approx(np.log(sizes).mean(), rel=1e-6)
    both = np.diag(log_q) - special.logsumexp(log_q, axis=1) + np.log(200)
    chain = condition_information(key, means, logvars, labels).value + found.value
    assert float(chain) == pytest.approx(both.mean(), abs=1e-5)


@pytest.mark.slow
def test_one_condition_is_no_condition():
    means, logvars, labels = channel(6, 1.0, 1.0, 200)
    key, same = jax.random.key(0), np.full_like(labels, 7)
    found = conditional_information(key, means, logvars, same)
    plain = jax.jit(diagnostics.mutual_information)(key, means, logvars)
    np.testing.assert_allclose(found[:3], plain, rtol=1e-5)
    parts = conditional_decomposition(key, means, logvars, same)
    expected = jax.jit(diagnostics.rate_decomposition)(key, means, logvars)
    for name, part in (
        ("conditional_information", expected.mutual_information),
        ("conditional_marginal_kl", expected.marginal_kl),
        ("residual", expected.residual),
    ):
        np.testing.assert_allclose(getattr(parts, name)[:2], part[:2], atol=1e-5)
    assert abs(float(parts.condition_information.value)) < 1e-5
    assert float(parts.condition_information.ceiling) == pytest.approx(0, abs=1e-6)


def test_names_and_order_of_the_conditions_do_not_matter():
    means, logvars, labels = channel(7, 1.0, 1.0, 200)
    key = jax.random.key(0)
    found = conditional_information(key, means, logvars, labels)
    renamed = np.array([900, -5, 17], np.int32)[labels]
    np.testing.assert_allclose(
        conditional_information(key, means, logvars, renamed), found, rtol=1e-6
    )
    # wider integers than JAX holds, none of which may wrap onto another
    wide = _groups.as_conditions(labels.astype(np.int64) * 2**32, len(labels))
    np.testing.assert_array_equal(wide, labels)


def test_a_code_that_repeats_the_condition():
    """Nothing beside it, without any spread, and all of its entropy."""
    labels = np.arange(900, dtype=np.int32) % 3
    means = np.float32(30 * labels)[:, None]
    logvars = np.full_like(means, -3.0)
    found = conditional_decomposition(jax.random.key(0), means, logvars, labels)
    assert abs(float(found.conditional_information.value)) < 2e-6
    assert float(found.conditional_information.standard_error) < 1e-6
    repeats = found.condition_information
    assert float(repeats.value) == pytest.approx(np.log(3), abs=1e-5)
    assert float(repeats.ceiling) == pytest.approx(np.log(3), rel=1e-6)


def test_examples_alone_are_left_out_and_counted():
    """A label seen nowhere else has nothing to be compared with."""
    means, logvars, labels = channel(8, 1.0, 1.0, 200)
    key = jax.random.key(0)
    lonely = labels.copy()
    lonely[:4] = [50, 51, 52, 53]
    found = conditional_information(key, means, logvars, lonely)
    assert int(found.alone) == 4
    noise = jax.random.normal(key, means.shape)
    ratios = []
    z = means + np.exp(logvars / 2) * np.asarray(noise)
    log_q = stats.norm.logpdf(z, means[:, 0], np.exp(logvars[:, 0] / 2))
    for i in range(4, 200):
        inside = log_q[i, lonely == lonely[i]]
        ratios.append(log_q[i, i] - special.logsumexp(inside) + np.log(len(inside)))
    assert float(found.value) == pytest.approx(np.mean(ratios), abs=1e-4)
    spread = np.std(ratios, ddof=1) / np.sqrt(196)
    sizes = np.bincount(lonely)[lonely[4:]]
    bias = np.mean(np.expm1(ratios) / (2 * sizes))
    assert float(found.standard_error) == pytest.approx(
        np.hypot(spread, bias), rel=1e-3
    )


def test_bins_of_a_continuous_condition_fall_to_the_truth():
    """I(z; x | c) + I(z; c | bin), the second by integration over the bin."""
    rng = np.random.default_rng(9)
    size, nats = 2000, 0.8
    c = rng.uniform(-1, 1, size)
    variance = np.exp(-2 * nats)
    means = np.sqrt(1 - variance) * rng.normal(size=(size, 1)) + 2 * c[:, None]
    logvars = np.full(means.shape, np.log(variance), np.float32)
    values = []
    for bins in (1, 2, 8, 20):
        labels = np.int32(np.digitize(c, np.linspace(-1, 1, bins + 1)[1:-1]))
        found = conditional_information(
            jax.random.key(1), means.astype(np.float32), logvars, labels
        )
        z = np.linspace(-8, 8, 8001)
        # z - centre of the bin: a uniform of width 4 / bins plus N(0, 1)
        half = 2 / bins
        q = (stats.norm.cdf(z + half) - stats.norm.cdf(z - half)) / (2 * half)
        entropy = -np.trapezoid(special.xlogy(q, q), z)
        truth = nats + entropy - stats.norm.entropy()
        assert abs(float(found.value) - truth) < 3 * float(found.standard_error)
        values.append(truth)
    assert (np.diff(values) < 0).all()
    assert values[-1] == pytest.approx(nats, abs=0.002)


@pytest.mark.usefixtures("users_view")
def test_refuses_what_is_no_condition(key):
    means = jnp.zeros((4, 2))

    def ask(labels):
        return diagnostics.conditional_information(key, means, means, labels)

    with pytest.raises(
        TypeError, match=r"`labels` must be whole numbers.*float32.*bin"
    ):
        ask(jnp.zeros(4))
    with pytest.raises(TypeError, match="Number words by"):
        ask(np.array(["a", "b", "a", "b"]))
    with pytest.raises(TypeError, match="got bool"):
        ask(np.array([True, False, True, False]))
    with pytest.raises(ValueError, match=r"one label an example, \(4,\); got \(3,\)"):
        ask(np.array([0, 1, 0]))
    with pytest.raises(ValueError, match="Number combinations by"):
        ask(np.zeros((4, 2), int))
    with pytest.raises(ValueError, match="each alone in its condition"):
        ask(np.arange(4))
    with pytest.raises(ValueError, match="`kl` is to `log_prior`"):
        diagnostics.conditional_decomposition(
            key, means, means, np.zeros(4, int), kl=jnp.zeros(4)
        )


def test_all_alone_is_not_known_where_labels_are_traced(key):
    means = jnp.zeros((4, 2))
    found = conditional_information(key, means, means, jnp.arange(4))
    assert np.isnan(found.value)
    assert int(found.alone) == 4


def test_a_mean_that_is_not_finite_shows(key):
    means = jnp.zeros((6, 1)).at[0].set(jnp.nan)
    labels = jnp.array([0, 1, 1, 1, 2, 2])
    found = conditional_information(key, means, jnp.zeros((6, 1)), labels)
    assert np.isnan(found.value)
