"""Verdicts of pages: those committed are those of the rows, and each can fail."""

import csv
import importlib

import numpy as np
import pandas as pd
import pytest

from experiments import _pages
from experiments._claims import (
    annealing_schedules as annealing,
)
from experiments._claims import (
    constraint_theory,
    cyclical_annealing,
    decoder_power,
    linear_theory,
    remedies,
    text_collapse,
)
from experiments._gallery.records import PAGES
from experiments._verdicts import Verdict, as_table


def judge_of(page):
    """What judges the rows of a page: it stands under the name of the page's code."""
    claims = importlib.import_module(f"experiments._claims.{page.source}")
    return claims.of_full_page if page.options == ("--full",) else claims.of_page


JUDGES = {page.name: judge_of(page) for page in PAGES}


def rows(name):
    return pd.read_csv(_pages.RESULTS / f"{name}.csv")


@pytest.mark.parametrize("name", JUDGES)
def test_the_committed_verdicts_are_those_of_the_committed_rows(name, tmp_path):
    page = _pages.RESULTS / name
    found = JUDGES[name](page)
    assert found
    _pages.save_rows(tmp_path, verdicts=as_table(found))
    made = (tmp_path / "verdicts.csv").read_text()
    assert made == (page / "verdicts.csv").read_text()


@pytest.mark.parametrize("name", JUDGES)
def test_every_verdict_is_whole(name):
    with (_pages.RESULTS / name / "verdicts.csv").open() as file:
        table = list(csv.DictReader(file))
    for row in table:
        assert list(row) == list(Verdict._fields)
        assert row.pop("holds") in ("True", "False")
        assert all(row.values()), row
    claims = [row["claim"] for row in table]
    assert len(set(claims)) == len(claims)


def failing(judged, *tables):
    """The claims that do not hold of these rows."""
    return {one.claim for one in judged(*tables) if not one.holds}


def newly(judged, tables, number, column, at, value):
    """Claims that fail once the cells of a column are changed, and did not before."""
    before = failing(judged, *tables)
    changed = [table.copy() for table in tables]
    own = changed[number]
    own[column] = own[column].astype(object if isinstance(value, str) else float)
    own.loc[at(own), column] = value
    return failing(judged, *changed) - before


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("rate", 18.5, "The rate is that of the optimum"),
        ("rate", 18.5, "Runs with the same beta x variance"),
        ("distortion", 0.0, "The distortion is that of the optimum"),
        ("active", 15, "As many units are active"),
    ],
)
def test_claims_of_the_linear_vae_can_fail(column, value, words):
    table = rows("linear_theory/table")
    assert not failing(linear_theory.judged, table)
    first = newly(
        linear_theory.judged, [table], 0, column, lambda t: t.index == 0, value
    )
    assert any(claim.startswith(words) for claim in first)
    # what is next to a threshold is left out
    away = newly(
        linear_theory.judged, [table], 0, column, lambda t: t["left_out"], value
    )
    assert not away


@pytest.mark.parametrize(
    ("remedy", "column", "value", "words"),
    [
        ("geco", "error", 0.011, "GECO"),
        ("minimum_rate", "error", -0.011, "The minimum rate"),
        ("capacity", "error", 0.02, "A capacity"),
        ("free_bits", "error", 0.02, "Free bits end"),
        ("free_bits", "unit error", 0.02, "Free bits: so does every unit"),
        ("free_bits", "least unit", 0.05, "Free bits: no unit"),
        ("lipschitz", "error", -0.02, "A decoder of fixed slope"),
        ("batch_norm", "error", -0.02, "BN-VAE is never below"),
        ("batch_norm", "error", 0.06, "BN-VAE reaches it"),
        ("delta", "error", -0.02, "delta-VAE is never below"),
        ("delta", "error", 0.06, "delta-VAE reaches it"),
    ],
)
def test_claims_of_the_constraints_can_fail(remedy, column, value, words):
    table = rows("constraint_theory/table")
    # the one setting of the rows that stops short
    table = table[(table["remedy"] != "lipschitz") | (table["setting"] > 0.5)]
    assert not failing(constraint_theory.judged, table)
    found = newly(
        constraint_theory.judged,
        [table],
        0,
        column,
        lambda t: t["remedy"] == remedy,
        value,
    )
    assert len(found) == 1
    assert found.pop().startswith(words)


