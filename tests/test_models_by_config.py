"""Every model that a config can name trains, in either precision, and says its bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import assembly, data, training
from vae_jax.configs import Run

SMALL = Run.of(hidden=(8, 8), latent_dim=2, batch_size=16, num_steps=50, eval_samples=2)
IMAGES = {
    name: SMALL.changed(model=name)
    for name in (
        *("linear", "mlp", "lipschitz"),
        *("convolutional", "autoregressive", "pixelcnn"),
    )
} | {
    "residual": SMALL.changed(model="convolutional", blocks=1, remat=True),
    "logistic": SMALL.changed(
        model="pixelcnn", likelihood="logistic_mixture", binarize="none"
    ),
}
TEXT = SMALL.changed(
    dataset="ten_sequences",
    model="lstm",
    likelihood="categorical",
    embedding=8,
    batch_size=10,
)
SENTENCES = {"lstm": TEXT} | {
    use: TEXT.changed(model="transformer", latent_use=use, num_heads=2, remat=True)
    for use in ("prefix", "memory", "add")
}
FEW = data.Dataset(
    "few",
    *[data.Split(s.images[:32], s.labels[:32]) for s in data.load("digits")[1:4]],
    16,
)


def dataset(config):
    return FEW if config.data.chosen_name == "digits" else config.data.load()


def trained(config, num_steps=3):
    """Parameters and what the last of a few steps showed."""
    own = dataset(config)
    made, hyper = assembly.program(assembly.facts_of(own)), assembly.hyper(config)
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
    params, half = trained(config.changed(compute="bfloat16"))
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
                assembly.hyper(config.changed(window=window)) for window in (0, 2, None)
            )
        }
        assert len(shapes) == 1
    base = IMAGES["pixelcnn"]
    other = base.changed(window=2, dropout=0.1, word_dropout=0.5)
    structures = [jax.tree.structure(run.on_device()) for run in (base, other)]
    assert structures[0] == structures[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"model": "mlp", "blocks": 2},
            "`blocks` is a setting of model='convolutional'",
        ),
        (
            {"model": "mlp", "remat": True},
            "`remat` is a setting of model='convolutional'",
        ),
        ({"likelihood": "logistic_mixture"}, "model='pixelcnn' returns"),
        (
            {
                "model": "pixelcnn",
                "likelihood": "logistic_mixture",
                "binarize": "static",
            },
            "grey levels as they are",
        ),
        ({"model": "convolutional", "window": 3}, "`window` is a setting of"),
        (
            {"model": "convolutional", "word_dropout": 0.5},
            "`word_dropout` is a setting of",
        ),
        ({"model": "transformer"}, "sentences go with"),
        (
            {"init_bound": 0.01},
            "`init_bound` is a setting of model='lstm'; this run has",
        ),
        ({"halve_on_plateau": True, "pretraining_steps": 10}, "judges by the ELBO"),
        (
            {
                "model": "pixelcnn",
                "likelihood": "logistic_mixture",
                "binarize": "none",
                "prior": "vampprior",
            },
            r"images from 0 to 1; got likelihood='logistic_mixture'",
        ),
        ({"model": "pixelcnn", "kernel": 0}, "`kernel` must be at least 1"),
        ({"halve_on_plateau": True, "likelihood": "gaussian_optimal"}, "one variance"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SMALL.changed(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "transformer", "hidden": (8, 16)}, "must be one width"),
        ({"model": "transformer", "num_heads": 3}, "num_heads|heads"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_before_any_compile(fields, message):
    with pytest.raises(ValueError, match=message):
        assembly.job(TEXT.changed(**fields))


def test_a_convolution_needs_sides_that_can_be_halved():
    with pytest.raises(ValueError, match="16|divi"):
        assembly.job(SMALL.changed(model="convolutional", hidden=(4,) * 4))
