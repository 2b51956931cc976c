"""Sentences a token at a time against teacher forcing and against exact probabilities."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from vae_jax import models

PAD, UNK, BOS, EOS = 0, 1, 2, 3
LENGTH, VOCAB, LATENT = 6, 9, 2
VAE_ = models.lstm(LENGTH, VOCAB, LATENT, embedding=6, hidden=(5, 4))
PARAMS = jax.tree.map(lambda leaf: 4 * leaf, VAE_.init(jax.random.key(0)))
DECODE = jax.jit(VAE_.decode)
DECODING = models.lstm_decoding()
NUM = 40
KEYS = jax.random.split(jax.random.key(1), NUM)
Z = jax.random.normal(jax.random.key(2), (NUM, LATENT))


def test_steps_are_teacher_forcing():
    """What a cached state gives is what reading the whole sentence gives."""
    x = jax.random.randint(jax.random.key(3), (NUM, LENGTH), 1, VOCAB)
    state, found = DECODING.start(PARAMS, Z), []
    for token in jnp.concatenate([jnp.full((NUM, 1), BOS), x[:, :-1]], axis=1).T:
        logits, state = DECODING.step(PARAMS, state, token)
        found.append(logits)
    expected = DECODE(PARAMS, Z, x)
    np.testing.assert_allclose(np.stack(found, axis=1), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 0.9), (0.0, 1.0)])
def test_sentences_are_those_of_teacher_forcing_under_the_same_keys(temperature, top_p):
    found = models.generate(
        KEYS, DECODING, PARAMS, Z, LENGTH, temperature=temperature, top_p=top_p
    )
    x = np.zeros((NUM, LENGTH), np.int32)
    choose = jax.vmap(models.choose_token, in_axes=(0, 0, None, None))
    ended = np.zeros(NUM, bool)
    for time in range(LENGTH):
        logits = DECODE(PARAMS, Z, x)[:, time]
        keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(KEYS, time)
        token = np.asarray(choose(keys, logits, temperature, top_p))
        x[:, time] = np.where(ended, PAD, token)
        ended |= token == EOS
    np.testing.assert_array_equal(found, x)
    assert temperature == 0 or (len(np.unique(x)) > 5 and ended.any())


@pytest.mark.slow
def test_frequencies_are_the_model_s_probabilities():
    """All sentences of two tokens, by the chain rule in float64."""
    num = 20_000
    keys = jax.random.split(jax.random.key(5), num)
    z = jnp.tile(Z[:1], (num, 1))
    drawn = np.asarray(models.generate(keys, DECODING, PARAMS, z, 2))
    expected = np.zeros((VOCAB, VOCAB))
    for first in range(VOCAB):
        x = jnp.array([[first, 1, 1, 1, 1, 1]])
        logits = np.asarray(DECODE(PARAMS, Z[:1], x), np.float64)[0]
        one, two = softmax(logits[0])[first], softmax(logits[1])
        expected[first] = one * (two if first != EOS else np.eye(VOCAB)[PAD])
    found = np.zeros((VOCAB, VOCAB))
    np.add.at(found, (drawn[:, 0], drawn[:, 1]), 1 / num)
    # five standard errors of each of 81 shares, and one draw
    error = np.sqrt(expected * (1 - expected) / num)
    assert (np.abs(found - expected) <= 5 * error + 1 / num).all()


def test_nothing_is_written_after_the_end():
    for row in np.asarray(models.generate(KEYS, DECODING, PARAMS, Z, 30)):
        if EOS in row:
            assert (row[list(row).index(EOS) + 1 :] == PAD).all()


@pytest.mark.slow
def test_a_longer_length_goes_on_with_the_same_sentence():
    short, long = (models.generate(KEYS, DECODING, PARAMS, Z, n) for n in (3, 12))
    np.testing.assert_array_equal(short, long[:, :3])


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.75, 0.95, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_nucleus(top_p, temperature):
    """Only the smallest likeliest set is drawn, with its own shares."""
    rng = np.random.default_rng(4)
    logits = rng.normal(size=8) * 1.5
    p = softmax(logits / temperature)
    # by trying every set: the smallest that holds enough, of these the likeliest
    sets = [
        s
        for n in range(1, 9)
        for s in itertools.combinations(range(8), n)
        if p[list(s)].sum() >= top_p - 1e-9
    ]
    size = min(map(len, sets))
    best = max((s for s in sets if len(s) == size), key=lambda s: p[list(s)].sum())
    num = 20_000
    keys = jax.random.split(jax.random.key(6), num)
    choose = jax.jit(jax.vmap(models.choose_token, in_axes=(0, None, None, None)))
    drawn = np.asarray(choose(keys, jnp.float32(logits), temperature, top_p))
    assert set(drawn) <= set(best)
    expected = p[list(best)] / p[list(best)].sum()
    found = np.array([(drawn == token).mean() for token in best])
    error = np.sqrt(expected * (1 - expected) / num)
    assert (np.abs(found - expected) <= 4 * error + 1 / num).all()


@pytest.mark.slow
def test_half_precision_draws_from_float32_probabilities():
    """10 000 equal classes: their sums in bfloat16 would stop at 256 of them."""
    logits = jnp.zeros(10_000, jnp.bfloat16)
    choose = jax.vmap(models.choose_token, in_axes=(0, None, None, None))
    drawn = choose(jax.random.split(jax.random.key(5), 500), logits, 1.0, 0.9)
    # the first 9000 hold 0.9; of 500 draws none above 8000 has probability 1e-26
    assert 8000 < drawn.max() < 9010


@pytest.mark.slow
@pytest.mark.usefixtures("users_view")
def test_codes_of_another_dtype_are_those_of_the_model():
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), PARAMS)
    for params, z in ((half, Z[:2]), (PARAMS, jnp.ones((2, LATENT), int))):
        logits, _ = DECODING.step(
            params, DECODING.start(params, z), jnp.full(2, BOS, jnp.int32)
        )
        whole = VAE_.decode(params, z, jnp.full((2, LENGTH), UNK, jnp.int32))[:, 0]
        assert logits.dtype == whole.dtype == jnp.float32
        # bfloat16 has 8 bits, and logits are of order one
        np.testing.assert_allclose(logits, whole, atol=0.05)


@pytest.mark.usefixtures("users_view")
def test_refuses_keys_without_codes():
    with pytest.raises(ValueError, match=r"`keys` must hold .*, \(1,\); got \(40,\)"):
        models.generate(KEYS, DECODING, PARAMS, Z[:1], 3)


@pytest.mark.usefixtures("users_view")
def test_refuses_no_length():
    with pytest.raises(ValueError, match="`length` must be at least 1; got 0"):
        models.generate(KEYS, DECODING, PARAMS, Z, 0)
    with pytest.raises(TypeError, match="`length` must be a whole number; got .*3.0"):
        models.generate(KEYS, DECODING, PARAMS, Z, np.float64(3.0))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            {"temperature": -1.0},
            "`temperature` must be at least 0 and finite; got -1.0",
        ),
        ({"temperature": np.nan}, "`temperature` .* got nan"),
        ({"temperature": np.inf}, "`temperature` .* got inf"),
        ({"top_p": 0}, "`top_p` must be above 0 and at most 1; got 0"),
        ({"top_p": np.float32(1.5)}, "`top_p` must be above 0 and at most 1; got 1.5"),
        ({"top_p": np.ones(2)}, r"`top_p` must be one number; .* shape \(2,\)"),
    ],
)
@pytest.mark.usefixtures("users_view")
def test_refuses_settings_without_a_meaning(setting, said):
    with pytest.raises(ValueError, match=said):
        models.choose_token(KEYS[0], jnp.zeros(3), **setting)
    with pytest.raises(ValueError, match=said):
        models.generate(KEYS, DECODING, PARAMS, Z, 3, **setting)


@pytest.mark.usefixtures("users_view")
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_refuses_logits_of_other_than_one_draw(shape):
    with pytest.raises(ValueError, match=r"`logits` must have the shape \(classes,\)"):
        models.choose_token(KEYS[0], jnp.zeros(shape))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_logits_that_are_no_distribution_give_no_token(wrong, temperature):
    choose = jax.vmap(models.choose_token, in_axes=(0, 0, None))
    logits = np.array([[0, wrong, 1], [-np.inf] * 3, [-np.inf, 2, -np.inf]], "f")
    assert choose(KEYS[:3], logits, temperature).tolist() == [-1, -1, 1]


def test_a_decoder_that_has_diverged_is_told_and_writes_no_padding():
    def step(params, state, token):
        logits = jnp.where(state < 2, jnp.eye(4)[1], params["scale"])
        return jnp.broadcast_to(logits, (len(token), 4)), state + 1

    decoding = models.Decoding(lambda params, z: jnp.zeros((), int), step)
    keys, z, params = KEYS[:2], Z[:2], {"scale": np.float32(np.nan)}
    with pytest.raises(ValueError, match="`params` .* at token 2 of sentence 0"):
        models.generate(keys, decoding, params, z, 4)

    @jax.jit
    def compiled(params):
        return models.generate(keys, decoding, params, z, 4, temperature=0.0)

    assert compiled(params).tolist() == [[1, 1, -1, -1]] * 2
    # what is written after the end is not read
    assert models.generate(keys, decoding, params, z, 2, temperature=0.0).min() == 1
