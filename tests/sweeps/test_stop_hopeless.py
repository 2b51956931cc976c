"""Members that have no way back are stopped, and others have their places."""

import signal
from collections import Counter
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from vae_jax import assembly, folders, results, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps import _prepare
from vae_jax.sweeps.devices import _hosts
from vae_jax.sweeps.queue._hopeless import settled_step, why_hopeless
from vae_jax.training import Program

BASE = Run.of(num_steps=400, log_every=10, batch_size=8)
OPTIONS = sweeps.Options(
    progress=False, strategy="map", width=4, stop_hopeless=True, keep_params=True
)
ESCAPES, STAYS, DIVERGES = 1.0, 4.0, 9.0  # values of beta


CAME_BACK = [
    *(0.2206, 0.1773, 0.1422, 0.1022, 0.0973, 0.1381, 0.2244, 0.2677, 0.2793, 0.2823),
    *(0.2563, 0.2290, 0.2106, 0.1880, 0.1675, 0.1409, 0.1229, 0.1152, 0.0994, 0.0931),
    *(0.0806, 0.0737, 0.0688, 0.0656, 0.0627, 0.0594, 0.0592, 0.0586, 0.0582, 0.0584),
    *(0.0588, 0.0585, 0.0606, 0.0608, 0.0622, 0.0628, 0.0623, 0.0628, 0.0659, 0.0677),
    *(0.0720, 0.0737, 0.0765, 0.0805, 0.0850, 0.0885, 0.0901, 0.0960, 0.0995, 0.1022),
    *(0.1089, 0.1166, 0.1221, 0.1319, 0.1350, 0.1420, 0.1462, 0.1527, 0.1608, 0.1686),
]


class Info(NamedTuple):
    loss: jax.Array
    rate: jax.Array


class Settings(NamedTuple):
    beta: np.ndarray
    ramp: np.ndarray


def init(key, hyper, data):
    return {"departure": jnp.float32(0.05) + 0 * jax.random.uniform(key), "made": 0}


def step(state, t, key, hyper, data):
    """The linear theory of one unit: a departure grows or falls at its escape rate."""
    escape = 0.01 * (2.0 - hyper.beta)
    noise = 1 + 1e-3 * jax.random.normal(jax.random.fold_in(key, t), (), jnp.float32)
    grown = jnp.minimum(state["departure"] * jnp.exp(escape) * noise, 1.0)
    rate = 0.5 * grown**2
    bad = (hyper.beta == DIVERGES) & (t >= 3)
    loss = jnp.where(bad, jnp.nan, hyper.ramp[t] + rate)
    return {"departure": grown, "made": state["made"] + 1}, Info(loss, rate)


def evaluate(state, key, hyper, data):
    return {"made": state["made"], "departure": state["departure"]}


def params(state, key, hyper, data):
    return {"departure": state["departure"]}


PROGRAM = Program(init, step, evaluate, params)


def make_job(config, program=PROGRAM):
    ramp = np.zeros(config.num_steps, np.float32)
    if config["learning_rate"] > 0.5:  # an objective that still changes at the end
        ramp = np.linspace(0, 1, config.num_steps, dtype=np.float32)
    hyper = Settings(np.float32(config["beta"]), ramp)
    return assembly.Job(program, hyper, np.zeros((16, 3), np.float32))


def members(*betas, **changes):
    return [BASE.changed(beta=b, seed=s, **changes) for s, b in enumerate(betas)]


MIXED = members(
    *(ESCAPES, STAYS, DIVERGES, ESCAPES, STAYS, ESCAPES, DIVERGES),
    *(ESCAPES, ESCAPES, STAYS, DIVERGES, ESCAPES, STAYS),
)


def run(out, configs=MIXED, make=make_job, on_chunk=None, **options):
    options = OPTIONS._replace(**options)
    return sweeps.run(configs, out, options, make_job=make, on_chunk=on_chunk)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    out = tmp_path_factory.mktemp("plain") / "run"
    return out, run(out, stop_hopeless=False).to_pandas()


@pytest.fixture(scope="module")
def stopping(tmp_path_factory):
    out = tmp_path_factory.mktemp("stopping") / "run"
    return out, run(out).to_pandas()


def test_those_beyond_return_are_stopped_and_measured_as_they_are(stopping):
    runs = stopping[1].runs.set_index("beta")
    assert set(runs.loc[ESCAPES, "status"]) == {"finished"}
    assert set(runs.loc[DIVERGES, "status"]) == {"diverged"}
    stays = runs.loc[STAYS]
    assert set(stays["status"]) == {"stopped"}
    # below the limit from the first row on: as many steps as are left are half of all
    assert set(stays["stopped_at"]) == {200}
    assert set(stays["made"]) == {200}
    assert stays["stopped_because"].str.contains("below 0.1 nats in 20 rows").all()
    assert runs.loc[[ESCAPES, DIVERGES], "stopped_at"].isna().all()


def test_their_history_ends_where_they_were_stopped(stopping, plain):
    (_, found), (_, whole) = stopping, plain
    member = found.runs.query("status == 'stopped'")["member"].iloc[0]
    rate, full = (
        frames.metrics[frames.metrics["member"] == member].set_index("step")["rate"]
        for frames in (found, whole)
    )
    assert rate.loc[210:].isna().all()
    np.testing.assert_array_equal(rate.loc[:200], full.loc[:200])


def others(frames):
    """What is stored of members that were not stopped, but for times."""
    runs = frames.runs[frames.runs["beta"] != STAYS]
    metrics = frames.metrics[frames.metrics["member"].isin(runs["member"])]
    names = ["member", "status", "first_bad_step", "made", "departure"]
    return runs[names], metrics[["member", "step", "loss", "rate"]]


