"""The page of the ten sequences, from rows made by hand."""

import io

import numpy as np
import pandas as pd
import pytest

from vae_jax import figures
from vae_jax.figures._cyclical import COLOURS, CURVES

SHOWN = ["constant", "one ramp", "cyclical"]

STEPS = [1000, 2000, 3000]


@pytest.fixture
def history():
    """Every schedule has its own level, and two seeds that differ by 2."""
    return pd.DataFrame(
        {
            "schedule": schedule,
            "step": step,
            **{c: 10.0 * n + k + seed for k, c in enumerate(CURVES)},
        }
        for n, schedule in enumerate(COLOURS)
        for step in STEPS
        for seed in (0, 2)
    )


@pytest.fixture
def page(history):
    rng = np.random.default_rng(0)
    codes = {name: rng.normal(size=(10, 20, 2)) for name in COLOURS}
    return figures.cyclical_figure(history, codes, 2.3), codes


def test_curves_are_means_over_seeds_in_the_colours_of_the_legend(page):
    panels = page[0].subfigs[0].axes
    assert [axes.get_title("left") for axes in panels] == [
        t for t, _ in CURVES.values()
    ]
    for number, axes in enumerate(panels):
        for n, line in enumerate(axes.lines[:3]):
            np.testing.assert_allclose(line.get_xdata(), [1, 2, 3])
            np.testing.assert_allclose(line.get_ydata(), 10 * n + number + 1)
            assert line.get_color() == list(COLOURS.values())[n]
    legend = panels[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == SHOWN
    drawn = [handle.get_color() for handle in legend.legend_handles]
    assert drawn == list(COLOURS.values())


def test_the_entropy_is_drawn_and_in_sight(page):
    axes = page[0].subfigs[0].axes[-1]
    assert axes.lines[-1].get_ydata()[0] == 2.3
    low, high = axes.get_ylim()
    assert low < 2.3 < high


def test_codes_are_where_they_are(page):
    figure, codes = page
    panels = figure.subfigs[1].axes
    assert [axes.get_title("left") for axes in panels] == SHOWN
    for axes, z in zip(panels, codes.values(), strict=True):
        for cloud, points in zip(axes.collections, z, strict=True):
            np.testing.assert_allclose(cloud.get_offsets(), points)
        assert [text.get_text() for text in axes.texts] == list("0123456789")
        for text, points in zip(axes.texts, z, strict=True):
            np.testing.assert_allclose(text.get_position(), points.mean(axis=0))


def test_it_can_be_saved(page):
    page[0].savefig(io.BytesIO(), dpi=30)
