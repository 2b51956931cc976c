"""Thirty wrong configs, each refused with the field, the value and what is allowed."""

import os
from dataclasses import MISSING

import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import remedies, schedules, sweeps
from vae_jax.configs import (
    NOTHING,
    PARTS,
    Run,
    from_mapping,
    names,
    owners,
    to_mapping,
)
from vae_jax.records import CHOICES, alternatives, unchecked

TEXT = {
    "dataset": "text",
    "data_folder": "x",
    "model": "lstm",
    "likelihood": "categorical",
}
WRONG = [
    ({"latent_dim": 0}, "`latent_dim` must be at least 1 and at most 100000; got 0"),
    ({"latent_dim": 2.5}, "`latent_dim` must be of type int; got 2.5"),
    ({"latent_dim": True}, "`latent_dim` must be of type int; got True"),
    ({"beta": -1.0}, "`beta` must be finite and at least 0; got -1.0"),
    ({"beta": float("inf")}, "`beta` must be finite"),
    ({"beta": float("nan")}, "`beta` must be finite"),
    ({"beta": "1"}, "`beta` must be of type float; got '1'"),
    (
        {"variance": 0.0, "likelihood": "gaussian"},
        "`variance` must be finite and above 0; got 0.0",
    ),
    ({"learning_rate": 0.0}, "`learning_rate` must be finite and above 0"),
    ({"learning_rate": -1e-3}, "`learning_rate` must be finite and above 0"),
    ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
    ({"dropout": -0.1}, "`dropout` must be at least 0 and below 1"),
    (
        {"cycle_ratio": 0.0, "schedule": "cyclical"},
        "`cycle_ratio` must be above 0 and at most 1",
    ),
    (
        {"cycle_ratio": 1.5, "schedule": "cyclical"},
        "`cycle_ratio` must be above 0 and at most 1",
    ),
    ({"num_cycles": 0, "schedule": "cyclical"}, "`num_cycles` must be at least 1"),
    ({"hidden": (64, 0)}, "`hidden` must be at least 1 and at most 100000; got 0"),
    ({"hidden": 64}, "`hidden` must be a list of whole numbers"),
    ({"clip_norm": 0.0}, "`clip_norm` must be finite and above 0; got 0.0"),
    ({"window": -1, "model": "pixelcnn"}, "`window` must be at least 0 and at most"),
    ({"window": 2, "model": "mlp"}, "`window` is a setting of model='autoregressive'"),
    ({"seed": -1}, "`seed` must be at least 0 and at most 2147483647; got -1"),
    ({"seed": 2**31}, "`seed` must be at least 0 and at most 2147483647"),
    ({"batch_size": 0}, "`batch_size` must be at least 1"),
    ({"num_steps": 0}, "`num_steps` must be at least 1"),
    (
        {"num_steps": 120},
        "`num_steps` must be a multiple of `log_every`; got 120 and 50",
    ),
    ({"free_bits": -0.5}, "`free_bits` must be finite and at least 0"),
    ({"schedule": "linaer"}, "`schedule` must be one of .*Did you mean `linear`"),
    ({"likelihood": "bernouli"}, "Did you mean `bernoulli`"),
    ({"binarize": "yes"}, "`binarize` must be one of none, static, dynamic; got 'yes'"),
    ({"model": "mpl"}, "`model` must be one of .*Did you mean `mlp`"),
    (
        {"dropout": 0.5, "model": "linear"},
        "this run has model='linear'; got dropout=0.5",
    ),
    ({"dropout": 0.5, "model": "lipschitz"}, "this run has model='lipschitz'"),
    ({"inverse_lipschitz": 1.0}, "is a setting of model='lipschitz'; this run has"),
    (
        {"inverse_lipschitz": 3.0, "lipschitz": 2.0, "model": "lipschitz"},
        "must not be above `lipschitz`, the largest; got 3.0 and 2.0",
    ),
    ({"dequantize": True}, "fits a Gaussian likelihood"),
    (
        {"dequantize": True, "likelihood": "gaussian", "binarize": "static"},
        "`dequantize` must be False for binarised data",
    ),
    (
        {"word_dropout": 0.5},
        "`word_dropout` is a setting of model='autoregressive' or 'pixelcnn'",
    ),
    ({"skip": True, "model": "autoregressive"}, "`skip` is a setting of model='mlp'"),
    (
        {"capacity_weight": 1.0, "capacity": 1.0, "free_bits": 0.1},
        "only one remedy may set the charge for the rate",
    ),
    ({"capacity_weight": 1.0, "capacity": 1.0, "beta": 2.0}, "takes the place of"),
    (
        {"capacity_weight": 1.0, "capacity": 1.0, "feedback": "geco", "target": 9.0},
        "takes the place of beta",
    ),
    (
        {"mmd_weight": 1.0},
        "`mmd_weight` is a setting of regulariser='mmd'; this run has",
    ),
    ({"tc_weight": 1.0, "regulariser": "mmd"}, "this run has regulariser='mmd'"),
    ({"pretraining_steps": 1500}, "`pretraining_steps` must be fewer than `num_steps`"),
    ({"posterior": "delta", "prior": "mixture"}, "is defined against N"),
    ({"refine_steps": 2, "prior": "diagonal"}, "`refine_steps` is defined against N"),
    (
        {"regulariser": "mmd", "mmd_weight": 1.0, "prior": "diagonal"},
        "regulariser='mmd' is defined against N",
    ),
    (
        {"posterior": "batch_norm", "prior": "vampprior"},
        "encodes its pseudo-inputs apart",
    ),
    ({"free_bits": 0.1, "prior": "mixture"}, "sampled as a whole and has no units"),
    ({"importance_samples": 2, "beta": 0.5}, "makes the loss one bound.*beta=0.5"),
    ({"importance_samples": 2, "free_bits": 0.5}, "makes the loss one bound"),
    (
        {"prior_correlation": 1.0, "prior": "autoregressive"},
        "`prior_correlation` must be above -1 and below 1",
    ),
    (
        {"word_dropout": 1.5, "model": "pixelcnn"},
        "`word_dropout` must be at least 0 and at most 1",
    ),
    (
        {"committed_rate": 41.0, "posterior": "delta"},
        "`committed_rate` must be at least 1e-06 and at most 40 nats; got",
    ),
    ({"committed_rate": 1e-7, "posterior": "delta"}, "at least 1e-06 and at most 40"),
    ({"dropout": 1 - 1e-9}, "`dropout` must be at least 0 and below 1"),
    (
        {"prior_correlation": -1 + 1e-9, "prior": "autoregressive"},
        "`prior_correlation` must be above -1",
    ),
    ({"beta": 1e300}, "`beta` must be finite in float32, at most 3.4e.38; got 1e.300"),
    (
        {"variance": 1e-60, "likelihood": "gaussian"},
        "`variance` must be 0 or, in float32, at least 1.18e-38",
    ),
    ({"beta": 10**400}, "`beta` must be of type float; got 1000"),
    ({"max_length": 10**7, **TEXT}, "at most 10000; got 10000000"),
    ({"hidden": (10**9,)}, "`hidden` must be at least 1 and at most 100000; got 1000"),
    ({"batch_size": 1, "posterior": "batch_norm"}, "`batch_size` must be at least 2"),
    ({"hidden": (100_000, 100_000)}, "at most 1000000000 weights; got `hidden`"),
    ({"latent_dim": 100_000, "hidden": (20_000,)}, "`latent_dim` 100000"),
    (
        {"vocab_size": 10**7, "embedding": 1000, **TEXT},
        "`embedding` 1000. Make one of them smaller",
    ),
    ({"dataset": ""}, "`dataset` must be a text of visible characters"),
    ({"data_folder": "a\0b"}, "`data_folder` must be a text of visible characters"),
    ({"latent_dim": np.float32(2)}, "`latent_dim` must be of type int; got 2.0"),
    ({"beta": np.ones(2)}, "`beta` must be of type float; got array"),
    ({"schedule": np.ones(2)}, "`schedule` must be one of"),
    ({"posterior": "delt"}, "Did you mean `delta`"),
    ({"learning_rat": 1.0}, "`learning_rat` is not a field.*Did you mean"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_a_wrong_config_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        from_mapping(fields)


def test_a_config_survives_the_round_trip():
    config = Run.of(hidden=(3, 4), beta=2, clip_norm=1.0)
    assert from_mapping(to_mapping(config)) == config
    full = from_mapping({"model": "pixelcnn", "window": "full"})
    assert full.model.window is None
    assert full == from_mapping({"model": "pixelcnn", "window": "none"})


def test_numbers_of_numpy_and_jax_are_pythons():
    config = Run.of(
        beta=np.float64(0.1),
        likelihood="gaussian",
        variance=jnp.float32(0.25),
        latent_dim=np.int64(3),
        seed=jnp.uint32(7),
        skip=np.bool_(False),
        hidden=(np.int32(4), 5),
        num_steps=np.asarray(50),
    )
    plain = Run.of(
        beta=0.1,
        likelihood="gaussian",
        variance=0.25,
        latent_dim=3,
        seed=7,
        hidden=(4, 5),
        num_steps=50,
    )
    assert repr(config) == repr(plain)


def test_a_whole_number_is_the_same_setting_as_the_float():
    assert repr(Run.of(beta=2)) == repr(Run.of(beta=2.0))
    assert repr(Run.of(beta=-0.0)) == repr(Run.of(beta=0.0))
    assert repr(Run.of(latent_dim=2)["latent_dim"]) == "2"


def test_a_folder_has_one_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ["a/", "./a", "b/../a", "~/a", "~/a//", str(tmp_path / "a"), "a"]
    assert {Run.of(data_folder=name)["data_folder"] for name in names} == {"a"}
    outside = str(tmp_path.parent / "other")
    for name in ("../other/", outside, outside + "/"):
        assert Run.of(data_folder=name)["data_folder"] == outside
    assert Run.of(data_folder=str(tmp_path))["data_folder"] == os.curdir


@pytest.mark.parametrize("model", ["autoregressive", "pixelcnn"])
def test_a_decoder_without_inputs_is_allowed(model):
    assert Run.of(model=model, word_dropout=1)["word_dropout"] == 1.0


CHANGE_NOTHING = [  # today's, which were accepted
    {"warmup_steps": 100},
    {"capacity": 5.0},
    {"target": 5.0},
    {"speed": 0.1},
    {"regulariser": "mmd", "mmd_weight": 0.0},
    {"feedback": "geco"},
    {"feedback": "minimum_rate"},
    {"variance": 2.0},
    {"committed_rate": 0.2},
    {"posterior_scale": 0.5},
    {"refine_rate": 0.2},
    {"prior_components": 4},
    {"free_bits_over": "total"},
    {"importance_gradient": "plain"},
    {"model": "linear", "hidden": [8]},
    {"kernel": 5},
    {"components": 3},
    {"num_heads": 2},
    {"embedding": 8},
    {"lipschitz": 3.0},
    {"vocab_size": 100},
    {"max_length": 20},
]


@pytest.mark.parametrize("fields", CHANGE_NOTHING, ids=str)
def test_a_setting_that_changes_nothing_is_refused(fields):
    with pytest.raises(ValueError, match="which this run has|this run has|must be"):
        from_mapping(fields)


def choices():
    return [*PARTS, *NOTHING]


def valid(field):
    """A value of the type, which is not what says that there is none."""
    if field.default not in (MISSING, None, False, 0):
        return field.default
    kinds = alternatives(field.type)
    return next(v for v in (True, 1, 1.0, "x", (1,)) if type(v) in kinds or v == "x")


def is_ready(cls):
    """Not one of a test's own, which stay known once they are imported."""
    return cls.__module__.startswith("vae_jax.")


FOREIGN = [
    (choice, name, setting)
    for choice in choices()
    for name in CHOICES[choice]
    if name
    for setting in names()
    if setting not in choices()
    and setting not in CHOICES[choice][name].settings()
    and any(is_ready(cls) for cls in owners(setting))
    and all(cls.choice == choice for cls in owners(setting))
]


@pytest.mark.parametrize(("choice", "name", "setting"), FOREIGN)
def test_a_setting_of_another_choice_is_refused_naming_both(choice, name, setting):
    owner = owners(setting)[0]
    value = valid(owner.settings()[setting])
    with pytest.raises(
        ValueError, match=f"`{setting}` is a setting of {choice}="
    ) as seen:
        from_mapping({choice: name, setting: value})
    assert f"this run has {choice}={name!r}" in str(seen.value)
    assert repr(owner.name) in str(seen.value) or owner.name == ""


@pytest.mark.parametrize("name", CHOICES["remedy"])
def test_a_switch_that_is_off_is_no_remedy(name):
    """0, or False, in the text form is a record that says so, or none that there can be."""
    cls = CHOICES["remedy"][name]
    off = alternatives(cls.settings()[name].type)[0](0)
    assert from_mapping({name: off}) == Run()
    others = {n: valid(f) for n, f in cls.settings().items() if f.default is MISSING}
    try:
        one = cls(**(others | {name: off}))
    except ValueError:
        return
    assert one.is_off


def test_a_changed_likelihood_has_its_own_binarisation():
    assert Run().changed(likelihood="gaussian").data.binarize == "none"
    assert Run.of(likelihood="gaussian").changed(likelihood="bernoulli") == Run()
    said = Run.of(likelihood="gaussian", binarize="dynamic")
    assert said.changed(beta=2.0).data.binarize == "dynamic"


def test_a_changed_choice_keeps_what_was_said_of_both():
    run = Run.of(beta=4.0, latent_dim=2, learning_rate=0.1, hidden=(16,))
    ramp = run.changed(schedule="linear", optimizer="sgd", model="lipschitz")
    assert (ramp.beta.beta, ramp.model.latent_dim, ramp.model.hidden) == (4.0, 2, (16,))
    assert ramp.optimizer.learning_rate == 0.1
    # what was not said is the new model's own
    assert Run().changed(model="pixelcnn") == Run.of(model="pixelcnn")
    steered = Run.of(feedback="geco", target=3.0)
    assert steered.changed(feedback="none") == Run()
    freed = Run.of(free_bits=0.1, free_bits_over="total")
    assert freed.changed(free_bits=None) == Run()


def test_free_bits_of_0_give_way():
    run = Run.of(free_bits=0, free_bits_over="total", capacity_weight=1.0, capacity=3.0)
    assert [one.name for one in run.remedies] == ["capacity_weight"]
    assert Run.of(free_bits=0, free_bits_over="total", importance_samples=4).remedies
    kept = Run.of(free_bits=0, free_bits_over="total")
    other = Run.of(free_bits=0.1, free_bits_over="total")
    assert sweeps.cohort_key(kept) == sweeps.cohort_key(other)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"beta": 2.0}, "`beta` must be a BetaSchedule"),
        ({"remedies": remedies.FreeBits(0.1)}, "`remedies` must be a tuple"),
        ({"remedies": (schedules.Linear(),)}, "`remedies` must be a Remedy"),
    ],
)
def test_parts_of_the_wrong_kind_are_refused(parts, message):
    run = unchecked(Run, vars(Run()) | parts)  # past the types that tests check
    with pytest.raises(ValueError, match=message):
        run.check()


@pytest.mark.parametrize("beta", [0.1, 0.3, 1e-4])
def test_a_beta_that_float32_rounds_has_arrived(beta):
    for settings in (
        {"schedule": "linear", "beta_start": beta},
        {"schedule": "stages", "stage_betas": [1.0], "stage_steps": [2]},
    ):
        run = Run.of(beta=beta, **settings)
        run.beta.check_arrival(run.schedule(), run.num_steps)


WITHOUT_SWITCH = [
    (name, setting)
    for name, cls in CHOICES["remedy"].items()
    for setting in cls.settings()
    if setting != name
    and all(owner.choice == "remedy" and is_ready(owner) for owner in owners(setting))
]


@pytest.mark.parametrize(("name", "setting"), WITHOUT_SWITCH)
def test_a_setting_of_a_remedy_that_is_not_there_is_refused(name, setting):
    value = valid(CHOICES["remedy"][name].settings()[setting])
    message = f"`{setting}` is a setting of `{name}`, which this run has not"
    with pytest.raises(ValueError, match=message):
        from_mapping({setting: value})
