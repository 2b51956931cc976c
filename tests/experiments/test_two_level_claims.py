"""What the page of two levels says of rows made by hand, right ones and wrong ones."""

import itertools

import pandas as pd
import pytest

from experiments._claims.two_level import CHANGED, names_of, share_off, verdicts

BETAS = [0.1, 0.5, 1.0, 2.0]
TERMS = "kl_one", "rate_one", "rate_two", "distortion", "objective"


def row_of(member, model, one, two, seed):
    values = dict.fromkeys(TERMS, 3.0) | {"rate_two": 5 * one / (one + two)}
    values |= {"active_one": 2, "active_two": int(one > two)}
    stated = {f"{name}_theory": value for name, value in values.items()}
    about = {"member": member, "model": model, "beta": one, "beta_two": two}
    return {**about, "seed": seed, "left_out": one == two, **values, **stated}


@pytest.fixture
def runs():
    keys = [(model, *pair) for model in ("linear", "mlp") for pair in pairs()]
    return pd.DataFrame(row_of(n, *key) for n, key in enumerate(keys))


def pairs():
    beside = [(2.0, 4.0, 0), (6.0, 4.0, 0)]
    return [*itertools.product(BETAS, BETAS, (0, 1)), *beside]


@pytest.fixture
def units(runs):
    linear = runs.loc[runs["model"] == "linear", "member"]
    return pd.DataFrame(
        {"member": m, "level": level, "unit": u, "found": 2.0 - u, "theory": 2.0 - u}
        for m in linear
        for level in (1, 2)
        for u in (0, 1)
    )


def failed(runs, units):
    return [one.claim for one in verdicts(runs, units) if not one.holds]


def test_what_theory_says_holds(runs, units):
    found = verdicts(runs, units)
    assert len(found) == 9
    assert failed(runs, units) == []
    assert "14 settings" in found[0].claim  # 16 less the diagonal, and two beside


@pytest.mark.parametrize(
    ("name", "wrong", "claim"),
    [
        ("kl_one", 3.1, "KL of level 1"),
        ("rate_one", 3.1, "what the objective charges"),
        ("active_two", 7, "the collapsed level"),
        ("objective", 2.9, "no run has a lower objective"),
        ("objective", 3.1, "no run has a lower objective"),
    ],
)
def test_one_wrong_run_is_a_failure(runs, units, name, wrong, claim):
    member = runs.index[(runs["beta"] == 0.1) & (runs["beta_two"] == 2.0)][0]
    runs.loc[member, name] = wrong
    (found,) = failed(runs, units)
    assert found.startswith(claim)


def test_a_wrong_singular_value_is_a_failure(runs, units):
    member = int(runs.index[runs["beta_two"] == 2.0][0])
    one = (units["member"] == member) & (units["level"] == 2) & (units["unit"] == 1)
    units.loc[one, "found"] = 1.03
    (found,) = failed(runs, units)
    assert found.startswith("singular values of U2")
    assert share_off(units, 2).max() == pytest.approx(0.015)


def test_what_is_near_a_threshold_is_not_judged(runs, units):
    near = runs["left_out"].astype(bool) & (runs["model"] == "linear")
    runs.loc[near, "kl_one"] = 9.0
    assert failed(runs, units) == []


def test_relu_networks_that_do_not_revive_are_a_failure(runs, units):
    runs.loc[runs["model"] == "mlp", "rate_two"] = 1.0
    (found,) = failed(runs, units)
    assert found.startswith("ReLU: more beta1")
    # where theory tells nothing apart nothing is asked, and nothing is shown
    runs.loc[runs["model"] == "mlp", "rate_two_theory"] = CHANGED / 2
    assert failed(runs, units) == [found]


def test_levels_are_named():
    first, second = pd.Series([2, 0, 1, 0]), pd.Series([1, 1, 0, 0])
    assert names_of(first, second).tolist() == ["neither", "level 1", "level 2", "both"]
