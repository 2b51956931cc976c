"""Examples from codes, by whichever way is the quickest for the model of a run."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import models
from vae_jax.likelihoods import Likelihood
from vae_jax.records import Facts, ask
from vae_jax.tokens import PAD
from vae_jax.types import Array, Params
from vae_jax.vae import VAE, Knobs


def draw_examples(
    run: Any,
    facts: Facts,
    vae: VAE,
    knobs: Knobs,
    params: Params,
    keys: Array,
    z: Array,
    condition: Any,
    temperature: Any,
    top_p: Any,
) -> Array:
    """`x ~ p(x|z)`, one a code: images as the model sees them, or tokens.

    Of a conditional model `x ~ p(x|z, c)`, with a condition a code; of others it is None.

    Needs a trained run; `Member.draw` calls it.
    """
    # a remedy of the user's own may have changed the decoder
    known = not (run.model.is_own or any(one.is_own for one in run.remedies))
    own, code = params, z
    if known and condition is not None:
        own, code = models.decoder_at(params, z, condition)
    own = run.model.own_params(own) if known else own
    if condition is not None:
        vae = models.given(vae, condition)
    if run.data.of_sentences:
        decoding = run.model.decoding(facts, knobs) if known else None
        if decoding is None:
            decoding = whole_decoding(vae, facts.event_shape[0], knobs)
            own, code = params, z
        length = facts.event_shape[0]
        chosen = {"temperature": temperature, "top_p": top_p}
        return models.generate(keys, decoding, own, code, length, **chosen)
    if known:
        quick: Any = run.model.drawn(keys, run.likelihood, own, code, facts, knobs)
        if quick is not None:
            return jnp.asarray(quick)
    family: Likelihood = ask(run.likelihood.density, Likelihood, facts)
    return models.sample(keys, vae, family, params, z, facts.event_shape, knobs=knobs)


def whole_decoding(vae: VAE, length: int, knobs: Knobs) -> models.Decoding:
    """A teacher-forced decoder of sentences as steps: one pass over all of it a token.

    >>> logits = lambda params, z, x, **_: jax.nn.one_hot(x + 1, 9)
    >>> decoding = whole_decoding(VAE(len, len, logits), 3, Knobs())
    >>> state = decoding.start({}, jnp.zeros((1, 2)))
    >>> _, state = decoding.step({}, state, jnp.array([2]))
    >>> state[1].tolist(), int(state[2])
    ([[0, 0, 0]], 1)
    """

    def start(params: Params, z: Array) -> tuple[Array, Array, Array]:
        del params
        blank = jnp.full((len(z), length), PAD, jnp.int32)
        return z, blank, jnp.asarray(0, jnp.int32)

    def step(params: Params, state: Any, token: Array) -> tuple[Array, Any]:
        z, written, time = state
        # the token that begins every sentence is none of `x`
        column = jnp.where(jnp.arange(length) == time - 1, token[:, None], written)
        logits = vae.decode(params, z, column, knobs=knobs)
        now = jax.lax.dynamic_index_in_dim(logits, time, 1, keepdims=False)
        return now, (z, column, time + 1)

    return models.Decoding(start, step, length)