@pytest.mark.parametrize(
    ("decoder", "beta", "free_bits", "column", "value", "words"),
    [
        (
            annealing.FULL,
            2,
            0,
            "verdict",
            "healthy",
            "The decoder that sees all",
        ),
        (annealing.MLP, 2, 0, "verdict", "collapsed", "The MLP keeps"),
        (annealing.FULL, 1, 0, "verdict", "collapsed", "At beta = 1 neither"),
        (annealing.FULL, 2, 0.2, "verdict", "collapsed", "Free bits bring"),
        (
            annealing.FULL,
            2,
            0,
            "mutual_information",
            9,
            "A smaller receptive field",
        ),
        (
            annealing.FULL,
            2,
            0,
            "verdict",
            "healthy",
            "It does not prevent it",
        ),
    ],
)
def test_claims_of_annealing_can_fail(decoder, beta, free_bits, column, value, words):
    tables = [rows(f"annealing_schedules/{name}") for name in ("runs", "history")]

    def at(table):
        same = (table["decoder"] == decoder) & (table["beta"] == beta)
        return same & (table["free_bits"] == free_bits)

    found = newly(annealing.judged, tables, 0, column, at, value)
    assert any(claim.startswith(words) for claim in found)


def test_annealing_that_leaves_nothing_delays_nothing():
    runs, history = (rows(f"annealing_schedules/{n}") for n in ("runs", "history"))
    members = runs.query("schedule == 'linear'")["member"]
    found = newly(
        annealing.judged,
        [runs, history],
        1,
        "rate",
        lambda t: t["member"].isin(members),
        0.0,
    )
    assert {claim.partition(":")[0] for claim in found} == {
        "Annealing delays the collapse"
    }


def curves(shift):
    """Three schedules of three seeds that end at log 10, split as the claims have it."""
    found = []
    rates = {"constant": 0.1, "monotonic": 0.2, "cyclical": 1.5}
    for schedule, end in rates.items():
        for seed in range(3):
            for step in (10_000, 20_000, 30_000, 40_000):
                rate = end * step / 40_000
                found.append(
                    {"schedule": schedule, "seed": seed, "step": step, "rate": rate}
                )
    table = pd.DataFrame(found).assign(
        total=cyclical_annealing.ENTROPY + shift, error=0.01
    )
    return table.assign(distortion=table["total"] - table["rate"])


def test_the_entropy_is_a_law_within_its_errors():
    law = "Reconstruction + KL is never below the entropy of the data"
    assert law not in failing(cyclical_annealing.judged, curves(-0.04))
    assert law in failing(cyclical_annealing.judged, curves(-0.05))
    assert "Every schedule ends close to the entropy" not in failing(
        cyclical_annealing.judged, curves(0.1)
    )
    assert "Every schedule ends close to the entropy" in failing(
        cyclical_annealing.judged, curves(0.2)
    )


@pytest.mark.parametrize(
    ("schedule", "step", "rate", "words"),
    [
        ("cyclical", 40_000, 0.5, "Four cycles end with more KL"),
        ("cyclical", 30_000, 2.0, "No cycle ends with less KL"),
        ("constant", 40_000, 0.4, "With a constant beta"),
        ("constant", 40_000, 0.6, "The KL of a constant beta ends"),
        ("cyclical", 40_000, 1.2, "The KL of four cycles ends"),
    ],
)
def test_claims_of_cycles_can_fail(schedule, step, rate, words):
    table = curves(0.0)
    # one ramp is set below what the paper has, and only that fails
    only = {"The KL of one ramp ends where the published curve does"}
    assert failing(cyclical_annealing.judged, table) == only

    def at(own):
        return (own["schedule"] == schedule) & (own["step"] == step)

    found = newly(cyclical_annealing.judged, [table], 0, "rate", at, rate)
    assert any(claim.startswith(words) for claim in found)
    worse = newly(cyclical_annealing.judged, [table], 0, "distortion", at, 5.0)
    assert any("reconstruct better" in c for c in worse) == (
        (schedule, step) == ("cyclical", 40_000)
    )


BETAS = (0.5, 0.9, 1.1, 2.0)


def phase(collapsed, information, threshold=np.nan):
    """A map of two decoders and four betas."""
    return pd.DataFrame(
        [
            {
                "power": float(p),
                "beta": beta,
                "collapsed": share,
                "threshold": threshold,
            }
            | {"collapsed_min": share, "collapsed_max": share}
            | {"mutual_information": kept, "mutual_information_max": kept}
            for p, line in enumerate(collapsed)
            for beta, share, kept in zip(BETAS, line, information, strict=True)
        ]
    )


