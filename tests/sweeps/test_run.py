"""A sweep is the same whatever the chunks, the strategy or the interruptions."""

import signal

import jax
import numpy as np
import pandas as pd
import pytest
from compiled import Counted

from vae_jax import assembly, results, sweeps, training
from vae_jax.configs import Run
from vae_jax.sweeps import _run
from vae_jax.sweeps.queue import _shard, _work

SMALL = Run.of(
    model="linear",  # the engine knows no model, and this one compiles fastest
    latent_dim=2,
    batch_size=32,
    num_steps=100,
    log_every=20,
    eval_samples=2,
)
QUIET = sweeps.Options(progress=False)


def members(**changes):
    base = SMALL.changed(**changes)
    return [base.changed(beta=b, seed=s) for b in (0.5, 2.0) for s in (0, 1)]


def run(configs, out, **options):
    return sweeps.run(configs, out, QUIET._replace(**options))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "run"
    run(members(), out)
    return out


def test_a_row_a_member_with_its_config_metrics_and_history(reference):
    stored = results.read(reference)
    runs, metrics = stored.runs.to_pandas(), stored.metrics.to_pandas()
    assert runs["member"].tolist() == [0, 1, 2, 3]
    assert runs["beta"].tolist() == [0.5, 0.5, 2.0, 2.0]
    assert (runs["status"] == "finished").all()
    assert metrics.groupby("member")["step"].agg(list).iloc[0] == [20, 40, 60, 80, 100]
    assert np.isfinite(metrics["rate"]).all()
    np.testing.assert_array_equal(metrics["beta"].unique(), [0.5, 2.0])
    # of every unit too, of which the rate is the sum
    units = np.stack(metrics["kl_per_unit"])
    assert units.shape == (20, SMALL["latent_dim"])
    np.testing.assert_allclose(units.sum(axis=1), metrics["rate"], rtol=1e-5)


def test_a_member_equals_the_same_run_alone_by_fit(reference):
    """The engine adds nothing: lax.map over members gives the bits of one run."""
    config = members()[3]
    job = assembly.job(config)
    *_, (state, _) = training.fit(
        job.program,
        job.hyper,
        job.splits,
        seed=config.seed,
        num_steps=100,
        log_every=20,
    )
    stored = jax.tree.leaves(results.load(reference, 3))
    alone = jax.tree.leaves(state.train.params)
    for a, b in zip(stored, alone, strict=True):
        # vmap and another fusion may differ in the last bit of a sum
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_chunks_do_not_change_the_bits(reference, tmp_path, monkeypatch):
    monkeypatch.setattr(_shard, "CHUNK_SECONDS", 0.0)
    run(members(), tmp_path / "run")
    assert results.content_hash(tmp_path / "run") == results.content_hash(reference)


@pytest.mark.slow
def test_strategies_agree_to_rounding(tmp_path):
    for strategy in ("map", "vmap"):
        run(members(), tmp_path / strategy, strategy=strategy)
    for member in range(4):
        pair = [
            jax.tree.leaves(results.load(tmp_path / s, member)) for s in ("map", "vmap")
        ]
        for a, b in zip(*pair, strict=True):
            # 100 Adam steps amplify rounding of 1e-8; the measured figure is 1e-6
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_shards_follow_the_width(reference, tmp_path):
    run(members(), tmp_path / "run", width=2, strategy="map")
    assert len(list((tmp_path / "run" / "shards").iterdir())) == 2
    assert results.read(tmp_path / "run").runs.num_rows == 4


