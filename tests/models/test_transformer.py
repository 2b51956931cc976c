"""The Transformer VAE against numpy loops; what reaches which logits; padding; noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transformer_numpy as plain

from vae_jax import models
from vae_jax.models._dropout import dropout
from vae_jax.vae import FULL_WINDOW, Knobs

LENGTH, VOCAB, LATENT, WIDTH, LAYERS, HEADS = 7, 11, 2, 6, 2, 2
PAD, UNK, BOS, EOS = 0, 1, 2, 3
USES = ("prefix", "memory", "add")
WINDOWS = [0, 1, 2, 3, LENGTH - 1, LENGTH, FULL_WINDOW]
X = jnp.array(
    [[4, 5, 6, 7, 8, 9, EOS], [10, 4, EOS, PAD, PAD, PAD, PAD], [EOS] + [PAD] * 6]
)
Z = jnp.array([[0.5, -1.0], [0.1, 2.0], [-1.5, 0.3]])


def make(use, length=LENGTH, **options):
    sizes = {"width": WIDTH, "num_layers": LAYERS, "num_heads": HEADS}
    return models.transformer(
        length, VOCAB, LATENT, latent_use=use, **{**sizes, **options}
    )


# drawing the noise of every layer takes seconds to compile
NOISE = [False, pytest.param(True, marks=pytest.mark.slow)]
VAES = {use: make(use) for use in USES}
PARAMS = {use: plain.parameters(vae) for use, vae in VAES.items()}


@jax.jit
def decode_add(z, x, window):
    return VAES["add"].decode(PARAMS["add"], z, x, knobs=Knobs(window=window))


@jax.jit
def decode_memory(z, x, window):
    return VAES["memory"].decode(PARAMS["memory"], z, x, knobs=Knobs(window=window))


@jax.jit
def decode_prefix(z, x, window):
    return VAES["prefix"].decode(PARAMS["prefix"], z, x, knobs=Knobs(window=window))


DECODE = {"add": decode_add, "memory": decode_memory, "prefix": decode_prefix}


@pytest.mark.parametrize("use", USES)
def test_decoder_against_numpy(use):
    """Every window by one program, in float64."""
    with jax.enable_x64(True):
        params = plain.parameters(VAES[use], np.float64)
        own = jax.tree.map(np.asarray, params["decoder"])
        z, x = np.asarray(Z, np.float64), np.asarray(X)
        decode = jax.jit(
            lambda w: VAES[use].decode(params, z, x, knobs=Knobs(window=w))
        )
        for window in WINDOWS:
            logits = decode(jnp.asarray(window, jnp.int32))
            assert logits.dtype == jnp.float64
            for row in range(len(x)):
                expected = plain.decode(own, z[row], x[row], LAYERS, window)
                # float64 through two layers
                np.testing.assert_allclose(logits[row], expected, atol=1e-12)
        assert decode._cache_size() == 1


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


@pytest.mark.parametrize("use", USES)
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
    assert DECODE[use]._cache_size() <= 2, "sentences of two batch sizes"


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


@pytest.mark.parametrize(
    "use", ["prefix", *(pytest.param(u, marks=pytest.mark.slow) for u in USES[1:])]
)
def test_dropout_is_of_embeddings_branches_and_outputs(use, key):
    """The masks of every layer, put into the numpy loops."""
    keys, knobs = jax.random.split(key, len(X)), Knobs(window=3, dropout=0.3)
    found = VAES[use].decode(PARAMS[use], Z, X, key=keys, knobs=knobs)
    own = jax.tree.map(lambda p: np.asarray(p, np.float64), PARAMS[use]["decoder"])
    drop = dropout(keys, 0.3)

    def masks(number):
        inside = 0 < number <= 2 * LAYERS
        positions = LENGTH + (inside and use == "prefix")
        return np.asarray(drop(jnp.ones((len(X), positions, WIDTH)), number), float)

    everyone = [masks(number) for number in range(2 * LAYERS + 2)]
    assert len({mask[:, :LENGTH].tobytes() for mask in everyone}) == len(everyone)
    for row, x in enumerate(np.asarray(X)):
        z = np.asarray(Z[row], float)
        expected = plain.decode(own, z, x, LAYERS, 3, lambda n, r=row: everyone[n][r])
        # float32 through two layers; a norm of dropped states may enlarge the roundings
        np.testing.assert_allclose(found[row], expected, atol=2e-5)


def one_layer(params):
    """Of either side, which counts its layers by their names: less to compile."""
    return {
        side: {name: leaf for name, leaf in own.items() if name != "layer_1"}
        for side, own in params.items()
    }


@pytest.mark.parametrize("noise", NOISE)
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


def loss_of(vae, keys=None):
    def loss(params):
        mean, logvar = vae.encode(params, X)
        knobs = Knobs(window=3, dropout=0.3)
        logits = vae.decode(params, mean, X, key=keys, knobs=knobs)
        return jnp.mean(logits**2) + jnp.mean(logvar**2)

    return loss


@pytest.mark.parametrize("noise", NOISE)
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
