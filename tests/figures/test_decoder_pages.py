"""Pages of strong decoders: their claims are judged right, their figures show them."""

import math

import numpy as np
import pandas as pd
import pytest

from experiments import decoder_power, lagging_inference, text_collapse
from experiments._claims import decoder_power as power
from experiments._claims import lagging_inference as lagging
from experiments._table import correlations
from vae_jax import figures


def points(collapsed, spread=0.0):
    """A map, a row a decoder, of a table of collapsed shares."""
    return pd.DataFrame(
        [
            {
                "power": float(power),
                "beta": float(beta),
                "collapsed": share,
                "collapsed_min": share - spread / 2,
                "collapsed_max": share + spread / 2,
                "mutual_information": 1 - share,
                "threshold": 2.0 - power,
            }
            for power, line in enumerate(collapsed)
            for beta, share in enumerate(line, start=1)
        ]
    )


def test_a_fall_beyond_the_spread_is_told_and_one_within_is_not():
    assert power.falls(points([[0, 0.5, 1]]), "beta", "power") == []
    (told,) = power.falls(points([[0, 0.5, 0.25]]), "beta", "power")
    assert told == "power=0: 0.50 at beta=2, 0.25 at 3"
    assert power.falls(points([[0, 0.5, 0.25]], 0.3), "beta", "power") == []
    # a pair that is not adjacent counts as well
    assert len(power.falls(points([[0.4, 0.4, 0]]), "beta", "power")) == 2


def test_correlation_is_of_lines_that_are_not_flat():
    found = correlations(points([[0, 0, 0], [0, 0.5, 1]]), "beta", "power")
    assert found == pytest.approx([1.0])
    down = correlations(points([[1, 0.5, 0]]), "beta", "power")
    assert down == pytest.approx([-1.0])
    from scipy.stats import spearmanr

    line = [0.0, 0.0, 0.3, 0.2, 1.0]
    (tied,) = correlations(points([line]), "beta", "power")
    assert tied == pytest.approx(spearmanr(range(5), line).statistic)


@pytest.mark.parametrize("kind", decoder_power.MAPS)
def test_a_smoke_run_is_a_corner_of_every_map(kind):
    for one in decoder_power.MAPS[kind].values():
        configs = decoder_power.configs_of(one, smoke=True)
        found = {(c[one.field], c["beta"]) for c in configs}
        corner = {(p, b) for p in one.powers[:2] for b in one.betas[:2]}
        forecast = {(p, decoder_power.REFERENCE) for p in one.powers[:2]}
        assert found == corner | (forecast if one.field == "window" else set())
        whole = decoder_power.configs_of(one, smoke=False)
        assert len(whole) >= len(decoder_power.SEEDS) * len(one.powers) * len(one.betas)


def test_points_are_in_the_order_of_power_the_most_hidden_words_first():
    one = decoder_power.MAPS["text"]["LSTM"]
    runs = pd.DataFrame(
        {
            "word_dropout": [0.0, 0.0, 0.75, 0.75],
            "beta": 1.0,
            "latent_dim": 2,
            "collapsed_units": [0, 1, 2, 2],
            "active_units": [2, 1, 0, 0],
            "mutual_information": [1.0, 2.0, 0.0, 0.0],
            "rate": 1.0,
            "verdict": "healthy",
            "member": range(4),
        }
    )
    found = decoder_power.points_of(one, runs, None, [])
    assert found["power"].tolist() == [-0.75, 0.0]
    assert found["collapsed"].tolist() == [1.0, 0.25]
    assert found["collapsed_max"].tolist() == [1.0, 0.5]
    assert found["inactive"].tolist() == [1.0, 0.25]
    assert found["threshold"].isna().all()


