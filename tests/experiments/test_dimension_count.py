"""Dimensions that a VAE counts: data, losses and counts of the page, against other ways."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from experiments import dimension_count as page
from experiments._claims.dimension_count import verdicts_of
from experiments._parts import dimension_cases as cases
from experiments._parts import dimension_runs as runs
from vae_jax import analytic, figures, training


def told(kind, case, seed=0):
    config = page.configs_of(kind, False)[0]
    return cases.settings_of(kind, config.changed(seed=cases.PER_CASE * case + seed))


@pytest.mark.parametrize("kind", cases.SOURCES)
def test_data_have_the_dimensions_that_they_are_said_to(kind):
    for number, case in enumerate(cases.SOURCES[kind].cases):
        given = told(kind, number)
        x = np.asarray(runs.examples(kind, jax.random.key(0), given, 500))
        free = case.coordinates + (kind == "sigmoid")
        assert (x[:, free:] == 0).all()
        assert (x[:, :free] != 0).any(axis=0).all()
        assert given.features.sum() == case.features
        assert given.units.sum() == case.units
        if cases.SOURCES[kind].shape == "sphere":
            np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-5)
        if kind == "sigmoid":
            share = 1 / (1 + np.exp(-x @ given.slope))
            np.testing.assert_allclose(x[:, case.coordinates], share, rtol=1e-5)
        if kind == "linear":
            covariance = given.mixing @ given.mixing.T
            assert np.linalg.matrix_rank(covariance) == case.coordinates


def test_data_on_their_support_are_no_distance_from_it():
    for kind in cases.SOURCES:
        given = told(kind, 1)
        x = runs.examples(kind, jax.random.key(1), given, 50)
        apart = runs.off_support(kind, x, given)
        assert float(apart["padding"]) == 0
        assert float(apart["manifold"]) < 1e-10
        moved = runs.off_support(kind, x + 0.1, given)
        lacking = (
            x.shape[1]
            - {"sigmoid": 1}.get(kind, 0)
            - cases.SOURCES[kind].cases[1].coordinates
        )
        # of all features; the decoder draws none that a case lacks
        assert float(moved["padding"]) == pytest.approx(0.01 * lacking, rel=1e-4)


def random_params(kind, given, seed=3):
    params = runs.init_params(kind, jax.random.key(seed), given)
    draw = np.random.default_rng(seed)

    def noise(leaf):
        drawn = draw.normal(size=leaf.shape)
        return leaf + 0.1 * jnp.asarray(drawn, jnp.float32)

    return jax.tree.map(noise, params)


def without_biases(params):
    def zeroed(path, leaf):
        name = jax.tree_util.keystr(path)
        return 0 * leaf if "bias" in name else leaf

    return jax.tree_util.tree_map_with_path(zeroed, params)


@pytest.mark.parametrize("case", [0, 5])
def test_a_masked_model_is_the_small_one(case):
    """The objective of the case's own matrices, which have no mask."""
    given, own = told("linear", case), cases.SOURCES["linear"].cases[case]
    params = without_biases(random_params("linear", given))
    hyper = training.StepHyper(1.0, settings=given)
    loss, terms = runs.exact(params, jnp.zeros((2, 20)), hyper, None)
    (up,), (down,) = params["encoder"]["mean"], params["decoder"]["linear"]
    mixing = given.mixing[: own.features, : own.features]
    expected = analytic.linear_vae_objective(
        down["weights"][: own.units, : own.features].T,
        up["weights"][: own.features, : own.units].T,
        jnp.exp(params["encoder"]["logvar"][: own.units]),
        mixing @ mixing.T,
        1.0,
        jnp.exp(params["logvar"]),
    )
    np.testing.assert_allclose(loss, 2 * [expected.objective], rtol=1e-5)
    np.testing.assert_allclose(terms.rate[0], expected.rate, rtol=1e-5)


