"""The path of a single sentence: its truth by other means, its verdicts, its figure."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy import integrate

from experiments import _pages, _point_rows, _point_runs, lagging_point
from experiments._claims import _point
from vae_jax import assembly, figures, likelihoods, training
from vae_jax.vae import VAE, DiagGaussian

WEIGHTS = np.array([[0.0, 1.5, -0.5], [0.3, 0.0, 2.0]])
"""Logits of two words of three, over z."""


def log_softmax(logits):
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def true_mean(tokens):
    """By adaptive quadrature in float64, the words' logits being `WEIGHTS z`."""

    def joint(z, power):
        words = log_softmax(WEIGHTS * z)[np.arange(2), tokens].sum()
        return z**power * np.exp(words - z**2 / 2)

    moments = [
        integrate.quad(joint, -12, 12, args=(power,), epsabs=1e-12)[0]
        for power in (0, 1, 2)
    ]
    mean = moments[1] / moments[0]
    return mean, np.sqrt(moments[2] / moments[0] - mean**2)


def test_the_true_mean_is_that_of_a_quadrature():
    tokens = np.array([[0, 1], [1, 2], [2, 0], [1, 0]])

    def encode(params, x):
        del params
        mean = 0.1 * jnp.float32(x.sum(-1, keepdims=True))
        return DiagGaussian(mean, jnp.zeros((len(x), 1)))

    def decode(params, z, x):
        del params, x
        return jnp.asarray(WEIGHTS, jnp.float32)[None] * z[:, :, None]

    def log_prob(logits, x):
        return likelihoods.categorical_log_prob(logits, x)

    vae = VAE(lambda key: {}, encode, decode)
    density = likelihoods.Likelihood(log_prob, None, None)
    observe = _point_runs.observer(vae, density)
    splits = training.Splits(jnp.asarray(tokens), jnp.asarray(tokens))
    found = jax.jit(observe)({}, None, None, splits)
    expected = np.array([true_mean(one) for one in tokens])
    assert np.ptp(expected[:, 0]) > 0.5
    np.testing.assert_allclose(found["model"], expected[:, 0], atol=1e-5)
    np.testing.assert_allclose(found["width"], expected[:, 1], atol=1e-5)
    np.testing.assert_allclose(found["encoder"], 0.1 * tokens.sum(axis=1), rtol=1e-6)
    assert float(found["edge"]) < 1e-12


def test_loop_and_step_move_one_of_the_two_each():
    """Between two observed steps the point is where the corners of the path are."""
    basic, aggressive = _point_runs.configs_of(smoke=True)
    assert [_point_runs.way_of(one) for one in (basic, aggressive)] == [
        "basic",
        "aggressive",
    ]
    job, kit = assembly.job(aggressive), assembly.kit(aggressive)
    own = jnp.asarray(job.splits.train)[: _point_runs.POINTS]
    splits = training.Splits(own, own)
    program = _point_runs.aggressive_program(aggressive, kit, job.program)

    def loss(params, batch, hyper, keys):
        now = assembly.objective(hyper.settings, kit.vae, kit.density, kit.facts)
        return now(params, batch, hyper, keys)

    settle = training.make_settle(
        loss, aggressive.optimizer.make(), kit.prepare, aggressive.batch_size
    )
    key = training.member_key(0)

    @jax.jit
    def once(state, t):
        settled, loops = settle(state, t, key, job.hyper, splits)
        after, _ = program.step(state, t, key, job.hyper, splits)
        return settled.params, loops, after

    state = program.init(key, job.hyper, splits)
    for t in range(2):
        before = state.train.params
        settled, loops, state = once(state, jnp.int32(t))
        assert int(loops) >= 30  # two windows of fifteen at least
        after = state.train.params
        assert equal(settled["decoder"], before["decoder"])
        assert not equal(settled["encoder"], before["encoder"])
        assert equal(settled["encoder"], after["encoder"])
        assert not equal(settled["decoder"], after["decoder"])
    # whatever the information did at the ends of these epochs
    assert bool(state.judgement.aggressive)


