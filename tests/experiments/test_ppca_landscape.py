"""The landscape of Lucas et al.: against printed formulas and numbers, and training."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from experiments._claims.ppca_landscape import plateau, verdicts_of
from experiments._parts import landscape_theory as theory
from experiments._parts import landscape_training as training_of
from vae_jax import analytic, assembly, figures, training


@pytest.fixture(scope="module")
def eigenvalues():
    return analytic.eigenvalues(theory.images_of("digits"))


@pytest.fixture(scope="module")
def corner(eigenvalues):
    return theory.curvatures(eigenvalues)


@pytest.fixture(scope="module")
def units(eigenvalues):
    return theory.over_units(eigenvalues, 10, 50)


def printed(a, b, first, second, variance):
    """The gain as a formula of the plane alone, which needs no other column."""
    square = a**2 + b**2
    gained = (first * a**2 + second * b**2) / (variance * (variance + square))
    return (gained - np.log1p(square / variance)) / 2


def test_surfaces_are_the_formula(eigenvalues):
    steps = np.linspace(-theory.REACH, theory.REACH, theory.POINTS)
    a, b = np.meshgrid(steps, steps, indexing="ij")
    found = theory.surfaces(eigenvalues)
    assert list(found) == ["8", "6", "4"]
    for level, gain in found.items():
        variance = eigenvalues[int(level) - 1]
        expected = printed(a, b, eigenvalues[4], eigenvalues[6], variance)
        # stored in float32
        np.testing.assert_allclose(gain, expected, rtol=2e-6, atol=2e-7)


def test_corners_are_the_known_numbers(corner):
    """Of an independent implementation on the same digits, to four digits."""
    known = [[3.3712, 1.0405], [0.7628, -0.5296], [-0.7916, -1.2333]]
    found = corner[["curvature 5", "curvature 7"]]
    np.testing.assert_allclose(found, known, atol=6e-5)
    np.testing.assert_allclose(corner["top"], [0.3155, 0.2015, 0], atol=6e-5)
    np.testing.assert_allclose(corner["gain at top"], [0.0612, 0.0069, 0], atol=6e-5)


def test_saddles_are_counted_by_eigenvalues(eigenvalues, corner):
    above = [(eigenvalues[4:] > variance).sum() for variance in corner["variance"]]
    assert above == [3, 1, 0]
    for name in ("likelihood saddles", "elbo saddles", "saddles of both"):
        assert corner[name].tolist() == above


def test_likelihoods_are_the_known_numbers(units):
    best = units.set_index("units")
    known = {1: -3.748, 2: 0.006, 5: 8.908, 10: 17.452, 20: 27.277, 30: 34.192}
    for count, value in (known | {50: 55.958}).items():
        assert best["log_likelihood"][count] == pytest.approx(value, abs=6e-4)
    held = {1: -27.748, 2: -15.869, 5: 5.172, 10: 17.452, 20: 22.929, 40: 23.281}
    for count, value in held.items():
        assert best["frozen_log_likelihood"][count] == pytest.approx(value, abs=6e-4)
    assert plateau(units) == 29


def params_of(draw, features, latent):
    def array(*shape):
        return jnp.asarray(draw.normal(size=shape) / 2, jnp.float32)

    return {
        "encoder": {
            "mean": {"kernel": array(features, latent), "bias": array(latent)},
            "logvar": array(latent),
        },
        "decoder": {
            "output": {"kernel": array(latent, features), "bias": array(features)}
        },
        "likelihood": {"logvar": jnp.float32(-0.7)},
    }


def test_exact_terms_are_the_sampled_ones_on_average():
    """Biases and all, by many samples of z, within five standard errors."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 6)).astype(np.float32)
    x -= x.mean(axis=0)
    config = training_of.configs_of(x, 3)[0]
    kit = assembly.kit(config)
    params = params_of(draw, 6, 3)
    terms = training_of.exact_terms(params, jnp.asarray(x.T @ x / 40))
    objective = training.make_objective(kit.vae, kit.density)
    one = jax.jit(
        lambda key: objective(
            params,
            jnp.asarray(x),
            training.StepHyper(1.0),
            training.StepKeys.from_key(key, 40),
        )[1]
    )
    found = jax.vmap(one)(jax.random.split(jax.random.key(0), 2000))
    np.testing.assert_allclose(found.rate.mean(), terms.rate, rtol=1e-5)
    means = np.asarray(found.distortion.mean(axis=1), np.float64)
    error = means.std() / np.sqrt(len(means))
    assert means.mean() == pytest.approx(float(terms.distortion), abs=5 * error)


