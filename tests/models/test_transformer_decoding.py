"""Keys and values carried along against teacher forcing; sentences; ten of them learned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transformer_numpy as plain
from compiled import Counted
from slow_cases import slow_but

from vae_jax import models
from vae_jax.vae import FULL_WINDOW, Knobs

PAD, BOS, EOS = 0, 2, 3
LENGTH, VOCAB, LATENT, NUM = 6, 9, 2, 40
USES = ("prefix", "memory", "add")
KEYS = jax.random.split(jax.random.key(1), NUM)
Z = jax.random.normal(jax.random.key(2), (NUM, LATENT))


def make(use, length=LENGTH):
    return models.transformer(
        length, VOCAB, LATENT, latent_use=use, width=6, num_layers=2, num_heads=2
    )


VAES = {use: make(use) for use in USES}
PARAMS = {use: plain.parameters(vae) for use, vae in VAES.items()}


def stepwise(params, z, x, window, length):
    """Logits of every token, one step each."""
    decoding = models.transformer_decoding(length, knobs=Knobs(window=window))

    def step(state, token):
        logits, state = decoding.step(params, state, token)
        return state, logits

    read = jnp.concatenate([jnp.full((len(x), 1), BOS), x[:, :-1]], axis=1)
    _, logits = jax.lax.scan(step, decoding.start(params, z), read.T)
    return jnp.swapaxes(logits, 0, 1)


@pytest.mark.parametrize("use", slow_but(["memory"], USES))
def test_steps_are_teacher_forcing(use):
    """One program of either for all windows."""
    x = jax.random.randint(jax.random.key(3), (NUM, LENGTH), 1, VOCAB)
    cached = Counted(jax.jit(lambda w: stepwise(PARAMS[use], Z, x, w, LENGTH)))
    forced = Counted(
        jax.jit(lambda w: VAES[use].decode(PARAMS[use], Z, x, knobs=Knobs(window=w)))
    )
    for window in (0, 1, 2, 3, LENGTH - 1, LENGTH, FULL_WINDOW):
        found, expected = cached(window), forced(window)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert (cached.programs, forced.programs) == (1, 1)


@pytest.mark.slow
def test_room_for_more_changes_nothing():
    """At a full window, which no length ends."""
    x = jax.random.randint(jax.random.key(3), (NUM, LENGTH), 1, VOCAB)
    params = PARAMS["prefix"]
    steps = jax.jit(stepwise, static_argnums=4)
    found, expected = (
        steps(params, Z, x, FULL_WINDOW, length) for length in (LENGTH + 5, LENGTH)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("use", "window", "temperature", "top_p"),
    [
        pytest.param("prefix", FULL_WINDOW, 1.0, 1.0, marks=pytest.mark.slow),
        ("memory", 2, 0.7, 0.9),
        pytest.param("add", 0, 1.0, 0.8, marks=pytest.mark.slow),
        pytest.param("add", FULL_WINDOW, 0.0, 1.0, marks=pytest.mark.slow),
    ],
)
def test_sentences_are_those_of_teacher_forcing_under_the_same_keys(
    use, window, temperature, top_p
):
    knobs, params = Knobs(window=window), PARAMS[use]
    found = models.generate(
        KEYS,
        models.transformer_decoding(LENGTH, knobs=knobs),
        params,
        Z,
        LENGTH,
        temperature=temperature,
        top_p=top_p,
    )
    choose = jax.jit(jax.vmap(models.choose_token, in_axes=(0, 0, None, None)))
    forced = jax.jit(lambda x: VAES[use].decode(params, Z, x, knobs=knobs))
    x, ended = np.zeros((NUM, LENGTH), np.int32), np.zeros(NUM, bool)
    likeliest = True
    for time in range(LENGTH):
        keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(KEYS, time)
        logits = forced(x)[:, time]
        token = np.asarray(choose(keys, logits, temperature, top_p))
        likeliest &= np.array_equal(token, np.argmax(logits, axis=-1))
        x[:, time] = np.where(ended, PAD, token)
        ended |= token == EOS
    np.testing.assert_array_equal(found, x)
    assert likeliest == (temperature == 0)
    assert ended.any()


def test_refuses_more_than_it_has_room_for():
    with pytest.raises(ValueError, match="`length` must be at least 1; got 0"):
        models.transformer_decoding(0)
    decoding = models.transformer_decoding(LENGTH)
    with pytest.raises(ValueError, match="at most the 6 tokens .* got 7"):
        models.generate(KEYS, decoding, PARAMS["add"], Z, LENGTH + 1)
