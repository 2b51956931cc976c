"""Thirty wrong configs, each refused with the field, the value and what is allowed."""

import os

import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.configs import RunConfig, from_mapping, to_mapping

WRONG = [
    ({"latent_dim": 0}, "`latent_dim` must be at least 1; got 0"),
    ({"latent_dim": 2.5}, "`latent_dim` must be of type int; got 2.5"),
    ({"latent_dim": True}, "`latent_dim` must be of type int; got True"),
    ({"beta": -1.0}, "`beta` must be finite and at least 0; got -1.0"),
    ({"beta": float("inf")}, "`beta` must be finite"),
    ({"beta": float("nan")}, "`beta` must be finite"),
    ({"beta": "1"}, "`beta` must be of type float; got '1'"),
    ({"variance": 0.0}, "`variance` must be finite and above 0; got 0.0"),
    ({"learning_rate": 0.0}, "`learning_rate` must be finite and above 0"),
    ({"learning_rate": -1e-3}, "`learning_rate` must be finite and above 0"),
    ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
    ({"dropout": -0.1}, "`dropout` must be at least 0 and below 1"),
    ({"cycle_ratio": 0.0}, "`cycle_ratio` must be above 0 and at most 1"),
    ({"cycle_ratio": 1.5}, "`cycle_ratio` must be above 0 and at most 1"),
    ({"num_cycles": 0}, "`num_cycles` must be at least 1"),
    ({"hidden": (64, 0)}, "`hidden` must be widths of at least 1"),
    ({"hidden": 64}, "`hidden` must be of type"),
    ({"clip_norm": 0.0}, "`clip_norm` must be finite and above 0, or none"),
    ({"window": -1}, "`window` must be finite and at least 0"),
    ({"window": 2, "model": "mlp"}, "`window` is a setting of model='autoregressive'"),
    ({"seed": -1}, "`seed` must be finite and at least 0"),
    ({"seed": 2**31}, r"`seed` must be below 2\*\*31"),
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
    ({"dropout": 0.5, "model": "linear"}, "`dropout` drops hidden units"),
    ({"dropout": 0.5, "model": "lipschitz"}, "hold its bounds; got 0.5"),
    ({"inverse_lipschitz": 1.0}, "bounds the slope of model='lipschitz'; got 1.0"),
    (
        {"inverse_lipschitz": 3.0, "lipschitz": 2.0, "model": "lipschitz"},
        "must not be above `lipschitz`, the largest; got 3.0 and 2.0",
    ),
    ({"dequantize": True}, "fits a Gaussian likelihood"),
    (
        {"dequantize": True, "likelihood": "gaussian"},
        "`dequantize` must be False for binarised data",
    ),
    (
        {"word_dropout": 0.5},
        "`word_dropout` hides pixels or words from a decoder that sees",
    ),
    ({"skip": True, "model": "autoregressive"}, "`skip` is a setting of model='mlp'"),
    (
        {"capacity_weight": 1.0, "free_bits": 0.1},
        "one charge for the rate cannot be both",
    ),
    ({"capacity_weight": 1.0, "beta": 2.0}, "takes the place of beta"),
    ({"capacity_weight": 1.0, "feedback": "geco"}, "takes the place of beta"),
    ({"mmd_weight": 1.0}, "`mmd_weight` is the weight of regulariser='mmd'"),
    ({"tc_weight": 1.0, "regulariser": "mmd"}, "`tc_weight` is the weight of"),
    ({"pretraining_steps": 1500}, "`pretraining_steps` must be fewer than `num_steps`"),
    ({"posterior": "delta", "prior": "mixture"}, "is defined against N"),
    ({"refine_steps": 2, "prior": "diagonal"}, "refine_steps is defined against N"),
    ({"regulariser": "mmd", "prior": "diagonal"}, "regulariser is defined against N"),
    (
        {"posterior": "batch_norm", "prior": "vampprior"},
        "encodes its pseudo-inputs apart",
    ),
    ({"free_bits": 0.1, "prior": "mixture"}, "sampled as a whole and has no units"),
    ({"importance_samples": 2, "beta": 0.5}, "makes the loss one bound.*beta=0.5"),
    ({"importance_samples": 2, "free_bits": 0.5}, "makes the loss one bound"),
    ({"prior_correlation": 1.0}, "`prior_correlation` must be between -1 and 1"),
    ({"word_dropout": 1.5}, "`word_dropout` must be at least 0 and at most 1"),
    ({"committed_rate": 41.0}, "`committed_rate` must be from 1e-6 to 40 nats; got"),
    ({"committed_rate": 1e-7}, "`committed_rate` must be from 1e-6 to 40 nats; got"),
    ({"dropout": 1 - 1e-9}, "`dropout` must be at least 0 and below 1"),
    ({"prior_correlation": -1 + 1e-9}, "`prior_correlation` must be between"),
    ({"beta": 1e300}, "`beta` must be finite in float32, at most 3.4e.38; got 1e.300"),
    ({"variance": 1e-60}, "`variance` must be 0 or, in float32, at least 1.18e-38"),
    ({"beta": 10**400}, "`beta` must be of type float; got 1000"),
    ({"max_length": 10**7}, "`max_length` must be at most 10000; got 10000000"),
    ({"hidden": (10**9,)}, "`hidden` must be widths of at most 100000"),
    ({"batch_size": 1, "posterior": "batch_norm"}, "`batch_size` must be at least 2"),
    ({"hidden": (100_000, 100_000)}, "at most 1000000000 weights; got `hidden`"),
    ({"latent_dim": 100_000, "hidden": (20_000,)}, "`latent_dim` 100000"),
    ({"vocab_size": 10**7, "embedding": 1000}, "`embedding` 1000. Make them smaller"),
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
    config = RunConfig(hidden=(3, 4), window=None, beta=2, clip_norm=1.0)
    assert from_mapping(to_mapping(config)) == config
    assert from_mapping({"window": "full"}).window is None


def test_numbers_of_numpy_and_jax_are_pythons():
    config = RunConfig(
        beta=np.float64(0.1),
        variance=jnp.float32(0.25),
        latent_dim=np.int64(3),
        seed=jnp.uint32(7),
        remat=np.bool_(False),
        hidden=(np.int32(4), 5),
        num_steps=np.asarray(50),
    )
    plain = RunConfig(
        beta=0.1, variance=0.25, latent_dim=3, seed=7, hidden=(4, 5), num_steps=50
    )
    assert repr(config) == repr(plain)


def test_a_whole_number_is_the_same_setting_as_the_float():
    assert repr(RunConfig(beta=2)) == repr(RunConfig(beta=2.0))
    assert repr(RunConfig(beta=-0.0)) == repr(RunConfig(beta=0.0))
    assert repr(RunConfig(latent_dim=2).latent_dim) == "2"


def test_a_folder_has_one_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ["a/", "./a", "b/../a", "~/a", "~/a//", str(tmp_path / "a"), "a"]
    assert {RunConfig(data_folder=name).data_folder for name in names} == {"a"}
    outside = str(tmp_path.parent / "other")
    for name in ("../other/", outside, outside + "/"):
        assert RunConfig(data_folder=name).data_folder == outside
    assert RunConfig(data_folder=str(tmp_path)).data_folder == os.curdir


@pytest.mark.parametrize("model", ["autoregressive", "pixelcnn"])
def test_a_decoder_without_inputs_is_allowed(model):
    assert RunConfig(model=model, word_dropout=1).word_dropout == 1.0