def test_a_code_arrives_where_a_run_holds_a_nat_to_its_end():
    one = decoder_power.MAPS["text"]["LSTM"]
    runs = pd.DataFrame(
        {
            "word_dropout": [0.0, 0.0, 0.75, 0.75],
            "beta": [0.5, 0.5, 0.5, decoder_power.REFERENCE],
            "seed": [0, 1, 0, 0],
            "latent_dim": 2,
            "collapsed_units": 0,
            "active_units": 2,
            "member": range(4),
        }
    )
    steps = [50, 100, 150, 200]
    # early and lost; lost once and back; never; of the reference, which is left out
    rates = [[2.0, 2.0, 0.5, 0.9], [2.0, 0.5, 1.5, 1.1], [0.0] * 4, [2.0] * 4]
    history = pd.DataFrame(
        {
            "member": np.repeat(range(4), len(steps)),
            "step": np.tile(steps, 4),
            "rate": np.ravel(rates),
        }
    )
    found = decoder_power.arrivals_of(one, runs, history, "LSTM")
    found = found.set_index(["power", "seed"])["arrival"]
    assert found[0.0, 1] == 150
    assert found.drop((0.0, 1)).isna().all()
    assert len(found) == 3


def test_the_map_has_its_cells_and_the_forecast_at_its_beta():
    frame = points([[0.0, 0.5, 1.0], [0.25, 1.0, 1.0]])
    figure = figures.power_figure({"digits": frame}, {"digits": "pixels seen"}, 3)
    left, right = figure.axes[:2]
    cells = [text.get_text() for text in left.texts]
    assert cells[:6] == ["0.00", "0.50", "1.00", "0.25", "1.00", "1.00"]
    # beta = 2 and 1 are the second and the first column
    np.testing.assert_allclose(left.lines[-1].get_xdata(), [1, 0])
    np.testing.assert_allclose(left.lines[-1].get_ydata(), [0, 1])
    assert left.get_ylabel() == "pixels seen"
    # numbers are above the line, which the legend names
    assert min(text.get_zorder() for text in left.texts) > left.lines[-1].get_zorder()
    (legend,) = figure.legends
    assert "forecast threshold" in legend.get_texts()[0].get_text()
    assert "mean of 3 seeds" in figure.get_suptitle()
    bars = [axes.get_ylabel() for axes in figure.axes[2:]]
    assert bars == ["collapsed units, share", "information in z, nats"]
    np.testing.assert_allclose(right.lines[-1].get_xdata(), [1, 0])


def test_no_forecast_no_line():
    frame = points([[0.0, 1.0]]).assign(threshold=math.nan)
    figure = figures.power_figure({"text": frame}, {"text": "words hidden"}, 3)
    assert not figure.axes[0].lines
    assert not figure.legends


def test_agreement_of_two_means():
    rng = np.random.default_rng(0)
    model = rng.standard_normal(500)
    noise = rng.standard_normal(500)
    found = lagging_inference.agreement(model, 0.5 * model + 0.1 * noise)
    slope, _ = np.polyfit(model, 0.5 * model + 0.1 * noise, 1)
    assert found["slope"] == pytest.approx(slope)
    assert lagging_inference.agreement(model, 0 * model)["correlation"] == 0.0


def test_the_elbo_of_a_run_is_that_of_its_end():
    snapshots = {
        f"snapshots/{name}": [[np.arange(3.0)] * 2]
        for name in ("model", "encoder", "rate", "information", "active")
    }
    for name in ("rate", "information", "active"):
        snapshots[f"snapshots/{name}"] = [[0.5, 1]]
    run = {"inference": "joint", "seed": 0, "num_steps": 400}
    runs = pd.DataFrame({**run, "distortion": 30.0, "rate": 4.0, **snapshots})
    table = lagging_inference.table_of(runs, [0])
    assert table["step"].tolist() == [0, 400]
    np.testing.assert_array_equal(table["negative_elbo"], [np.nan, 34.0])