def test_the_others_have_the_bits_that_they_have_without_it(stopping, plain):
    for found, expected in zip(others(stopping[1]), others(plain[1]), strict=True):
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    for member in plain[1].runs.query(f"beta == {ESCAPES}")["member"]:
        one, other = (results.load(out, member) for out in (stopping[0], plain[0]))
        np.testing.assert_array_equal(one["departure"], other["departure"])


def test_under_vmap_the_others_are_the_same_to_rounding(plain, tmp_path):
    found = run(tmp_path / "run", strategy="vmap").to_pandas()
    for table, expected in zip(others(found), others(plain[1]), strict=True):
        numbers = table.select_dtypes("number").columns
        # 400 products of a float32 each
        np.testing.assert_allclose(table[numbers], expected[numbers], rtol=400 * 6e-8)


def test_places_are_filled_by_members_that_have_not_begun(tmp_path):
    """64 members, 16 at once; half of each group diverges at once."""
    at, lanes = Counter(), []

    def count(chunk):
        # under vmap a step takes the time of all places, whoever is left in them
        lanes.append(16 * (chunk.step - at[chunk.members[0]]))
        at.update(dict.fromkeys(chunk.members, lanes[-1] // 16))

    configs = members(*[ESCAPES, DIVERGES] * 32)
    found = run(tmp_path, configs, on_chunk=count, width=16, strategy="vmap")
    # 4 groups for 20 steps, after which they are looked at, and 2 for 380 more, not 4
    assert sum(lanes) == 16 * (4 * 20 + 2 * 380)
    ended = found.to_pandas().runs.groupby("beta")["status"].agg(set)
    assert ended.to_dict() == {ESCAPES: {"finished"}, DIVERGES: {"diverged"}}


def test_without_the_option_no_word_of_it_is_stored(plain):
    out, frames = plain
    assert not [name for name in frames.runs if name.startswith("stopped")]
    assert "stop_hopeless" not in results.read_manifest(out)["options"]
    assert sweeps.Options().stop_hopeless is False


def test_an_interrupted_run_goes_on_to_the_same_rows(stopping, tmp_path):
    """By signals in the first group, and twice where members wait for others."""

    def after(number):
        chunks = iter(range(number))

        def interrupt(chunk):
            if next(chunks, None) is None:
                signal.raise_signal(signal.SIGTERM)

        return interrupt

    for number in (0, 5, 40):
        with pytest.raises(sweeps.Interrupted):
            run(tmp_path / "run", on_chunk=after(number))
    run(tmp_path / "run")
    found, expected = map(results.content_hash, (tmp_path / "run", stopping[0]))
    assert found == expected


def test_a_folder_counts_them_among_those_that_have_ended(stopping):
    found = folders.status(stopping[0])
    assert (found.count("finished"), found.count("diverged")) == (10, 3)
    assert found.count("stopped") == 0
    assert not (stopping[0] / "checkpoints").exists()


def test_an_objective_that_still_changes_is_waited_for(tmp_path):
    configs = members(STAYS, DIVERGES, learning_rate=1.0)
    runs = run(tmp_path / "run", configs).to_pandas().runs
    assert runs["status"].tolist() == ["finished", "diverged"]


def test_a_rate_that_grows_back_by_the_end_is_not_beyond_return():
    """By the linear theory: a sum of exponentials, one for each departure."""
    steps = np.arange(20)
    for growth, stopped in ((0.1, True), (0.3, False)):
        rate = 1e-4 * np.exp(growth * steps)
        # after 20 rows more it would be 1e-4 exp(40 growth): 0.0055, and 16
        assert (why_hopeless(rate, 0, 20) is not None) == stopped
    # hardly rising yet, since one departure still dies out: at the end 0.025 and 0.2
    for share, stopped in ((0.0005, True), (0.004, False)):
        rate = 0.05 * np.exp(-0.2 * steps) + share * np.exp(0.1 * steps)
        assert (why_hopeless(rate, 0, 20) is not None) == stopped
    assert why_hopeless(np.full(20, np.nan), 0, 1) is None


def test_a_run_that_came_back_would_not_have_been_stopped():
    """Rows of an MLP on digits, hidden 32, latent 4, beta 3.19, Adam 3e-4, seed 0."""
    rate = np.array(CAME_BACK)
    assert [n for n in range(3, 60, 3) if why_hopeless(rate[:n], 0, 60 - n)] == []


def test_a_learning_rate_that_falls_has_settled():
    falls, rises = np.linspace(1, 0, 50), np.linspace(0, 1, 50)
    assert settled_step({"learning_rate": falls}, 50) == 0
    assert settled_step({"learning_rate": rises}, 50) == 49
    assert settled_step({"beta": falls}, 50) == 49
    assert settled_step({"beta": np.float32(1.0), "other": np.arange(7.0)}, 50) == 0


class Unjudged(NamedTuple):
    loss: jax.Array


def test_what_cannot_be_judged_is_refused(tmp_path, monkeypatch):
    def no_rate(state, t, key, hyper, data):
        state, info = step(state, t, key, hyper, data)
        return state, Unjudged(info.loss)

    def make(config):
        return make_job(config, PROGRAM._replace(step=no_rate))

    with pytest.raises(ValueError, match="'rate', which the program does not record"):
        run(tmp_path / "run", make=make)
    one_row = members(STAYS, log_every=400)
    with pytest.raises(ValueError, match="Use a `log_every` of 20"):
        run(tmp_path / "run", one_row)
    monkeypatch.setattr(_hosts, "several", lambda: True)
    with pytest.raises(ValueError, match="must be False on several hosts"):
        _prepare.refuse_unjudged([], OPTIONS)
    assert not (tmp_path / "run").exists()
