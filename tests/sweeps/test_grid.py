"""A TOML file becomes the runs it says, and nothing else."""

import pytest

from vae_jax import sweeps
from vae_jax.configs import RunConfig


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
    assert [(r.beta, r.seed) for r in runs[:4]] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert [(r.model, r.window) for r in runs[4:]] == [
        ("autoregressive", 2),
        ("autoregressive", None),
    ]


def test_ranges_follow_python_and_numpy():
    runs = sweeps.expand({"grid": {"beta": {"start": 0.5, "stop": 2.0, "step": 0.5}}})
    assert [r.beta for r in runs] == [0.5, 1.0, 1.5]
    runs = sweeps.expand(
        {"grid": {"beta": {"start": 0.1, "stop": 10, "num": 3, "scale": "log"}}}
    )
    assert [r.beta for r in runs] == pytest.approx([0.1, 1.0, 10.0])


def test_hidden_is_one_value_and_a_list_of_lists_an_axis():
    assert sweeps.expand({"grid": {"hidden": [64, 32]}}) == [RunConfig(hidden=(64, 32))]
    runs = sweeps.expand({"grid": {"hidden": [[64], [64, 32]]}})
    assert [r.hidden for r in runs] == [(64,), (64, 32)]


def test_repeated_points_are_run_once():
    runs = sweeps.expand({"grid": [{"beta": [1.0, 2.0]}, {"beta": [2.0, 4.0]}]})
    assert [r.beta for r in runs] == [1.0, 2.0, 4.0]


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
