"""The page of peers goes on where it was interrupted."""

import pytest

from experiments.benchmarks import peers
from experiments.benchmarks._cases import CASES
from experiments.benchmarks._sentences import WRITINGS


def models(asked):
    return [case.name for case in asked.cases], [one.name for one in asked.writings]


def test_all_families_are_all_models():
    assert models(peers.of_families(peers.FAMILIES)) == (
        [case.name for case in CASES],
        [one.name for one in WRITINGS],
    )
    assert models(peers.of_families(["LSTM"]))[1] == []


def test_what_is_known_is_not_measured_again():
    asked = peers.of_families(peers.FAMILIES)
    first, last = CASES[0], WRITINGS[-1]
    left = asked.without({(first.family, first.size), (peers.SENTENCES, last.name)})
    assert models(left) == (models(asked)[0][1:], models(asked)[1][:-1])


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    begun = []

    def trained(cases, names, clock, seconds):
        for case in cases:
            begun.append(case.size)
            if len(begun) == 2:
                raise KeyboardInterrupt
            rate = float(len(begun))
            row = {"family": case.family, "size": case.size, "arm": "engine"}
            yield [{**row, peers.STEPS: rate}]

    monkeypatch.setattr(peers, "prepare_clock", lambda one_core: None)
    monkeypatch.setattr(peers, "trained", trained)
    so_far = tmp_path / "new" / "so_far.csv"
    given = peers.Asked(CASES[:3], []), [], True, 0.1, so_far
    with pytest.raises(KeyboardInterrupt):
        peers.measured(*given)
    table = peers.measured(*given)
    sizes = [case.size for case in CASES[:3]]
    assert begun == [sizes[0], sizes[1], sizes[1], sizes[2]]
    assert table["size"].tolist() == sizes
    assert table[peers.STEPS].tolist() == [1.0, 3.0, 4.0]
    assert not so_far.exists()
