"""Figures of the pages of one table: every run is where its numbers are."""

import numpy as np
import pandas as pd

from vae_jax import figures


def test_points_of_the_linear_vae_are_at_their_level_and_theory_is_a_line():
    table = pd.DataFrame(
        {
            "beta": [1.0, 1.0, 2.0],
            "variance": [0.1, 0.4, 0.2],
            "rate": [5.1, 1.1, 1.2],
            "rate_theory": [5.0, 1.0, 1.0],
            "distortion": [3.0, 4.0, 6.0],
            "distortion_theory": [3.5, 4.0, 5.0],
            "active": [9, 3, 3],
            "active_theory": [9, 3, 3],
            "left_out": [False, False, True],
        }
    )
    rates, errors, units = figures.linear_figure(table).axes
    np.testing.assert_allclose(rates.lines[0].get_ydata(), [5.0, 1.0])
    drawn = [line for line in rates.lines[1:] if len(line.get_xdata())]
    np.testing.assert_allclose(drawn[0].get_xdata(), [0.1, 0.4])
    np.testing.assert_allclose(drawn[0].get_ydata(), [5.1, 1.1])
    # what is left out is grey
    assert drawn[1].get_color() == "0.7"
    np.testing.assert_allclose(drawn[1].get_xdata(), [0.4])
    shown = np.concatenate([line.get_ydata() for line in errors.lines[1:]])
    np.testing.assert_allclose(sorted(shown), [-0.5, 0.0, 1.0])
    assert units.lines[0].get_ydata().tolist() == [9, 3]


def test_every_constraint_is_drawn_beside_its_name():
    table = pd.DataFrame(
        {
            "remedy": ["geco", "delta", "delta"],
            "setting": [38.13, 0.05, 0.2],
            "measured": [17.9, 0.5, 2.0],
            "theory": [18.0, 0.5, 2.0],
            "error": [-0.0055, 0.0, 1e-4],
        }
    )
    left, right = figures.constraint_figure(table).axes
    points = {(x, y) for line in left.lines[1:] for x, y in line.get_xydata()}
    assert points == {(18.0, 17.9), (0.5, 0.5), (2.0, 2.0)}
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == ["GECO 38.13", "delta-VAE 0.05", "delta-VAE 0.2"]
    drawn = [line for line in right.lines if line.get_marker() != "None"]
    errors = {(round(x, 9), y) for line in drawn for x, y in line.get_xydata()}
    assert errors == {(-0.55, 0.0), (0.0, 1.0), (0.01, 2.0)}


def test_remedies_have_a_row_each_and_those_that_collapse_are_shaded():
    table = pd.DataFrame(
        {
            "remedy": ["none", "mine"],
            "rate": [0.1, 1.6],
            "MI": [0.0, 1.4],
            "MI min": [-0.1, 1.3],
            "MI max": [0.1, 1.6],
            "NLL": [18.0, 17.0],
            "seconds": [5.0, 7.0],
            "verdict": ["3 collapsed", "3 healthy"],
        }
    )
    code, likelihood, cost = figures.remedies_figure(table).axes
    assert [label.get_text() for label in code.get_yticklabels()] == ["none", "mine"]
    (bars,) = code.collections
    ends = [part[:, 0].tolist() for part in bars.get_segments()]
    np.testing.assert_allclose(ends, [[-0.1, 0.1], [1.3, 1.6]])
    for axes in (code, likelihood, cost):
        (shade,) = axes.patches
        low, high = shade.get_y(), shade.get_y() + shade.get_height()
        assert (low, high) == (-0.5, 0.5)
    assert likelihood.lines[0].get_xdata().tolist() == [18.0, 17.0]
    assert cost.lines[0].get_ydata().tolist() == [0, 1]
