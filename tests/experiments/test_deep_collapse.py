"""The page about the deep VAE's collapse: closed forms, its runs, its figure."""

import io
import math

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments import deep_collapse as page
from experiments._claims import deep_collapse as judging
from experiments._parts import collapse_theory as theory
from experiments._parts.started_gaussian import StartedGaussian
from vae_jax import analytic, diagnostics, figures
from vae_jax.records import Facts

SPECTRUM = np.array([0.7, 0.3, 0.15, 0.05, 0.01, 0.01])


def test_the_quantile_is_that_of_scipy():
    assert pytest.approx(stats.chi2.ppf(0.99, 1), abs=1e-6) == theory.CHI2_99


def test_a_linear_vae_on_gaussian_data_collapses_where_the_theory_says():
    """Encoded samples, and the library's own curve, on both sides of every step."""
    variance, latent = 0.1, 4
    steps = theory.collapse_thresholds(SPECTRUM, latent, variance)
    optimum = analytic.linear_vae_optimum(jnp.float32(SPECTRUM), latent, 1.0, variance)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 6)) * np.sqrt(SPECTRUM)
    mean = x[:, :latent] * np.asarray(optimum.encoder)
    d = np.asarray(optimum.posterior_variance)
    kl = (mean**2 + d - np.log(d) - 1) / 2
    ordered = np.sort(steps)
    assert ordered[0] == pytest.approx(0, abs=1e-6)
    for number, step in enumerate(ordered[1:], start=1):
        # 4 standard errors of the quantile are 8 % of the part that varies
        eps = jnp.float32([0.92 * step, 1.08 * step])
        found = diagnostics.collapse_curve(jnp.float32(kl), eps)
        np.testing.assert_allclose(found, [number / latent, (number + 1) / latent])
    np.testing.assert_allclose(
        theory.collapse_share(steps, np.array([1e-3, 99.0])), [1 / latent, 1]
    )


def test_the_error_of_a_pixel_comes_back_from_the_distortion():
    rng = np.random.default_rng(1)
    mean, x, variance = rng.normal(size=(5, 9)), rng.normal(size=(5, 9)), 0.3
    distortion = -stats.norm.logpdf(x, mean, math.sqrt(variance)).sum(axis=1).mean()
    found = page.mean_squared_error(distortion, variance, 9)
    assert found == pytest.approx(np.square(x - mean).mean())
    # at that variance no other is better, and it is what the table calls tuned
    tuned = 9 / 2 * (math.log(2 * math.pi * found) + 1)
    at = [-stats.norm.logpdf(x, mean, math.sqrt(v)).sum(axis=1).mean() for v in
          (found, 0.9 * found, 1.1 * found)]  # fmt: skip
    assert tuned == pytest.approx(at[0])
    assert at[0] < min(at[1:])


@pytest.mark.parametrize("learned", [0.0, 1.0])
def test_the_variance_starts_where_it_is_told_to(learned):
    density = StartedGaussian(variance=0.2, learned=learned).density(Facts((3,), 1, 9))
    x, mean = jnp.array([[0.1, 0.2, 0.3]]), jnp.zeros((1, 3))
    for own in (0.0, 0.7):
        scale = math.sqrt(0.2 * math.exp(learned * own))
        expected = stats.norm.logpdf(x, 0, scale).sum()
        found = density.log_prob((mean, jnp.float32(own)), x)
        assert float(found[0]) == pytest.approx(expected, rel=1e-5)

    def loss(own):
        return density.log_prob((mean, own), x)[0]

    slope = float(jax.grad(loss)(jnp.float32(0.0)))
    assert slope == pytest.approx(learned * (0.14 / 0.2 - 3) / 2, rel=1e-5)


def test_all_runs_are_one_program():
    configs = page.configs_of(smoke=False)
    shapes = {
        str(jax.tree.structure(page.assembly.hyper(c).settings)) for c in configs[::7]
    }
    assert len(shapes) == 1
    assert len({c.num_steps for c in configs}) == 1
    assert len(configs) == 3 * 2 * (len(page.FIXED) + len(page.STARTS))


@pytest.fixture
def ends():
    """Runs of every arm as the claims have them."""
    rows = []
    for arm in page.arms_of(paper=False):
        variance, learned = arm["variance"], arm["kind"] == "learned"
        lost = 20 if variance >= 0.7 else int(20 * variance / 0.3) * (variance > 0.01)
        cost = abs(math.log(variance / 0.01))
        for seed in page.SEEDS:
            rows.append(
                {**arm, "seed": seed, "collapsed": min(lost, 20)}
                | {"negative_elbo": cost, "tuned": cost - 1}
                | {"final": SPECTRUM.mean() if learned else variance}
            )
    return pd.DataFrame(rows)


def failed(ends):
    found = judging.verdicts_of(ends, 20, SPECTRUM)
    return [number for number, one in enumerate(found) if not one.holds]


def test_what_the_claims_describe_passes_them(ends):
    assert failed(ends) == []


@pytest.mark.parametrize(
    ("kind", "variance", "change", "number"),
    [
        ("fixed", 0.03, {"collapsed": 15}, 0),
        ("fixed", 1.0, {"collapsed": 19}, 1),
        ("fixed", 0.001, {"collapsed": 1}, 2),
        ("fixed", 0.003, {"negative_elbo": -1.0}, 3),
        ("fixed", 0.03, {"negative_elbo": 9.0}, 4),
        ("learned", 0.01, {"collapsed": 9}, 5),
        ("learned", 10.0, {"final": 0.5}, 6),
    ],
)
def test_one_seed_that_breaks_a_claim_fails_it(kind, variance, change, number, ends):
    at = (ends["kind"] == kind) & (ends["variance"] == variance) & (ends["seed"] == 1)
    at &= ~ends["warm_up"]
    for column, value in change.items():
        ends.loc[at, column] = value
    assert number in failed(ends)


def test_logits_are_those_of_pixels_with_noise(monkeypatch):
    levels = np.array([[[0, 255]], [[128, 7]]], np.uint8)

    class Part:
        images = levels

    class Set:
        train = validation = test = Part

    monkeypatch.setattr(page.data, "load", lambda name, folder: Set)
    first, second, _ = page.logit_images(None)
    share = (1 / (1 + np.exp(-np.float64(first))) - 1e-6) / (1 - 2e-6)
    np.testing.assert_array_equal(np.floor(share * 256), levels)
    # noise of its own for every split
    assert (first != second).all()
    assert np.isfinite(first).all()


def test_without_mnist_the_paper_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="mnist"):
        page.logit_images(tmp_path)


def test_the_figure_shows_every_arm(ends):
    arms = page.arms_of(paper=False)
    runs = pd.DataFrame(
        {"member": range(len(ends)), "curve": [page.EPS / 1.7] * len(ends)}
    )
    curves = page.curves_of(runs, arms)
    expected = page.theory_of(SPECTRUM, 4, arms)
    figure = figures.collapse_figure(curves, expected, ends)
    first, warm, learned, counts, _, last = figure.axes
    assert len(first.lines) == 2 * len(page.FIXED)
    assert len(warm.lines) == len(page.FIXED)
    labels = [text.get_text() for text in learned.get_legend().get_texts()]
    assert labels == ["10", "1", "0.1", "0.01", "0.001"]
    fixed = counts.lines[0]
    assert fixed.get_xdata().tolist() == sorted(page.FIXED)
    assert fixed.get_ydata()[-1] == 20
    assert len(last.texts) == len(page.STARTS)
    figure.savefig(io.BytesIO(), dpi=30)
