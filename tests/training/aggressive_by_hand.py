"""One aggressive run as a person would write it, on the linear-Gaussian model.

Two optimisers, two `while`s, a flag, and every key by its address.
"""

from functools import partial

import jax
import jax.numpy as jnp
import linear_gaussian as linear
import numpy as np
import optax

from vae_jax import diagnostics, likelihoods, training
from vae_jax.training import Splits, StepHyper, StepKeys

BATCH, CLIP, MEASURED = 6, 0.8, 13
IMAGES = linear.examples(21) / np.float32(10)
DATA = Splits(IMAGES, IMAGES[:5])
OBJECTIVE = training.make_objective(linear.vae(), likelihoods.gaussian())
NAMES = {"encoder": ("encoder", "logvar"), "rest": ("decoder", "offset")}


FEEDBACK = training.Feedback(
    init=lambda hyper: jnp.zeros(()),
    update=lambda steps, info, hyper: steps + 1,
    beta=lambda steps, hyper: 1 + steps / 100,
)
"""A controller that counts: beta grows by a hundredth with every step."""


def calibrate(params, key, knobs, images):
    """Not what training uses, but what is measured and kept."""
    return params | {"logvar": params["logvar"] - 0.5}


def noisy(keys, images):
    noise = jax.vmap(lambda key: jax.random.normal(key, (linear.FEATURES,)))(keys)
    return 10 * images + 0.1 * noise


@jax.jit
def loss_and_clipped(params, x, hyper, keys):
    """The gradient of all parameters, clipped by the norm of the whole."""

    def loss(params):
        return jnp.mean(OBJECTIVE(params, x, hyper, keys)[0])

    value, grads = jax.value_and_grad(loss)(params)
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(grads)))
    return value, jax.tree.map(lambda g: g * jnp.minimum(1, CLIP / norm), grads)


@jax.jit
def adam_update(params, grads, state, rate):
    with jax.numpy_dtype_promotion("standard"):
        updates, state = optax.scale_by_adam().update(grads, state)
    return jax.tree.map(lambda p, u: p - rate * u, params, updates), state


@partial(jax.jit, static_argnums=1)
def fold(key, size, *path):
    """The keys of an address, one an example."""
    for number in path:
        key = jax.random.fold_in(key, number)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(size))


@jax.jit
def inner_keys(member, t, sub_step):
    key = jax.random.fold_in(jax.random.fold_in(member, 7), t)
    pick, *roots = jax.random.split(jax.random.fold_in(key, sub_step), 4)
    batch = jax.random.randint(pick, (), 0, len(IMAGES) // BATCH, jnp.int32)
    return batch, *(fold(root, BATCH) for root in roots)


@jax.jit
def information(params, member, t):
    key = jax.random.fold_in(jax.random.fold_in(member, 7), t)
    first, second = jax.random.split(jax.random.fold_in(key, 0))
    x = noisy(fold(first, MEASURED), IMAGES[:MEASURED])
    posterior = linear.encode(calibrate(params, None, None, None), x)
    return diagnostics.mutual_information(second, *posterior).value


prepared = jax.jit(noisy)


class ByHand:
    """One run as a person would write it: two optimisers, two `while`s, a flag."""

    def __init__(self, arm, seed):
        self.arm, self.member = arm, training.member_key(seed)
        self.params = linear.exact_params(inflation=3.0)
        self.states = {n: optax.scale_by_adam().init(self.of(n)) for n in NAMES}
        self.aggressive, self.best, self.bad = bool(arm.loop.aggressive), -np.inf, 0
        self.found, self.seen = [], 0.0

    def of(self, share, tree=None):
        tree = self.params if tree is None else tree
        return {name: tree[name] for name in NAMES[share]}

    def update(self, shares, t, x, keys):
        run = self.arm.run
        beta = run.beta[t] * np.float32(1 + t / 100)
        now = StepHyper(beta, run.learning_rate[t], linear.KNOBS)
        loss, grads = loss_and_clipped(self.params, x, now, StepKeys(*keys))
        for share in shares:
            moved, self.states[share] = adam_update(
                self.of(share), self.of(share, grads), self.states[share], now[1]
            )
            self.params = self.params | moved
        return float(loss)

    def inner(self, t, x, order):
        sub_step, burn, previous, made = 1, 0.0, np.inf, 0
        while self.aggressive and sub_step < self.arm.loop.max_inner:
            batch, to_prepare, *noise = inner_keys(self.member, t, sub_step)
            if sub_step > 1:
                rows = order[int(batch) * BATCH :][:BATCH]
                x = prepared(to_prepare, IMAGES[rows])
            burn += self.update(["encoder"], t, x, noise)
            made += 1
            if sub_step % self.arm.loop.window == 0:
                if burn > previous:
                    break
                previous, burn = burn, 0.0
            sub_step += 1
        return made

    def step(self, t):
        per_epoch = len(IMAGES) // BATCH
        epoch, index = divmod(t, per_epoch)
        key = jax.random.fold_in(jax.random.fold_in(self.member, 1), epoch)
        order = np.asarray(jax.random.permutation(key, len(IMAGES)))
        rows = order[index * BATCH :][:BATCH]
        x = prepared(fold(self.member, BATCH, 4, t), IMAGES[rows])
        waits, made = self.aggressive, self.inner(t, x, order)
        noise = (fold(self.member, BATCH, stream, t) for stream in (2, 3))
        shares = ["rest"] if waits else ["encoder", "rest"]
        loss = self.update(shares, t, x, noise)
        if index == per_epoch - 1:
            self.seen = float(information(self.params, self.member, t))
            self.bad += self.seen < self.best
            self.best = max(self.seen, self.best)
            self.aggressive = waits and self.bad < self.arm.loop.patience
        self.found.append((loss, made, float(waits), self.seen))
        return self
