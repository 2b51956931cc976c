"""The picture of a report shows the numbers that it is given."""

import numpy as np
import pandas as pd
import pytest

from vae_jax import figures

TOTALS = {
    "rate": 3.0,
    "information": 2.0,
    "marginal KL": 1.0,
    "ceiling": 4.6,
    "threshold": 0.1,
    "at_ceiling": False,
}


def frames(count):
    rng = np.random.default_rng(0)
    parts = pd.DataFrame(
        {
            "rate": rng.random(count) + 1,
            "information": rng.random(count),
            "verdict": ["healthy", "collapsed"] * (count // 2),
        }
    )
    units = pd.DataFrame(
        {
            "mean_variance": rng.random(count),
            "noise_variance": rng.random(count),
            "kl": rng.random(count),
        }
    )
    units.loc[0, "mean_variance"] = 0.0  # of a constant mean
    return parts, units


def heights(axes, count):
    return [bar.get_height() for bar in axes.patches[:count]]


def test_bars_are_the_parts_in_their_order():
    parts, units = frames(4)
    figure = figures.diagnosis_figure("healthy", "unit", parts, units, TOTALS)
    axes = figure.axes[0]
    assert heights(axes, 4) == pytest.approx(parts["rate"])
    assert [bar.get_height() for bar in axes.patches[4:8]] == pytest.approx(
        parts["information"]
    )
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    crossed = "where it is collapsed"
    assert sorted(labels) == sorted(["healthy: 2", "collapsed: 2", "0.1 nats", crossed])
    dots = figure.axes[1].collections[0].get_offsets()
    assert len(dots) == 4
    assert dots.min() > 0  # on axes of powers


def test_many_parts_are_sorted_by_their_rate():
    parts, units = frames(100)
    figure = figures.diagnosis_figure("healthy", "unit", parts, units, TOTALS)
    assert heights(figure.axes[0], 100) == pytest.approx(
        parts["rate"].sort_values(ascending=False)
    )
    largest = parts["rate"].sort_values(ascending=False).index[:5]
    assert ", ".join(map(str, largest)) in figure.axes[0].get_xlabel()


def test_a_dead_latent_does_not_fill_the_axis():
    parts, units = frames(4)
    parts[["rate", "information"]] = 1e-6
    parts["part"] = ["0,0", "0,1", "1,0", "1,1"]
    figure = figures.diagnosis_figure("collapsed", "position", parts, units, TOTALS)
    assert figure.axes[0].get_ylim() == pytest.approx((0, 0.2))
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == parts["part"].tolist()


def test_positions_are_a_line_or_a_map():
    parts, units = frames(4)
    arguments = ("healthy", "position", parts, units, TOTALS)
    line = figures.diagnosis_figure(*arguments, np.arange(4.0)).axes[3]
    assert line.lines[0].get_ydata().tolist() == [0, 1, 2, 3]
    image = figures.diagnosis_figure(*arguments, np.arange(4.0).reshape(2, 2)).axes[3]
    assert image.images[0].get_array().tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("at_ceiling", [False, True])
def test_what_may_be_information_beyond_the_ceiling_is_hatched(at_ceiling):
    totals = {**TOTALS, "at_ceiling": at_ceiling}
    figure = figures.diagnosis_figure("healthy", "unit", *frames(4), totals)
    axes = figure.axes[2]
    assert (axes.patches[-1].get_hatch() is not None) == at_ceiling
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert ("information or marginal KL" in labels) == at_ceiling