def test_claims_of_the_phase_diagram_by_hand():
    rising = [[0, 0.2, 0.5, 1], [0.1, 0.3, 0.6, 1]]
    told = [1.0, 0.5, 0.01, 0.0]
    assert not failing(
        lambda t: decoder_power.judged("map", t), phase(rising, told, 1.0)
    )
    assert not failing(lambda t: decoder_power.judged("map", t), phase(rising, told))
    fallen = [rising[1], rising[0]]
    assert failing(lambda t: decoder_power.judged("map", t), phase(fallen, told)) == {
        "map: more units collapse the more the decoder sees",
        "map: never fewer the more the decoder sees",
    }
    back = [line[::-1] for line in rising]
    assert failing(lambda t: decoder_power.judged("map", t), phase(back, told)) == {
        "map: more units collapse the larger beta is",
        "map: never fewer the larger beta is",
    }


def test_thresholds_are_judged_at_the_first_beta_above_them():
    rising = [[0, 0.2, 0.5, 1], [0.1, 0.3, 0.6, 1]]
    kept = phase(rising, [1.0, 0.5, 0.2, 0.0], 1.0)
    (found,) = failing(lambda t: decoder_power.judged("map", t), kept)
    assert "at the first beta above the forecast" in found
    later = phase(rising, [1.0, 0.5, 0.2, 0.0], 1.5)
    assert not failing(lambda t: decoder_power.judged("map", t), later)
    (found,) = failing(
        lambda t: decoder_power.judged("map", t), kept.assign(threshold=np.nan)
    )
    assert found == "map: above beta = 1 no run keeps a code"


def test_a_cure_is_one_only_where_every_seed_is_healthy():
    table = rows("remedies/table")
    kept = {f"{name}: the code is kept" for name in remedies.CURES}
    of = table.set_index("remedy")["verdict"]
    lost = {f"{n}: the code is kept" for n in remedies.CURES if of[n] != "3 healthy"}
    assert lost
    assert failing(remedies.judged, table) & kept == lost
    for name in ("BN-VAE", "word dropout"):
        found = newly(
            remedies.judged,
            [table],
            0,
            "verdict",
            lambda t, name=name: t["remedy"] == name,
            "2 healthy, 1 partially collapsed",
        )
        assert found == {f"{name}: the code is kept"}


@pytest.mark.parametrize(
    ("remedy", "column", "value", "words"),
    [
        ("none", "verdict", "3 healthy", "Without a remedy"),
        ("delta-VAE", "rate", 1.59, "delta-VAE has the rate"),
        ("delta-VAE", "MI max", 1.4, "At the same rate delta-VAE"),
    ],
)
def test_other_claims_of_remedies_can_fail(remedy, column, value, words):
    table = rows("remedies/table")
    found = newly(
        remedies.judged, [table], 0, column, lambda t: t["remedy"] == remedy, value
    )
    assert [claim[: len(words)] for claim in found] == [words]


@pytest.mark.parametrize(
    ("number", "column", "at", "value", "words"),
    [
        (0, "verdict", "arm == 'VAE'", "healthy", "Plain training ignores z"),
        (0, "perplexity", "arm == 'VAE'", 70.0, "The collapsed VAE predicts"),
        (0, "mutual_information", "arm == 'free bits 4'", 0.5, "free bits 4: what is"),
        (0, "mutual_information", "arm == 'VAE'", 0.3, "Hiding half of the words"),
        (1, "rate", "arm == 'annealed' and step == 2000", 90.0, "Annealed: the KL has"),
        (1, "rate", "arm == 'annealed' and step > 400", 9.0, "and is gone before"),
        (2, "sentence", "number == 1", "Other words .", "VAE: between two"),
        (2, "sentence", "number < 9", "The same .", "free bits 4: between two"),
    ],
)
def test_claims_of_text_can_fail(number, column, at, value, words):
    names = ("runs", "history", "sentences")
    tables = [rows(f"text_collapse/{name}") for name in names]
    found = newly(
        text_collapse.judged, tables, number, column, lambda t: t.eval(at), value
    )
    assert any(claim.startswith(words) for claim in found)


@pytest.mark.parametrize("name", JUDGES)
def test_a_page_judges_what_it_saves(name):
    """The judge that a page hands on is that of its rows."""
    page = next(page for page in PAGES if page.name == name)
    module = importlib.import_module(f"experiments.{page.source}")
    names = ("of_full_page",) if "--full" in page.options else ("of_page",)
    assert [getattr(module, own) for own in names] == [JUDGES[name]]