def trained():
    """A table in which every claim holds."""
    rows = []
    for way, std, rate in (("basic", 0.3, 0.0), ("aggressive", 1.0, 1.4)):
        for seed in range(3):
            for step in (0, 200, 2000, 40_000):
                first, last = step == 0, step == 40_000
                gone = way == "basic"
                rows.append(
                    {
                        "training": way,
                        "seed": seed,
                        "step": step,
                        "std_model": 0.0 if first else 0.05 if gone and last else std,
                        "std_encoder": 0.0 if first or gone else 1.0,
                        "correlation": 0.0 if gone else 0.99,
                        "slope": 0.0 if gone else 1.0,
                        "rate": rate,
                        "mutual_information": rate,
                        "active_units": 0 if gone else 1,
                        "negative_elbo": 34.6,
                    }
                )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("where", "value", "letter"),
    [
        (("basic", 0, "std_model"), 0.2, "(a)"),
        (("basic", 200, "std_model"), 0.15, "(b)"),
        (("basic", 200, "std_encoder"), 0.1, "(b)"),
        (("basic", 40_000, "std_model"), 0.2, "(c)"),
        (("basic", 40_000, "rate"), 0.02, "(c)"),
        (("aggressive", 200, "correlation"), 0.8, "(d)"),
        (("aggressive", 2000, "slope"), 1.5, "(d)"),
        (("aggressive", 200, "rate"), 0.5, "(d)"),
        (("aggressive", 2000, "mutual_information"), 0.5, "(d)"),
        (("aggressive", 2000, "active_units"), 0, "(d)"),
        (("aggressive", 40_000, "correlation"), 0.8, "(d)"),
        (("aggressive", 40_000, "negative_elbo"), 35.0, "(e)"),
    ],
)
def test_each_claim_of_he_can_fail(where, value, letter):
    assert all(one.holds for one in lagging.judged(trained()))
    (found,) = [o for o in lagging.judged(changed(where, value)) if not o.holds]
    assert found.claim.startswith(letter)


def changed(where, value):
    table = trained()
    way, step, column = where
    at = (table["training"] == way) & (table["step"] == step) & (table["seed"] == 1)
    table.loc[at, column] = value
    return table


def test_mean_space_has_a_panel_a_moment_and_the_points_in_it():
    means = np.random.default_rng(0).uniform(-1, 1, (3, 2, 7))
    figure = figures.mean_space_figure(
        {"basic": means, "mine": 4 * means}, ["0 steps", "200 steps", "end"], 5
    )
    assert "seed 5" in figure.get_suptitle()
    assert len(figure.axes) == 6
    shown = figure.axes[1].collections[0].get_offsets()
    np.testing.assert_allclose(shown, means[1].T)
    # axes of the paper where it has them, else as wide as the points
    assert figure.axes[0].get_xlim() == (-1.5, 1.5)
    assert figure.axes[3].get_xlim()[1] == pytest.approx(1.05 * 4 * np.abs(means).max())


def test_text_figure_shows_every_arm_and_every_seed():
    arms = ["VAE", "annealed", "language model"]
    runs = pd.DataFrame(
        {
            "arm": np.repeat(arms, 2),
            "mutual_information": [0, 0, 1, 2, 0, 0],
            "perplexity": [90.0, 91, 92, 93, 94, 95],
        }
    )
    history = pd.DataFrame(
        [
            {"arm": arm, "step": step, "beta": step / 20, "rate": rate}
            for arm, rate in zip(arms, (1.0, 5.0, 0.0), strict=True)
            for step in (10, 20)
        ]
    )
    figure = figures.text_figure(history, runs)
    bowman, rates, information, perplexity, weight = figure.axes
    assert bowman.lines[0].get_ydata().tolist() == [5.0, 5.0]
    assert weight.lines[0].get_ydata().tolist() == [0.5, 1.0]
    # what has no rate at all is not a curve
    assert [line.get_label() for line in rates.lines] == ["VAE", "annealed"]
    assert [t.get_text() for t in information.get_yticklabels()] == arms
    drawn = np.concatenate([c.get_offsets()[:, 0] for c in perplexity.collections])
    assert sorted(drawn) == [90, 91, 92, 93, 94, 95]


def test_ends_of_a_path_are_short_known_sentences():
    x = np.zeros((4, 12), int)
    x[0, :11] = 5  # too long
    x[1, :8], x[1, 8] = 5, 3
    x[2, :8], x[2, 2], x[2, 8] = 5, 1, 3  # an unknown word
    x[3, :7], x[3, 7] = 6, 3
    assert text_collapse.chosen_ends(x) == [1, 3]
