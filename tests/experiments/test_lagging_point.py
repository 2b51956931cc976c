"""The page of a single sentence's path: its verdicts, and its figure."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from experiments import _pages, lagging_point
from experiments._claims import lagging_point as claims
from experiments._parts import point_rows
from vae_jax import figures

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
    return [one.claim for one in claims.judged(path, checks) if not one.holds]


def changed(path, way, column, change, seed=1, where=None):
    found = path.copy()
    at = (found["training"] == way) & (found["seed"] == seed)
    if where is not None:
        at &= where(found)
    found.loc[at, column] = change(found.loc[at, column])
    return found


def test_claims_that_are_true_hold(path, checks):
    assert len(claims.judged(path, checks)) == 13
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
    names = [one.claim for one in claims.judged(still, checks)]
    assert not any("take-off" in claim or "took off" in claim for claim in names)
    assert len(failed(still, checks)) == 1
    seed, window, _ = point_rows.shown_of(still)
    assert (seed, window) == (0, (7, 12))


def test_gaps_moves_and_shares_by_hand():
    model = np.array([[0.0, 0.0], [2.0, -2.0], [-1.0, 1.0]])
    encoder = np.array([[0.0, 0.0], [0.0, 0.0], [1.5, -1.5]])
    means = point_rows.Means(model, encoder)
    assert point_rows.take_off(means) == 1
    opened, move, left = point_rows.loops_of(means)
    assert opened.tolist() == [[2.0, -2.0]]
    assert move.tolist() == [[1.5, -1.5]]
    assert left.tolist() == [[0.5, -0.5]]
    # down the paths: 1.5 of 1.5 + 2 + 3, and from the take-off on of 1.5 + 3
    assert point_rows.vertical_share(means) == pytest.approx(1.5 / 6.5)
    assert point_rows.vertical_share(means, 1) == pytest.approx(1.5 / 4.5)


def drawn(path):
    seed, window, points = point_rows.shown_of(path)
    own = path[path["seed"] == seed]
    tables = point_rows.spreads_of(path), point_rows.gaps_of(path)
    return figures.point_figure(own, *tables, points, window, "a title")


def test_the_figure_shows_what_the_rows_say(path):
    seed, window, points = point_rows.shown_of(path)
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
    model = point_rows.means_of(path, "aggressive")[0].model
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
    _pages.redraw_page(lagging_point.NAME, lagging_point.draw_page, claims.of_page)
    for form in _pages.FORMS:
        assert (tmp_path / f"lagging_point{form}").stat().st_size > 5000
    verdicts = pd.read_csv(page / "verdicts.csv")
    assert verdicts["holds"].all()
    assert verdicts["claim"].is_unique
