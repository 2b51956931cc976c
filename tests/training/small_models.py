"""A small problem that the training tests share: random binary images, an MLP VAE."""

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import likelihoods, losses, models, training
from vae_jax.training import StepHyper, StepKeys, Stream

EVENT = (4, 4)
LATENT = 3


def images(num=64, seed=0):
    """Binary images with structure: two prototypes and flipped pixels."""
    rng = np.random.default_rng(seed)
    prototypes = rng.integers(0, 2, (2, *EVENT))
    flips = rng.random((num, *EVENT)) < 0.1
    return (prototypes[rng.integers(0, 2, num)] ^ flips).astype(np.uint8)


def vae():
    return models.mlp(EVENT, LATENT, hidden=(16,), likelihood="bernoulli")


def penalty(axis_name=None):
    """Free bits on the batch mean: the term that must be averaged over devices."""
    return lambda kl, hyper: losses.free_bits(
        kl, hyper.settings, over="unit", mean="batch", rule="max", axis_name=axis_name
    )


def step(optimizer, axis_name=None):
    objective = training.make_objective(
        vae(), likelihoods.bernoulli(), penalty(axis_name), axis_name=axis_name
    )
    return training.make_step(objective, optimizer, axis_name)


def sgd():
    return training.sgd(clip_norm=1.0)


def hyper(learning_rate=0.05):
    return StepHyper(
        beta=np.float32(1.0),
        learning_rate=np.float32(learning_rate),
        settings=np.float32(0.05),
    )


def keys(member, t, batch):
    return StepKeys(
        training.example_keys(member, Stream.NOISE, t, batch),
        training.example_keys(member, Stream.DROPOUT, t, batch),
    )


def run_steps(wrapped, optimizer, num_steps=20, batch=16, seed=0, rate=0.05):
    """Parameters after some steps of a wrapped step, batches in the same order."""
    member = training.member_key(seed)
    state = training.init_state(vae().init(member), optimizer)
    x = jnp.asarray(images(), jnp.float32)
    for t in range(num_steps):
        rows = (np.arange(batch) + t * batch) % len(x)
        state, info = wrapped(state, x[rows], hyper(rate), keys(member, t, batch))
        jax.block_until_ready(info)
    return jax.tree.map(np.asarray, state.params), info


def largest_difference(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(np.abs(np.asarray(x) - np.asarray(y)).max()) for x, y in pairs)
