"""The lottery of free bits: its statistics by other means, its verdicts, its figure."""

import io
import math

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments import _binomial, free_bits_lottery
from experiments._claims import free_bits_lottery as judging
from experiments._parts import lottery_runs
from vae_jax import figures, results, sweeps


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (7, 12), (128, 256), (9, 9)])
def test_the_interval_is_that_of_scipy(hits, total):
    exact = stats.binomtest(hits, total).proportion_ci(method="wilson")
    found = _binomial.wilson_interval(hits, total)
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_ranks_are_those_of_mann_and_whitney():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 9, 30), rng.integers(2, 11, 20)
    area, error = judging.ranked_above(first, second)
    assert area == pytest.approx(stats.mannwhitneyu(first, second).statistic / 600)
    # the error under equal laws, from many draws of continuous numbers
    drawn = rng.normal(size=(2000, 50))
    areas = [judging.ranked_above(d[:30], d[30:])[0] for d in drawn]
    assert error == pytest.approx(np.std(areas), rel=0.08)  # 5 errors of a deviation


def test_a_gap_needs_runs_on_both_sides():
    assert judging.widest_gap([0.1, 0.0, 0.9, 1.0]) == (0.1, 0.9)
    # one in forty is an outlier, two in forty are a mode
    many = np.linspace(0, 1, 39).tolist()
    assert judging.widest_gap([*many, 5.0])[1] <= 1
    assert judging.widest_gap([*many[1:], 5.0, 5.0]) == (1.0, 5.0)


def test_the_information_is_that_of_a_quadrature():
    """The mixture of ten Gaussians in the plane, on a Gauss-Hermite grid of each."""
    rng = np.random.default_rng(1)
    mean, logvar = rng.normal(size=(10, 2)) * 1.5, rng.normal(size=(10, 2)) * 0.4
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    noise = np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2)
    share = np.outer(weights, weights).ravel() / (2 * math.pi)
    z = mean[:, None] + np.exp(logvar / 2)[:, None] * noise
    off = (z[:, :, None] - mean) ** 2 / np.exp(logvar) + logvar
    log_q = -off.sum(-1) / 2
    own = np.take_along_axis(log_q, np.arange(10)[:, None, None], axis=2)[..., 0]
    ratio = own - (np.logaddexp.reduce(log_q, axis=2) - math.log(10))
    exact = (ratio * share).sum(axis=1).mean()

    found = lottery_runs.parts_of(jnp.float32(mean), jnp.float32(logvar))
    assert 0.003 < float(found["error"]) < 0.03
    assert abs(float(found["information"]) - exact) < 4.5 * float(found["error"])
    rate = (mean**2 + np.exp(logvar) - logvar - 1).sum() / 20
    assert float(found["rate"]) == pytest.approx(rate, rel=1e-5)


def test_a_wobble_between_quarter_and_half_changes_nothing():
    path = np.array([0.3, 0.5, 0.3, 0.25, 0.45, 0.6, 0.26])
    used = free_bits_lottery.in_use(path, 1.0)
    assert used.tolist() == [False, True, True, False, False, True, True]


def paths(*used):
    """Runs of one threshold, a list of states each."""
    return pd.DataFrame(
        {
            "threshold": 1.0,
            "seed": seed,
            "step": 50 * step,
            "used": state,
        }
        for seed, run in enumerate(used)
        for step, state in enumerate(run)
    )


def test_events_are_counted_by_hand():
    found = free_bits_lottery.events_of(
        paths([False, True, False, True], [True, True, False, False])
    )
    assert found["used"].tolist() == [1, 2, 0, 1]
    assert found["births"].tolist() == [1, 1, 0, 0]
    assert found["deaths"].tolist() == [0, 0, 2, 0]
    assert found["resurrections"].tolist() == [0, 0, 0, 1]
    assert found["seeds"].tolist() == [2] * 4


@pytest.fixture
def ends():
    """60 seeds as the claims have them: the KL of both sides is of one law."""
    rng = np.random.default_rng(2)
    won = np.arange(60) < 35
    rows = pd.DataFrame(
        {
            "step": 150,
            "threshold": 1.0,
            "seed": np.arange(60),
            "rate": 1.0 + np.tile([-0.01, 0.01], 30),
            "information": np.where(won, 0.95, 0.0) + rng.normal(size=60) * 0.005,
            "distortion": np.where(won, 1.4, 2.32),
            "error": 0.01,
        }
    )
    rows["informative"] = won
    return rows


@pytest.fixture
def events():
    states = [False, True, False, True], [True] * 4
    return free_bits_lottery.events_of(paths(*states))