def test_the_analytic_step_is_the_gradient_of_the_exact_terms():
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    sampled, exact = (training_of.configs_of(x, 2)[i] for i in (0, 3))
    assert [c["batch_size"] for c in (sampled, exact)] == [128, 1]
    exact = exact.changed(num_steps=200)
    job = training_of.make_job(exact)
    key = training.member_key(0)
    state = job.program.init(key, job.hyper, job.splits)
    start = state.train.params
    moved, info = jax.jit(job.program.step)(state, 0, key, job.hyper, job.splits)
    centred = x - x.mean(axis=0)
    covariance = jnp.asarray(centred.T @ centred / 30)

    def loss(params):
        return training_of.exact_terms(params, covariance).objective

    assert float(info.loss) == pytest.approx(float(loss(start)), rel=1e-5)
    slopes = jax.grad(loss)(start)
    for after, before, slope in zip(
        *map(jax.tree.leaves, (moved.train.params, start, slopes)), strict=True
    ):
        # the first step of Adam has the size of the rate, against the gradient
        slope = np.asarray(slope)
        strong = np.abs(slope) > 1e-4
        change = np.asarray(after - before)[strong]
        np.testing.assert_allclose(change, -1e-2 * np.sign(slope[strong]), rtol=1e-2)


@pytest.fixture
def trained():
    curves = pd.DataFrame(
        {"training": way, "seed": seed, "step": step, "gap": gap}
        for way, gaps in {
            "analytic": (9.0, 0.05, 1e-4),
            "samples of z": (9.0, 0.5, 0.02),
        }.items()
        for seed in (0, 1)
        for step, gap in zip((0, 100, 200), gaps, strict=True)
    )
    grams = pd.DataFrame(
        {"training": ["analytic"], "seed": [0], "off": [1e-4], "diagonal": [1e-3]}
    )
    return {
        "curves": curves,
        "grams": grams.assign(**{"variance": 0.1, "noise theory": 0.1}),
    }


def test_every_claim_holds_of_the_theory(corner, units, trained):
    rows = {"corner": corner, "units": units, **trained}
    failed = [one.claim for one in verdicts_of(**rows) if not one.holds]
    assert failed == []


@pytest.mark.parametrize(
    ("table", "column", "value", "claim"),
    [
        ("corner", "curvature 7", 0.5, "unstable along an eigenvector"),
        ("corner", "curvature 5", 3.4, "its curvature"),
        ("corner", "slope at top", 1e-3, "its top is at"),
        ("corner", "elbo saddles", 0.0, "no trap"),
        ("units", "elbo", 3.0, "is the log marginal likelihood"),
        ("units", "frozen_active", 50, "gain nothing"),
        ("units", "eigenvalues_above", 30, "gain nothing"),
        ("curves", "gap", 0.01, "by the analytic ELBO ends"),
        ("curves", "gap", 0.2, "is slower"),
        ("grams", "off", 0.006, "principal axes"),
    ],
)
def test_every_claim_can_fail(corner, units, trained, table, column, value, claim):
    rows = {"corner": corner, "units": units, **trained}
    rows[table] = rows[table].assign(**{column: value})
    failed = [one.claim for one in verdicts_of(**rows) if not one.holds]
    assert any(claim in one for one in failed)


def test_the_figure_shows_what_is_in_the_rows(eigenvalues, corner, units, trained):
    plane = theory.surfaces(eigenvalues)
    figure = figures.landscape_figure(
        plane, theory.REACH, units, trained["curves"], corner, units
    )
    above, below = (part.axes for part in figure.subfigs)
    words = ["both ways", "one way", "collapse"]
    for axes, word in zip(above, words, strict=True):
        assert axes.get_title("left").endswith(word)
    np.testing.assert_allclose(below[0].lines[0].get_ydata(), units["log_likelihood"])
    assert len(below) == 3
    assert any("29 eigenvalues above" in text.get_text() for text in below[0].texts)
    stars = [sum(line.get_marker() == "*" for line in axes.lines) for axes in above]
    assert stars == [2, 2, 0]
    figure.savefig(io.BytesIO(), dpi=30)


@pytest.mark.slow
def test_training_reaches_the_optimum():
    """Any seed but those of the page; ten eigenvalues, four units, 4000 steps."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=(200, 10)) * np.linspace(2.0, 0.3, 10)
    config = training_of.configs_of(x, 4)[3].changed(seed=11, num_steps=4000)
    job = training_of.make_job(config)
    key = training.member_key(11)
    state = job.program.init(key, job.hyper, job.splits)

    def one(state, t):
        return job.program.step(state, t, key, job.hyper, job.splits)

    state, _ = jax.jit(lambda s: jax.lax.scan(one, s, jnp.arange(4000)))(state)
    centred = (x - x.mean(axis=0)).astype(np.float32)
    spectrum = analytic.eigenvalues(centred)
    terms = training_of.exact_terms(
        state.train.params, jnp.asarray(centred.T @ centred / 200)
    )
    best = float(analytic.ppca(spectrum, 4).log_likelihood)
    assert -float(terms.objective) == pytest.approx(best, abs=1e-3)
