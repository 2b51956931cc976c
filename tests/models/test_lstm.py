"""The sentence VAE against a numpy loop; causality, padding, dropout, and training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit
from slow_cases import slow_but

from vae_jax import likelihoods, models, training
from vae_jax.models._dropout import word_dropout
from vae_jax.vae import Knobs

LENGTH, VOCAB, LATENT, HIDDEN = 7, 11, 2, (5, 4)
PAD, UNK, BOS, EOS = 0, 1, 2, 3
VAE_ = models.lstm(LENGTH, VOCAB, LATENT, embedding=6, hidden=HIDDEN)
# large embeddings too, so that everything matters
PARAMS = jax.tree.map(lambda leaf: 3 * leaf, VAE_.init(jax.random.key(0)))
X = jnp.array(
    [[4, 5, 6, 7, 8, 9, EOS], [10, 4, EOS, PAD, PAD, PAD, PAD], [EOS] + [PAD] * 6]
)
Z = jnp.array([[0.5, -1.0], [0.1, 2.0], [-1.5, 0.3]])
# compiled: by itself, every call would trace its loops anew
DECODE, ENCODE = jax.jit(VAE_.decode), jax.jit(VAE_.encode)


def states(layer, inputs, h, c):
    """Every hidden state of one sentence, in float64."""
    w = np.asarray(layer["recurrent"], float)
    kernel, bias = (np.asarray(layer["input"][n], float) for n in ("kernel", "bias"))
    found = []
    for read in inputs:
        i, f, g, o = np.split(read @ kernel + bias + h @ w, 4)
        c = expit(f) * c + expit(i) * np.tanh(g)
        h = expit(o) * np.tanh(c)
        found.append(h)
    return np.array(found)


def test_encoder_against_numpy():
    own = PARAMS["encoder"]
    table = np.asarray(own["embedding"]["embedding"], float)
    mean, logvar = ENCODE(PARAMS, X)
    for row, x in enumerate(np.asarray(X)):
        read = [BOS, *x[: list(x).index(EOS) + 1]]
        state = table[read]
        for layer, width in enumerate(HIDDEN):
            start = np.zeros(width)
            state = states(own[f"lstm_{layer}"], state, start, start)
        both = state[-1] @ np.asarray(own["posterior"]["kernel"], float)
        # float32 through seven steps
        np.testing.assert_allclose(mean[row], both[:LATENT], atol=2e-6)
        np.testing.assert_allclose(logvar[row], both[LATENT:], atol=2e-6)


def test_decoder_against_numpy():
    own = PARAMS["decoder"]
    table = np.asarray(own["embedding"]["embedding"], float)
    logits = DECODE(PARAMS, Z, X)
    for row, x in enumerate(np.asarray(X)):
        z = np.asarray(Z[row], float)
        hidden = [np.concatenate([table[t], z]) for t in [BOS, *x[:-1]]]
        for layer in range(len(HIDDEN)):
            cell = z @ np.asarray(own[f"cell_{layer}"]["kernel"], float)
            hidden = states(own[f"lstm_{layer}"], hidden, np.tanh(cell), cell)
        expected = hidden @ np.asarray(own["output"]["kernel"], float)
        np.testing.assert_allclose(logits[row], expected, atol=5e-6)


def test_a_token_does_not_reach_its_own_logits_or_earlier_ones():
    """Values, and gradients by the embedding that only this token reads."""
    logits = DECODE(PARAMS, Z, X)
    for time in range(LENGTH):
        other = DECODE(PARAMS, Z, X.at[:, time].set(UNK))
        np.testing.assert_array_equal(logits[:, : time + 1], other[:, : time + 1])
        if time + 1 < LENGTH:
            assert (np.abs(logits - other)[:, time + 1 :].max(axis=(1, 2)) > 0).all()

    def reads(table, time):
        own = {**PARAMS["decoder"], "embedding": {"embedding": table}}
        return VAE_.decode({**PARAMS, "decoder": own}, Z[:1], X[:1])[0, time].sum()

    table = PARAMS["decoder"]["embedding"]["embedding"]
    slope = jax.jit(jax.vmap(jax.grad(reads), in_axes=(None, 0)))
    reached = np.abs(slope(table, jnp.arange(LENGTH))).max(axis=2) > 0
    for time in range(LENGTH):
        # the first sentence is 4, 5, ... 9: token t is read from step t + 1 on
        assert reached[time].nonzero()[0].tolist() == [BOS, *range(4, 4 + time)]


def test_every_logit_depends_on_z():
    logits = DECODE(PARAMS, Z, X)
    for unit in range(LATENT):
        moved = DECODE(PARAMS, Z.at[:, unit].add(1.0), X)
        assert (np.abs(moved - logits).max(axis=-1) > 0).all()


def test_padding_changes_nothing():
    longer = models.lstm(LENGTH + 4, VOCAB, LATENT, embedding=6, hidden=HIDDEN)
    padded = jnp.pad(X, ((0, 0), (0, 4)))
    both = ENCODE(PARAMS, X), jax.jit(longer.encode)(PARAMS, padded)
    for a, b in zip(*both, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    a, b = DECODE(PARAMS, Z, X), jax.jit(longer.decode)(PARAMS, Z, padded)
    np.testing.assert_allclose(a, b[:, :LENGTH], atol=1e-6)


@pytest.mark.slow
def test_dropped_words_are_read_as_the_unknown_word(key):
    keys = jax.random.split(key, len(X))
    knobs = Knobs(word_dropout=jnp.float32(1 - 1e-7))
    found = DECODE(PARAMS, Z, X, key=keys, knobs=knobs)
    np.testing.assert_array_equal(found, DECODE(PARAMS, Z, jnp.full_like(X, UNK)))
    # a rate of a half drops about half of them: four standard errors of 4000 draws
    x = jnp.full((1000, LENGTH), 4)
    half = word_dropout(jax.random.split(key, 1000), jnp.float32(0.5), x[:, :4], UNK)
    assert abs(float((half == UNK).mean()) - 0.5) < 4 * 0.5 / np.sqrt(4000)
    assert set(np.unique(half)) == {UNK, 4}
    assert half.dtype == x.dtype


@pytest.mark.slow
def test_dropout_is_of_embeddings_and_outputs(key):
    """Averaged over masks, logits linear in what is dropped are those without."""
    keys = jax.random.split(key, 4000)
    x, z = jnp.tile(X[:1], (4000, 1)), jnp.tile(Z[:1], (4000, 1))
    knobs = Knobs(dropout=jnp.float32(0.3))
    own = {**PARAMS["decoder"]}
    # with the embeddings at 0 only the outputs are dropped
    own["embedding"] = {"embedding": 0 * own["embedding"]["embedding"]}
    params = {**PARAMS, "decoder": own}
    found = DECODE(params, z, x, key=keys, knobs=knobs)
    expected = DECODE(params, Z[:1], X[:1])[0]
    error = found.std(axis=0) / np.sqrt(4000)
    assert float(found.std(axis=0).min()) > 0
    assert (np.abs(found.mean(axis=0) - expected) < 5 * error).all()
    # and with them the states move as well
    both = DECODE(PARAMS, z, x, key=keys, knobs=knobs)
    assert len(np.unique(np.asarray(both[:, -1, 0]))) > 3000


@pytest.mark.slow
def test_a_sentence_of_one_bit_is_learned(key):
    """Two sentences that only z can tell apart: the loss ends near log 2, by the step
    that trains images too."""
    vae = models.lstm(3, 6, 1, embedding=8, hidden=(8,))
    x = jnp.array([[4, 4, EOS], [5, 5, EOS]] * 16)
    objective = training.make_objective(vae, likelihoods.categorical())
    optimizer = training.adam(clip_norm=5.0)
    step = training.jit_step(training.make_step(objective, optimizer))
    state = training.init_state(vae.init(key), optimizer)
    hyper = training.StepHyper(beta=1.0, learning_rate=0.03)
    for number in range(300):
        drawn = jax.random.split(jax.random.fold_in(key, number), (2, 32))
        state, info = step(state, x, hyper, training.StepKeys(*drawn))
    # the entropy of the data is log 2 = 0.693; 0.05 for what Adam's last steps leave
    assert np.log(2) - 0.05 < float(info.loss) < np.log(2) + 0.05


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (jnp.zeros((2, LENGTH + 1), int), r"\(batch, 7\); got \(2, 8\)"),
        (jnp.zeros((2, LENGTH)), "must be tokens, integers; got float32"),
    ],
)
def test_refuses_what_is_no_sentence(users_view, x, message):
    with pytest.raises(ValueError, match=message):
        VAE_.encode(PARAMS, x)
    with pytest.raises(ValueError, match=message):
        VAE_.decode(PARAMS, Z[:2], x)


@pytest.mark.parametrize("bound", slow_but([0.01], [0.01, None]))
def test_start(bound, key):
    """Uniform: He et al.'s bound everywhere, or one over the root of the fan-in."""
    vae = models.lstm(4, 30, 2, embedding=6, hidden=(50, 20), init_bound=bound)
    params = vae.init(key)
    fans = {"lstm_0": 50, "lstm_1": 20, "cell_0": 2, "output": 20, "posterior": 20}
    for part in params.values():
        assert 0.09 < np.abs(part["embedding"]["embedding"]).max() < 0.1
        for name in fans.keys() & part.keys():
            limit = bound or fans[name] ** -0.5
            for leaf in jax.tree.leaves(part[name]):
                # the largest of 80 or more is below 0.9 one time in 4500
                assert 0.9 * limit < np.abs(leaf).max() < limit


