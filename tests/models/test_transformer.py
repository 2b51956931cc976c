"""The Transformer VAE against numpy loops; what reaches which logits; padding; noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transformer_numpy as plain
from compiled import Counted
from slow_cases import slow_but
from transformer_problem import (
    BOS,
    EOS,
    FULL_WINDOW,
    LATENT,
    LAYERS,
    LENGTH,
    PARAMS,
    UNK,
    USES,
    VAES,
    WIDTH,
    WINDOWS,
    X,
    Z,
    make,
    one_layer,
)

from vae_jax.models._dropout import dropout
from vae_jax.vae import Knobs


@jax.jit
def decode_add(z, x, window):
    return VAES["add"].decode(PARAMS["add"], z, x, knobs=Knobs(window=window))


@jax.jit
def decode_memory(z, x, window):
    return VAES["memory"].decode(PARAMS["memory"], z, x, knobs=Knobs(window=window))


@jax.jit
def decode_prefix(z, x, window):
    return VAES["prefix"].decode(PARAMS["prefix"], z, x, knobs=Knobs(window=window))


DECODE = {
    "add": Counted(decode_add),
    "memory": Counted(decode_memory),
    "prefix": Counted(decode_prefix),
}


@pytest.mark.parametrize("use", USES)
def test_decoder_against_numpy(use):
    """Every window by one program, in float64."""
    with jax.enable_x64(True):
        params = plain.parameters(VAES[use], np.float64)
        own = jax.tree.map(np.asarray, params["decoder"])
        z, x = np.asarray(Z, np.float64), np.asarray(X)
        decode = Counted(
            jax.jit(lambda w: VAES[use].decode(params, z, x, knobs=Knobs(window=w)))
        )
        for window in WINDOWS:
            logits = decode(jnp.asarray(window, jnp.int32))
            assert logits.dtype == jnp.float64
            for row in range(len(x)):
                expected = plain.decode(own, z[row], x[row], LAYERS, window)
                # float64 through two layers
                np.testing.assert_allclose(logits[row], expected, atol=1e-12)
        assert decode.programs == 1


def test_encoder_against_numpy():
    """In float64, and of the tokens up to the last alone."""
    with jax.enable_x64(True):
        params = plain.parameters(VAES["add"], np.float64)
        own = jax.tree.map(np.asarray, params["encoder"])
        mean, logvar = jax.jit(VAES["add"].encode)(params, np.asarray(X))
        assert mean.dtype == logvar.dtype == jnp.float64
        for row, x in enumerate(np.asarray(X)):
            x = x[: list(x).index(EOS) + 1]
            expected = plain.encode(own, x, LAYERS)
            np.testing.assert_allclose([mean[row], logvar[row]], expected, atol=1e-12)


@pytest.mark.parametrize("use", USES)
def test_a_token_reaches_exactly_the_logits_of_the_window_after_it(use):
    changed = jnp.tile(X[:1], (LENGTH + 1, 1))
    at = jnp.arange(LENGTH)
    changed = changed.at[at, at].set(10)
    z = jnp.tile(Z[:1], (LENGTH + 1, 1))
    token, logit = np.mgrid[:LENGTH, :LENGTH]
    for window in WINDOWS:
        logits = np.asarray(DECODE[use](z, changed, window))
        moved = (logits[:-1] != logits[-1:]).any(axis=2)
        expected = (token < logit) & (token >= logit - window)
        np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize("use", slow_but(["prefix"], USES))
def test_gradients_reach_exactly_the_embeddings_of_the_window(use):
    params = PARAMS[use]

    def reads(table, time, window):
        own = {**params["decoder"], "embedding": {"embedding": table}}
        knobs = Knobs(window=window)
        logits = VAES[use].decode({**params, "decoder": own}, Z[:1], X[:1], knobs=knobs)
        return logits[0, time].sum()

    every_time = jax.vmap(jax.grad(reads), in_axes=(None, 0, None))
    every_window = jax.jit(jax.vmap(every_time, in_axes=(None, None, 0)))
    table = params["decoder"]["embedding"]["embedding"]
    slopes = every_window(table, jnp.arange(LENGTH), jnp.array(WINDOWS))
    reached = (np.asarray(slopes) != 0).any(axis=3)
    for number, window in enumerate(WINDOWS):
        for time in range(LENGTH):
            # the first sentence is 4, 5, ... 9, and the input at s the token s - 1
            inputs = range(max(time - max(window, 1) + 1, 0), time + 1)
            tokens = {BOS if s == 0 or window == 0 else 3 + s for s in inputs}
            assert set(reached[number, time].nonzero()[0]) == tokens


@pytest.mark.parametrize("use", USES)
def test_every_logit_depends_on_all_of_z(use):
    for window in WINDOWS:
        logits = DECODE[use](Z, X, window)
        for unit in range(LATENT):
            moved = DECODE[use](Z.at[:, unit].add(1.0), X, window)
            assert (np.abs(moved - logits).max(axis=-1) > 1e-4).all()
    # and on how large one unit is, of which a norm alone would leave the sign
    small = DECODE[use](Z.at[:, 0].set(0.0), X, 0)
    twice = DECODE[use](Z.at[:, 0].set(0.0).at[:, 1].mul(2.0), X, 0)
    assert (np.abs(twice - small).max(axis=-1) > 1e-2).all()


@pytest.mark.parametrize("use", USES)
def test_from_the_length_on_every_window_is_the_full_one(use):
    found = DECODE[use](Z, X, LENGTH)
    np.testing.assert_array_equal(found, DECODE[use](Z, X, FULL_WINDOW))
    np.testing.assert_array_equal(found, DECODE[use](Z, X, LENGTH + 3))
    assert DECODE[use].programs <= 2, "sentences of two batch sizes"


@pytest.mark.parametrize("use", USES)
def test_padding_changes_nothing(use):
    longer, params = make(use, LENGTH + 4), PARAMS[use]
    padded = jnp.pad(X, ((0, 0), (0, 4)))
    decode = jax.jit(lambda w: longer.decode(params, Z, padded, knobs=Knobs(window=w)))
    for window in (2, FULL_WINDOW):
        found = decode(window)
        expected = DECODE[use](Z, X, window)
        # the same sums in another order
        np.testing.assert_allclose(found[:, :LENGTH], expected, atol=1e-5)
    if use == "add":
        found = jax.jit(longer.encode)(params, padded)
        for a, b in zip(found, jax.jit(VAES[use].encode)(params, X), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_dropped_words_are_read_as_the_unknown_word(key):
    knobs = Knobs(word_dropout=jnp.float32(1 - 1e-7))
    keys, params = jax.random.split(key, len(X)), one_layer(PARAMS["add"])

    def logits(params, x):
        return VAES["add"].decode(params, Z, x, key=keys, knobs=knobs)

    unknown = jnp.full_like(X, UNK)
    # the same program, which has nothing left to hide in the second
    found, expected = (jax.jit(logits)(params, x) for x in (X, unknown))
    np.testing.assert_array_equal(found, expected)
    # nor does the one without noise
    quiet = jax.jit(lambda x: VAES["add"].decode(params, Z, x))(unknown)
    np.testing.assert_allclose(found, quiet, atol=1e-5)


@pytest.mark.slow
def test_dropout_is_of_embeddings_branches_and_outputs(key):
    """The masks of every layer, put into the numpy loops."""
    keys, knobs = jax.random.split(key, len(X)), Knobs(window=3, dropout=0.3)
    # the second layer's masks would take seconds more to compile
    params, layers = one_layer(PARAMS["prefix"]), 1
    decode = jax.jit(VAES["prefix"].decode)
    found = decode(params, Z, X, key=keys, knobs=knobs)
    own = jax.tree.map(lambda p: np.asarray(p, np.float64), params["decoder"])
    drop = dropout(keys, 0.3)

    def masks(number):
        inside = 0 < number <= 2 * layers
        positions = LENGTH + inside
        return np.asarray(drop(jnp.ones((len(X), positions, WIDTH)), number), float)

    everyone = [masks(number) for number in range(2 * layers + 2)]
    assert len({mask[:, :LENGTH].tobytes() for mask in everyone}) == len(everyone)
    for row, x in enumerate(np.asarray(X)):
        z = np.asarray(Z[row], float)
        expected = plain.decode(own, z, x, layers, 3, lambda n, r=row: everyone[n][r])
        # float32 through a layer; a norm of dropped states may enlarge the roundings
        np.testing.assert_allclose(found[row], expected, atol=2e-5)
