"""A folder grows by members and by steps, to what one undisturbed run would hold."""

import re
import shutil
import signal

import jax
import numpy as np
import pytest
import tiny

from vae_jax import results, sweeps
from vae_jax.configs import Run
from vae_jax.sweeps.queue import _shard, _work

QUIET = sweeps.Options(progress=False, strategy="map")
KEEPING = QUIET._replace(keep_state=True)
SMALL = Run.of(
    model="linear",
    latent_dim=2,
    batch_size=32,
    num_steps=40,
    log_every=10,
    eval_samples=1,
)


def members(num=4, base=tiny.BASE, **changes):
    base = base.changed(**changes)
    return [base.changed(beta=0.5 + b, seed=s) for s in range(num // 2) for b in (0, 1)]


def slow(*cases):
    """Seconds of tracing each, of which a quick run does one."""
    return [pytest.param(case, marks=pytest.mark.slow) for case in cases]


def run(configs, out, options=QUIET):
    return sweeps.run(configs, out, options, make_job=tiny.make_job)


def rows_of(out, **chosen):
    """The columns of the members that are chosen, without those of time and host."""
    runs, metrics = results.read(out).to_pandas()
    for name, value in chosen.items():
        runs = runs[runs[name] == value]
    frame = runs.drop(columns=["member", *results.HOST_COLUMNS], errors="ignore")
    frame = frame.set_index(["beta", "seed"]).sort_index()
    history = {
        (row["beta"], row["seed"]): metrics[metrics["member"] == row["member"]].drop(
            columns="member"
        )
        for row in runs.to_dict("records")
    }
    params = {
        (row["beta"], row["seed"]): jax.tree.leaves(results.load(out, row["member"]))
        for row in runs.to_dict("records")
    }
    return frame, history, params


def assert_same(one, other):
    """Rows, history and parameters, to the bit."""
    assert one[0].index.tolist() == other[0].index.tolist()
    for name in one[0]:
        for a, b in zip(one[0][name], other[0][name], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    for who in one[1]:
        for name in one[1][who]:
            pair = (x[1][who][name].to_numpy() for x in (one, other))
            np.testing.assert_array_equal(*pair)
        for a, b in zip(one[2][who], other[2][who], strict=True):
            np.testing.assert_array_equal(a, b)


def counted(monkeypatch):
    """Member-steps that are computed."""
    steps, real = [], _shard.train

    def train(task, *rest):
        first = task.saved[0].step if task.saved else 0
        last = task.shard.configs[0].num_steps
        steps.append((last - first) * len(task.shard.members))
        return real(task, *rest)

    monkeypatch.setattr(_shard, "train", train)
    return steps


def test_four_members_and_two_more_are_six(tmp_path, monkeypatch, capsys):
    """Exactly where members run one after another; `vmap` of four rounds otherwise."""
    run(members(6), tmp_path / "whole")
    run(members(4), tmp_path / "grown")
    steps = counted(monkeypatch)
    run(members(6), tmp_path / "grown", QUIET._replace(progress=True))
    assert sum(steps) == 2 * 40
    said = "Members added to the 4 of .*grown, which stay as they are: 2."
    assert re.search(said, capsys.readouterr().err)
    hashes = {results.content_hash(tmp_path / name) for name in ("whole", "grown")}
    assert len(hashes) == 1


@pytest.mark.slow  # three programs of a model with Adam
@pytest.mark.parametrize("strategy", ["map", "vmap"])
def test_a_model_with_adam_goes_on_exactly(tmp_path, strategy):
    """Under `vmap` too, for as many members run together as before."""
    options = KEEPING._replace(strategy=strategy)
    sweeps.run(members(base=SMALL), tmp_path / "grown", options)
    for out in ("grown", "whole"):
        sweeps.run(members(base=SMALL, num_steps=80), tmp_path / out, options)
    found = [rows_of(tmp_path / out, num_steps=80) for out in ("grown", "whole")]
    assert_same(*found)


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    """Undisturbed, of twice as many steps."""
    out = tmp_path_factory.mktemp("longer") / "run"
    run(members(num_steps=80), out, QUIET)
    return out


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Of the first half of the steps, its state kept."""
    out = tmp_path_factory.mktemp("kept") / "run"
    run(members(), out, KEEPING)
    return out


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_more_steps_go_on_to_the_undisturbed_run(
    longer, kept, tmp_path, monkeypatch, capsys
):
    out = copied(kept, tmp_path)
    before = rows_of(out)
    steps = counted(monkeypatch)
    run(members(num_steps=80), out, QUIET._replace(progress=True))
    assert sum(steps) == 4 * 40
    assert "Of them go on from step 40: 4." in capsys.readouterr().err
    assert_same(rows_of(out, num_steps=80), rows_of(longer))
    assert_same(rows_of(out, num_steps=40), before)
    # what was asked for last has the first numbers, and asking again trains nothing
    assert results.read(out).runs["num_steps"].to_pylist() == [80] * 4 + [40] * 4
    run(members(num_steps=80), out, QUIET)
    assert sum(steps) == 4 * 40


def test_a_state_that_was_not_kept_is_trained_again(longer, tmp_path, capsys):
    out = tmp_path / "run"
    run(members(), out, QUIET)
    assert not (out / "states").exists()
    run(members(num_steps=80), out, QUIET._replace(progress=True))
    said = "for the state after 40 steps was not kept (`keep_state`): 4."
    assert said in capsys.readouterr().err
    assert_same(rows_of(out, num_steps=80), rows_of(longer))


@pytest.mark.slow
def test_members_and_steps_grow_together_and_again(kept, tmp_path, monkeypatch):
    """Six members of 80 steps, of which four were trained for 40; then 120 for all."""
    out = copied(kept, tmp_path)
    steps = counted(monkeypatch)
    run(members(6, num_steps=80), out, KEEPING)
    assert sorted(steps) == [2 * 80, 4 * 40]
    steps.clear()
    run(members(6, num_steps=120), out, KEEPING)
    assert sum(steps) == 6 * 40
    run(members(6, num_steps=120), tmp_path / "whole", QUIET)
    assert_same(rows_of(out, num_steps=120), rows_of(tmp_path / "whole"))


@pytest.mark.slow
def test_both_lengths_in_one_spec_share_their_first_steps(kept, tmp_path, monkeypatch):
    out = copied(kept, tmp_path)
    steps = counted(monkeypatch)
    run([*members(), *members(num_steps=80)], out, QUIET)
    assert sum(steps) == 4 * 40


def test_an_interruption_on_the_way_changes_nothing(
    longer, kept, tmp_path, monkeypatch
):
    out = copied(kept, tmp_path)
    real = _shard.next_chunk

    def stopping(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return real(*arguments)

    monkeypatch.setattr(_shard, "next_chunk", stopping)
    with pytest.raises(sweeps.Interrupted):
        run(members(num_steps=80), out, QUIET)
    monkeypatch.setattr(_shard, "next_chunk", real)
    run(members(num_steps=80), out, QUIET)
    assert_same(rows_of(out, num_steps=80), rows_of(longer))
    assert not (out / "checkpoints").exists()


def grown(tmp_path, base, **changes):
    """Twice as many steps of a folder that was begun without any training."""
    out, configs = tmp_path / "run", [base]
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(_work, "run_task", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sweeps.run(configs, out, QUIET)
        patched.setattr(results, "finished_members", lambda *_: ids_of(out))
        sweeps.run([base.changed(num_steps=80, **changes)], out, QUIET)


def ids_of(out):
    return set(results.read_manifest(out)["members"][-1:])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"schedule": "cyclical", "num_cycles": 2},
            r"`num_steps` must stay 40 in .*run; got 80, .* another run and not more of "
            r"this one: step 1 would have 0\.05 where it had 0\.1, by "
            r"schedule='cyclical' of beta\. `num_cycles` divides the run\. Name another",
        ),
        (
            {"schedule": "linear"},
            "`warmup_steps` is half of the run where none is given",
        ),
        (
            {"learning_rate_schedule": "cosine"},
            "by learning_rate_schedule='cosine', which is made for the whole run",
        ),
        (
            {
                "halve_on_plateau": True,
                "schedule": "stages",
                "stage_betas": [0.5],
                "stage_steps": [60],
                "allow_unfinished_warmup": True,
            },
            "`halve_on_plateau` judges by the `beta` that a run ends with, which changes",
        ),
    ],
)
def test_what_divides_the_run_is_refused_by_name(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        grown(tmp_path, SMALL.changed(**settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "linear", "warmup_steps": 20},
        *slow(
            {"learning_rate_warmup": 10},
            {"capacity": 3.0, "capacity_weight": 1.0, "capacity_warmup": 20},
            {"free_bits": 0.1},
            {"feedback": "geco", "target": 5.0},
            {"halve_on_plateau": True},
            {"inference": "aggressive"},
            {"optimizer": "adamw"},
        ),
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_absolute_times_are_not_refused(tmp_path, settings):
    with pytest.raises(ZeroDivisionError):  # it came as far as training
        grown(tmp_path, SMALL.changed(**settings))


def test_a_folder_must_have_ended_before_its_steps_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(_work, "run_task", lambda *_: 1 / 0)
    out = tmp_path / "run"
    with pytest.raises(ZeroDivisionError):
        run(members(), out)
    with pytest.raises(ValueError, match="has 4 of 40 steps that have not"):
        run(members(num_steps=80), out)


def test_fewer_steps_are_another_run(longer):
    with pytest.raises(results.SpecChanged, match="num_steps: 80 -> 40"):
        run(members(), longer)


def test_a_program_that_depends_on_the_number_of_steps_is_refused(tmp_path):
    def make_job(config):
        job = tiny.make_job(config)

        def step(state, t, key, hyper, data):
            slow = hyper._replace(rate=hyper.rate / np.float32(config.num_steps))
            return tiny.step(state, t, key, slow, data)

        return job._replace(program=job.program._replace(step=step))

    sweeps.run([tiny.BASE], tmp_path / "run", QUIET, make_job=make_job)
    with pytest.raises(ValueError, match="the program of a step depends on their num"):
        sweeps.run(
            [tiny.BASE.changed(num_steps=80)],
            tmp_path / "run",
            QUIET,
            make_job=make_job,
        )