def test_refuses_impossible_models():
    with pytest.raises(ValueError, match="needs `x`; got None"):
        VAE_.decode(PARAMS, Z)
    with pytest.raises(ValueError, match="`vocab_size` counts .* got 3"):
        models.lstm(LENGTH, 3, LATENT)
    for hidden in ((), (8, 0)):
        with pytest.raises(ValueError, match="`hidden` must name at least one layer"):
            models.lstm(LENGTH, VOCAB, LATENT, hidden=hidden)
    with pytest.raises(
        ValueError, match="`init_bound` must be above 0, or None; got 0"
    ):
        models.lstm(LENGTH, VOCAB, LATENT, init_bound=0.0)
    with pytest.raises(ValueError, match="`embedding` must be at least 1; got 0"):
        models.lstm(LENGTH, VOCAB, LATENT, embedding=0)


@pytest.mark.slow
def test_a_decoder_without_inputs_has_none_in_evaluation_and_generation():
    """At a word dropout of 1 nothing is random: without keys the words are hidden too."""
    knobs = Knobs(word_dropout=jnp.float32(1.0))
    blind = DECODE(PARAMS, Z, jnp.full_like(X, UNK))
    found = DECODE(PARAMS, Z, X, knobs=knobs)
    np.testing.assert_array_equal(found, blind)
    assert np.abs(found - DECODE(PARAMS, Z, X)).max() > 1e-4
    decoding = models.lstm_decoding(knobs=knobs)
    state = decoding.start(PARAMS, Z)
    read = np.concatenate([np.full_like(X[:, :1], 2), X[:, :-1]], axis=1)
    for t in range(2):
        logits, state = decoding.step(PARAMS, state, jnp.asarray(read[:, t]))
        np.testing.assert_allclose(logits, blind[:, t], atol=1e-5)