def equal(one, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


def test_every_run_sees_the_same_fifty_sentences_alone():
    config = _point_runs.configs_of(smoke=True)[0]
    whole, job = assembly.job(config), _point_runs.make_job(config)
    assert job.splits.train.shape == (50, whole.splits.train.shape[1])
    np.testing.assert_array_equal(job.splits.train, whole.splits.train[:50])
    assert config["batch_size"] == 50


SENTENCES = np.linspace(-1, 1, 6)


def rows(way, model, encoder, steps, seed):
    at, point = np.indices(model.shape)
    return pd.DataFrame(
        {"training": way, "seed": seed, "point": point.ravel()}
        | {"step": np.asarray(steps)[at.ravel()]}
        | {"model": model.ravel(), "encoder": encoder.ravel()}
    )


@pytest.fixture
def path():
    """Two seeds as the claims have them: loops end on the diagonal from the eighth on."""
    heights = np.array([0, 0.2, 0.5, 1.0, 0.6, 0.2])
    basic = heights[:, None] * SENTENCES
    swing = np.array([0.0] * 7 + [1, -1, 1, -1, 1, -1])
    model = swing[:, None] * 2 + np.abs(swing)[:, None] * SENTENCES
    encoder = np.vstack([np.zeros((1, 6)), model[:-1]])
    parts = []
    for seed in (0, 1):
        still = np.full(basic.shape, 1e-4)
        parts.append(rows("basic", basic, still, range(0, 60, 10), seed))
        parts.append(rows("aggressive", model, encoder, range(13), seed))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def checks(path):
    steps = path[["training", "seed", "step"]].drop_duplicates()
    return steps.assign(rate=1.2, edge=1e-15)


def failed(path, checks):
    return [one.claim for one in _point.judged(path, checks) if not one.holds]


def changed(path, way, column, change, seed=1, where=None):
    found = path.copy()
    at = (found["training"] == way) & (found["seed"] == seed)
    if where is not None:
        at &= where(found)
    found.loc[at, column] = change(found.loc[at, column])
    return found


def test_claims_that_are_true_hold(path, checks):
    assert len(_point.judged(path, checks)) == 13
    assert failed(path, checks) == []


@pytest.mark.parametrize(
    ("way", "column", "change", "where", "words"),
    [
        ("basic", "model", lambda x: x + 0.1, lambda t: t["step"] == 0, "Every path"),
        ("basic", "model", lambda x: 0.2 * x, None, "Basic: the true posterior's mean"),
        ("basic", "encoder", lambda y: y, None, None),
        (
            "basic",
            "model",
            lambda x: 4 * x,
            lambda t: t["step"] == t.loc[t["training"] == "basic", "step"].max(),
            "Basic: in the end",
        ),
        ("aggressive", "encoder", lambda y: 0.5 * y, None, "an inner loop moves"),
        ("aggressive", "encoder", lambda y: -y, None, "inner loops end near"),
        ("aggressive", "encoder", lambda y: 0.7 * y, None, "median slope"),
        ("aggressive", "encoder", lambda y: 0.5 * y, None, "half of a path"),
        ("aggressive", "encoder", lambda y: 0 * y, None, "by the tenth inner loop"),
    ],
)
def test_every_verdict_can_fail(path, checks, way, column, change, where, words):
    found = failed(changed(path, way, column, change, where=where), checks)
    if words is None:
        assert found == []
    else:
        assert any(words in claim for claim in found), found


def test_an_encoder_that_moves_is_none_that_lags(path, checks):
    own = path["training"] == "basic"
    moved = path.copy()
    moved.loc[own, "encoder"] = 0.2 * moved.loc[own, "model"]
    found = failed(moved, checks)
    assert [claim.partition(":")[2][:12] for claim in found] == [
        " the encoder",
        " a path is a",
    ]


def test_an_encoder_that_mixes_the_sentences_up_does_not_agree(path, checks):
    mirror = path.copy()
    own = (mirror["training"] == "aggressive") & (mirror["seed"] == 0)
    level = mirror[own].groupby("step")["encoder"].transform("mean")
    mirror.loc[own, "encoder"] = 2 * level - mirror.loc[own, "encoder"]
    found = failed(mirror, checks)
    assert any("median correlation" in claim for claim in found)
    assert any("median slope" in claim for claim in found)


def test_a_late_take_off_fails_only_that(path, checks):
    """Every loop before it is out of what is said of the diagonal."""
    own = path["training"] == "aggressive"
    late = path.copy()
    late.loc[own, "step"] += 3
    first = late[own & (late["step"] == 3)]
    parts = [first.assign(step=step) for step in range(3)]
    found = failed(pd.concat([late, *parts], ignore_index=True), checks)
    assert len(found) == 1
    assert "by the tenth inner loop" in found[0]


def test_rates_and_the_grid_are_judged(path, checks):
    low = checks.assign(rate=np.where(checks["step"] == 12, 0.7, 1.2))
    (found,) = failed(path, low)
    assert found.endswith("end with a KL")
    (found,) = failed(path, checks.assign(edge=1e-3))
    assert found.startswith("The grid of z")


def test_without_a_take_off_nothing_is_said_of_the_diagonal(path, checks):
    still = path.copy()
    still.loc[still["training"] == "aggressive", "encoder"] = 0.0
    claims = [one.claim for one in _point.judged(still, checks)]
    assert not any("take-off" in claim or "took off" in claim for claim in claims)
    assert len(failed(still, checks)) == 1
    seed, window, _ = _point_rows.shown_of(still)
    assert (seed, window) == (0, (7, 12))


def test_gaps_moves_and_shares_by_hand():
    model = np.array([[0.0, 0.0], [2.0, -2.0], [-1.0, 1.0]])
    encoder = np.array([[0.0, 0.0], [0.0, 0.0], [1.5, -1.5]])
    means = _point_rows.Means(model, encoder)
    assert _point_rows.take_off(means) == 1
    opened, move, left = _point_rows.loops_of(means)
    assert opened.tolist() == [[2.0, -2.0]]
    assert move.tolist() == [[1.5, -1.5]]
    assert left.tolist() == [[0.5, -0.5]]
    # down the paths: 1.5 of 1.5 + 2 + 3, and from the take-off on of 1.5 + 3
    assert _point_rows.vertical_share(means) == pytest.approx(1.5 / 6.5)
    assert _point_rows.vertical_share(means, 1) == pytest.approx(1.5 / 4.5)


def test_rows_are_the_snapshots_of_the_runs():
    runs = pd.DataFrame(
        [
            {"inference": way, "seed": 4, "num_steps": 3}
            | {"snapshots/model": [[1.0, 2.0], [3.0, 4.0]]}
            | {"snapshots/encoder": [[5.0, 6.0], [7.0, 8.0]]}
            | {"snapshots/rate": [0.1, 0.2], "snapshots/edge": [0.0, 1e-9]}
            for way in _point_rows.WAYS
        ]
    )
    moments = {"basic": (0, 10), "aggressive": (2,)}
    path = _point_rows.path_of(runs, moments)
    assert path["step"].tolist() == [0, 0, 3, 3, 2, 2, 3, 3]
    assert path["model"].tolist() == [1, 2, 3, 4] * 2
    assert path["encoder"].tolist() == [5, 6, 7, 8] * 2
    checks = _point_rows.checks_of(runs, moments)
    assert checks["rate"].tolist() == [0.1, 0.2] * 2
    means = _point_rows.means_of(path, "aggressive")[4]
    assert means.encoder.tolist() == [[5, 6], [7, 8]]


def drawn(path):
    seed, window, points = _point_rows.shown_of(path)
    own = path[path["seed"] == seed]
    tables = _point_rows.spreads_of(path), _point_rows.gaps_of(path)
    return figures.point_figure(own, *tables, points, window, "a title")


def test_the_figure_shows_what_the_rows_say(path):
    seed, window, points = _point_rows.shown_of(path)
    assert (seed, window) == (0, (7, 12))
    assert points == [0, 3, 5]
    figure = drawn(path)
    panels = np.reshape(figure.axes, (2, 4))
    for axes, point in zip(panels[0], points, strict=False):
        line = axes.lines[-3]
        np.testing.assert_allclose(
            line.get_xdata(), [0, *SENTENCES[point] * np.array([0.2, 0.5, 1, 0.6, 0.2])]
        )
        assert axes.texts[0].get_text() == "step 30"
    model = _point_rows.means_of(path, "aggressive")[0].model
    for axes, point in zip(panels[1], points, strict=False):
        arrows = [text for text in axes.texts if text.arrow_patch is not None]
        assert len(arrows) == 10  # five loops and five steps
        for number, arrow in enumerate(arrows):
            (x, y), (end_x, end_y) = arrow.xyann, arrow.xy
            now = 7 + number // 2
            is_loop = number % 2 == 0
            # up or down to the diagonal, then sideways to the next mean of the model
            assert (x == end_x) == is_loop
            assert (y == end_y) != is_loop
            assert end_y == pytest.approx(model[now, point])
            assert end_x == pytest.approx(model[now + 1 - is_loop, point])
            colour = figures._point.ENCODER if is_loop else figures._point.DECODER
            assert to_rgb(arrow.arrow_patch.get_edgecolor()) == to_rgb(colour[0])


def test_the_curves_of_the_figure_are_the_distances(path):
    figure = drawn(path)
    curves = {line.get_label(): line for line in figure.axes[-1].lines}
    left = curves["after it"]
    assert left.get_xdata().tolist() == list(range(1, 13))
    assert left.get_ydata().tolist() == [0.0] * 12
    opened = curves["before the inner loop"].get_ydata()
    assert opened[7:9] == pytest.approx([2, 4])


def test_the_page_is_drawn_from_saved_rows_alone(path, checks, tmp_path, monkeypatch):
    monkeypatch.setattr(_pages, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(_pages, "FIGURES", tmp_path)
    page = tmp_path / "results" / lagging_point.NAME
    _pages.save_rows(page, path=path, checks=checks)
    _pages.redraw_page(lagging_point.NAME, lagging_point.draw_page, _point.of_page)
    for form in _pages.FORMS:
        assert (tmp_path / f"lagging_point{form}").stat().st_size > 5000
    verdicts = pd.read_csv(page / "verdicts.csv")
    assert verdicts["holds"].all()
    assert verdicts["claim"].is_unique
