"""A TOML file becomes the runs it says, and nothing else."""

import os
import threading

import numpy as np
import pytest

from vae_jax import sweeps
from vae_jax.configs import Run


def test_last_axis_varies_fastest_and_grids_follow_one_another():
    runs = sweeps.expand(
        {
            "base": {"num_steps": 100},
            "grid": [
                {"beta": [1.0, 2.0], "seed": [0, 1]},
                {"model": ["autoregressive"], "window": [2, "full"]},
            ],
        }
    )
    assert [(r["beta"], r.seed) for r in runs[:4]] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert [(r["model"], r["window"]) for r in runs[4:]] == [
        ("autoregressive", 2),
        ("autoregressive", None),
    ]


def test_ranges_follow_python_and_numpy():
    runs = sweeps.expand({"grid": {"beta": {"start": 0.5, "stop": 2.0, "step": 0.5}}})
    assert [r["beta"] for r in runs] == [0.5, 1.0, 1.5]
    runs = sweeps.expand(
        {"grid": {"beta": {"start": 0.1, "stop": 10, "num": 3, "scale": "log"}}}
    )
    assert [r["beta"] for r in runs] == pytest.approx([0.1, 1.0, 10.0])


def test_hidden_is_one_value_and_a_list_of_lists_an_axis():
    assert sweeps.expand({"grid": {"hidden": [64, 32]}}) == [Run.of(hidden=(64, 32))]
    runs = sweeps.expand({"grid": {"hidden": [[64], [64, 32]]}})
    assert [r.model.hidden for r in runs] == [(64,), (64, 32)]


def test_every_setting_that_is_a_list_has_axes_of_lists():
    base = {"schedule": "stages", "stage_steps": [10, 20]}
    one = sweeps.expand({"base": base, "grid": {"stage_betas": [0.5, 0.8]}})
    assert [r.beta.stage_betas for r in one] == [(0.5, 0.8)]
    axis = [[0.5, 0.8], [0.1, 0.2]]
    runs = sweeps.expand({"base": base, "grid": {"stage_betas": axis}})
    assert [r.beta.stage_betas for r in runs] == [(0.5, 0.8), (0.1, 0.2)]


def test_what_may_be_none_is_none_by_its_word():
    runs = sweeps.expand({"grid": {"clip_norm": ["none", 1.0]}})
    assert [r["clip_norm"] for r in runs] == [None, 1.0]
    base = {"schedule": "linear", "warmup_steps": "none", "clip_norm": "none"}
    assert sweeps.expand({"base": base}) == [Run.of(schedule="linear")]


def test_repeated_points_are_run_once():
    with pytest.warns(UserWarning, match="the grids share 1 of 4 runs"):
        runs = sweeps.expand({"grid": [{"beta": [1.0, 2.0]}, {"beta": [2.0, 4.0]}]})
    assert [r["beta"] for r in runs] == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"bse": {}}, "`bse` is not a section.*Did you mean `base`"),
        ({"base": {"betta": 1}}, "`betta` is not a field.*Did you mean `beta`"),
        ({"grid": {"beta": []}}, "empty"),
        ({"grid": {"beta": {"start": 1}}}, "`beta` must be a list or a range"),
        ({"grid": {"beta": [1.0, "two"]}}, "`beta` must be of type float; got 'two'"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_fix(spec, message):
    with pytest.raises(ValueError, match=message):
        sweeps.expand(spec)


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        sweeps.read_spec(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[base")
    with pytest.raises(ValueError, match="not valid TOML"):
        sweeps.read_spec(tmp_path / "bad.toml")


RANGES = {
    "decimals as written, without stop": ((0.1, 0.4, 0.1), [0.1, 0.2, 0.3]),
    "downwards": ((1.0, 0.0, -0.25), [1.0, 0.75, 0.5, 0.25]),
    "a step beyond stop": ((0.0, 1.0, 0.4), [0.0, 0.4, 0.8]),
    "whole numbers become the field's": ((0, 3, 1), [0.0, 1.0, 2.0]),
}


@pytest.mark.parametrize("case", RANGES)
def test_a_range_by_step(case):
    (start, stop, step), expected = RANGES[case]
    axis = {"start": start, "stop": stop, "step": step}
    assert [r["beta"] for r in sweeps.expand({"grid": {"beta": axis}})] == expected


def test_a_range_by_number_has_both_ends_and_no_rounding():
    axis = {"start": 0, "stop": 1, "num": 11}
    betas = [r["beta"] for r in sweeps.expand({"grid": {"beta": axis}})]
    assert betas == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ({"start": 1, "stop": 64, "num": 7, "scale": "log"}, [1, 2, 4, 8, 16, 32, 64]),
        ({"start": 2, "stop": 8, "num": 4}, [2, 4, 6, 8]),
        ({"start": 2.0, "stop": 8.0, "step": 3.0}, [2, 5]),
        ({"start": 64, "stop": 1, "num": 3, "scale": "log"}, [64, 8, 1]),
    ],
)
def test_a_range_of_whole_numbers(axis, expected):
    sizes = [r["latent_dim"] for r in sweeps.expand({"grid": {"latent_dim": axis}})]
    assert sizes == expected
    assert all(type(size) is int for size in sizes)


def test_a_logarithmic_range_is_numpys():
    axis = {"start": 3e-4, "stop": 0.7, "num": 9, "scale": "log"}
    rates = [
        r["learning_rate"] for r in sweeps.expand({"grid": {"learning_rate": axis}})
    ]
    np.testing.assert_allclose(rates, np.geomspace(3e-4, 0.7, 9), rtol=1e-14)
    assert (rates[0], rates[-1]) == (3e-4, 0.7)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    path = tmp_path / "sweep[1]*?.toml"
    path.write_bytes(b"\xef\xbb\xbf[base]\nbeta = 2")
    assert sweeps.read_spec(path) == [Run.of(beta=2.0)]


def test_a_spec_may_come_from_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("[base]\nbeta = 2",))
    writer.start()
    assert sweeps.read_spec(path) == [Run.of(beta=2.0)]
    writer.join()


def test_the_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "s.toml").write_text("[base]\nbeta = 2")
    assert sweeps.read_spec("~/s.toml") == [Run.of(beta=2.0)]
