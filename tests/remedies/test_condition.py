"""A run with a condition: what it may be, what it refuses, and what its row has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import Conditioned, assembly, configs, data, results, sweeps, userdata
from vae_jax.configs import Run
from vae_jax.diagnostics import CollapseReport, ConditionalReport
from vae_jax.remedies import Label
from vae_jax.training import member_key

RNG = np.random.default_rng(7)
TINY = {"num_steps": 4, "log_every": 2, "batch_size": 16, "eval_samples": 2}
GAUSSIAN = {"likelihood": "gaussian", "model": "linear", "latent_dim": 2, **TINY}


def held(labels, size=60, **reading):
    x = np.random.default_rng(7).normal(size=(size, 4)).astype(np.float32)
    given = None if labels is None else [np.asarray(labels)]
    made = userdata.from_arrays(x, labels=given, values="real", **reading)
    return userdata.hold(made).dataset


def test_a_run_with_a_condition_is_written_and_read():
    run = Run.of(condition="label", condition_prior=True, condition_width=5)
    assert run.remedies == (Label(condition_prior=True, condition_width=5),)
    assert configs.from_mapping(configs.to_mapping(run)) == run
    assert run["condition"] == "label"
    assert run.changed(condition="none") == Run()
    assert Run().changed(condition="label") == Run.of(condition="label")


def test_a_run_without_one_is_known_by_the_same_settings_as_ever():
    assert Run()["condition"] == "none"
    assert not [name for name in configs.to_mapping(Run()) if "condition" in name]
    assert Run.of(condition="none") == Run()


def test_examples_come_with_their_labels():
    run = Run.of(condition="label", early_stopping=2, **TINY)
    digits = data.load("digits")
    train, evaluation, validation, _ = assembly.splits(run, digits)
    given = train, evaluation, validation
    stored = digits.train, digits.test, digits.validation
    for pair, split in zip(given, stored, strict=True):
        assert isinstance(pair, Conditioned)
        np.testing.assert_array_equal(pair.x, split.images)
        np.testing.assert_array_equal(pair.condition, split.labels)
    assert assembly.splits(Run(), digits).train is digits.train.images


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, r"has none \(-1\)"),
        (["one"] * 60, "has one label"),
    ],
)
def test_data_without_labels_are_refused(labels, message):
    run = Run.of(dataset=held(labels), condition="label", **GAUSSIAN)
    with pytest.raises(ValueError, match=message):
        assembly.job(run)


def test_sentences_without_labels_are_refused():
    run = Run.of(
        dataset="ten_sequences",
        model="lstm",
        likelihood="categorical",
        condition="label",
        **{**TINY, "batch_size": 1},
    )
    with pytest.raises(ValueError, match="needs data whose examples have labels"):
        assembly.job(run)


def test_labels_that_training_has_not_are_refused():
    x = RNG.normal(size=(80, 4)).astype(np.float32)
    labels = np.arange(80) % 3
    parts = [labels[:60], labels[:10], np.full(10, 2) + (np.arange(10) % 2)]
    made = userdata.from_arrays(x[:60], x[60:70], x[70:], labels=parts, values="real")
    run = Run.of(dataset=userdata.hold(made).dataset, condition="label", **GAUSSIAN)
    with pytest.raises(ValueError, match="'test' must be one of training; got"):
        assembly.job(run)


def test_a_prior_made_of_the_encoder_is_refused():
    with pytest.raises(ValueError, match="encodes pseudo-inputs, which have no label"):
        Run.of(condition="label", prior="vampprior")


def test_settings_of_no_condition_are_refused():
    with pytest.raises(ValueError, match="setting of condition='label'"):
        Run.of(condition_prior=True)


@pytest.mark.slow
def test_a_row_has_both_reports_and_is_judged_beside_the_label(tmp_path):
    names = held(np.array(["a", "b", "c"])[np.arange(60) % 3])
    run = Run.of(dataset=names, condition="label", condition_prior=True, **GAUSSIAN)
    found = sweeps.run([run], tmp_path / "run")
    [row] = found.runs.to_pylist()
    assert row["condition"] == "label"
    assert row["num_conditions"] == 3
    shared = {f"conditional_{name}" for name in CollapseReport._fields}
    columns = set(row) & (shared | set(ConditionalReport._fields))
    assert len(columns - set(CollapseReport._fields)) == len(ConditionalReport._fields)
    assert set(CollapseReport._fields) <= set(row)
    assert any("condition" in reason for reason in row["reasons"])
    params = results.load(tmp_path / "run", 0)
    assert set(params["condition"]) == {"decoder", "encoder", "prior"}


BESIDE = [
    {"refine_steps": 1},
    {"importance_samples": 2},
    {"posterior": "batch_norm"},
    {"posterior": "delta"},
    {"inference": "aggressive"},
    {"early_stopping": 2},
    {"regulariser": "mmd", "mmd_weight": 1.0},
    {"prior": "mixture"},
    {"model": "linear", "likelihood": "gaussian_optimal"},
]


@pytest.mark.parametrize("others", BESIDE, ids=str)
def test_it_is_traced_beside_other_remedies(others):
    """Labels reach every part that takes examples: as shapes, nothing is compiled."""
    settings = {"hidden": (8,)} if "model" not in others else {}
    run = Run.of(condition="label", condition_prior=True, **settings, **TINY, **others)
    job, key = assembly.job(run), member_key(0)
    program, given = job.program, (key, job.hyper, job.splits)
    state = jax.eval_shape(program.init, *given)
    after, _ = jax.eval_shape(program.step, state, jnp.asarray(0, jnp.int32), *given)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    columns = jax.eval_shape(program.evaluate, state, *given)
    assert "shuffle_within_gap" in columns
