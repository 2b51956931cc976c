"""The rate-distortion page: every claim can fail, and the figure shows the rows."""

import numpy as np
import pandas as pd
import pytest

from experiments import rate_distortion as page
from experiments._claims import rate_distortion as claims
from experiments._parts import toy_bins as toy
from vae_jax import analytic, figures

SPECTRUM = np.array([0.7, 0.5, 0.2, 0.05])
TRUTH = float(toy.entropy(toy.source().shares))


def exact_plane():
    """Linear optima of one spectrum, and an MLP that is a little better."""
    rows = []
    for model, factor in (("linear", 1.0), ("MLP", 0.9)):
        for split in ("train", "test"):
            for beta in (0.5, 1.0, 2.0, 4.0):
                best = analytic.linear_vae_optimum(SPECTRUM, 4, beta, claims.VARIANCE)
                on_curve = analytic.water_filling(SPECTRUM, best.rate).distance
                rows.append(
                    {"model": model, "split": split, "beta": beta, "seed": 0}
                    | {"rate": float(best.rate)}
                    | {"squared_error": factor * float(on_curve)}
                    | {"water_filling": float(on_curve)}
                )
    return pd.DataFrame(rows)


def exact_bins():
    """Rows in which every claim holds."""
    rows = [
        ("ELBO", 1.0, 0.0, 0.02),
        ("ELBO", 1.0, 0.0, 0.5),
        ("beta", 0.5, 0.0, 2.6),
        ("beta", 1.5, 0.0, 1e-4),
        ("target", 0.0, 1.0, 0.5),
        ("target", 0.0, 1.0, 0.7),
        ("target", 0.0, 10.0, 0.5),
    ]
    bins = pd.DataFrame(rows, columns=["arm", "beta", "penalty", "rate"])
    return bins.assign(distortion=TRUTH - bins["rate"], total=TRUTH)


def fails(plane, bins):
    return [one.claim for one in claims.verdicts(plane, bins) if not one.holds]


def test_the_truth_holds():
    assert fails(exact_plane(), exact_bins()) == []


@pytest.mark.parametrize(
    ("where", "factor", "words"),
    [
        (("linear", "train"), 1.03, "linear beta-VAEs lie"),
        (("linear", "train"), 0.97, "linear beta-VAEs lie"),
        (("MLP", "train"), 1.2, "digits trained on"),
        (("MLP", "test"), 1.2, "digits held out"),
    ],
)
def test_claims_of_the_plane_can_fail(where, factor, words):
    plane = exact_plane()
    at = (plane["model"] == where[0]) & (plane["split"] == where[1])
    plane.loc[at & (plane["beta"] == 1.0), "squared_error"] *= factor
    assert any(words in claim for claim in fails(plane, exact_bins()))


def test_a_wrong_slope_is_found():
    plane = exact_plane()
    plane["beta"] *= 2
    assert any("slope" in claim for claim in fails(plane, exact_bins()))


@pytest.mark.parametrize(
    ("row", "column", "value", "words"),
    [
        (0, "total", TRUTH - 1e-6, "below the line"),
        (1, "total", TRUTH + 2e-3, "end at the entropy"),
        (1, "rate", 0.1, "does not fix the rate"),
        (2, "rate", 2.0, "everything is encoded"),
        (3, "rate", 0.05, "nothing is"),
        (4, "rate", 0.4, "leaves the rate open"),
        (5, "rate", 0.5, "leaves the rate open"),
        (6, "rate", 0.52, "puts the rate there"),
    ],
)
def test_claims_of_the_toy_can_fail(row, column, value, words):
    bins = exact_bins()
    bins.loc[row, column] = value
    found = fails(exact_plane(), bins)
    assert len(found) == 1
    assert words in found[0]


def test_the_shown_members_span_the_rates():
    bins = exact_bins()
    assert page.shown_members(bins) == [0, 1, 6]


def test_every_arm_is_a_member_of_the_toy():
    arms = page.arms_of(smoke=False)
    assert len(arms) == len(arms.drop_duplicates())
    assert (arms["arm"] == "ELBO").sum() == len(page.ELBO_SEEDS)
    assert set(arms["penalty"]) == {0.0, *page.TARGET_PENALTIES}


def test_an_own_folder_of_mnist_that_is_not_there_is_named(tmp_path):
    (one, *_) = page.configs_of(smoke=True, mnist=True, folder=tmp_path / "none")
    with pytest.raises((ValueError, FileNotFoundError), match="none"):
        one.data.load()


def test_the_figure_shows_the_rows():
    plane, bins = exact_plane(), exact_bins()
    curves = page.curves_of({"train": SPECTRUM, "test": SPECTRUM}, 3.0)
    encoders = {0: np.eye(30), 6: np.eye(30)}
    figure = figures.rate_distortion_figure(plane, curves, bins, encoders, TRUTH)
    above, below = figure.subfigs
    train, _, plane_of_toy, jump = above.axes
    drawn = np.concatenate([c.get_offsets() for c in train.collections[1:]])
    own = plane[plane["split"] == "train"][["rate", "squared_error"]].to_numpy()
    np.testing.assert_allclose(drawn, own, rtol=1e-6)
    line = plane_of_toy.lines[0]
    np.testing.assert_allclose(line.get_xydata(), [[0, TRUTH], [TRUTH, 0]])
    # a penalty of 1 does not hold a rate, and is not drawn as one that does
    shown = sum(len(c.get_offsets()) for c in plane_of_toy.collections)
    assert shown == len(bins) - 2
    assert sum(len(c.get_offsets()) for c in jump.collections) == 4
    titles = [axes.get_title("left") for axes in below.axes[:2]]
    assert "R = 0.020 nats" in titles[0]
    assert titles[1].startswith("target rate")
