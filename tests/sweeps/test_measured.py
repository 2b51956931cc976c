"""Where the rule is in doubt the clock decides, once for a folder, and for this machine."""

import json

import pytest
from tiny import BASE, make_job

from vae_jax import results, sweeps
from vae_jax.sweeps import _choice
from vae_jax.sweeps.devices import _kept_times, _measured

QUIET = sweeps.Options(progress=False)
RUNS = [BASE.changed(seed=seed) for seed in range(3)]
OTHER = {"map": 1.0, "vmap": 2.0}
"""Seconds by which `map` is taken, where the rule takes `vmap` for so small a step."""


@pytest.fixture(autouse=True)
def in_doubt(tmp_path, monkeypatch):
    """Any step is near the threshold, any run is long enough, and nothing is kept yet."""
    monkeypatch.setenv("VAE_JAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_measured, "NEAR", (0.0, 1e12))
    monkeypatch.setattr(_measured, "PAYS_SECONDS", 0.0)


def says(monkeypatch, times):
    """The clock says this, and the list has an entry for every time that it is asked."""
    asked = []
    monkeypatch.setattr(_choice, "measure", lambda *a: asked.append(1) or times)
    return asked


def ran(out, runs=RUNS, options=QUIET):
    stored = sweeps.run(runs, out, options, make_job=make_job)
    return stored.to_pandas().runs["strategy"].tolist()


def test_both_forms_are_timed_and_the_quicker_one_is_taken(tmp_path):
    taken = set(ran(tmp_path / "run"))
    [file] = (tmp_path / "cache" / "strategies").iterdir()
    seconds = json.loads(file.read_text())["seconds"]
    assert set(seconds) == {"map", "vmap"}
    assert min(seconds.values()) > 0
    assert taken == {min(seconds, key=seconds.get)}
    assert results.read_manifest(tmp_path / "run")["strategies"] == [*taken]


def test_a_folder_goes_on_as_it_began_whatever_the_clock_says_later(
    tmp_path, monkeypatch
):
    says(monkeypatch, OTHER)
    out = tmp_path / "run"
    assert ran(out) == ["map"] * 3
    (shard,) = (out / "shards").glob("*.parquet")
    shard.unlink()
    (file,) = (tmp_path / "cache" / "strategies").iterdir()
    file.unlink()
    asked = says(monkeypatch, {"map": 2.0, "vmap": 1.0})
    assert ran(out) == ["map"] * 3
    # members that join a cohort do as the others
    assert ran(out, [*RUNS, BASE.changed(seed=9)]) == ["map"] * 4
    assert not asked
    assert ran(tmp_path / "new") == ["vmap"] * 3


def test_what_was_measured_is_measured_once(tmp_path, monkeypatch):
    asked = says(monkeypatch, OTHER)
    assert ran(tmp_path / "0") == ran(tmp_path / "1") == ["map"] * 3
    assert len(asked) == 1


def test_kept_times_are_believed_only_as_they_were_written(tmp_path, monkeypatch):
    question = {"step": "s", "width": 3}
    _kept_times.keep_times(question, OTHER)
    assert _kept_times.read_times(question) == OTHER
    file = _kept_times.times_file(question)
    good = json.loads(file.read_text())
    for bad in wrong(good):
        file.write_text(bad)
        with pytest.warns(UserWarning, match="is not used and is measured again: "):
            assert _kept_times.read_times(question) is None
    _kept_times.keep_times(question, OTHER)
    assert json.loads(file.read_text()) == good


def test_a_cache_that_is_damaged_is_measured_again(tmp_path, monkeypatch):
    asked = says(monkeypatch, OTHER)
    ran(tmp_path / "0")
    (file,) = (tmp_path / "cache" / "strategies").iterdir()
    # as if `vmap` had been quicker
    file.write_text(file.read_text().replace("2.0", "0.5"))
    with pytest.warns(UserWarning, match="does not match its SHA-256"):
        assert ran(tmp_path / "1") == ["map"] * 3
    assert len(asked) == 2


def wrong(good):
    """Cut off, another time in it, of another question, and times that are none."""
    yield json.dumps(good)[:-9]
    yield json.dumps(good | {"seconds": {"map": 3.0, "vmap": 2.0}})
    for part in (
        {
            "question": good["question"] | {"width": 64},
            "seconds": {"vmap": 1, "map": 2},
        },
        {"question": good["question"], "seconds": {"map": 0.0, "vmap": -1.0}},
    ):
        yield json.dumps(part | {"sha256": results.spec_hash(part)})


def test_the_process_that_makes_the_folder_decides_for_all(tmp_path, monkeypatch):
    runs, options = [*RUNS, BASE.changed(seed=3)], QUIET._replace(width=2)
    out = tmp_path / "run"

    def meanwhile(*arguments):
        says(monkeypatch, OTHER)
        first = sweeps.Division(1, 2)
        sweeps.run(runs, out, options, make_job=make_job, shard=first)
        return {"map": 2.0, "vmap": 1.0}

    monkeypatch.setattr(_choice, "measure", meanwhile)
    assert ran(out, runs, options) == ["map"] * 4
    assert len(list((out / "shards").glob("*.parquet"))) == 2


def test_what_is_asked_for_overrides(tmp_path, monkeypatch):
    asked = says(monkeypatch, OTHER)
    out = tmp_path / "run"
    assert ran(out, options=QUIET._replace(strategy="vmap")) == ["vmap"] * 3
    assert not asked
    # and the folder keeps to it
    assert ran(out, [*RUNS, BASE.changed(seed=9)])[-1] == "vmap"


@pytest.mark.parametrize("name", ["NEAR", "PAYS_SECONDS"])
def test_where_it_is_clear_or_does_not_pay_nothing_is_measured(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(_measured, name, {"NEAR": (1e6, 1e7), "PAYS_SECONDS": 60}[name])
    asked = says(monkeypatch, OTHER)
    assert ran(tmp_path / "run") == ["vmap"] * 3
    assert not asked


def test_times_are_those_of_one_program_on_one_machine():
    job = make_job(BASE)
    engines = [
        sweeps.make_engine(job.program, [job.hyper], data, 4, 10, width)
        for data, width in ((job.splits, 2), (job.splits[:5], 2), (job.splits, 3))
    ]
    files = {_kept_times.times_file(_measured.question(one)) for one in engines}
    assert len(files) == 3
