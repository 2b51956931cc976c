"""The page about the KL and information: its runs, its verdicts, its figure."""

import io

import numpy as np
import pandas as pd
import pytest

from experiments import kl_is_not_information as page
from experiments._claims import kl_is_not_information as judging
from vae_jax import figures

ENDS = {  # KL and information at the end of a run that the claims describe
    "free bits 0.5": (0.47, 0.0),
    "BN-VAE 0.5": (0.14, 0.13),
    "BN-VAE 1": (0.67, 0.63),
    "delta-VAE 0.15": (0.16, 0.0),
    "aggressive": (1.39, 1.36),
}


@pytest.fixture
def curves():
    """Two seeds and three moments of every method, as the claims have them."""
    rows = []
    for method in page.METHODS:
        rate, information = ENDS.get(method, (0.0, 0.0))
        for seed in (0, 1):
            for step in (0, 50, 100):
                spike = method == "logistic annealing" and step == 50
                now = 0.8 if spike else rate * step / 100
                own = {"method": method, "seed": seed, "step": step, "rate": now}
                own["information"] = information * step / 100
                own["marginal_kl"] = now - own["information"]
                rows.append({**own, "residual": 0.01, "residual_error": 0.01})
    return pd.DataFrame(rows).assign(active_units=0.0)


def judged(curves):
    return judging.verdicts_of(curves, curves[curves["step"] == 100], 1)


def test_what_the_claims_describe_passes_them(curves):
    found = judged(curves)
    assert [one.claim for one in found if not one.holds] == []
    assert len(found) == 9


@pytest.mark.parametrize(
    ("method", "step", "change", "claim"),
    [
        ("BN-VAE 0.5", 100, {"rate": 0.12}, "BN-VAE 0.5: the KL keeps its bound"),
        ("BN-VAE 1", 100, {"rate": 0.49, "information": 0.4}, "BN-VAE 1: the KL keeps"),
        ("delta-VAE 0.15", 100, {"rate": 0.149}, "delta-VAE 0.15: the KL keeps"),
        ("basic", 50, {"information": 0.06}, "the information is a part"),
        ("basic", 50, {"residual": 0.06}, "information and marginal KL"),
        ("free bits 0.5", 100, {"rate": 0.39}, "free bits 0.5: the KL is at its"),
        ("free bits 0.5", 100, {"information": 0.06}, "free bits 0.5: none of it"),
        ("logistic annealing", 50, {"rate": 0.29}, "logistic annealing: the KL has"),
        ("logistic annealing", 50, {"information": 0.06}, "logistic annealing: the"),
        ("aggressive", 100, {"information": 0.79}, "aggressive: the KL is"),
    ],
)
def test_one_seed_that_breaks_a_claim_fails_it(method, step, change, claim, curves):
    at = (curves["method"] == method) & (curves["step"] == step) & (curves["seed"] == 1)
    for column, value in change.items():
        curves.loc[at, column] = value
    failed = [one.claim for one in judged(curves) if not one.holds]
    assert len(failed) == 1
    assert failed[0].startswith(claim)


@pytest.mark.parametrize("smoke", [True, False])
def test_every_method_is_observed_from_its_beginning_to_its_end(smoke):
    configs = page.configs_of(smoke)
    assert len(configs) == len(page.METHODS) * len(page.SEEDS)
    for config in configs:
        moments = page.moments_of(config)
        assert len(moments) == page.MOMENTS
        assert moments[-1] + moments.step == config.num_steps


def test_rows_of_a_run_are_in_order():
    moments = page.MOMENTS + 1
    runs = pd.DataFrame(
        {
            "member": [1, 0],
            "seed": [1, 0],
            "num_steps": 200,
            "snapshots/rate": [np.full(moments, 5.0), np.arange(moments)],
        }
    )
    curves = page.curves_of(runs)
    first = curves[curves["seed"] == 0]
    assert first["step"].tolist() == [10 * n for n in range(20)] + [200]
    assert first["rate"].tolist() == list(range(moments))
    assert set(curves["method"]) == {"basic"}


def test_paper_needs_a_folder_of_text(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["page", "--paper"])
    with pytest.raises(SystemExit, match="2"):
        page.main()
    assert "give both `--paper` and `--data FOLDER`" in capsys.readouterr().err


def test_the_figure_stacks_the_parts_of_every_method(curves):
    figure = figures.information_figure(curves)
    titled = {
        axes.get_title("left"): axes for axes in figure.axes if axes.get_title("left")
    }
    assert list(titled) == list(page.METHODS)
    free = titled["free bits 0.5"]
    np.testing.assert_allclose(free.lines[0].get_ydata(), [0, 0.235, 0.47])
    # the upper area begins where the information ends
    corners = titled["aggressive"].collections[1].get_paths()[0].vertices
    assert 1.36 in corners[:, 1].round(6)
    assert "KL 0.47, MI 0.00" in [text.get_text() for text in free.texts]
    # no peak of a single seed is cut off
    for axes in titled.values():
        assert curves["rate"].max() < axes.get_ylim()[1] < 1.2 * curves["rate"].max()
    figure.savefig(io.BytesIO(), dpi=30)
