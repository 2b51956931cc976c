"""Two optimisers over the halves of a model, against optax on each half alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

from vae_jax import models, priors, training
from vae_jax.training import in_encoder, share_optimizers
from vae_jax.training._encoder_share import encoder_mask, put, take
from vae_jax.training._learning_rate import take_rate
from vae_jax.vae import with_prior

CLIP = 0.5


def adam(decay=0.9):
    return optax.chain(
        optax.clip_by_global_norm(CLIP), optax.scale_by_adam(b1=decay), optax.trace(0.5)
    )


def tree(seed):
    # one shape, so that few operations are compiled
    rng = np.random.default_rng(seed)
    a, b, c = (jnp.asarray(rng.normal(size=3), jnp.float32) for _ in range(3))
    return {"decoder": {"kernel": a}, "encoder": {"kernel": b}, "likelihood": c}


def halves(params):
    rest = {name: leaf for name, leaf in params.items() if name != "encoder"}
    return params["encoder"], rest


def clipped(grads):
    """By the norm of the whole, in float64."""
    norm = np.sqrt(
        sum((np.asarray(g, float) ** 2).sum() for g in jax.tree.leaves(grads))
    )
    return jax.tree.map(lambda g: g * np.float32(min(1, CLIP / norm)), grads)


def same(one, two):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        # a few operations on numbers of order 1
        np.testing.assert_allclose(a, b, rtol=3e-6, atol=1e-6)


def test_each_share_moves_as_if_it_were_alone_but_for_the_clip():
    """Encoder alone at some steps, both at others: each has its own moments and count."""
    made = share_optimizers(adam(), in_encoder)
    alone = optax.chain(optax.scale_by_adam(), optax.trace(0.5))
    params = tree(0)
    state = made.both.init(params)
    same(state, made.encoder.init(params))
    # optax mixes its counters with floats
    with jax.numpy_dtype_promotion("standard"):
        encoder, rest = (alone.init(half) for half in halves(params))
        for step, only_encoder in enumerate([True, True, False, True, False]):
            grads, before = tree(step + 1), state
            optimizer = made.encoder if only_encoder else made.both
            updates, state = optimizer.update(grads, state, params)
            own, others = halves(clipped(grads))
            expected, encoder = alone.update(own, encoder)
            expected_rest = jax.tree.map(jnp.zeros_like, others)
            if not only_encoder:
                expected_rest, rest = alone.update(others, rest)
            same(halves(updates), (expected, expected_rest))
            same(state, (encoder, rest))
            if only_encoder:
                np.testing.assert_array_equal(state.rest[1], before.rest[1])
                assert not any(u.any() for u in jax.tree.leaves(halves(updates)[1]))


def test_the_clip_is_over_both_shares():
    """The gradient of the encoder is (3, 0), that of the decoder (0, 4): the norm is 5."""
    made = share_optimizers(optax.clip_by_global_norm(1.0), in_encoder)
    grads = {"encoder": jnp.array([3.0, 0.0]), "decoder": jnp.array([0.0, 4.0])}
    updates, _ = made.encoder.update(grads, made.encoder.init(grads), grads)
    np.testing.assert_allclose(updates["encoder"], [0.6, 0], rtol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        training.sgd(),
        optax.identity(),
        training.adam(),
        training.adam(1.0),
        optax.scale_by_rms(),
        optax.chain(optax.add_decayed_weights(0.1), optax.scale_by_lion()),
        optax.scale_by_schedule(lambda count: 1 / (1 + count)),
        optax.inject_hyperparams(optax.adamw)(learning_rate=0.5, weight_decay=0.1),
    ],
    ids=[
        *("sgd", "identity", "adam", "clipped adam", "rms", "decayed lion"),
        *("schedule", "injected adamw"),
    ],
)
def test_both_shares_at_once_are_the_optimiser_itself(optimizer):
    made, params = share_optimizers(optimizer, in_encoder), tree(0)
    alone = take_rate(optimizer)
    state, whole = made.both.init(params), optimizer.init(params)
    # optax mixes its counters with floats
    with jax.numpy_dtype_promotion("standard"):
        for step in range(3):
            updates, state = made.both.update(
                tree(step + 1), state, params, learning_rate=0.1
            )
            expected, whole = alone.update(
                tree(step + 1), whole, params, learning_rate=0.1
            )
            same(updates, expected)


def test_masks_within_an_optimiser_are_kept_apart():
    """Muon moves matrices by one rule and the rest by another."""
    optimizer = optax.contrib.muon(0.1)
    made = share_optimizers(optimizer, in_encoder)
    params = {name: jnp.eye(2) for name in ("encoder", "decoder")} | {
        "bias": jnp.ones(2)
    }
    state, whole = made.both.init(params), optimizer.init(params)
    grads = jax.tree.map(lambda leaf: leaf + 0.3, params)
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = jax.jit(made.both.update)(grads, state, params)
        expected, _ = jax.jit(optimizer.update)(grads, whole, params)
    same(updates, expected)


def test_what_is_the_encoder_of_the_models_and_their_wrappings():
    plain = models.mlp((3, 3), 2, hidden=(4,), likelihood="gaussian_learned")
    wrapped = with_prior(training.batch_norm_posterior(plain, 2), priors.mixture(2, 3))
    found = {True: set(), False: set()}
    for model in (plain, wrapped):
        params = jax.eval_shape(model.init, training.member_key(0))
        mask = encoder_mask(params, in_encoder)
        for path, own in jax.tree_util.tree_leaves_with_path(mask):
            names = jax.tree_util.keystr(path, simple=True, separator=" ").split()
            depth = 1 + names.count("model")
            found[own].add(" ".join(names[:depth]))
    assert found == {
        True: {"encoder", "model model encoder", "model batch_norm"},
        False: {"decoder", "likelihood", "prior"}
        | {"model model decoder", "model model likelihood"},
    }


def test_a_model_of_ones_own_may_be_of_tuples_and_objects():
    seen = []

    def is_encoder(path):
        seen.append(path)
        return path[0] == "0"

    params = ({"a": 1.0}, training.Splits(2.0, 3.0))
    mask = encoder_mask(params, is_encoder)
    assert seen == [("0", "a"), ("1", "train"), ("1", "evaluation")]
    assert take(params, mask) == [1.0]
    assert put([5.0], params, mask) == ({"a": 5.0}, training.Splits(2.0, 3.0))


@pytest.mark.parametrize(("answer", "names"), [(True, "encode"), (False, "decode")])
def test_a_split_with_an_empty_side_is_refused(answer, names):
    with pytest.raises(ValueError, match=f"is {answer} of all of .*'{names}'"):
        encoder_mask({"encode": 1.0, "decode": 2.0}, lambda path: answer)
