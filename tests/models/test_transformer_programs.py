"""Transformers in programs: members, memory, half precision, starts, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from transformer_problem import (
    FULL_WINDOW,
    LATENT,
    LENGTH,
    PARAMS,
    USES,
    VAES,
    X,
    Z,
    make,
    one_layer,
)

from vae_jax import models
from vae_jax.vae import Knobs


@pytest.mark.slow
@pytest.mark.parametrize("noise", [False, True])
def test_members_under_vmap(key, noise):
    """Parameters, knobs, codes and keys of their own, as each alone."""
    params = one_layer(PARAMS["prefix"])
    both = jax.tree.map(lambda p: jnp.stack([p, 0.7 * p]), params)
    windows, rates = jnp.array([1, FULL_WINDOW]), jnp.array([[0.0, 0.4], [0.5, 0.0]])
    keys, z = jax.random.split(key, (2, len(X))), jnp.stack([Z, -Z])

    def logits(params, z, keys, window, rates):
        knobs = Knobs(window=window, dropout=rates[0], word_dropout=rates[1])
        keys = keys if noise else None
        return VAES["prefix"].decode(params, z, X, key=keys, knobs=knobs)

    members = both, z, keys, windows, rates.T
    together = jax.jit(jax.vmap(logits))(*members)
    alone = jax.jit(logits)
    for number in range(2):
        expected = alone(*jax.tree.map(lambda leaf, n=number: leaf[n], members))
        # the same sums in another order
        np.testing.assert_allclose(together[number], expected, atol=2e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("use", USES)
def test_stored_parameters_and_tokens_of_any_width(use):
    """What `results.load` returns is numpy's; a token that does not exist is NaN."""
    vae, stored = VAES[use], jax.tree.map(np.asarray, PARAMS[use])
    read = jax.jit(lambda x: vae.encode(stored, x).mean)
    write = jax.jit(lambda z, x: vae.decode(stored, z, x))
    expected = VAES[use].decode(PARAMS[use], Z, X)
    np.testing.assert_allclose(write(Z, X), expected, atol=2e-5)
    np.testing.assert_array_equal(read(X.astype(jnp.uint8)), read(X))
    unknown = X.at[0, 1].set(10_000)
    assert jnp.isnan(read(unknown)[0]).all()
    assert jnp.isfinite(read(unknown)[1:]).all()
    with pytest.raises(ValueError, match="for each sentence of `x`; got 1 and"):
        vae.decode(stored, Z[:1], X)


def loss_of(vae, keys=None):
    def loss(params):
        mean, logvar = vae.encode(params, X)
        knobs = Knobs(window=3, dropout=0.3)
        logits = vae.decode(params, mean, X, key=keys, knobs=knobs)
        return jnp.mean(logits**2) + jnp.mean(logvar**2)

    return loss


@pytest.mark.slow
@pytest.mark.parametrize("noise", [False, True])
def test_remat_has_the_same_gradients(key, noise):
    """Of both sides, with the same units dropped when a layer is computed again."""
    params = one_layer(PARAMS["prefix"])
    keys = jax.random.split(key, len(X)) if noise else None
    losses = [loss_of(v, keys) for v in (VAES["prefix"], make("prefix", remat=True))]
    a, b = (jax.jit(jax.value_and_grad(loss))(params) for loss in losses)
    for expected, found in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        # float32, computed twice
        scale = float(np.abs(expected).max())
        np.testing.assert_allclose(found, expected, atol=1e-5 * scale + 1e-7)


@pytest.mark.parametrize("use", USES)
def test_remat_keeps_less(use):
    """Bytes that the backward pass is handed, beside the parameters."""
    params = PARAMS[use]

    def kept(vae):
        back = jax.eval_shape(lambda p: jax.vjp(loss_of(vae), p)[1], params)
        both = jax.tree.leaves(back), jax.tree.leaves(params)
        saved, given = (sum(a.size * a.dtype.itemsize for a in part) for part in both)
        return saved - given

    # of what is inside a layer only its input: measured 6 %
    assert kept(make(use, remat=True)) < 0.15 * kept(VAES[use])


