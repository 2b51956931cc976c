"""Conditional models: the linear one against its theory, and all ready ones alike."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import Conditioned, analytic, gaussian, likelihoods, models
from vae_jax.likelihoods import Bernoulli, Categorical, Poisson
from vae_jax.models import conditional_model
from vae_jax.records import Facts
from vae_jax.vae import VAE

LATENT, LABELS, WIDTH, FEATURES = 2, 3, 3, 5
IMAGES = Facts((8, 8), 16, 100, num_labels=LABELS)
SENTENCES = Facts((6,), 9, 100, num_labels=LABELS)
READY = {
    "linear": (models.LinearModel(latent_dim=LATENT), IMAGES, Bernoulli()),
    "mlp": (models.MLP(latent_dim=LATENT, hidden=(16,)), IMAGES, Bernoulli()),
    "counts": (models.MLP(latent_dim=LATENT, hidden=(16,)), IMAGES, Poisson()),
    "lipschitz": (
        models.Lipschitz(latent_dim=LATENT, hidden=(16,), inverse_lipschitz=0.5),
        IMAGES,
        Bernoulli(),
    ),
    "autoregressive": (
        models.Autoregressive(latent_dim=LATENT, hidden=(16,)),
        IMAGES,
        Bernoulli(),
    ),
    "convolutional": (
        models.Convolutional(latent_dim=LATENT, hidden=(4,)),
        IMAGES,
        Bernoulli(),
    ),
    "pixelcnn": (models.PixelCNN(latent_dim=LATENT, hidden=(4,)), IMAGES, Bernoulli()),
    "lstm": (
        models.LSTM(latent_dim=LATENT, embedding=4, hidden=(8,)),
        SENTENCES,
        Categorical(),
    ),
    "transformer": (
        models.Transformer(latent_dim=LATENT, hidden=(8, 8), num_heads=2),
        SENTENCES,
        Categorical(),
    ),
}
QUICK = ("linear", "counts")
"""Programs that compile in a second; the others are slow tests."""

EVERY = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in READY
]


@cache
def built(name, prior=True):
    """A conditional model, with parameters in c that are not 0, and a batch."""
    model, facts, density = READY[name]
    vae = conditional_model(model, facts, density, width=WIDTH, prior=prior)
    params = vae.init(jax.random.key(0))
    leaves, shape = jax.tree.flatten(params["condition"])
    rng = np.random.default_rng(0)
    moved = [jnp.asarray(rng.normal(size=x.shape) / 3, x.dtype) for x in leaves]
    params["condition"] = jax.tree.unflatten(shape, moved)
    if facts is SENTENCES:
        x = jnp.array([[4, 5, 6, 3, 0, 0], [7, 3, 0, 0, 0, 0], [4, 4, 8, 9, 5, 3]])
    else:
        x = jnp.asarray(rng.integers(0, 2, (3, 8, 8)), jnp.float32)
    return vae, params, Conditioned(x, jnp.array([0, 2, 1])), density.density(facts)


def linear(prior=False, reading="image"):
    parts = [
        models.linear((FEATURES,), units, likelihood="gaussian")
        for units in (LATENT, LATENT + WIDTH)
    ]
    return models.conditional(
        *parts, (FEATURES,), LATENT, LABELS, WIDTH, prior=prior, reading=reading
    )


def labelled_data(size=120):
    rng = np.random.default_rng(3)
    labels = np.arange(size) % LABELS
    x = 2 * rng.normal(size=(LABELS, FEATURES))[labels]
    x += rng.normal(size=(size, FEATURES)) * np.array([3.0, 2.0, 0.5, 0.5, 0.5])
    return x.astype(np.float32), labels


@pytest.mark.parametrize("prior", [False, True])
def test_the_linear_one_is_the_optimum_at_its_parameters(prior):
    """Set to W, U, V, A, d and B of the theory, it has the rate and distortion of it."""
    x, labels = labelled_data()
    moments = analytic.joint_moments(x, np.eye(LABELS)[labels])
    shift = np.random.default_rng(5).normal(size=(LATENT, LABELS)) if prior else None
    best = analytic.linear_cvae_optimum(moments, LATENT, 1.0, 0.8, prior_weights=shift)
    assert best.active.tolist() == [True, True]
    vae = linear(prior)
    params = jax.tree.map(jnp.zeros_like, vae.init(jax.random.key(0)))
    params["encoder"]["encoder"] = {
        "mean": {"kernel": best.encoder.T, "bias": best.encoder_bias},
        "logvar": jnp.log(best.posterior_variance),
    }
    kernel = jnp.concatenate([best.decoder, best.condition_decoder], axis=1).T
    output = {"kernel": kernel, "bias": best.decoder_bias}
    params["decoder"]["decoder"] = {"output": output}
    params["condition"]["decoder"]["code"] = jnp.eye(LABELS)
    params["condition"]["encoder"]["mean"] = best.condition_encoder.T
    if prior:
        centre = jnp.asarray(shift @ moments.condition_mean)
        params["condition"]["prior"]["mean"] = jnp.asarray(shift).T - centre[None]
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), params)
    pair = Conditioned(jnp.asarray(x), jnp.asarray(labels))
    posterior = jax.jit(vae.encode)(params, pair)
    rate = jnp.mean(jnp.sum(gaussian.kl_standard(*posterior), axis=-1))
    assert float(rate) == pytest.approx(float(best.rate), rel=1e-5)
    mean = jax.jit(vae.decode)(params, posterior.mean, pair).mean
    spread = jnp.square(best.decoder) @ best.posterior_variance
    squared = jnp.mean(jnp.sum(jnp.square(x - mean), axis=-1)) + jnp.sum(spread)
    distortion = squared / 1.6 + FEATURES / 2 * np.log(2 * np.pi * 0.8)
    assert float(distortion) == pytest.approx(float(best.distortion), rel=1e-5)


def test_a_prior_of_the_condition_changes_the_units_of_the_code_and_no_kl():
    vae, params, pair, _ = built("linear")
    plain, *_ = built("linear", prior=False)
    own = params["condition"]["prior"]
    given = {**params, "condition": {**params["condition"]}}
    given["condition"].pop("prior")
    q = plain.encode(given, pair)
    law = own["mean"][pair.condition], own["logvar"][pair.condition]
    kl = gaussian.kl_between(*q, *law)
    code = vae.encode(params, pair)
    np.testing.assert_allclose(gaussian.kl_standard(*code), kl, rtol=1e-4, atol=1e-5)
    z = law[0] + jnp.exp(law[1] / 2) * code.mean
    np.testing.assert_allclose(z, q.mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        vae.decode(params, code.mean, pair), plain.decode(given, z, pair), rtol=1e-4
    )


@pytest.mark.parametrize("name", EVERY)
def test_encoder_and_decoder_of_every_model_are_told(name):
    """Another label is another posterior and another density, and nothing else moves."""
    vae, params, pair, _ = built(name)
    z = jnp.ones((3, LATENT))
    other = Conditioned(pair.x, pair.condition.at[1].set(0))
    encode, decode = jax.jit(vae.encode), jax.jit(vae.decode)
    for before, after in (
        (encode(params, pair), encode(params, other)),
        (decode(params, z, pair), decode(params, z, other)),
    ):
        for old, new in zip(
            jax.tree.leaves(before), jax.tree.leaves(after), strict=True
        ):
            apart = jnp.abs(old - new).reshape(3, -1).max(axis=1)
            np.testing.assert_allclose(apart[np.array([0, 2])], 0, atol=1e-6)
            assert float(apart[1]) > 1e-4


@pytest.mark.parametrize("name", EVERY)
def test_every_parameter_of_every_model_is_used(name):
    """No half of a model is carried along that nothing reads."""
    vae, params, pair, density = built(name)

    def loss(params):
        mean, logvar = vae.encode(params, pair)
        output = vae.decode(params, mean + jnp.exp(logvar / 2), pair)
        kl = gaussian.kl_standard(mean, logvar)
        return jnp.sum(kl) - jnp.sum(density.log_prob(output, pair.x))

    grads = jax.jit(jax.grad(loss))(params)
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        assert bool(jnp.any(leaf != 0)), name
        assert bool(jnp.all(jnp.isfinite(leaf))), name


def test_an_encoder_that_is_told_nothing_does_not_know():
    vae = linear(reading="nothing")
    params = vae.init(jax.random.key(0))
    x = jnp.ones((2, FEATURES))
    mean = vae.encode(params, Conditioned(x, jnp.array([0, 1]))).mean
    np.testing.assert_array_equal(mean[0], mean[1])
    assert "encoder" not in params["condition"]


def test_covariates_are_combined_as_labels_are():
    vae = linear()
    params = vae.init(jax.random.key(0))
    x, z, labels = jnp.ones((2, FEATURES)), jnp.ones((2, LATENT)), jnp.array([2, 0])
    rows = Conditioned(x, jnp.eye(LABELS)[labels])
    named = Conditioned(x, labels)
    half = Conditioned(x, jnp.full((2, LABELS), 1 / LABELS))
    means = [vae.decode(params, z, pair).mean for pair in (rows, named, half)]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-6)
    each = [
        vae.decode(params, z, Conditioned(x, jnp.full(2, k))).mean for k in range(3)
    ]
    np.testing.assert_allclose(means[2], sum(each) / 3, rtol=1e-4, atol=1e-5)


def test_samples_at_a_label_are_of_that_label():
    """A decoder of the label alone, and what it draws."""
    vae = models.conditional(
        *(models.linear((4,), units, likelihood="bernoulli") for units in (1, 3)),
        *((4,), 1, 2, 2),
    )
    params = jax.tree.map(jnp.zeros_like, vae.init(jax.random.key(0)))
    logits = jnp.array([[50.0, 50.0, -50.0, -50.0], [-50.0, 50.0, -50.0, 50.0]])
    kernel = jnp.concatenate([jnp.zeros((1, 4)), logits])
    params["decoder"]["decoder"]["output"]["kernel"] = kernel
    params["condition"]["decoder"]["code"] = jnp.eye(2)
    labels, keys = jnp.array([1, 0, 1]), jax.random.split(jax.random.key(1), 3)
    own = models.given(vae, labels)
    density = likelihoods.bernoulli()
    found = models.sample(keys, own, density, params, jnp.zeros((3, 1)), (4,))
    assert found.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 1]]


@pytest.mark.slow
def test_sentences_are_written_token_by_token_at_a_label():
    """`generate` with the decoder's own parameters and the code that it is given."""
    vae, params, pair, _ = built("transformer", prior=False)
    params = {**params, "condition": {**params["condition"]}}
    params["condition"].pop("prior", None)
    z = jnp.ones((3, LATENT))
    code = models.decoder_code(params, z, pair.condition)
    decoding = models.transformer_decoding(6)
    keys = jax.random.split(jax.random.key(0), 3)
    tokens = models.generate(
        keys, decoding, params["decoder"], code, 6, temperature=0.0
    )
    logits = vae.decode(params, z, Conditioned(tokens, pair.condition))
    greedy = jnp.argmax(logits, axis=-1)
    assert tokens[:, 0].tolist() == greedy[:, 0].tolist()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(reading="picture"), ValueError, "`reading` must be one of"),
        (dict(width=0), ValueError, "`width`"),
        (dict(num_conditions=0), ValueError, "`num_conditions`"),
    ],
)
def test_refused_settings(change, error, message, users_view):
    part = models.linear((4,), 2, likelihood="gaussian")
    known = {"num_conditions": 2, "width": 1, **change}
    with pytest.raises(error, match=message):
        models.conditional(part, part, (4,), 2, **known)


def test_refused_examples_and_models():
    vae, params, pair, _ = built("linear")
    with pytest.raises(TypeError, match="must be vae_jax.Conditioned"):
        vae.encode(params, pair.x)
    with pytest.raises(ValueError, match="or 3 covariates"):
        vae.encode(params, Conditioned(pair.x, jnp.ones((3, 2))))
    part = models.linear((4,), 2, likelihood="gaussian")
    own = VAE(part.init, part.encode, part.decode, calibrate=lambda params, x: params)
    with pytest.raises(ValueError, match="`decoder` must be a model without a prior"):
        models.conditional(part, own, (4,), 2, 2, 1)
    lstm, params, pair, _ = built("lstm")
    with pytest.raises(ValueError, match="Bin it"):
        lstm.encode(params, Conditioned(pair.x, jnp.ones((3, 3))))