def test_samples_are_the_closed_form_on_average():
    given = told("linear", 3)
    params = without_biases(random_params("linear", given))
    hyper, count = training.StepHyper(1.0, settings=given), 200_000
    x = runs.examples("linear", jax.random.key(0), given, count)
    keys = training.StepKeys.from_key(jax.random.key(1), count)
    loss = np.asarray(jax.jit(runs.sampled)(params, x, hyper, keys)[0], np.float64)
    expected = float(runs.exact(params, x[:1], hyper, None)[0][0])
    error = loss.std() / np.sqrt(count)
    assert loss.mean() == pytest.approx(expected, abs=5 * error)


@pytest.mark.parametrize("kind", cases.SOURCES)
def test_what_a_case_lacks_has_no_gradient_and_no_share(kind):
    lacked = set()
    for number in range(len(cases.SOURCES[kind].cases)):
        given = told(kind, number)
        units, features = given.units == 0, given.features == 0
        lacked |= {("units", bool(units.any())), ("features", bool(features.any()))}
        slopes = slopes_of(kind, given)
        first, last = slopes["encoder"]["mean"][0], slopes["encoder"]["mean"][-1]
        assert (first["weights"][features] == 0).all()
        assert (last["weights"][:, units] == 0).all()
        assert (slopes["encoder"]["logvar"][units] == 0).all()
        for layers in slopes["decoder"].values():
            assert (layers[0]["weights"][units] == 0).all()
            assert (layers[-1]["weights"][:, features] == 0).all()
            assert (layers[-1]["bias"][features] == 0).all()
    # some case of every source lacks one or the other, else nothing was asked
    assert ("units", True) in lacked or ("features", True) in lacked


def slopes_of(kind, given):
    """Of the loss of a few examples."""
    hyper = training.StepHyper(1.0, settings=given)
    x = runs.examples(kind, jax.random.key(0), given, 8)
    keys = training.StepKeys.from_key(jax.random.key(1), 8)

    def loss(p):
        return jnp.mean(runs.sampled(p, x, hyper, keys)[0])

    return jax.jit(jax.grad(loss))(random_params(kind, given))


def test_the_reach_of_a_linear_unit_is_the_norm_of_its_column():
    given = told("linear", 0)
    params = random_params("linear", given)
    found = runs.measured("linear", params, jax.random.key(0), given)
    own = params["decoder"]["linear"][0]["weights"] * given.features[None]
    norms = np.linalg.norm(own, axis=1) * given.units
    np.testing.assert_allclose(found["reach"], norms, rtol=1e-5)
    variance = np.exp(params["encoder"]["logvar"])
    np.testing.assert_allclose(found["posterior_variance"], variance, rtol=1e-6)


def test_a_run_is_counted_by_hand():
    config = page.configs_of("linear", False)[-1]  # 12 in 20 with 10 units, seed 2
    variance = np.full(20, 1.0)
    variance[:3] = [0.05, 1e-6, 0.0999]
    reach = np.zeros(20)
    reach[:4] = [0.31, 0.29, 2.0, 1.0]
    run = {"posterior_variance": variance, "reach": reach, "decoder_variance": 0.01}
    run |= {"padding": 0.5, "manifold": 0.0, "distortion": 1.0, "rate": 2.0}
    row = page.run_of("linear", run, config)
    assert (row["true_dim"], row["features"], row["units"]) == (12, 20, 10)
    assert row["seed"] == 2
    assert row["counted"] == 3
    # above 9 times the variance of 0.01: 0.31, 2 and 1
    assert row["reached"] == 3
    assert row["largest counted"] == 0.0999
    assert row["least other"] == 1.0
    given = cases.settings_of("linear", config)
    spectrum = np.linalg.eigvalsh(given.mixing @ given.mixing.T)[::-1]
    assert row["variance theory"] == pytest.approx(spectrum[10:].mean(), rel=1e-3)


