"""Every model that a config can name trains, in either precision, and says its bounds."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import assembly, configs, data, training
from vae_jax.configs import RunConfig

SMALL = RunConfig(
    hidden=(8, 8), latent_dim=2, batch_size=16, num_steps=50, eval_samples=2
)
IMAGES = {
    name: replace(SMALL, model=name)
    for name in (
        *("linear", "mlp", "lipschitz"),
        *("convolutional", "autoregressive", "pixelcnn"),
    )
} | {
    "residual": replace(SMALL, model="convolutional", blocks=1, remat=True),
    "logistic": replace(
        SMALL, model="pixelcnn", likelihood="logistic_mixture", binarize="none"
    ),
}
TEXT = replace(
    SMALL,
    dataset="ten_sequences",
    model="lstm",
    likelihood="categorical",
    binarize="none",
    embedding=8,
    batch_size=10,
)
SENTENCES = {"lstm": TEXT} | {
    use: replace(TEXT, model="transformer", latent_use=use, num_heads=2, remat=True)
    for use in ("prefix", "memory", "add")
}
FEW = data.Dataset(
    "few",
    *[data.Split(s.images[:32], s.labels[:32]) for s in data.load("digits")[1:4]],
    16,
)


def dataset(config):
    return assembly.dataset_of(config) if config.dataset != "digits" else FEW


def trained(config, num_steps=3):
    """Parameters and what the last of a few steps showed."""
    own = dataset(config)
    made, hyper = assembly.program(config, own), assembly.hyper(config)
    splits = assembly.splits(config, own)
    key = training.member_key(0)

    def run(hyper):
        state = made.init(key, hyper, splits)
        step = lambda state, t: made.step(state, t, key, hyper, splits)  # noqa: E731
        state, infos = jax.lax.scan(step, state, jnp.arange(num_steps))
        return state.train.params, infos

    return jax.jit(run)(hyper)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*IMAGES, *SENTENCES])
def test_half_precision_is_within_one_per_cent(name):
    config = (IMAGES | SENTENCES)[name]
    _, full = trained(config)
    params, half = trained(replace(config, compute="bfloat16"))
    # bfloat16 has 8 bits: 0.4 % a rounding, here averaged over many
    np.testing.assert_allclose(half.loss, full.loss, rtol=0.01)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert (half.loss != full.loss).any(), "nothing was computed in bfloat16"


def test_members_of_a_cohort_may_differ_in_what_a_decoder_sees():
    for name in ("pixelcnn", "autoregressive", "prefix"):
        config = (IMAGES | SENTENCES)[name]
        shapes = {
            str(jax.tree.map(lambda x: (np.shape(x), np.asarray(x).dtype), made))
            for made in (
                assembly.hyper(replace(config, window=window))
                for window in (0, 2, None)
            )
        }
        assert len(shapes) == 1
    assert {"window", "dropout", "word_dropout"} <= configs.DATA_FIELDS


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "mlp", "blocks": 2}, "`blocks` are those of model='convolutional'"),
        ({"model": "mlp", "remat": True}, "which has little to keep"),
        ({"likelihood": "logistic_mixture"}, "model='pixelcnn' returns"),
        (
            {"model": "pixelcnn", "likelihood": "logistic_mixture"},
            "grey levels as they are",
        ),
        ({"model": "convolutional", "window": 3}, "`window` is a setting of"),
        ({"model": "convolutional", "word_dropout": 0.5}, "a decoder that sees them"),
        ({"model": "transformer"}, "sentences go with"),
        ({"init_bound": 0.01}, "`init_bound` is a setting of model='lstm'; got 0.01"),
        ({"halve_on_plateau": True, "pretraining_steps": 10}, "judges by the ELBO"),
        (
            {
                "model": "pixelcnn",
                "likelihood": "logistic_mixture",
                "binarize": "none",
                "prior": "vampprior",
            },
            r"images under likelihood='logistic_mixture' in \[-1, 1\]",
        ),
        ({"model": "pixelcnn", "kernel": 0}, "`kernel` must be at least 1"),
        ({"halve_on_plateau": True, "likelihood": "gaussian_optimal"}, "one variance"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "transformer", "hidden": (8, 16)}, "must be one width"),
        ({"model": "transformer", "num_heads": 3}, "num_heads|heads"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_before_any_compile(fields, message):
    with pytest.raises(ValueError, match=message):
        assembly.job(replace(TEXT, **fields))


def test_a_convolution_needs_sides_that_can_be_halved():
    with pytest.raises(ValueError, match="16|divi"):
        assembly.job(replace(SMALL, model="convolutional", hidden=(4,) * 4))


def test_a_model_of_sentences_needs_the_largest_token():
    with pytest.raises(
        ValueError, match="`max_value`, the largest token, .*; got None"
    ):
        assembly.model(TEXT, (11,))
    with pytest.raises(
        ValueError, match="`max_value`, the largest grey level.*got None"
    ):
        assembly.likelihood(IMAGES["logistic"])