def failed(ends, events):
    found = judging.verdicts_of(ends, events)
    return [number for number, one in enumerate(found) if not one.holds]


def test_what_the_claims_describe_passes_them(ends, events):
    assert failed(ends, events) == []


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"rate": [0.8, *[1.01, 0.99] * 29, 1.2]}),
        (1, {"information": np.linspace(0, 1, 60)}),
        (2, {"informative": np.arange(60) < 5}),
        (3, {"rate": np.where(np.arange(60) < 35, 1.05, 0.95)}),
        (4, {"distortion": np.full(60, 2.0)}),
        (5, {"rate": np.where(np.arange(60) == 0, 0.7, 0.9)}),
    ],
)
def test_what_breaks_a_claim_fails_it(number, change, ends, events):
    assert number in failed(ends.assign(**change), events)


def test_all_that_lose_z_are_shown_and_some_of_the_others(monkeypatch):
    monkeypatch.setattr(free_bits_lottery, "SHOWN", 1)
    runs = paths([False] * 4, [True] * 4, [True, True, False, False])
    shown = free_bits_lottery.shown_of(runs.assign(information=0.0))
    assert sorted(set(shown["seed"])) == [0, 2]
    assert len(shown) == 8


def test_runs_that_never_change_sides_fail_the_last_claims(ends):
    still = free_bits_lottery.events_of(paths([False] * 4, [True] * 4))
    assert failed(ends, still) == [7, 8]


def test_a_lottery_without_losers_at_its_end_is_a_wait(ends, events):
    last = ends.assign(step=600, informative=True, information=0.95)
    assert failed(pd.concat([ends, last]), events) == [6]


def test_runs_are_judged_early_and_at_their_end():
    path = np.arange(61) / 100
    runs = pd.DataFrame({"free_bits": 1.0, "seed": [7], "num_steps": 6000})
    for name in ("rate", "information", "error"):
        runs[f"snapshots/{name}"] = [path]
    runs["snapshots/distortion"] = [[2.3, 1.4]]
    found = free_bits_lottery.ends_of(runs)
    assert found["step"].tolist() == [1500, 6000]
    assert found["rate"].tolist() == [0.15, 0.6]
    assert found["distortion"].tolist() == [2.3, 1.4]
    assert found["informative"].tolist() == [False, True]


def test_the_distortion_is_that_of_the_evaluation(tmp_path):
    """Of two runs of 100 steps, whose samples of z are others."""
    small = {"num_steps": 100, "eval_samples": lottery_runs.SAMPLES}
    configs = [c.changed(**small) for c in free_bits_lottery.configs_of(smoke=True)[:2]]
    quiet = sweeps.Options(progress=False)
    sweeps.run(configs, tmp_path, quiet, make_job=lottery_runs.make_job)
    runs = results.read(tmp_path).runs.to_pandas()
    found = [row[-1] for row in runs["snapshots/distortion"]]
    # z moves the distortion of a sequence by less than a nat, and 500 are averaged
    np.testing.assert_allclose(found, runs["distortion"], atol=4.5 * 2**0.5 / 500**0.5)


def test_every_seed_that_is_judged_is_a_new_one():
    configs = free_bits_lottery.configs_of(smoke=False)
    at_one = [c["seed"] for c in configs if c["free_bits"] == 1.0]
    assert len(set(at_one)) == len(at_one) == 256
    # seeds of the trial that set the claims
    assert not set(range(12)) & {c["seed"] for c in configs}


def test_the_figure_shows_every_run_and_every_share(ends, events):
    shares = judging.shares_of(ends)
    runs = paths([False, True, False, True], [True] * 4).assign(information=0.5)
    figure = figures.lottery_figure(ends, shares, events, runs)
    assert len(figure.subfigs[0].axes) == 2
    for axes in figure.subfigs[0].axes:
        # stacked: the second holds the first below it
        heights = [sum(bar.get_height() for bar in group) for group in axes.containers]
        assert heights == [25, 35]
    share, use, path = figure.subfigs[1].axes
    assert f" {35 / 60:.2f}\n after 150" in [text.get_text() for text in share.texts]
    np.testing.assert_allclose(use.lines[0].get_ydata(), [0.5, 1, 0.5, 1])
    title = "2 seeds at 1 nat, with all that lose z: lost 1 times, used again 1 times"
    assert path.get_title("left") == title
    drawn = {(x.get_marker(), *x.get_xdata()) for x in path.lines}
    assert {("x", 100), ("^", 150)} <= drawn
    figure.savefig(io.BytesIO(), dpi=30)
