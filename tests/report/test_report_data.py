"""What charts are made of, against numbers worked out by hand; and the way back."""

import tomllib

import numpy as np
import pandas as pd
import pytest
from report_folder import UNITS, folder, grid, settings

from vae_jax import report, sweeps
from vae_jax.configs import Run, to_mapping
from vae_jax.report import _history
from vae_jax.report._again import spec_toml
from vae_jax.report._members import Member


def chart_of(path):
    return report.gather(report.read_sweep([path])).chart


def test_a_band_is_from_the_least_to_the_greatest_of_the_seeds(tmp_path):
    chart = chart_of(folder(tmp_path / "run", grid(2, 3)))
    assert len(chart["groups"]) == 2
    assert chart["group"] == [0, 0, 0, 1, 1, 1]
    rate = chart["groups"][0]["rate"]
    # beta = 1: rates 4, 4.1 and 4.2 at the last step
    assert chart["groups"][0]["steps"][-1] == 100
    assert (rate["mean"][-1], rate["low"][-1], rate["high"][-1]) == (4.1, 4, 4.2)
    assert rate["mean"][0] == 0


def test_one_seed_has_no_band(tmp_path):
    chart = chart_of(folder(tmp_path / "run", grid(2, 1)))
    assert set(chart["groups"][0]["rate"]) == {"mean"}


def test_a_diverged_member_has_no_part_in_a_mean(tmp_path):
    chart = chart_of(folder(tmp_path / "run", grid(1, 2), diverged=[1]))
    assert chart["groups"][0]["rate"]["mean"][-1] == 4
    alone = chart_of(folder(tmp_path / "alone", grid(2, 1), diverged=[0]))
    assert "rate" not in alone["groups"][0]
    assert alone["metrics"][0]["of"][0] is None


def test_the_kl_of_units_over_the_steps(tmp_path):
    chart = chart_of(folder(tmp_path / "run", grid(2, 1)))
    course = chart["unit_history"]["0"]
    assert course["steps"] == list(range(10, 101, 10))
    np.testing.assert_allclose(course["kl"][-1], [2, 1.2, 0.8, 0])
    assert chart["units"]["0"] == [1] * UNITS
    without = chart_of(folder(tmp_path / "other", grid(2, 1), units=False))
    assert without["unit_history"] == {}
    assert without["unit_column"] is None


def test_long_histories_are_thinned_to_their_ends(monkeypatch):
    steps = np.arange(1, 1001)
    metrics = pd.DataFrame({"member": 0, "step": steps, "rate": steps / 10})
    [one] = _history.curves(metrics, [Member(0, {}, "", "", (), {}, ())], [[0]])
    assert len(one["steps"]) == _history.MOST_STEPS
    assert (one["steps"][0], one["steps"][-1]) == (1, 1000)
    assert one["rate"]["mean"][-1] == 100
    monkeypatch.setattr(_history, "CURVE_NUMBERS", 10)
    [few] = _history.curves(metrics, [Member(0, {}, "", "", (), {}, ())], [[0]])
    assert len(few["steps"]) == _history.FEWEST_STEPS


def test_units_of_many_members_are_kept_of_some(monkeypatch):
    members = [Member(n, {}, "", "", (), {}, (0.5,) * 10) for n in range(100)]
    monkeypatch.setattr(_history, "UNIT_NUMBERS", 50)
    assert list(_history.final_units(members)) == ["0", "25", "50", "74", "99"]


def test_members_that_draw_are_the_best_of_each_verdict(tmp_path):
    sweep = report.read_sweep([folder(tmp_path / "run", grid(3, 2), diverged=[0])])
    # NLL: 28 for beta 1, 31 for 2, 37 for 4, which has collapsed
    assert report.pictured(sweep, 2) == [1, 4]
    assert report.pictured(sweep, 9) == [1, 4, 2, 5, 3]
    assert report.pictured(sweep, 0) == []


SPECS = {
    "a product": {"grid": [{"beta": [0.5, 2.0], "latent_dim": [2, 4], "seed": [0, 1]}]},
    "one run": {"base": {"beta": 3.0}},
    "a part of a product": {
        "grid": [{"beta": [0.5, 2.0], "seed": [0, 1]}, {"beta": [4.0], "seed": [7]}]
    },
    "settings that some lack": {
        "base": {"binarize": "static", "hidden": [32, 16]},
        "grid": [
            {"model": ["mlp"], "seed": [0, 1]},
            {"model": ["autoregressive"], "window": [2, "full"], "seed": [0]},
        ],
    },
    "lists, words and switches": {
        "grid": [
            {"hidden": [[8], [8, 4]], "free_bits": [0.0, 0.1]},
            {"schedule": ["linear"], "warmup_steps": [5, 7]},
        ]
    },
}


@pytest.mark.parametrize("name", SPECS)
def test_the_file_that_is_shown_makes_the_same_runs(name):
    runs = sweeps.expand(
        SPECS[name] | {"base": {"num_steps": 50, **SPECS[name].get("base", {})}}
    )
    text = spec_toml([to_mapping(run) for run in runs])
    again = sweeps.expand(tomllib.loads(text))
    assert set(again) == set(runs)
    assert len(again) == len(runs)


def test_texts_in_the_file_are_what_they_were():
    naughty = 'a "b" \\ \n \x7f é'
    text = spec_toml([{"dataset": naughty, "odd name": 1}])
    assert tomllib.loads(text) == {"base": {"dataset": naughty, "odd name": 1}}


def test_a_member_that_failed_says_how_far_it_came(tmp_path):
    from vae_jax.report._members import members_of

    found = report.read_sweep([folder(tmp_path / "run", grid(2, 1), left=[1])])
    assert found.waiting[0].number == 1
    assert (found.waiting[0].state, found.waiting[0].total) == ("not begun", 100)
    interrupted = found.waiting[0]._replace(state="interrupted", step=40)
    member = members_of(found._replace(waiting=[interrupted]))[1]
    assert member.verdict == "not finished"
    assert "step 40 of 100 is saved" in member.reasons[0]
    assert member.settings["beta"] == "2"


def test_settings_are_those_of_real_runs():
    """The names of the table are those that the command line takes."""
    assert set(settings(1.0, 0)) <= set(to_mapping(Run()))
