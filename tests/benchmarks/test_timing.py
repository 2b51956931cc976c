"""How arms are timed beside one another, and what is made of the times."""

import math

import numpy as np
import pandas as pd
import pytest

from experiments.benchmarks import (
    _cases,
    _engine_arm,
    _torch_arms,
    device,
    diagnostics,
    peers,
)
from experiments.benchmarks._timing import Arm, Timed, measure, quartiles, rows_of


def nothing():
    raise AssertionError("an arm that is missing is not made")


def test_ratios_are_of_paired_windows_by_hand():
    engine = Arm("engine", nothing, members=16)
    many, loop = (
        Arm("engine", nothing, members=64, seldom=True),
        Arm("PyTorch", nothing),
    )
    absent = Arm("PyTorch compiled", nothing, missing="no C++ compiler")
    timed = [
        Timed(engine, [1.0, 2.0, 4.0], 3.0, 10.0),
        Timed(many, [4.0, None, None], 0.0, 0.0),
        Timed(loop, [0.5, 0.5, 1.0], 0.0, 0.0),
    ]
    rows = rows_of({"family": "x"}, [engine, many, loop, absent], timed, "rate")
    # 16 steps in 1, 2 and 4 s beside 1 in 0.5, 0.5 and 1: 8, 4 and 4 times
    assert [row.get("engine_over_arm") for row in rows] == [1, 1, 4, None]
    assert (rows[2]["quartile_1"], rows[2]["quartile_3"]) == (4, 6)
    assert [row.get("rate") for row in rows] == [8, 16, 2, None]
    assert [row.get("windows") for row in rows] == [3, 1, 3, None]
    assert rows[3]["note"] == "no C++ compiler"


def test_quartiles_by_hand():
    assert quartiles([3.0]) == (3, 3, 3)
    assert quartiles([5.0, 1.0, 2.0, 4.0, 3.0]) == (2, 3, 4)


def test_windows_are_interleaved_and_a_multiple_of_the_least():
    now, calls = [0.0], []

    def arm(name, cost, **options):
        def run(steps):
            calls.append((name, steps))
            now[0] += cost * steps

        return Arm(name, lambda: run, **options)

    arms = [
        arm("quick", 0.01, least=3),
        arm("slow", 1.0, least=2),
        arm("rare", 0.1, seldom=True),
        Arm("missing", nothing, missing="not here"),
    ]
    timed = measure(arms, lambda: now[0], 0.2, rounds=4)
    windows = calls[6:]
    assert windows[:3] == [("quick", 18), ("slow", 2), ("rare", 2)]
    assert [name for name, _ in windows] == [
        *("quick", "slow", "rare", "quick", "slow"),
        *("quick", "slow", "quick", "slow", "rare"),
    ]
    np.testing.assert_allclose(timed[1].seconds, 1.0)
    assert timed[2].seconds[1:3] == [None, None]


def test_the_best_form_of_pytorch_counts():
    table = pd.DataFrame(
        {
            "family": "x",
            "size": "y",
            "arm": [
                "engine",
                "PyTorch",
                "PyTorch compiled, fused",
                "numpyro's example",
            ],
            "engine_over_arm": [1.0, 3.0, 2.0, 0.5],
        }
    )
    assert peers.over_best(table)[peers.BEST].tolist() == [2.0]


def test_what_has_diverged_is_not_timed():
    _engine_arm.check_alive(np.array([-1, -1]))
    with pytest.raises(FloatingPointError, match="1 members have diverged.*step 7"):
        _engine_arm.check_alive(np.array([-1, 7]))


def test_products_of_a_step_are_counted_by_hand():
    case = _cases.mlp(4, 16, 2, 32, examples=64)
    # 16-16-4 and 2-16-16; nobody needs the slope of the images
    forward = 16 * 16 + 16 * 4 + 2 * 16 + 16 * 16
    by_hand = 2 * 32 * (3 * forward - 16 * 16)
    # the norm of the gradient is a product of each slope with itself
    slopes = forward + 16 + 4 + 16 + 16
    assert _engine_arm.flop_per_step(case) == by_hand + 2 * slopes


def test_epochs_of_pythae_are_of_whole_batches():
    arms = {case.name: _torch_arms.mlp_arms(case)[1] for case in _cases.CASES[:3]}
    assert [arm.least for arm in arms.values()] == [1200 // 32, 1200 // 64, 40]


def test_every_case_is_a_run_that_can_be_built():
    names = [case.name for case in _cases.CASES]
    assert len(set(names)) == len(names)
    for case in _cases.CASES:
        assert case.run().batch_size <= case.examples


def test_growth_is_the_slope_of_the_logarithms():
    table = pd.DataFrame(
        {
            "quantity": ["a", "a", "b", "b"],
            "examples": [100, 200, 100, 300],
            "seconds": [1.0, 4.0, 1.0, 3.0],
        }
    )
    found = diagnostics.powers(table).tolist()
    assert math.isnan(found[0])
    assert math.isnan(found[2])
    assert found[1::2] == pytest.approx([2.0, 1.0])
    assert diagnostics.nll_sizes([300, 600]) == [(300, 1000), (600, 2000)]
    assert diagnostics.nll_sizes(diagnostics.SIZES)[-1] == (60_000, 2_000)


def test_a_device_is_given_back_in_time(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(device.time, "perf_counter", lambda: now[0])

    def row(name, seconds):
        now[0] += seconds
        return {"name": name}

    from functools import partial

    plan = [partial(row, *own) for own in (("a", 10), ("b", 30), ("c", 30), ("d", 1))]
    done = [own["name"] for own in device.in_time(plan, 1.5, 0.0)]
    said = capsys.readouterr().out
    assert done == ["a", "b", "c"]
    # 10 s, and 30 for each of three
    assert "About 1.7 minutes for all 4 rows; at most 1.5." in said
    assert "No time is left for 1 rows: d 1." in said