def test_an_interrupted_sweep_saves_exits_and_resumes_exactly(
    reference, tmp_path, monkeypatch
):
    monkeypatch.setattr(_shard, "CHUNK_SECONDS", 0.0)
    real = _shard.next_chunk

    def stop_after_second_chunk(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return real(*arguments)

    monkeypatch.setattr(_shard, "next_chunk", stop_after_second_chunk)
    out = tmp_path / "run"
    with pytest.raises(sweeps.Interrupted) as stopped:
        run(members(), out)
    assert stopped.value.code == 143
    assert results.finished_members(out) == set()
    assert list((out / "checkpoints").rglob("*"))
    monkeypatch.setattr(_shard, "next_chunk", real)
    run(members(), out)
    assert results.content_hash(out) == results.content_hash(reference)


def test_a_finished_sweep_returns_without_running_and_says_when(
    reference, monkeypatch, capsys
):
    def never(*_):
        raise AssertionError("a finished sweep was traced or run again")

    monkeypatch.setattr(_run, "train_all", never)
    monkeypatch.setattr(_work, "make_engine", never)
    assert run(members(), reference, progress=True).runs.num_rows == 4
    when = results.finished_at(reference)
    said = f"Nothing was trained: all of 4 members had ended, the last on {when}."
    assert said in capsys.readouterr().err


def test_another_spec_in_the_folder_is_refused(reference):
    before = results.content_hash(reference)
    with pytest.raises(results.SpecChanged, match="beta"):
        run([c.changed(beta=c["beta"] + 1) for c in members()], reference)
    assert results.content_hash(reference) == before


def test_a_diverging_member_is_frozen_and_hurts_no_other(reference, tmp_path):
    configs = members()
    configs[1] = configs[1].changed(learning_rate=1e38)
    stored = run(configs, tmp_path / "run").runs.to_pandas()
    assert stored["status"].tolist() == ["finished", "diverged", "finished", "finished"]
    assert 0 < stored["first_bad_step"][1] < 20
    assert stored["first_bad_step"].tolist()[0] == training.ALIVE
    # what its parameters would measure is no result, and stays out of every mean
    assert stored["verdict"][1] == "diverged"
    bad = stored["first_bad_step"][1]
    assert f"not finite at step {bad}" in stored["reasons"][1][0]
    names = ["rate", "nll", "mutual_information", "active_units"]
    assert stored.loc[1, names].isna().all()
    kept = results.read(reference).runs.to_pandas().drop(index=1)
    pd.testing.assert_frame_equal(
        stored.groupby("beta")[names].mean(), kept.groupby("beta")[names].mean()
    )
    for member in (0, 2, 3):
        for a, b in zip(
            jax.tree.leaves(results.load(tmp_path / "run", member)),
            jax.tree.leaves(results.load(reference, member)),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_unlike_decoders_make_two_cohorts(tmp_path):
    configs = [SMALL, SMALL.changed(latent_dim=3)]
    stored = run(configs, tmp_path / "run")
    assert len(list((tmp_path / "run" / "shards").iterdir())) == 2
    assert stored.runs.to_pandas()["latent_dim"].tolist() == [2, 3]


def test_a_config_that_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="`batch_size` must be at most the 1200"):
        run([SMALL, SMALL.changed(batch_size=5000)], tmp_path / "run")
    with pytest.raises(ValueError, match="`warmup_steps` must end within"):
        run([SMALL.changed(schedule="linear", warmup_steps=500)], tmp_path / "run")
    with pytest.raises(ValueError, match="binary data only"):
        run([SMALL.changed(binarize="none")], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_cohort_is_compiled_once(tmp_path):
    """Beta, schedule, seed, rate and free bits are data: one advance, two shards."""
    configs = [
        SMALL.changed(beta=b, schedule=s, free_bits=f, learning_rate=r, seed=i)
        for i, (b, s, f, r) in enumerate(
            [(1.0, "constant", 0.0, 1e-3), (2.0, "linear", 0.1, 2e-3)]
        )
    ]
    job = assembly.job(configs[0])
    hypers = [assembly.hyper(config) for config in configs]
    engine = sweeps.make_engine(job.program, hypers, job.splits, 5, 20, 1, "map")
    from vae_jax.sweeps.devices import _engine

    data, advance = _engine.place_data(job.splits, engine), Counted(engine.advance)
    for config, hyper in zip(configs, hypers, strict=True):
        one = _engine.stack_members([config.seed], [hyper], engine)
        carry = engine.start(one, data)
        for first, last in ((0, 1), (1, 30)):
            carry = advance(carry, one, data, np.int32(first), np.int32(last))
    assert advance.programs == 1