@pytest.mark.parametrize("use", USES)
def test_half_precision_inside_and_not_outside(use):
    half = models.compute_in(VAES[use], jnp.bfloat16)
    shapes = jax.eval_shape(jax.value_and_grad(loss_of(half)), PARAMS[use])
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(shapes)} == {"float32"}


@pytest.mark.slow
def test_gradients_are_finite_far_away():
    @jax.jit
    @jax.grad
    def slope(params, scale, window):
        mean, logvar = VAES["memory"].encode(params, X)
        knobs = Knobs(window=window)
        logits = VAES["memory"].decode(params, scale * Z, X, knobs=knobs)
        return jnp.sum(jax.nn.log_softmax(logits)[..., 4]) + jnp.sum(mean * logvar)

    params = one_layer(PARAMS["memory"])
    # whose memory is that of one layer too
    own = jax.tree.map(lambda p: p[..., :1, :, :, :], params["decoder"]["memory"])
    params["decoder"]["memory"] = own
    for scale in (0.0, 1.0, 1e4):
        for window in (0, 2, FULL_WINDOW):
            found = jax.tree.leaves(slope(params, scale, window))
            assert all(np.isfinite(leaf).all() for leaf in found)


@pytest.mark.slow
def test_start(key):
    """Kernels of variance one over what they read; only a prefix has a bias by then."""
    params = make("prefix", width=32, num_layers=2).init(key)
    assert params["decoder"]["prefix"]["bias"].std() > 0.5
    own = {**params["decoder"]}
    del own["prefix"]
    # the deviation of 128 or more draws is known to 7 %, and they are cut at two of it
    for part in (params["encoder"], own):
        assert abs(float(part["embedding"]["embedding"].std()) - 1) < 0.25
        for path, leaf in jax.tree.leaves_with_path(part):
            name = path[-1].key
            if name in ("bias", "shift"):
                assert (leaf == 0).all()
            elif name == "scale":
                assert (leaf == 1).all()
            elif name == "kernel":
                assert abs(float(leaf.std()) * len(leaf) ** 0.5 - 1) < 0.25, path
    layers = [part[f"layer_{n}"]["feed"]["kernel"] for n in range(2)]
    assert (layers[0] != layers[1]).any()


def test_parameters_have_the_default_dtype():
    for x64, dtype in ((False, "float32"), (True, "float64")):
        with jax.enable_x64(x64):
            for use in USES:
                shapes = jax.eval_shape(VAES[use].init, jax.random.key(0))
                found = {str(leaf.dtype) for leaf in jax.tree.leaves(shapes)}
                assert found == {dtype}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (jnp.zeros((2, LENGTH + 1), int), r"\(batch, 7\); got \(2, 8\)"),
        (jnp.zeros((2, LENGTH)), "must be tokens, integers; got float32"),
    ],
)
def test_refuses_what_is_no_sentence(users_view, x, message):
    with pytest.raises(ValueError, match=message):
        VAES["add"].encode(PARAMS["add"], x)
    with pytest.raises(ValueError, match=message):
        VAES["add"].decode(PARAMS["add"], Z[:2], x)


def test_refuses_impossible_models(users_view):
    with pytest.raises(ValueError, match="needs `x`; got None"):
        VAES["add"].decode(PARAMS["add"], Z)
    with pytest.raises(ValueError, match=r"`z` must have .*\(batch, 2\); got \(3, 1\)"):
        VAES["add"].decode(PARAMS["add"], Z[:, :1], X)
    with pytest.raises(ValueError, match="one of prefix, memory, add; got 'both'"):
        make("both")
    with pytest.raises(ValueError, match="multiple of `num_heads`.* got 6 and 4"):
        make("add", num_heads=4)
    for name in ("width", "num_layers", "num_heads"):
        with pytest.raises(ValueError, match=f"`{name}` must be at least 1; got 0"):
            make("add", **{name: 0})
    with pytest.raises(ValueError, match="`vocab_size` counts .* got 3"):
        models.transformer(LENGTH, 3, LATENT, latent_use="add")
