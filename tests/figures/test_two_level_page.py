"""The page of two levels, from rows made by hand."""

import io

import numpy as np
import pandas as pd
import pytest

from vae_jax import figures
from vae_jax.figures._two_level import state_of

BETAS = [0.1, 1.0, 2.0]
NAMES = "kl_one", "rate_two", "active_one", "active_two"


def row_of(member, model, one, two, seed):
    values = {
        "kl_one": 1 + one,
        "rate_two": 2 * one + 0.1 * seed,
        "active_one": 2,
        "active_two": int(one >= two),
    }
    stated = {f"{name}_theory": value for name, value in values.items()}
    about = {"member": member, "model": model, "beta": one, "beta_two": two}
    return {**about, "seed": seed, "left_out": one == two, **values, **stated}


@pytest.fixture
def runs():
    """A grid of three by three with two seeds of both models, and one setting beside it."""
    keys = [
        (model, one, two, seed)
        for model in ("linear", "mlp")
        for one in BETAS
        for two in BETAS
        for seed in (0, 1)
    ]
    keys.append(("linear", 6.0, 4.0, 0))
    return pd.DataFrame(row_of(n, *key) for n, key in enumerate(keys))


@pytest.fixture
def figure(runs):
    units = pd.DataFrame(
        {"member": m, "level": level, "found": 0.1 * m, "theory": 0.1 * m + level}
        for m in runs.loc[runs["model"] == "linear", "member"]
        for level in (1, 2)
    )
    fine = [(one, two) for two in BETAS for one in np.geomspace(0.1, 2, 5)]
    theory = pd.DataFrame(
        {"beta": one, "beta_two": two, "kl_one": 1 + one, "rate_two": two}
        for one, two in fine
    )
    return figures.two_level_figure(runs, units, theory)


def test_filled_points_are_those_that_are_compared(figure, runs):
    near = runs[(runs["model"] == "linear") & runs["left_out"]]
    kept = runs[(runs["model"] == "linear") & ~runs["left_out"]]
    for level, axes in zip((1, 2), figure.axes[:2], strict=True):
        filled, hollow = axes.collections
        members = kept["member"].to_numpy()
        expected = np.stack([0.1 * members + level, 0.1 * members], axis=1)
        np.testing.assert_allclose(filled.get_offsets(), expected)
        assert len(hollow.get_offsets()) == len(near)
        assert len(hollow.get_facecolor()) == 0


def test_every_setting_has_its_cell_and_its_counts(figure):
    axes = figure.axes[2]
    said = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    assert len(said) == len(BETAS) ** 2 + 1 == len(axes.patches)
    assert said[0, 0] == "2 | 1*"  # beta1 = beta2
    assert said[0, 1] == "2 | 0"  # beta1 = 0.1, beta2 = 1
    assert said[3, 3] == "2 | 1"  # 6 and 4
    ticks = [tick.get_text() for tick in axes.get_xticklabels()]
    assert ticks == ["0.1", "1", "2", "6"]


def test_lines_are_theory_and_points_are_runs(figure):
    for axes in (figure.axes[3], figure.axes[5]):
        for two, line, cloud in zip(BETAS, axes.lines, axes.collections, strict=True):
            np.testing.assert_allclose(line.get_ydata(), two)
            assert len(cloud.get_offsets()) == 2 * len(BETAS)
    names = [text.get_text() for text in figure.axes[3].texts]
    assert names == [rf"$\beta_2$ = {two:g}" for two in BETAS]
    heights = [text.get_position()[1] for text in figure.axes[4].texts]
    assert (np.diff(heights) > 0).all()  # equal ends are named apart


def test_states_have_their_names():
    found = [state_of(first, second) for first in (0, 1) for second in (0, 1)]
    assert found == ["both", "level 1", "level 2", "neither"]


def test_it_can_be_saved(figure):
    figure.savefig(io.BytesIO(), dpi=30)
