"""Half the bits inside a model; float32 around it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import models
from vae_jax.vae import VAE, DiagGaussian, Knobs

SHAPE, LATENT = (4, 4), 2
IMAGES = {
    "linear": models.linear(SHAPE, LATENT, likelihood="gaussian_learned"),
    "mlp": models.mlp(SHAPE, LATENT, hidden=(16,), likelihood="bernoulli"),
    "autoregressive": models.autoregressive(
        SHAPE, LATENT, hidden=(16,), likelihood="gaussian"
    ),
    "convolutional": models.convolutional(
        SHAPE, LATENT, hidden=(8,), blocks=1, likelihood="bernoulli"
    ),
    "pixelcnn": models.pixelcnn(SHAPE, LATENT, hidden=(8,), likelihood="gaussian"),
    "lstm": models.lstm(6, 12, LATENT, embedding=8, hidden=(8,)),
    "transformer": models.transformer(
        6, 12, LATENT, latent_use="prefix", width=8, num_layers=1, num_heads=2
    ),
}
SENTENCES = {
    "lstm": models.lstm(2, 6, LATENT, embedding=4, hidden=(4,)),
    "transformer": models.transformer(
        2, 6, LATENT, latent_use="memory", width=4, num_layers=1, num_heads=2
    ),
}
# of a bfloat16 number: 8 bits with the leading one
UNIT_ROUNDOFF = 2.0**-9


def inputs(name, key):
    if name in ("lstm", "transformer"):
        return jax.random.randint(key, (8, 6), 4, 12)
    return jax.random.uniform(key, (8, *SHAPE))


@pytest.mark.slow
@pytest.mark.parametrize("name", IMAGES)
def test_close_to_float32_and_float32_outside(key, name):
    vae, half = IMAGES[name], models.compute_in(IMAGES[name], jnp.bfloat16)
    params, x = vae.init(key), inputs(name, key)
    z = jax.random.normal(key, (8, LATENT))
    knobs = Knobs(variance=jnp.float32(0.3), word_dropout=0.25, dropout=0.25)
    keys = jax.random.split(key, 8)

    def both(vae):
        # one compilation in place of one an operation
        @jax.jit
        def run(params):
            decoded = vae.decode(params, z, x, key=keys, knobs=knobs)
            return vae.encode(params, x), decoded

        return run(params)

    for full, low in zip(
        jax.tree.leaves(both(vae)), jax.tree.leaves(both(half)), strict=True
    ):
        assert low.dtype == jnp.float32
        # fewer than 16 roundings a number here, of terms as large as the largest
        np.testing.assert_allclose(
            low, full, atol=16 * UNIT_ROUNDOFF * float(np.abs(full).max())
        )
    wide = jax.tree.leaves(both(vae)[1])[0]
    assert (wide != jax.tree.leaves(both(half)[1])[0]).any(), "nothing was narrowed"


@pytest.mark.slow
def test_gradients_are_float32_and_scalars_are_not_rounded(key):
    vae = models.compute_in(IMAGES["linear"], jnp.bfloat16)
    params = vae.init(key)
    # not a number of eight bits
    params["likelihood"]["logvar"] = jnp.float32(-1.2345678)
    _, logvar = vae.decode(params, jnp.ones((3, LATENT)))
    assert float(logvar) == np.float32(-1.2345678)
    slope = jax.grad(lambda p: jnp.sum(vae.decode(p, jnp.ones((3, LATENT)))[0]))(params)
    assert {leaf.dtype for leaf in jax.tree.leaves(slope)} == {jnp.dtype("float32")}


def test_integers_are_refused():
    with pytest.raises(ValueError, match="floating"):
        models.compute_in(IMAGES["mlp"], jnp.int8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_the_gradient_of_a_table_is_summed_in_float32(name):
    """All tokens are the same: in bfloat16 the sum of equal terms stops at 256 of them."""
    vae = SENTENCES[name]
    x, z = jnp.full((1024, 2), 4), jnp.ones((1024, LATENT))
    params = vae.init(jax.random.key(0))

    def slopes(vae):
        def loss(params):
            logits = vae.decode(params, z, x)
            fit = jnp.mean(jax.nn.log_softmax(logits)[..., 4])
            return fit + jnp.mean(vae.encode(params, x).mean ** 2)

        found = jax.jit(jax.grad(loss))(params)
        return [
            found[half]["embedding"]["embedding"] for half in ("encoder", "decoder")
        ]

    half = slopes(models.compute_in(vae, jnp.bfloat16))
    for full, low in zip(slopes(vae), half, strict=True):
        assert low.dtype == jnp.float32
        # fewer than 16 roundings a term, all of which may be in one direction
        error = np.linalg.norm(full - low) / np.linalg.norm(full)
        assert error < 16 * UNIT_ROUNDOFF


def test_a_table_of_ones_own_model_is_not_cast_and_the_rest_is():
    seen = {}

    def encode(params, x, **_):
        seen.update(jax.tree.map(lambda leaf: leaf.dtype.name, params))
        return DiagGaussian(x, x)

    vae = VAE(len, encode, max)
    params = {
        "embedding": jnp.ones((3, 2)),
        "kernel": jnp.ones(2),
        "scale": jnp.ones(()),
    }
    models.compute_in(vae, jnp.bfloat16).encode(params, jnp.ones((1, 2)))
    assert seen == {"embedding": "float32", "kernel": "bfloat16", "scale": "float32"}
