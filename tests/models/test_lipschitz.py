"""Every slope of the decoder lies between its bounds, whatever the parameters are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_cases import slow_but

from vae_jax import models
from vae_jax.models._lipschitz import contraction
from vae_jax.vae import Knobs

EVENT, LATENT = (4, 5), 3
KEY = jax.random.key(0)
# layers wider and narrower than the space that they work on; one; none
SHAPES = [(32, 40), (7, 2), (16,), ()]


def made(hidden, noise=0.3):
    """A decoder whose parameters are far from orthogonal, as they are after training."""
    vae = models.lipschitz(EVENT, LATENT, hidden=hidden, likelihood="bernoulli")
    leaves, tree = jax.tree.flatten(vae.init(KEY))
    rng = np.random.default_rng(1)
    moved = [leaf + np.float32(noise * rng.normal(size=leaf.shape)) for leaf in leaves]
    return vae, jax.tree.unflatten(tree, moved)


def slopes(vae, params, z, knobs):
    """Singular values of the Jacobian at every z."""

    def decode(one):
        return vae.decode(params, one[None], knobs=knobs).ravel()

    return jnp.linalg.svd(jax.vmap(jax.jacobian(decode))(z), compute_uv=False)


@pytest.mark.parametrize("hidden", slow_but(SHAPES[:1], SHAPES))
def test_slopes_at_many_settings_in_one_compilation(hidden):
    vae, params = made(hidden)
    z = 3 * jax.random.normal(KEY, (50, LATENT))
    bounds = np.float32([(0, 20), (0.5, 5), (3, 3), (1e-3, 1e3)])
    compiled = jax.jit(
        jax.vmap(
            lambda least, most: slopes(
                vae, params, z, Knobs(inverse_lipschitz=least, lipschitz=most)
            )
        )
    )
    least, most = bounds.T[:, :, None, None]
    found = np.asarray(compiled(*bounds.T))
    # singular values of float32 are good to 1e-6 of the largest
    assert (found >= least - 2e-6 * most).all()
    assert (found <= most * (1 + 2e-6)).all()
    # equal bounds, or no layer: the slope is known
    known = [2] if hidden else [0, 1, 2, 3]
    np.testing.assert_allclose(found[known], 0 * found[known] + most[known], rtol=1e-5)


@pytest.mark.parametrize("hidden", slow_but(SHAPES[1:2], SHAPES[:3]))
def test_codes_far_apart_keep_their_distance(hidden):
    vae, params = made(hidden)
    knobs = Knobs(inverse_lipschitz=0.5, lipschitz=5.0)
    rng = np.random.default_rng(2)
    scale = 10.0 ** rng.uniform(-2, 3, size=(500, 1))
    z = np.float32(scale * rng.normal(size=(500, LATENT)))
    moved = np.asarray(vae.decode(params, z, knobs=knobs)).reshape(500, -1)
    far = np.linalg.norm(z[:250] - z[250:], axis=1)
    ratio = np.linalg.norm(moved[:250] - moved[250:], axis=1) / far
    # float32 differences of numbers that are larger than they by a factor of 100
    assert ratio.min() >= 0.5 - 1e-4
    assert ratio.max() <= 5 + 1e-4
    # the bounds are not idle: the layers bend
    assert ratio.max() > 1.2 * ratio.min()


@pytest.mark.slow
def test_where_the_layers_pass_everything_the_largest_slope_is_reached():
    vae, params = made((32, 40), noise=0.0)
    for name in ("layer_0", "pixels"):
        params["decoder"][name]["bias"] = jnp.full_like(
            params["decoder"][name]["bias"], 1e3
        )
    z = jax.random.normal(KEY, (5, LATENT))
    found = slopes(vae, params, z, Knobs(inverse_lipschitz=0.5, lipschitz=5.0))
    np.testing.assert_allclose(found, 5.0, rtol=1e-5)
    # and the least, where they pass nothing
    for name in ("layer_0", "pixels"):
        params["decoder"][name]["bias"] *= -1
    found = slopes(vae, params, z, Knobs(inverse_lipschitz=0.5, lipschitz=5.0))
    np.testing.assert_allclose(found, 0.5, rtol=1e-5)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([(2, 7), (7, 2), (5, 5)]),
    st.integers(0, 2**31),
    st.floats(-20, 20),
)
def test_contraction_of_any_matrix(shape, seed, power):
    rng = np.random.default_rng(seed)
    weight = np.float32(2.0**power * rng.normal(size=shape))
    weight[:, rng.random(shape[1]) < 0.2] = 0
    found, gradient = contraction_and_gradient(jnp.asarray(weight))
    assert np.linalg.norm(np.asarray(found, np.float64), 2) <= 1 + 1e-6
    assert np.isfinite(gradient).all()


@jax.jit
def contraction_and_gradient(weight):
    return contraction(weight), jax.grad(lambda w: contraction(w).sum())(weight)


def test_orthogonal_matrices_stay_as_they_are():
    weight = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 4)))[0]
    for one in (np.float32(weight), np.float32(weight.T)):
        np.testing.assert_allclose(contraction(jnp.asarray(one)), one, atol=2e-6)


def test_refuses_more_units_than_pixels():
    with pytest.raises(ValueError, match="`latent_dim` 21 for 20 pixels"):
        models.lipschitz(EVENT, 21, likelihood="bernoulli")
