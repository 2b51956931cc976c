"""Small facts of theory: closed forms beside independent ones, and claims that can fail."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from experiments._claims.small_theory import verdicts_of
from experiments._claims.small_theory_trained import widest_gap
from experiments._parts import small_theory_bits as bits
from experiments._parts import small_theory_forms as forms
from experiments._parts import small_theory_runs as runs
from vae_jax import figures, priors, training


def dense_kl(num_steps, alpha, mean, logvar):
    """KL of a diagonal Gaussian to the AR(1) prior, by its whole covariance."""
    places = np.arange(num_steps)
    covariance = alpha ** np.abs(places[:, None] - places)
    precision, variance = np.linalg.inv(covariance), np.exp(logvar)
    logdet = np.linalg.slogdet(covariance)[1]
    own = precision.diagonal() @ variance + mean @ precision @ mean
    return (own - num_steps + logdet - logvar.sum()) / 2


@pytest.mark.parametrize(("num_steps", "alpha"), [(2, 0.9), (4, -0.6), (10, 0.5)])
def test_the_closest_posterior_is_that_of_the_dense_prior(num_steps, alpha):
    best = np.log(forms.best_variances(num_steps, alpha))
    least = dense_kl(num_steps, alpha, np.zeros(num_steps), best)
    theory = float(priors.committed_rate(alpha, num_steps))
    assert least == pytest.approx(theory, rel=1e-5)
    draw = np.random.default_rng(0)
    for _ in range(20):
        mean, off = draw.normal(size=(2, num_steps)) / 10
        assert dense_kl(num_steps, alpha, mean, best + off) > least


def test_the_optimiser_ends_there_from_any_start():
    start = np.random.default_rng(7).normal(size=8)
    with jax.enable_x64(True):
        slopes = forms.kl_to_prior(4)
        found = forms.smallest_kl(slopes, 0.8, start)
        began, _ = slopes(start, 0.8)
    mean, logvar = np.split(start, 2)
    assert float(began) == pytest.approx(dense_kl(4, 0.8, mean, logvar), rel=1e-9)
    own = dense_kl(4, 0.8, np.zeros(4), np.log(forms.best_variances(4, 0.8)))
    assert found["kl"] == pytest.approx(own, abs=1e-9)
    assert max(found["mean"], found["variance"]) < 1e-6


def test_the_posterior_of_ppca_is_that_of_the_joint_gaussian():
    """By the covariance of (z, x), which needs no M."""
    weights, x = forms.drawn("w2 not 0", 5)
    means, covariance = forms.posterior(weights, x, 0.7)
    marginal = weights @ weights.T + 0.49 * np.eye(len(weights))
    gain = weights.T @ np.linalg.inv(marginal)
    np.testing.assert_allclose(means, x @ gain.T, atol=1e-10)
    np.testing.assert_allclose(covariance, np.eye(2) - gain @ weights, atol=1e-10)


@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_bayes_on_a_grid_is_the_closed_form(sigma):
    weights, x = forms.drawn("w2 not 0", 4)
    found = forms.kl_by_bayes(weights, x[:50], sigma)
    assert found == pytest.approx(forms.kl_of_second(weights, x[:50], sigma), abs=1e-6)
    weights, x = forms.drawn("w2 = 0", 4)
    assert forms.kl_by_bayes(weights, x[:50], sigma) == 0
    assert forms.kl_of_second(weights, x[:50], sigma) == 0


def test_the_cost_of_a_bit_is_its_integral():
    mean, logstd, weight, pixels = 0.9, -0.8, 7.0, 5

    def wrong(z):
        density = np.exp(-(((z - mean) / np.exp(logstd)) ** 2) / 2 - logstd)
        return np.logaddexp(0, -weight * z) * density / np.sqrt(2 * np.pi)

    def apart(z):
        log_q = -(((z - mean) / np.exp(logstd)) ** 2) / 2 - logstd
        return np.exp(log_q) * (log_q + z**2 / 2) / np.sqrt(2 * np.pi)

    expected = [integrate.quad(f, -9, 9, epsabs=1e-11)[0] for f in (wrong, apart)]
    found = forms.cost_of_bit(pixels, mean, logstd, weight)
    np.testing.assert_allclose(found, [pixels * expected[0], expected[1]], atol=1e-8)


def test_one_pixel_is_the_entropy_and_more_cost_more():
    one, two, many = map(forms.best_bit, (1, 2, 16))
    assert one.cost == pytest.approx(np.log(2), abs=1e-9)
    assert one.rate == pytest.approx(0, abs=1e-6)
    assert np.log(2) + 0.1 < two.cost < 2 * np.log(2)
    assert two.cost < many.cost
    # the mean, deviation and weight can only be made worse
    at = np.array([many.mean, np.log(many.std), many.weight])
    for step in np.vstack([np.eye(3), -np.eye(3)]) / 50:
        assert forms.cost_of_bit(16, *(at + step)).sum() > many.cost


def test_two_pixels_are_where_no_code_becomes_a_saddle():
    def cost(pair, pixels):
        noises, weights = jnp.asarray(forms.NOISES), jnp.asarray(forms.WEIGHTS)
        wrong = jnp.logaddexp(0.0, -pair[0] * (pair[1] + noises))
        return pixels * weights @ wrong + pair[1] ** 2 / 2

    with jax.enable_x64(True):
        for pixels in (1, 2, 5):
            bends = jax.hessian(cost)(jnp.zeros(2), float(pixels))
            expected = pixels * (1 - pixels) / 4
            assert float(jnp.linalg.det(bends)) == pytest.approx(expected, abs=1e-9)


def test_a_bit_is_trained_by_what_it_is_judged_by():
    """The sums of training against the fine ones, and those against the closed form."""
    used = (np.arange(bits.PIXELS[-1]) < 16).astype(np.float32)
    best = forms.best_bit(16)
    params = {
        "mean": jnp.array([[-best.mean], [best.mean]]),
        "logvar": jnp.full((2, 1), 2 * np.log(best.std), jnp.float32),
        "weight": jnp.full(bits.PIXELS[-1], best.weight, jnp.float32),
        "bias": jnp.zeros(bits.PIXELS[-1]),
    }
    for stride, close in ((1, 1e-5), (bits.STRIDE, 1e-4)):
        distortion, rate = bits.bit_terms(params, used, stride)
        np.testing.assert_allclose(distortion + rate, best.cost, atol=close)
        np.testing.assert_allclose(rate, best.rate, atol=1e-5)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95])
def test_the_conditional_data_have_the_eigenvalues_that_are_claimed(correlation):
    noise, condition = runs.whitened()
    x = runs.mixed(noise, condition, correlation)
    np.testing.assert_allclose(x.T @ x / len(x), np.diag(runs.SPECTRUM), atol=1e-6)
    slope = np.linalg.lstsq(condition, x, rcond=None)[0]
    left = x - condition @ slope
    expected = (1 - correlation**2) * np.diag(runs.SPECTRUM)
    np.testing.assert_allclose(left.T @ left / len(x), expected, atol=1e-6)


def test_rates_of_the_cvae_are_the_known_numbers():
    """Found by another optimiser, to four digits."""
    known = {0.0: 1.9356, 0.5: 1.5041, 0.8: 0.5674, 0.95: 0.0}
    lines = runs.cvae_lines()
    for correlation, rate in known.items():
        assert runs.cvae_theory(correlation) == pytest.approx(rate, abs=6e-5)
        read = np.interp(correlation, lines["correlation"], lines["theory"])
        assert read == pytest.approx(rate, abs=1e-3)


def test_a_member_is_trained_on_its_own_correlation():
    config = runs.configs_of(smoke=True)["cvae"][-1]
    job = runs.cvae_job(config)
    assert float(job.hyper.correlation) == pytest.approx(runs.CORRELATIONS[-1])
    key = training.member_key(0)
    state = job.program.init(key, job.hyper, job.splits)
    # before training only the decoder knows the condition
    step = jax.jit(job.program.step)
    losses = [
        float(step(state, 0, key, hyper, job.splits)[1].loss)
        for hyper in (job.hyper, job.hyper._replace(correlation=np.float32(0)))
    ]
    assert abs(losses[0] - losses[1]) > 0.01


@pytest.fixture(scope="module")
def tables():
    """What the page would find if all of it were so."""
    pixels, seeds = np.repeat(bits.PIXELS, 3), [0, 1, 2] * len(bits.PIXELS)
    best = {one: forms.best_bit(one) for one in bits.PIXELS}
    one_bit = pd.DataFrame({"pixels": pixels, "seed": seeds})
    for name in ("cost", "rate"):
        one_bit[name] = [getattr(best[one], name) for one in pixels]
        one_bit[f"{name} theory"] = one_bit[name]
    rates = [runs.cvae_theory(one) for one in runs.CORRELATIONS for _ in range(3)]
    ideal = pd.DataFrame({"seed": np.arange(33) // 3 * 100 + np.arange(33) % 3})
    committed = (
        forms.committed_lines().iloc[::30].assign(seed=0, mean=0.0, variance=0.0)
    )
    hidden = [
        {"model": model, "seed": seed, "sigma": sigma, "kl": kl, "theory": kl}
        for model in forms.MODELS
        for seed in (0, 1)
        for sigma, kl in zip(forms.SIGMAS, np.arange(5, 0, -1.0), strict=True)
    ]
    hidden = pd.DataFrame(hidden)
    hidden.loc[hidden["model"] == "w2 = 0", ["kl", "theory"]] = 0.0
    spread = [1e-5, 1e-4, 0.4, 0.9]
    return {
        "committed": committed.assign(theory=committed["kl"]),
        "committed_lines": forms.committed_lines(),
        "cvae": runs.cvae_rows(ideal.assign(rate=rates)),
        "cvae_lines": runs.cvae_lines(),
        "surfaces": forms.surface_rows(),
        "hidden": hidden,
        "one_bit": one_bit,
        "one_bit_lines": forms.bit_lines([1, 2, 64]),
        "units": pd.DataFrame({"beta": [1.0] * 4, "mean_variance": spread, "kl": 0.0}),
    }


def failed(tables):
    return [one.claim for one in verdicts_of(tables) if not one.holds]


def test_every_claim_holds_of_the_theory(tables):
    assert failed(tables) == []


def worse(table, column, change, where=None):
    rows = slice(None) if where is None else table.eval(where)
    made = table.copy()
    made.loc[rows, column] = change(made.loc[rows, column])
    return made


@pytest.mark.parametrize(
    ("name", "column", "change", "where", "claim"),
    [
        ("committed", "kl", lambda x: x - 1e-5, None, "no posterior"),
        ("committed", "variance", lambda x: x + 1e-3, None, "the closest posterior"),
        ("cvae", "rate", lambda x: 1.006 * x, None, "trained linear CVAE"),
        ("cvae", "rate", lambda x: x + 0.011, "correlation == 0.7", "at every rho"),
        ("cvae", "rate", lambda x: x + 0.011, "theory == 0", "all collapse"),
        ("cvae", "rate", lambda x: x + 0.5, "correlation == 0.5", "the less the code"),
        ("surfaces", "log_likelihood", lambda x: 0 * x, None, "is flat"),
        ("hidden", "kl", lambda x: x + 1e-9, None, "is its prior, at every"),
        ("hidden", "theory", lambda x: x + 1e-5, None, "that of Bayes"),
        ("hidden", "kl", lambda x: x + 9, "sigma == 2", "the more noise"),
        ("one_bit", "cost", lambda x: x + 0.02, None, "is the entropy"),
        ("one_bit", "rate", lambda x: x + 0.02, None, "z is not used"),
        ("one_bit", "rate", lambda x: 0 * x, "pixels == 2", "or more z is used"),
        ("one_bit", "cost", lambda x: x - 1, "pixels == 64", "leaves a gap"),
        ("one_bit", "cost", lambda x: x + 0.02, "pixels == 64", "ends at the optimum"),
        ("units", "mean_variance", lambda x: x**0.25, None, "two widely separated"),
    ],
)
def test_every_claim_can_fail(tables, name, column, change, where, claim):
    changed = tables | {name: worse(tables[name], column, change, where)}
    assert any(claim in one for one in failed(changed))


def test_the_widest_gap_is_in_decades():
    low, high = widest_gap(pd.Series([0.5, 1e-4, 1.0, 1e-3]))
    np.testing.assert_allclose([low, high], [-3, np.log10(0.5)])


def test_the_figure_shows_what_is_in_the_rows(tables):
    figure = figures.small_theory_figure(tables)
    axes = figure.axes
    assert len(axes) == 8
    lines = tables["committed_lines"]
    drawn = [line.get_ydata() for line in axes[0].lines if len(line.get_ydata()) == 100]
    assert len(drawn) == 3
    for found, steps in zip(drawn, (2, 4, 10), strict=True):
        np.testing.assert_allclose(found, lines[lines["steps"] == steps]["kl"])
    np.testing.assert_allclose(
        axes[1].lines[0].get_ydata(), tables["cvae_lines"]["theory"]
    )
    assert axes[2].get_title("left").endswith("flat along $z_2$")
    assert axes[3].get_title("left").endswith("not flat")
    assert any("exactly 0" in text.get_text() for text in axes[4].texts)
    levels = [line.get_ydata()[0] for line in axes[5].lines]
    assert np.log(2) in levels
    np.testing.assert_allclose(
        axes[6].lines[0].get_ydata(), tables["one_bit_lines"]["rate"]
    )
    assert any("50% active" in text.get_text() for text in axes[7].texts)
    figure.savefig(io.BytesIO(), dpi=30)