def test_spheres_have_a_dimension_less_than_coordinates():
    config = page.configs_of("sphere", False)[0]
    run = {"posterior_variance": np.ones(16), "reach": np.zeros(16)}
    run |= {"decoder_variance": 0.3, "padding": 0.0, "manifold": 0.0}
    row = page.run_of("sphere", run | {"distortion": 0.0, "rate": 0.0}, config)
    assert (row["true_dim"], row["counted"]) == (2, 0)
    assert np.isnan(row["variance theory"])


@pytest.fixture
def table():
    rows = []
    for kind, source in cases.SOURCES.items():
        for case in source.cases:
            true_dim = source.dimensions(case)
            few = case.units < true_dim
            rows.append(
                {"source": kind, "true_dim": true_dim, "seed": 0}
                | {"features": case.features, "units": case.units}
                | {"counted": min(true_dim, case.units), "reached": true_dim}
                | {"decoder_variance": 0.07 if few else 1e-7, "padding": 1e-5}
                | {"manifold": 0.0, "largest counted": 1e-4, "least other": 0.99}
                | {"variance theory": 0.07 if few else 0.0}
            )
    return pd.DataFrame(rows)


def test_every_claim_holds_where_all_is_right(table):
    assert all(one.holds for one in verdicts_of(table))


@pytest.mark.parametrize(
    ("column", "source", "value", "failed"),
    [
        ("counted", "linear", 4, [0]),
        ("reached", "linear", 4, [0]),
        ("decoder_variance", "linear", 0.08, [1, 3]),
        ("padding", "linear", 0.1, [2]),
        ("counted", "sigmoid", 2, [4, 5]),
        ("counted", "sphere", 9, [7]),
        ("counted", "sphere_narrow", 1, [8, 9]),
    ],
)
def test_every_claim_can_fail(table, column, source, value, failed):
    table.loc[table["source"] == source, column] = value
    found = [i for i, one in enumerate(verdicts_of(table)) if not one.holds]
    assert found == failed


def test_the_figure_shows_every_run(table):
    units = pd.DataFrame(
        {"source": "linear", "true_dim": 3, "features": 12, "seed": seed, "unit": unit}
        | {"posterior_variance": 1e-6 if unit < 4 else 1.0}
        for seed in (0, 1)
        for unit in (1, 2, 3, 4, 5)
    )
    figure = figures.dimensions_figure(table, units)
    lines, counts, support = figure.axes
    steps = [line for line in lines.lines if len(line.get_xdata()) == 5]
    assert len(steps) == 2
    np.testing.assert_allclose(steps[0].get_ydata(), 3 * [1e-6] + 2 * [1.0])
    numbers = sum(int(text.get_text()) for text in counts.texts)
    assert numbers == len(table)
    words = [text.get_text() for text in support.texts]
    assert words == [
        "linear",
        "sigmoid",
        "sphere, from exp(-3)",
        "sphere, from exp(-6)",
    ]
    assert {*table["source"]} == {*cases.SOURCES}
    figure.savefig(io.BytesIO(), dpi=30)


@pytest.mark.slow
def test_three_dimensions_in_twelve_features_are_counted():
    """A seed that the page has not; a larger rate for fewer steps."""
    config = page.configs_of("linear", False)[0].changed(seed=41, learning_rate=5e-3)
    job = runs.make_job("linear", True)(config)
    key = training.member_key(41)
    state = job.program.init(key, job.hyper, job.splits)

    def one(state, t):
        return job.program.step(state, t, key, job.hyper, job.splits)

    state, _ = jax.jit(lambda s: jax.lax.scan(one, s, jnp.arange(6000)))(state)
    found = job.program.evaluate(state, key, job.hyper, job.splits)
    assert int((np.asarray(found["posterior_variance"]) < page.NEAR_ZERO).sum()) == 3
    assert float(found["decoder_variance"]) < 1e-4
