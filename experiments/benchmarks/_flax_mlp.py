"""The MLP VAE in flax, linen and nnx, its step jitted, batches from memory."""

from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from flax.training.train_state import TrainState

RATE = 1e-3


def elbo(posterior: jax.Array, decode: Callable[..., Any], x: Any, key: Any) -> Any:
    """The mean negative ELBO of binary data, for what an encoder has found."""
    mean, logvar = jnp.split(posterior, 2, axis=-1)
    z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, jnp.float32)
    cross = optax.sigmoid_binary_cross_entropy(decode(z), x)
    rate = -0.5 * jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar))
    return (jnp.sum(cross) + rate) / len(x)


def in_memory(data: np.ndarray, batch: int) -> Iterator[np.ndarray]:
    """Endless shuffled batches."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(len(data))
        for start in range(0, len(data) - batch + 1, batch):
            yield data[order[start : start + batch]]


class LinenMLP(nn.Module):
    """features-hidden-latent-hidden-features."""

    sizes: tuple[int, int, int]

    @nn.compact
    def __call__(self, x: jax.Array, key: jax.Array) -> jax.Array:
        features, hidden, latent = self.sizes
        found = nn.Dense(2 * latent)(nn.relu(nn.Dense(hidden)(x)))
        inner, outer = nn.Dense(hidden), nn.Dense(features)
        return elbo(found, lambda z: outer(nn.relu(inner(z))), x, key)


def train_linen(
    model: nn.Module, data: np.ndarray, batch: int
) -> Callable[[int], None]:
    """A function that trains a module, which returns its loss, for so many steps."""
    key = jax.random.key(0)
    variables = model.init(key, jnp.asarray(data[:batch]), key)["params"]
    held = {
        "state": TrainState.create(
            apply_fn=model.apply, params=variables, tx=optax.adam(RATE)
        )
    }
    batches = in_memory(data, batch)

    @jax.jit
    def step(state: TrainState, x: jax.Array, key: jax.Array) -> TrainState:
        own = jax.random.fold_in(key, state.step)
        grads = jax.grad(lambda p: state.apply_fn({"params": p}, x, own))(state.params)
        return state.apply_gradients(grads=grads)

    def run(num_steps: int) -> None:
        for _ in range(num_steps):
            held["state"] = step(held["state"], next(batches), key)
        jax.block_until_ready(held["state"].params)

    return run


class NnxMLP(nnx.Module):
    """The same."""

    def __init__(self, sizes: tuple[int, int, int], rngs: nnx.Rngs) -> None:
        features, hidden, latent = sizes
        self.read = nnx.Linear(features, hidden, rngs=rngs)
        self.posterior = nnx.Linear(hidden, 2 * latent, rngs=rngs)
        self.inner = nnx.Linear(latent, hidden, rngs=rngs)
        self.outer = nnx.Linear(hidden, features, rngs=rngs)

    def __call__(self, x: jax.Array, key: jax.Array) -> jax.Array:
        found = self.posterior(nnx.relu(self.read(x)))
        return elbo(found, lambda z: self.outer(nnx.relu(self.inner(z))), x, key)


def train_nnx(
    sizes: tuple[int, int, int], data: np.ndarray, batch: int
) -> Callable[[int], None]:
    """A function that trains it for so many steps, by `nnx.jit`."""
    rngs = nnx.Rngs(0)
    model = NnxMLP(sizes, rngs)
    optimizer = nnx.Optimizer(model, optax.adam(RATE), wrt=nnx.Param)
    batches = in_memory(data, batch)

    @nnx.jit
    def step(model: NnxMLP, optimizer: nnx.Optimizer, x: Any, key: Any) -> None:
        optimizer.update(model, nnx.grad(lambda own: own(x, key))(model))

    def run(num_steps: int) -> None:
        for _ in range(num_steps):
            step(model, optimizer, next(batches), rngs())
        jax.block_until_ready(nnx.state(model))

    return run
