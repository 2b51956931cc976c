"""Pairs, their differences and intervals, against scipy and by hand."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from vae_jax import results
from vae_jax.cli._compare import compare
from vae_jax.results import compare_runs, t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 10, 31, 100, 1001])
@pytest.mark.parametrize("share", [0.5, 0.95, 0.999])
def test_the_quantile_is_that_of_scipy(degrees, share):
    exact = scipy.stats.t.ppf(0.5 + share / 2, degrees)
    np.testing.assert_allclose(t_quantile(share, degrees), exact, rtol=1e-9)


@pytest.mark.parametrize(("share", "degrees"), [(0.95, 0), (1.0, 3), (0.0, 3)])
def test_no_quantile_is_refused(share, degrees):
    with pytest.raises(ValueError, match="`degrees` must be at least 1"):
        t_quantile(share, degrees)


def group(beta=1.0, seeds=3, shift=0.0, **columns):
    draws = np.random.default_rng(0).normal(size=seeds)
    frame = pd.DataFrame(
        {
            "member": range(seeds),
            "member_id": [f"{beta}-{seed}" for seed in range(seeds)],
            "beta": beta,
            "schedule": "constant",
            "seed": range(seeds),
            "status": "finished",
            "first_bad_step": -1,
            "nll": 30
            + draws
            + shift
            + 0.1 * np.random.default_rng(1).normal(size=seeds),
            "active_units": 3,
            "verdict": "healthy",
            "data_digest": "ab",
            "wall_seconds": 2.0,
        }
    )
    return frame.assign(**columns)


def test_differences_are_those_of_a_paired_t_test():
    one, other = group(), group(beta=2.0, shift=1.0)
    other["nll"] += np.array([0.1, -0.2, 0.4])
    found = compare_runs(one, other.iloc[::-1])  # in another order
    assert found.compared == {"beta": ([1.0], [2.0])}
    [case] = found.cases
    assert [d.metric for d in case.differences] == ["nll", "active_units"]
    test = scipy.stats.ttest_rel(other["nll"], one["nll"])
    interval = test.confidence_interval(0.95)
    nll = case.differences[0]
    np.testing.assert_allclose((nll.low, nll.high), interval, rtol=1e-9)
    np.testing.assert_allclose(nll.mean, (other["nll"] - one["nll"]).mean(), rtol=1e-12)
    assert nll.num_pairs == 3
    assert found.same_data
    assert found.unpaired == (0, 0)


def test_other_settings_make_a_case_each():
    one = pd.concat([group(beta=b) for b in (1.0, 2.0)])
    other = pd.concat(
        [group(beta=b, shift=b, schedule="linear") for b in (1.0, 2.0, 3.0)]
    )
    found = compare_runs(one, other.assign(warmup_steps=10.0))
    assert found.compared == {"schedule": (["constant"], ["linear"])} or set(
        found.compared
    ) == {"schedule", "warmup_steps"}
    assert [case.settings for case in found.cases] == [{"beta": 1.0}, {"beta": 2.0}]
    means = [case.differences[0].mean for case in found.cases]
    np.testing.assert_allclose(means, [1.0, 2.0])
    assert found.unpaired == (0, 3)


def test_a_setting_that_one_folder_alone_has_is_compared():
    other = group(schedule="linear")
    other.insert(3, "warmup_steps", 10.0)
    found = compare_runs(group(), other)
    assert found.compared["warmup_steps"] == ([None], [10.0])


def test_missing_metrics_leave_a_pair_out_and_verdicts_are_counted():
    other = group(beta=2.0, verdict=["healthy", "collapsed", "diverged"])
    other.loc[2, "nll"] = np.nan
    [case] = compare_runs(group(), other).cases
    assert case.differences[0].num_pairs == 2
    assert case.verdicts == {
        ("healthy", "healthy"): 1,
        ("healthy", "collapsed"): 1,
        ("healthy", "diverged"): 1,
    }


def test_one_pair_has_no_interval():
    [case] = compare_runs(group(seeds=1), group(beta=2.0, seeds=1)).cases
    assert np.isnan([case.differences[0].low, case.differences[0].high]).all()


def test_nothing_pairs_is_refused_by_the_settings_that_differ():
    other = group(beta=2.0).assign(seed=[7, 8, 9])
    with pytest.raises(
        ValueError, match=r"nothing pairs.*\n  seed: 0, 1, 2 \| 7, 8, 9"
    ):
        compare_runs(group(), other)


def test_two_partners_are_refused_by_what_tells_them_apart():
    one = pd.concat([group(beta=b) for b in (1.0, 2.0)])
    with pytest.raises(
        ValueError, match="two with seed=0, which differ in beta. Choose"
    ):
        compare_runs(one, group(beta=3.0))


def folder(out, frame):
    rows = frame.to_dict("records")
    results.create_or_open(
        out,
        {"spec": {"configs": []}, "versions": {}, "members": list(frame["member_id"])},
    )
    results.commit_shard(out, rows)
    return str(out)


def test_the_command_says_all_of_it(tmp_path, capsys):
    a = folder(tmp_path / "a", group())
    b = folder(tmp_path / "b", group(beta=2.0, shift=1.0, verdict="collapsed"))
    compare(a, b)
    said = capsys.readouterr().out
    for line in ("beta: 1.0 -> 2.0", "3 pairs", "turn from healthy to collapsed"):
        assert line in said
    assert "Student's t" in said
    row = next(line for line in said.splitlines() if line.split()[:1] == ["nll"])
    # one shift for all, so that the interval is of no width
    np.testing.assert_allclose([float(x) for x in row.split()[3:6]], 1.0, rtol=1e-3)


def test_groups_of_one_folder_are_chosen_by_their_settings(tmp_path, capsys):
    both = pd.concat([group(), group(beta=2.0, shift=1.0).assign(member=[3, 4, 5])])
    out = folder(tmp_path / "run", both)
    compare(f"{out}:beta=1", f"{out}:beta=2.0,schedule=constant")
    assert "beta: 1.0 -> 2.0" in capsys.readouterr().out
    for texts, message in (
        ((out, out), "must be other members"),
        ((f"{out}:bta=1", out), "must name a setting.*Did you mean"),
        ((f"{out}:beta=7", out), "none has beta = 7. There are 1.0, 2.0"),
        ((f"{out}:beta=", out), "must be names and values"),
    ):
        with pytest.raises(ValueError, match=message):
            compare(*texts)
